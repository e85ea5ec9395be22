"""The past of one name: its records as a table, newest first, as Markdown, and as a document for programs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.address import short
from reconciler.core.canonical import Json
from reconciler.core.lineage import Event, History, Loss, Record
from reconciler.core.past.lineage_text import record_document
from reconciler.core.text import clip, sanitize
from reconciler.core.verdict import Check, describe
from reconciler.views.escape import code, prose
from reconciler.views.fold import fold
from reconciler.views.paint import painter
from reconciler.views.words import count, guard, seconds_text, short_digest

FORMAT = "tunectl.history/v1"
_HEADS = ("NO", "TIME", "EVENT", "MODEL", "EXAMPLES", "STEPS", "TOOK", "LOSS", "COMMIT", "BY")
_LEAVING = tuple(map(_HEADS.index, ("LOSS", "COMMIT", "BY", "MODEL", "TOOK", "STEPS", "EXAMPLES")))
"""The columns that leave a table without room, the first one first; number, time and event always stay."""
_STYLES = {"promoted": "green", "rolled-back": "yellow", "failed": "bold red", "rejected": "red"}
_JUDGED = frozenset({Event.PROMOTED, Event.ROLLED_BACK})
"""The events that a verdict stands behind; a rejection says in its error what was not met."""
_SHORT_COMMIT = 7
_SHORT_HEAD = 12
_CELL = 60
_LINE = 160


def render_history(
    name: str,
    records: Sequence[Record],
    *,
    more: int = 0,
    former: Sequence[History] = (),
    color: bool = False,
    width: int | None = None,
) -> str:
    """Return the records of a name as a table.

    Args:
        name: the name.
        records: the newest first.
        more: how many older ones are left out.
        former: the ends of other chains that bore this name when they ended.
        color: whether to use SGR codes.
        width: columns to keep to, for a terminal; what the table has no room for goes into the lines below each record.
    """
    others = [f"{name}: {_other(end)}" for end in former]
    if not records:
        return guard("\n".join([f"{name}: no records yet.", *others]) + "\n")
    paint = painter(color=color)
    table = [_HEADS, *(_cells(record) for record in records)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEADS))]
    kept = _kept(widths, width)
    lines = [paint(_line(_HEADS, widths, kept), "bold")]
    for record, cells in zip(records, table[1:], strict=True):
        lines.append(paint(_line(cells, widths, kept), _STYLES.get(record.event.value, "")))
        notes = "\n".join(f"    {clip(note, _LINE)}" for note in (*_moved(cells, kept), *_notes(record)))
        lines += [notes if width is None else fold(notes, width)] if notes else []
    lines += ["", f"{name}: {count(len(records) + more, 'record')}" + (f", {more:,} of them not shown" if more else "")]
    lines += others
    return guard("\n".join(lines) + "\n")


def render_history_markdown(
    name: str, records: Sequence[Record], *, more: int = 0, former: Sequence[History] = ()
) -> str:
    """Return the same as a table of GitHub-flavoured Markdown."""
    told = f"{count(len(records) + more, 'record')}" + (f", {more:,} of them not shown" if more else "")
    lines = [f"**{code(name)}: {told}**", ""]
    if records:
        lines += ["| " + " | ".join(head.capitalize() for head in (*_HEADS, "NOTES")) + " |"]
        lines += ["|" + " --- |" * (len(_HEADS) + 1)]
    for record in records:
        cells = [prose(cell) if cell else "" for cell in _cells(record)]
        lines.append(f"| {' | '.join((*cells, prose('; '.join(_notes(record))) if any(_notes(record)) else ''))} |")
    for end in former:
        lines += ["", prose(_other(end))]
    return "\n".join(lines) + "\n"


def history_document(
    name: str, records: Sequence[Record], *, more: int = 0, former: Sequence[History] = ()
) -> dict[str, Any]:
    """Return the same for programs; each record is as in the log (``tunectl schema lineage``)."""
    return {
        "format": FORMAT,
        "name": name,
        "records": [record_document(record) for record in records],
        "omitted": more,
        "former": [{"records": end.records, "head": end.head} for end in former],
    }


def loss_text(loss: Loss | None) -> str:
    """Return where a loss curve began, ended and was least, in a few words; empty if there is none."""
    if loss is None:
        return ""
    nan = f"{loss.nan} NaN" if loss.nan else ""
    if loss.first is None or loss.last is None or loss.least is None:
        return nan
    least = "" if loss.least == loss.last else f", least {loss.least:.3g} at {loss.least_step}"
    return f"{loss.first:.3g} -> {loss.last:.3g}{least}" + (f", {nan}" if nan else "")


def _other(end: History) -> str:
    return f"another chain of {count(end.records, 'record')} bore this name; `--chain {_head(end.head)}` shows it"


def _head(hash_: str) -> str:
    return sanitize(hash_.removeprefix("sha256:")[:_SHORT_HEAD])


def _cells(record: Record) -> tuple[str, ...]:
    made = record.provenance
    commit = "" if made is None or made.commit is None else made.commit[:_SHORT_COMMIT]
    return (
        str(record.number),
        sanitize(record.time),
        record.event.value,
        clip(sanitize(short(record.resource)), _CELL),
        f"{record.dataset.examples:,}" if record.dataset is not None and record.dataset.counted else "",
        "" if record.steps is None else f"{record.steps:,}",
        "" if record.seconds is None else seconds_text(record.seconds),
        loss_text(record.loss),
        commit + ("*" if commit and made is not None and made.clean is False else ""),
        "" if made is None or made.actor is None else clip(sanitize(made.actor), _CELL),
    )


def _notes(record: Record) -> Iterator[str]:
    """Yield what has no column: each a line of its own, safe to print."""
    if record.former_name is not None:
        yield f"was called {sanitize(record.former_name)}"
    for head in record.merges:
        yield f"joins the records that end with {_head(head)}; `--chain {_head(head)}` shows them"
    if record.replaced is not None:
        yield f"in place of {sanitize(short(record.replaced))}"
    if record.parent is not None:
        whose = "" if record.parent.name is None else f" ({sanitize(record.parent.name)})"
        yield f"tuned from {sanitize(short(record.parent.resource))}{whose}"
    if record.dataset is not None:
        yield f"data {short_digest(record.dataset.digest)}, manifest {short_digest(record.manifest or '')}"
    if record.verdict is not None and record.event in _JUDGED:
        yield _verdict(record.verdict)
    if record.error is not None:
        yield sanitize(record.error)
    if record.provenance is not None and record.provenance.run is not None:
        yield sanitize(record.provenance.run)
    made, by = record.provenance, record.recorded_by
    if by is not None and made is not None and (by.actor, by.run) != (made.actor, made.run):
        yield f"recorded by {sanitize(' '.join(part for part in (by.actor, by.run) if part)) or 'somebody else'}"


def _verdict(document: Mapping[str, Json]) -> str:
    """Return a verdict as it was recorded, in the words of the gate."""
    checks = document.get("checks")
    told = [_check(check) for check in checks if isinstance(check, Mapping)] if isinstance(checks, list) else []
    head = "gate passed" if document.get("passed") else "gate not met"
    return sanitize(f"{head}: {'; '.join(told)}" if told else head)


def _check(document: Mapping[str, Json]) -> str:
    measured, limit, note = (document.get(key) for key in ("measured", "limit", "note"))
    return describe(
        Check(
            str(document.get("check")),
            bool(document.get("passed")),
            measured if isinstance(measured, int | float) else None,
            limit if isinstance(limit, int | float) else None,
            note if isinstance(note, str) else None,
        )
    )


def _kept(widths: Sequence[int], room: int | None) -> frozenset[int]:
    """Return the columns that a table has room for, by number; the others are told below each record."""
    kept = set(range(len(widths)))
    for column in _LEAVING:
        if room is not None and sum(widths[each] + 2 for each in kept) - 2 > room:
            kept.remove(column)
    return frozenset(kept)


def _moved(cells: Sequence[str], kept: Collection[int]) -> Iterator[str]:
    """Yield what stands in the columns that were left out, each with its name, as one line."""
    told = [f"{_HEADS[column].lower()} {cell}" for column, cell in enumerate(cells) if cell and column not in kept]
    if told:
        yield ", ".join(told)


def _line(cells: Sequence[str], widths: Sequence[int], kept: Collection[int]) -> str:
    return "  ".join(cells[column].ljust(widths[column]) for column in sorted(kept)).rstrip()
