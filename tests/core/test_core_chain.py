"""Whether chains hold together: every way to spoil a log is found, with its line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.lineage import Event, History, Record
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.past.chain import Fault, chain_of, ends_of, known_ends, verify
from reconciler.core.past.lineage_text import link, read_records, record_document, record_hash, spell
from reconciler.core.resource import Dataset, Remote

REMOTE = Remote("fake", "https://fake.example")
BARE = Record("demo", "x", Event.PROMOTED, "2026-11-23T00:00:00Z", "tunedModels/x")


def chain(name, count, *, after=None, **fields):
    records = []
    for _ in range(count):
        record, after = link(replace(BARE, name=name, resource=f"tunedModels/{name}", **fields), after)
        records.append(record)
    return records, after


X, X_END = chain("x", 3)
Y, Y_END = chain("y", 2)
LINES = [spell(record) for record in (X[0], Y[0], X[1], Y[1], X[2])]


def recorded(unwritten=(), departed=None, **ends):
    def entry(name, end):
        instance = Instance(f"tunedModels/{name}", "", state=InstanceState.READY, dataset=Dataset("sha256:d", 3))
        return Entry(instance, history=end)

    return Lockfile(
        REMOTE,
        models={name: entry(name, end) for name, end in ends.items()},
        unwritten=tuple(map(record_document, unwritten)),
        departed=departed or {},
    )


def faults(lines, lockfile=None, *, cut=b""):
    log = b"".join(line + b"\n" for line in lines) + cut
    found = verify(log, lockfile or recorded(x=X_END, y=Y_END), project="demo").breaks
    return [(b.fault, b.line, b.name) for b in found]


def with_line(number, line):
    return [*LINES[: number - 1], line, *LINES[number:]]


def without(*numbers):
    return [line for number, line in enumerate(LINES, start=1) if number not in numbers]


def tampered(number, *, rehash=False, **values):
    document = json.loads(LINES[number - 1]) | values
    if rehash:
        document["hash"] = record_hash(document)
    return json.dumps(document).encode()


def test_a_log_that_nobody_touched_is_whole():
    findings = verify(b"".join(line + b"\n" for line in LINES), recorded(x=X_END, y=Y_END), project="demo")
    assert findings.breaks == ()
    assert (findings.records, findings.unwritten) == ({"x": 3, "y": 2}, 0)


@given(st.permutations(LINES))
def test_the_order_of_the_lines_is_of_no_account_so_merges_do_no_harm(lines):
    assert faults(lines) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(with_line(3, tampered(3, steps=7)), [(Fault.ALTERED, 3, "x")], id="a value"),
        pytest.param(with_line(5, tampered(5, steps=7)), [(Fault.ALTERED, 5, "x")], id="a value of the last record"),
        pytest.param(
            with_line(3, tampered(3, rehash=True, steps=7)),
            [(Fault.UNKNOWN, 3, "x"), (Fault.REMOVED, 5, "x")],
            id="a value and its hash",
        ),
        pytest.param(
            with_line(5, tampered(5, rehash=True, steps=7)), [(Fault.UNKNOWN, 5, "x")], id="the last one and its hash"
        ),
        pytest.param(without(3), [(Fault.REMOVED, 4, "x")], id="a record taken out"),
        pytest.param(without(1), [(Fault.REMOVED, 2, "x")], id="the first one taken out"),
        pytest.param(without(5), [(Fault.TRUNCATED, 3, "x")], id="the last one cut off"),
        pytest.param([], [(Fault.TRUNCATED, None, "x"), (Fault.TRUNCATED, None, "y")], id="no log"),
        pytest.param([*LINES, LINES[2]], [(Fault.FORKED, 6, "x")], id="a line twice"),
        pytest.param([*LINES, b"not a record"], [(Fault.BROKEN, 6, None)], id="no JSON"),
        pytest.param([*LINES, b""], [(Fault.BROKEN, 6, None)], id="an empty line"),
        pytest.param([*LINES, b"<<<<<<< HEAD"], [(Fault.BROKEN, 6, None)], id="a merge conflict"),
        pytest.param(
            with_line(2, tampered(2, rehash=True, project="other")),
            [(Fault.FOREIGN, 2, "y"), (Fault.REMOVED, 4, "y")],
            id="a record of another project",
        ),
    ],
)
def test_what_was_done_to_a_log_is_named_with_its_line(lines, expected):
    assert faults(lines) == expected


def test_a_line_that_was_cut_in_the_middle_is_said_to_be():
    found = verify(b"".join(line + b"\n" for line in LINES[:4]) + LINES[4][:20], recorded(y=Y_END), project="demo")
    assert found.breaks[-1].fault is Fault.BROKEN
    assert "cut off in the middle" in found.breaks[-1].message


def test_two_records_that_follow_the_same_one_are_a_fork():
    other, _ = link(replace(BARE, time="2026-11-24T00:00:00Z"), History(2, X[1].hash))
    assert faults([*LINES, spell(other)]) == [(Fault.FORKED, 6, "x")]


def test_records_beyond_the_end_that_the_lockfile_knows_are_unknown():
    """An older lockfile was put back, or somebody appended by hand."""
    assert faults(LINES, recorded(x=History(2, X[1].hash), y=Y_END)) == [(Fault.UNKNOWN, 5, "x")]


def test_a_log_beside_a_lockfile_of_another_project_is_all_unknown():
    assert faults(LINES, recorded()) == [(Fault.UNKNOWN, 1, "x"), (Fault.UNKNOWN, 2, "y")]


def test_a_number_that_is_left_out_is_seen():
    jumped, end = link(BARE, History(7, X[2].hash))
    assert faults([*LINES, spell(jumped)], recorded(x=end, y=Y_END)) == [(Fault.BROKEN, 6, "x")]


def test_a_chain_goes_on_under_another_name_only_where_it_says_so():
    renamed, end = link(replace(BARE, name="z", event=Event.RENAMED, former_name="x"), X_END)
    assert faults([*LINES, spell(renamed)], recorded(z=end, y=Y_END)) == []
    stolen, end = link(replace(BARE, name="z"), X_END)
    assert faults([*LINES, spell(stolen)], recorded(z=end, y=Y_END)) == [(Fault.BROKEN, 6, "z")]


def test_records_that_the_lockfile_still_keeps_are_no_break():
    found = verify(b"".join(line + b"\n" for line in LINES[:4]), recorded((X[2],), x=X_END, y=Y_END), project="demo")
    assert (found.breaks, found.unwritten) == ((), 1)


def test_the_chains_of_names_that_are_gone_are_looked_at_too():
    assert faults(LINES, recorded(x=X_END, departed={"y": (Y_END,)})) == []
    assert faults(without(4), recorded(x=X_END, departed={"y": (Y_END,)})) == [(Fault.TRUNCATED, 2, "y")]


def test_an_altered_record_is_compared_with_the_lockfile():
    lines = with_line(5, tampered(5, dataset={"digest": "sha256:other", "examples": 3}))
    (found,) = verify(b"".join(line + b"\n" for line in lines), recorded(x=X_END, y=Y_END), project="demo").breaks
    assert "dataset sha256:other, in the lockfile sha256:d" in found.message


@given(st.integers(1, 5), st.data())
def test_any_other_byte_in_any_record_is_noticed(number, data):
    """Whatever is put in place of one character of one line: the log is not whole any more."""
    line = LINES[number - 1]
    place = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(32, 126).filter(lambda code: code != line[place]))
    assert faults(with_line(number, line[:place] + bytes([byte]) + line[place + 1 :])) != []


def test_ends_are_those_of_the_names_as_they_are_now():
    renamed, end = link(replace(BARE, name="z", event=Event.RENAMED, former_name="x"), X_END)
    assert ends_of(b"\n".join([*LINES, spell(renamed), b"torn"])) == {"z": (end,), "y": (Y_END,)}


RENAMED, RENAMED_END = link(
    replace(BARE, name="y", event=Event.RENAMED, former_name="x", time="2026-11-24T00:00:00Z"), X_END
)
TWICE = [*LINES, spell(RENAMED)]
"""A model that was called x took the name of one that had departed as y."""


def test_two_chains_that_ended_under_one_name_are_both_looked_at():
    both = recorded(y=RENAMED_END, departed={"y": (Y_END,)})
    findings = verify(b"".join(line + b"\n" for line in TWICE), both, project="demo")
    assert (findings.breaks, findings.records, findings.chains) == ((), {"y": 6}, 2)
    assert known_ends(both) == {"y": (RENAMED_END, Y_END)}
    assert ends_of(b"\n".join(TWICE)) == {"y": (Y_END, RENAMED_END)}
    assert ends_of(b"\n".join(reversed(TWICE))) == {"y": (Y_END, RENAMED_END)}


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        pytest.param({4}, [(Fault.TRUNCATED, 2, "y")], id="the end of the former chain"),
        pytest.param({6}, [(Fault.TRUNCATED, None, "y"), (Fault.UNKNOWN, 1, "x")], id="the rename"),
        pytest.param({2, 4}, [(Fault.TRUNCATED, None, "y")], id="the whole former chain"),
        pytest.param(
            {4, 6}, [(Fault.TRUNCATED, 2, "y"), (Fault.TRUNCATED, None, "y"), (Fault.UNKNOWN, 1, "x")], id="both"
        ),
    ],
)
def test_what_is_cut_off_of_one_of_two_chains_of_a_name_is_not_hidden_by_the_other(missing, expected):
    lines = [line for number, line in enumerate(TWICE, start=1) if number not in missing]
    assert sorted(faults(lines, recorded(y=RENAMED_END, departed={"y": (Y_END,)})), key=str) == sorted(
        expected, key=str
    )


def test_the_end_of_a_former_chain_is_named_by_its_hash():
    lost = recorded(y=RENAMED_END, departed={"y": (Y_END,)})
    (found,) = verify(b"\n".join(TWICE[:3] + TWICE[4:]) + b"\n", lost, project="demo").breaks
    assert found.message == (
        f"the lockfile counts 2 of the records of a former chain, up to {Y_END.head}, and the last one is number 1"
    )


def test_a_chain_is_followed_back_as_far_as_it_goes():
    records = read_records(LINES)
    assert [record.number for record in chain_of(X_END.head, records)] == [3, 2, 1]
    assert [record.number for record in chain_of(X_END.head, records[3:])] == [3]
    assert chain_of("sha256:unknown", records) == []
