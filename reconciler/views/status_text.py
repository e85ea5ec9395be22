"""Tables and pages for people: the managed models (``status``), one of them in full (``show``), and drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from reconciler.core.observation import Observation, Progress
from reconciler.core.plan import Drift, Pinned, Unmanaged
from reconciler.core.planning.tolerance import Tolerated
from reconciler.core.resource import Spec
from reconciler.core.text import clip, sanitize
from reconciler.core.verdict import Check, describe
from reconciler.views.forecast_words import predicted_text, took_text, took_words
from reconciler.views.paint import Paint, painter
from reconciler.views.plan_text import drift_line, unmanaged_line
from reconciler.views.rollback import pin_line
from reconciler.views.rows import Row
from reconciler.views.words import bullets, count, dataset_text, guard, short_digest, time_text, value_text

_HEADS = ("NAME", "STATE", "PROGRESS", "EXAMPLES", "CREATED", "MODEL")
_STYLES = {"ready": "green", "tuning": "yellow", "pending": "yellow", "failed": "bold red", "rejected": "red"}
_SHOWN_UNMANAGED = 50
_CELL = 80
_DAY = len("2026-03-01")


def render_status(rows: Sequence[Row], *, color: bool = False, width: int | None = None) -> str:
    """Return the managed models as a table; a candidate stands under the model whose place it is to take.

    Args:
        rows: the rows.
        color: whether to use SGR codes.
        width: columns to keep to, for a terminal; what matters least is shortened first and then left out.
    """
    if not rows:
        return "No models are managed here yet.\n"
    paint = painter(color=color)
    table = fitted([_HEADS, *(_cells(row) for row in rows)], width)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [paint(_line(table[0], widths), "bold")]
    room = 2 * _CELL if width is None else max(width, _CELL // 2)
    for row, cells in zip(rows, table[1:], strict=True):
        lines.append(paint(_line(cells, widths), "yellow" if row.lost else _STYLES.get(row.state, "")))
        if row.error is not None:
            lines.append(clip(f"  {sanitize(row.error)}", room))
        if row.shelved is not None:
            lines.append(clip(f"  {row.shelved}; `tunectl show {sanitize(row.name)}` says why", room))
        if row.took is not None:
            lines.append(clip(f"  took {took_words(row.took)}", room))
    return guard("\n".join((*lines, "", counted(rows))) + "\n")


def render_model(
    rows: Sequence[Row], observations: Mapping[str, Observation] | None = None, *, color: bool = False
) -> str:
    """Return everything about one name: each of its models in a block of its own.

    Args:
        rows: the rows of the name, former models included.
        observations: what the service reports, by resource.
        color: whether to use SGR codes.
    """
    paint = painter(color=color)
    blocks = ["\n".join(_block(row, observations or {}, paint)) for row in rows]
    return guard("\n\n".join(blocks) + "\n")


def render_drift(
    drift: Sequence[Drift],
    unmanaged: Sequence[Unmanaged],
    coverage: float | None = None,
    *,
    pinned: Sequence[Pinned] = (),
    color: bool = False,
    width: int = 120,
) -> str:
    """Return what is not as the last apply left it.

    Args:
        drift: what moved.
        unmanaged: models that nothing in the lockfile records.
        coverage: how much of what is there is managed here, in percent.
        pinned: names that stay at what a rollback went back to, which is no drift.
        color: whether to use SGR codes.
        width: characters a line should keep to; values are cut for it.
    """
    paint = painter(color=color)
    lines = [paint(drift_headline(drift), "bold"), *(f"  {drift_line(item, width=width)}" for item in drift)]
    if pinned:
        lines += ["", paint("Pinned:", "bold"), *(f"  {line}" for line in map(pin_line, pinned))]
    for orphaned, words in ((True, "orphaned"), (False, "not managed here")):
        models = [model for model in unmanaged if model.orphaned is orphaned]
        if models:
            lines += ["", paint(f"{count(len(models), 'remote model')} {words}:", "bold")]
            lines += [f"  {line}" for line in bullets(map(unmanaged_line, models), cap=_SHOWN_UNMANAGED)]
    if coverage is not None:
        lines += ["", coverage_line(coverage)]
    return guard("\n".join(lines) + "\n")


def render_tolerated(tolerated: Sequence[Tolerated], *, listed: bool, width: int = 120) -> str:
    """Return how much drift the project file lets pass; ``listed`` says which, why and until when."""
    if not tolerated:
        return ""
    endless = sum(item.tolerance.until is None for item in tolerated)
    lasting = f", {endless} of them without an end" if endless else ""
    told = f"{count(len(tolerated), 'drift')} ignored by the project file{lasting}"
    lines = ["", f"{told}{':' if listed else ' (-v lists them).'}"]
    for item in tolerated if listed else ():
        until = ", without an end" if item.tolerance.until is None else f", until {item.tolerance.until}"
        lines.append(f"  {drift_line(item.drift, width=width)}; {sanitize(item.tolerance.reason)}{until}")
    return guard("\n".join(lines) + "\n")


def state_text(row: Row) -> str:
    """Return a row's state, that a rollback keeps it, and that the newest attempt came to nothing."""
    parts = (row.state, None if row.pin is None else "pinned", None if row.lost is None else f"newest {row.lost}")
    return ", ".join(part for part in parts if part is not None)


