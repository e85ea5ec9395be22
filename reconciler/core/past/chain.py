"""Whether the chains of a log hold together, and where the first one breaks.

Each record holds the hash of the one before it, so a record that was altered, taken out or put in shows; and the
lockfile holds the number and the hash of each chain's last record, so a log that was cut off or that was written anew
shows as well. What two records of one log cannot show is that both the log and the lockfile were forged alike: that
is what the history of the repository, or of the bucket, is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from reconciler.core.lineage import Event, History, Record
from reconciler.core.lockfile import Instance, Lockfile
from reconciler.core.past.chronicle import manifest_digest
from reconciler.core.past.lineage_text import parse, read_records, record_hash, restore
from reconciler.core.text import sanitize


class Fault(StrEnum):
    """What is wrong with a record, or with the end of a chain."""

    BROKEN = "broken"
    FOREIGN = "foreign"
    ALTERED = "altered"
    REMOVED = "removed"
    FORKED = "forked"
    TRUNCATED = "truncated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a chain does not hold. ``line`` counts from 1; None for what is not in the log.

    ``name`` is None for a line that tells no name.
    """

    fault: Fault
    message: str
    name: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look at a log came to: what is wrong, records by name, and how many the lockfile still keeps.

    ``chains`` is how many chains there are: a name has several if it was given up and a renamed model took it.
    """

    breaks: tuple[Break, ...] = ()
    records: Mapping[str, int] = field(default_factory=dict)
    chains: int = 0
    unwritten: int = 0


@dataclass(frozen=True, slots=True)
class _Link:
    """A record and where it stands; ``line`` is None for one that only the lockfile holds yet."""

    record: Record
    line: int | None


def verify(log: bytes, recorded: Lockfile, *, project: str) -> Findings:
    """Return everything that does not hold, in the order of the log, ends of chains last.

    Args:
        log: the whole log.
        recorded: the lockfile beside it.
        project: the project whose records they should be.
    """
    breaks: list[Break] = []
    links: dict[str, _Link] = {}
    models = {i.resource: i for entry in recorded.models.values() for i in entry.instances()}
    for line, link in _links(log, project, models, breaks):
        if link.record.hash in links:
            first = links[link.record.hash].line
            message = f"record {link.record.number} stands on line {first} already"
            breaks.append(Break(Fault.FORKED, message, link.record.name, line))
        else:
            links[link.record.hash] = link
    pending = [_Link(record, None) for record in (restore(d) for d in recorded.unwritten) if record.hash not in links]
    links |= {link.record.hash: link for link in pending}
    ends = known_ends(recorded)
    trunk, reached = _followed(ends, links), _followed(ends, links, merges=True)
    breaks += _joints(links, reached - trunk)
    breaks += _ends(ends, links, reached)
    breaks += _strangers(links, reached, {found.line for found in breaks})
    return Findings(
        breaks=tuple(sorted(breaks, key=lambda found: (found.line is None, found.line or 0, found.name or ""))),
        records=_counted(ends, links, reached - trunk),
        chains=sum(map(len, ends.values())),
        unwritten=len(pending),
    )


def known_ends(recorded: Lockfile) -> dict[str, tuple[History, ...]]:
    """Return the ends of all chains that a lockfile knows, by name, the present one first and the oldest last."""
    ends = {name: tuple(reversed(several)) for name, several in recorded.departed.items()}
    for name, entry in recorded.models.items():
        if entry.history is not None:
            ends[name] = (entry.history, *ends.get(name, ()))
    return ends


def ends_of(log: bytes) -> dict[str, tuple[History, ...]]:
    """Return the ends of all chains in a log, by the name they bear last, as far as it can be read; the latest last.

    An end is what nothing follows. Which of two is the later one is told by their times, then by their lines.
    """
    records = read_records(log.split(b"\n"))
    before = {former for record in records for former in (record.prev, *record.merges)}
    ends: dict[str, dict[str, History]] = {}
    for record in sorted(records, key=lambda record: record.time):
        if record.hash not in before:
            ends.setdefault(record.name, {})[record.hash] = History(record.number, record.hash)
    return {name: tuple(several.values()) for name, several in ends.items()}


def chain_of(head: str, records: Iterable[Record]) -> list[Record]:
    """Return the records of a chain, the newest first, from its head as far back as they can be followed."""
    known = {record.hash: record for record in records}
    found: list[Record] = []
    at: str | None = head
    while at is not None and (record := known.pop(at, None)) is not None:
        found.append(record)
        at = record.prev
    return found


def _links(
    log: bytes, project: str, models: Mapping[str, Instance], breaks: list[Break]
) -> Iterator[tuple[int, _Link]]:
    """Yield what can be read of each line, and note what is wrong with a line by itself."""
    lines = log.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for line, text in enumerate(lines, start=1):
        try:
            document = parse(text)
            record = restore(document)
        except ValueError as error:
            cut = line == len(lines) and not log.endswith(b"\n")
            why = "it was cut off in the middle of a record" if cut else f"the line {error}"
            breaks.append(Break(Fault.BROKEN, why, line=line))
            continue
        if record.project != project:
            message = f"a record of the project {sanitize(record.project)}, not of {project}"
            breaks.append(Break(Fault.FOREIGN, message, record.name, line))
        elif record_hash(document) != record.hash:
            what = f"record {record.number} was altered: its content is not what its hash was made of"
            breaks.append(Break(Fault.ALTERED, what + _difference(record, models), record.name, line))
        yield line, _Link(record, line)


def _difference(record: Record, models: Mapping[str, Instance]) -> str:
    """Say in what an altered record differs from the lockfile, if that tells of the same model still."""
    instance = models.get(record.resource)
    if instance is None:
        return ""
    dataset = None if instance.dataset is None else instance.dataset.digest
    pairs: list[tuple[str, object, object]] = [
        ("revision", record.revision, instance.revision),
        ("dataset", None if record.dataset is None else record.dataset.digest, dataset),
        ("steps", record.steps, instance.total_steps),
        ("manifest", record.manifest, manifest_digest(instance)),
    ]
    told = [f"{key} {sanitize(str(said))}, in the lockfile {known}" for key, said, known in pairs if said != known]
    return f" ({'; '.join(told)})" if told else ""


def _counted(ends: Mapping[str, Sequence[History]], links: Mapping[str, _Link], aside: set[str]) -> dict[str, int]:
    """Return how many records each name has, those of branches that were merged among them."""
    counts = {name: sum(end.records for end in several) for name, several in sorted(ends.items())}
    for name in (links[each].record.name for each in aside):
        counts[name] = counts.get(name, 0) + 1
    return counts


def _joints(links: Mapping[str, _Link], aside: set[str]) -> Iterator[Break]:
    """Yield every record that does not follow the one it names, and all but the first that follow the same one.

    Those of branches that a later record merges (``aside``) may follow whichever they like.
    """
    followers: dict[str, _Link] = {}
    for link in links.values():
        record = link.record
        yield from (
            Break(Fault.REMOVED, f"record {record.number} merges one that is not there: {each}", record.name, link.line)
            for each in record.merges
            if each not in links
        )
        if record.prev is None:
            if record.number != 1:
                message = f"record {record.number} follows no other one; the {record.number - 1} before it are missing"
                yield Break(Fault.REMOVED, message, record.name, link.line)
            continue
        former = links.get(record.prev)
        if former is None:
            message = f"record {record.number} follows one that is not there; record {record.number - 1} is missing"
            yield Break(Fault.REMOVED, f"{message} or was put in its place", record.name, link.line)
        elif record.prev in followers and record.hash not in aside:
            other = followers[record.prev]
            message = f"record {record.number} follows the same one as that on line {other.line}"
            yield Break(Fault.FORKED, message, record.name, link.line)
        elif record.number != former.record.number + 1 or not _same_name(former.record, record):
            message = f"record {record.number} of {sanitize(record.name)} follows record {former.record.number} of "
            yield Break(Fault.BROKEN, message + sanitize(former.record.name), record.name, link.line)
        if record.hash not in aside:
            followers.setdefault(record.prev, link)


def _same_name(former: Record, record: Record) -> bool:
    return record.name == former.name or (record.event is Event.RENAMED and record.former_name == former.name)


def _followed(ends: Mapping[str, Sequence[History]], links: Mapping[str, _Link], *, merges: bool = False) -> set[str]:
    """Return the hashes of all records that lead to an end that the lockfile knows, on request by a merge as well."""
    found: set[str] = set()
    left = [end.head for end in chain.from_iterable(ends.values())]
    while left:
        at = left.pop()
        if at in links and at not in found:
            found.add(at)
            record = links[at].record
            left += [*filter(None, [record.prev]), *(record.merges if merges else ())]
    return found


def _ends(ends: Mapping[str, Sequence[History]], links: Mapping[str, _Link], reached: set[str]) -> Iterator[Break]:
    """Yield every chain whose end is not the one that the lockfile knows.

    What such a chain has left are records of its name that lead to no other end.
    """
    loose: dict[str, list[_Link]] = {}
    for link in links.values():
        if link.record.hash not in reached:
            loose.setdefault(link.record.name, []).append(link)
    for name, several in sorted(ends.items()):
        for place, end in enumerate(several):
            if end.head in links:
                continue
            left = (link for link in reversed(loose.get(name, ())) if link.record.hash not in reached)
            found = max(left, key=lambda link: link.record.number, default=None)
            which = "its records" if place == 0 else f"the records of a former chain, up to {end.head}"
            yield _wrong_end(name, end, found, which)
            reached |= _trail(found, links)


def _wrong_end(name: str, end: History, found: _Link | None, which: str) -> Break:
    if found is None:
        return Break(Fault.TRUNCATED, f"the lockfile counts {end.records} of {which}, and there is none", name)
    if found.record.number < end.records:
        message = f"the lockfile counts {end.records} of {which}, and the last one is number {found.record.number}"
        return Break(Fault.TRUNCATED, message, name, found.line)
    of = "" if which == "its records" else f" of {which}"
    return Break(Fault.UNKNOWN, f"record {end.records}{of} is another one than the lockfile knows", name, found.line)


def _trail(link: _Link | None, links: Mapping[str, _Link]) -> set[str]:
    found: set[str] = set()
    while link is not None and link.record.hash not in found:
        found.add(link.record.hash)
        link = links.get(link.record.prev or "")
    return found


def _strangers(links: Mapping[str, _Link], reached: set[str], told: set[int | None]) -> Iterator[Break]:
    """Yield the first record of each run of records that lead to no end the lockfile knows.

    What lies before a gap leads nowhere because of the gap, which is told already.
    """
    gaps: dict[str, int] = {}
    for link in links.values():
        if link.record.prev is not None and link.record.prev not in links:
            gaps[link.record.name] = max(link.record.number - 1, gaps.get(link.record.name, 0))
    strange = {
        key: link
        for key, link in links.items()
        if key not in reached and link.record.number >= gaps.get(link.record.name, 0)
    }
    for link in strange.values():
        if (link.record.prev or "") not in strange and link.line not in told:
            message = f"record {link.record.number} is in no chain that the lockfile knows"
            yield Break(Fault.UNKNOWN, message, link.record.name, link.line)
