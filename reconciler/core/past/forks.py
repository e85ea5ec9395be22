"""Chains that have gone apart: two machines went on from one lockfile, and both records are in the log.

Nothing is taken out and nothing rewritten. A record that says so joins the other branches to the chain that the
lockfile goes on with; from then on they are its past as well (``chain.verify``). What is broken is not joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.core.lineage import Event, History, Record
from reconciler.core.lockfile import Lockfile
from reconciler.core.past.chain import chain_of, known_ends
from reconciler.core.past.lineage_text import link, parse, record_document, record_hash, restore
from reconciler.core.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Fork:
    """A chain whose end the lockfile knows, its last record, and the ends of the branches that are no part of it."""

    name: str
    end: History
    last: Record
    branches: tuple[History, ...]


def find_forks(log: bytes, recorded: Lockfile, *, project: str) -> tuple[Fork, ...]:
    """Return the chains that have branches, by name.

    A branch is a whole run of unaltered records of the project that leads from a record of a known chain, or from a
    beginning under the same name, to an end that no chain of the lockfile has.

    Args:
        log: the whole log.
        recorded: the lockfile beside it.
        project: the project whose records are looked at.
    """
    records = _sound(log, recorded, project)
    ends = {end.head: (name, end) for name, several in known_ends(recorded).items() for end in several}
    owner = {hash_: head for head in ends for hash_ in _past(head, records)}
    by_name = {name: several[0].head for name, several in known_ends(recorded).items()}
    followed = {record.prev for record in records.values()}
    branches: dict[str, list[History]] = {}
    for record in records.values():
        if record.hash in owner or record.hash in followed:
            continue
        run = chain_of(record.hash, records.values())
        joint = next((owner[each.hash] for each in run if each.hash in owner), None)
        head = joint or (by_name.get(record.name) if run[-1].prev is None else None)
        if head in records and _whole(run):
            branches.setdefault(str(head), []).append(History(record.number, record.hash))
    return tuple(
        Fork(*ends[head], records[head], tuple(sorted(found, key=lambda end: end.head)))
        for head, found in sorted(branches.items(), key=lambda item: ends[item[0]][0])
    )


def merge(forks: Iterable[Fork], recorded: Lockfile, *, time: str, provenance: Provenance | None) -> Lockfile:
    """Return the lockfile with a record for each fork that joins its branches, the new ends of the chains with it.

    Args:
        forks: what ``find_forks`` found.
        recorded: the lockfile it found them with.
        time: RFC 3339 in UTC.
        provenance: who merges them, from which commit.
    """
    for fork in forks:
        told = Record(
            project=fork.last.project,
            name=fork.name,
            event=Event.MERGED,
            time=time,
            resource=fork.last.resource,
            revision=fork.last.revision,
            attempt=fork.last.attempt,
            provenance=provenance,
            merges=tuple(branch.head for branch in fork.branches),
        )
        record, end = link(told, fork.end)
        recorded = replace(_moved(recorded, fork, end), unwritten=(*recorded.unwritten, record_document(record)))
    return recorded


def _moved(recorded: Lockfile, fork: Fork, end: History) -> Lockfile:
    entry = recorded.models.get(fork.name)
    if entry is not None and entry.history == fork.end:
        return recorded.put(fork.name, replace(entry, history=end))
    ends = tuple(end if each == fork.end else each for each in recorded.departed[fork.name])
    return replace(recorded, departed={**recorded.departed, fork.name: ends})


def _sound(log: bytes, recorded: Lockfile, project: str) -> dict[str, Record]:
    """Return the records of a project that are what their hashes say, in the order of the log."""
    found = {}
    for line in log.split(b"\n"):
        try:
            document = parse(line)
            record = restore(document)
        except ValueError:
            continue
        if record.project == project and record_hash(document) == record.hash:
            found[record.hash] = record
    return found | {record.hash: record for record in map(restore, recorded.unwritten)}


def _past(head: str, records: Mapping[str, Record]) -> set[str]:
    """Return the hashes of all records that lead to one, by what it follows and by what it merges."""
    found: set[str] = set()
    left = [head]
    while left:
        record = records.get(left.pop())
        if record is not None and record.hash not in found:
            found.add(record.hash)
            left += [*filter(None, [record.prev]), *record.merges]
    return found


def _whole(run: list[Record]) -> bool:
    """Tell whether a run, the newest record first, has every record down to the first."""
    return [record.number for record in run] == list(range(run[0].number, 0, -1))
