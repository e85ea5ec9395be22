"""Chains that have gone apart and are joined again: what is a branch, what is none, and what holds afterwards."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.core.lineage import Event, History, Record
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.past.chain import Fault, ends_of, verify
from reconciler.core.past.forks import find_forks, merge
from reconciler.core.past.lineage_text import link, restore, spell
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Remote

REMOTE = Remote("fake", "https://fake.example")
BARE = Record("demo", "x", Event.PROMOTED, "2026-11-23T00:00:00Z", "tunedModels/x")
LATER = "2026-11-24T00:00:00Z"


def chain(count, *, after=None, **fields):
    records = []
    for _ in range(count):
        record, after = link(replace(BARE, **fields), after)
        records.append(record)
    return records, after


TRUNK, SHARED = chain(2)
OURS, END = chain(1, after=SHARED, time="2026-11-23T01:00:00Z")
THEIRS, THEIR_END = chain(2, after=SHARED, time="2026-11-23T02:00:00Z")
MORE, MORE_END = chain(1, after=SHARED, time="2026-11-23T03:00:00Z")
STRANGE, STRANGE_END = chain(2, time="2026-11-23T04:00:00Z")


def recorded(end=END, name="x", departed=None):
    instance = Instance(f"tunedModels/{name}", "", state=InstanceState.READY)
    return Lockfile(REMOTE, models={name: Entry(instance, history=end)}, departed=departed or {})


def log_of(*several):
    return b"".join(spell(record) + b"\n" for records in several for record in records)


def faults(log, lockfile):
    return [(found.fault, found.line) for found in verify(log, lockfile, project="demo").breaks]


def joined(log, lockfile):
    """The lockfile and the log as they are once every fork is joined."""
    forks = find_forks(log, lockfile, project="demo")
    after = merge(forks, lockfile, time=LATER, provenance=Provenance(actor="ada"))
    return replace(after, unwritten=()), log + log_of(map(restore, after.unwritten)), forks


@pytest.mark.parametrize(
    ("branches", "ends"),
    [
        ((THEIRS,), (THEIR_END,)),
        ((THEIRS, MORE), (THEIR_END, MORE_END)),
        ((STRANGE,), (STRANGE_END,)),
    ],
    ids=["one", "of three machines", "one that has its own beginning"],
)
@pytest.mark.parametrize("first", [True, False], ids=["ours first", "theirs first"])
def test_branches_are_joined_by_one_record_and_the_chain_is_whole(branches, ends, first):
    log = log_of(TRUNK, OURS, *branches) if first else log_of(*branches, OURS, TRUNK)
    assert faults(log, recorded())
    lockfile, after, (fork,) = joined(log, recorded())
    assert after.startswith(log)
    assert (fork.name, fork.end, set(fork.branches)) == ("x", END, set(ends))
    record = restore(json.loads(after.splitlines()[-1]))
    assert (record.event, record.prev, set(record.merges)) == (Event.MERGED, END.head, {end.head for end in ends})
    assert (record.number, record.provenance) == (END.records + 1, Provenance(actor="ada"))
    assert lockfile.models["x"].history == History(record.number, record.hash)
    assert faults(after, lockfile) == []
    counted = verify(after, lockfile, project="demo").records
    assert counted == {"x": len(after.splitlines())}
    assert find_forks(after, lockfile, project="demo") == ()
    assert ends_of(after) == {"x": (lockfile.models["x"].history,)}


def test_what_follows_a_merge_holds_and_what_follows_a_merged_branch_does_not():
    lockfile, log, _ = joined(log_of(TRUNK, OURS, THEIRS), recorded())
    further, end = chain(1, after=lockfile.models["x"].history)
    assert faults(log + log_of(further), recorded(end)) == []
    late, _ = chain(1, after=THEIR_END, time=LATER)
    assert faults(log + log_of(late), lockfile) == [(Fault.UNKNOWN, 7)]


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (THEIRS[1], [(Fault.FORKED, 4), (Fault.REMOVED, 5)]),
        (THEIRS[0], [(Fault.REMOVED, 4)]),
        (TRUNK[1], [(Fault.REMOVED, 2), (Fault.REMOVED, 3)]),
    ],
)
def test_a_record_that_is_taken_out_of_a_merged_branch_is_missed(lost, expected):
    lockfile, log, _ = joined(log_of(TRUNK, OURS, THEIRS), recorded())
    assert faults(log.replace(spell(lost) + b"\n", b""), lockfile) == expected


def test_a_merge_that_no_chain_of_the_lockfile_reaches_joins_nothing():
    _, log, _ = joined(log_of(TRUNK, OURS, THEIRS), recorded())
    assert {fault for fault, _ in faults(log, recorded())} == {Fault.FORKED, Fault.UNKNOWN}


def test_two_merges_of_two_machines_are_a_fork_that_can_be_joined_like_any():
    theirs = recorded(THEIR_END)
    log = log_of(TRUNK, OURS, THEIRS)
    _, one, _ = joined(log, recorded())
    other, two, _ = joined(log, theirs)
    both = log_of(read for read in map(restore, map(json.loads, dict.fromkeys([*one.splitlines(), *two.splitlines()]))))
    lockfile, after, _ = joined(both, other)
    assert faults(after, lockfile) == []


@pytest.mark.parametrize(
    "log",
    [
        log_of(TRUNK, OURS),
        log_of(TRUNK, OURS, THEIRS[1:]),
        log_of(TRUNK, OURS, [replace(THEIRS[0], steps=7)]),
        log_of(TRUNK, OURS, [replace(record, project="theirs") for record in THEIRS]),
        log_of(TRUNK, OURS, chain(1, name="y")[0]),
        log_of(TRUNK, THEIRS),
        b"no record\n",
    ],
    ids=[
        "none",
        "with a gap",
        "altered",
        "of another project",
        "of another name",
        "our own end is gone",
        "none at all",
    ],
)
def test_what_is_no_whole_branch_of_a_known_chain_is_not_joined(log):
    assert find_forks(log, recorded(), project="demo") == ()


def test_a_chain_of_a_name_that_is_gone_is_joined_as_well():
    lockfile = Lockfile(REMOTE, departed={"x": (STRANGE_END, END)})
    after, log, (fork,) = joined(log_of(TRUNK, STRANGE, OURS, THEIRS), lockfile)
    assert fork.end == END
    assert [end.records for end in after.departed["x"]] == [STRANGE_END.records, END.records + 1]
    assert faults(log, after) == []