def counted(rows: Sequence[Row]) -> str:
    """Return how many models are in which state."""
    states = Counter(sanitize(row.state) for row in rows)
    listed = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
    return f"{count(len(rows), 'model')}: {listed}"


def drift_headline(drift: Sequence[Drift]) -> str:
    """Return whether there is drift, and how much of each kind."""
    kinds = Counter(item.kind for item in drift)
    listed = ", ".join(f"{number:,} {sanitize(kind)}" for kind, number in sorted(kinds.items()))
    return f"Drift: {listed}." if drift else "No drift."


def coverage_line(coverage: float) -> str:
    """Return how much of what is there is managed here; what rounds to all but is not all stays below 100."""
    percent = min(round(coverage), 99) if coverage < 100 else 100  # noqa: PLR2004  # percent
    return f"Coverage: {percent}% of the remote models are managed here."


def progress_text(progress: Progress | None) -> str:
    """Return how far a tuning is, for a table cell."""
    if progress is None:
        return ""
    done, total = progress.completed_steps, progress.total_steps
    steps = "" if done is None else f"{done:,}" if total is None else f"{done:,}/{total:,}"
    percent = "" if progress.percent is None else f"{progress.percent:.0f}%"
    return " ".join(part for part in (steps, percent) if part)


def fitted(table: Sequence[Sequence[str]], width: int | None) -> Sequence[Sequence[str]]:
    """Return a table that keeps to a width: what matters least is shortened, then left out, then names are cut."""
    if width is None:
        return table
    for narrow in _NARROWING:
        if _wide(table) <= width:
            return table
        table = [narrow(cells) for cells in table]
    room = max(_CELL // 5, width - _wide([cells[1:] for cells in table]) - 2)
    return [(clip(cells[0], room), *cells[1:]) for cells in table]


def _wide(table: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in zip(*table, strict=True)) - 2


_NARROWING: tuple[Callable[[Sequence[str]], Sequence[str]], ...] = (
    lambda cells: (*cells[:5], cells[5].rpartition("/")[2]),
    lambda cells: (*cells[:4], cells[4][:_DAY], cells[5]),
    lambda cells: cells[:5],
    lambda cells: (*cells[:3], cells[4]),
    lambda cells: cells[:3],
)
"""The id without its collection, the day without the time; then no id, no examples, no day."""


def _cells(row: Row) -> tuple[str, ...]:
    instance = row.instance
    name = row.name if row.role == "current" else f"  {row.role}"
    cells = (
        name,
        state_text(row),
        progress_text(row.progress),
        f"{instance.dataset.examples:,}" if instance.dataset is not None and instance.dataset.counted else "",
        time_text(row.created),
        instance.resource,
    )
    return tuple(clip(sanitize(cell), _CELL) for cell in cells)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _block(row: Row, observations: Mapping[str, Observation], paint: Paint) -> Iterator[str]:
    instance = row.instance
    yield paint(sanitize(f"{row.name} ({row.role})"), "bold")
    facts = {
        "model": instance.resource,
        "state": state_text(row),
        "pinned over": None if row.pin_over is None else f"{short_digest(row.pin_over)}, by a rollback",
        "error": row.error,
        "revision": short_digest(instance.revision),
        "attempt": str(instance.attempt),
        "created": time_text(instance.create_time) or None,
        "operation": instance.operation,
        "dataset": None if instance.dataset is None else dataset_text(instance.dataset, None),
        "progress": progress_text(row.progress) or None,
        "foreseen": None if instance.forecast is None else predicted_text(instance.forecast),
        "took": None if row.took is None else took_text(row.took),
    }
    if instance.verdict is not None:
        facts["gate"] = "passed" if instance.verdict.passed else "not met"
        facts |= {f"gate {number}": _check(check) for number, check in enumerate(instance.verdict.checks, 1)}
    seen = observations.get(instance.resource)
    facts |= _fields(instance.spec, {} if seen is None else seen.spec)
    facts["updated"] = None if seen is None else time_text(seen.update_time) or None
    known = {sanitize(key): sanitize(text) for key, text in facts.items() if text is not None}
    widest = max(map(len, known))
    for key, text in known.items():
        yield f"  {key:<{widest}}  {text}"


def _check(check: Check) -> str:
    return f"{'ok ' if check.passed else 'NOT'} {describe(check)}"


def _fields(applied: Spec, remote: Spec) -> dict[str, str]:
    """Return each field as it was applied, with the remote value where that is another one."""
    texts = {}
    for path in sorted(applied.keys() | remote.keys()):
        mine = value_text(applied.get(path))
        theirs = value_text(remote[path]) if path in remote else mine
        texts[f"spec.{path}"] = mine if mine == theirs else f"{mine}, remotely {theirs}"
    return texts
