"""Status and drift as GitHub-flavoured Markdown, for job summaries and issues."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import Drift, Pinned, Unmanaged
from reconciler.views.escape import code, prose
from reconciler.views.plan_text import drift_line, unmanaged_line
from reconciler.views.rollback import pin_line
from reconciler.views.rows import Row
from reconciler.views.status_text import counted, coverage_line, drift_headline, progress_text, state_text
from reconciler.views.words import count

_LIMIT = 59_000  # of an issue's 60,000, less what is put around the page when it is posted
_WIDE = 600
_TABLE = "| Model | Role | State | Progress | Resource |\n| --- | --- | --- | --- | --- |\n"


def render_status_markdown(rows: Sequence[Row], *, limit: int = _LIMIT) -> str:
    """Return the managed models as a table of at most ``limit`` bytes; rows that do not fit are counted."""
    head = f"**{prose(counted(rows))}**\n\n{_TABLE}"
    lines = [
        f"| {code(row.name)} | {row.role} | {prose(state_text(row))} | {progress_text(row.progress)} "
        f"| {code(row.instance.resource)} |\n"
        for row in rows
    ]
    return _capped(head, lines, limit, "model")


def render_drift_markdown(
    drift: Sequence[Drift],
    unmanaged: Sequence[Unmanaged],
    coverage: float | None = None,
    *,
    pinned: Sequence[Pinned] = (),
    limit: int = _LIMIT,
) -> str:
    """Return drift as a list of at most ``limit`` bytes, drift before pinned names and unmanaged models."""
    head = f"**{prose(drift_headline(drift))}**\n\n"
    if coverage is not None:
        head += f"{coverage_line(coverage)}\n\n"
    lines = [f"* {prose(drift_line(item, width=_WIDE))}\n" for item in drift]
    lines += [f"* pinned: {prose(pin_line(pin))}\n" for pin in pinned]
    lines += [f"* not managed here: {prose(unmanaged_line(model))}\n" for model in unmanaged]
    return _capped(head, lines, limit, "line")


def _capped(head: str, lines: Sequence[str], limit: int, noun: str) -> str:
    room = limit - len(head.encode()) - len(f"\nand {count(len(lines), f'more {noun}')}\n".encode())
    shown = 0
    while shown < len(lines) and len(lines[shown].encode()) <= room:
        room -= len(lines[shown].encode())
        shown += 1
    rest = f"\nand {count(len(lines) - shown, f'more {noun}')}\n" if shown < len(lines) else ""
    return head + "".join(lines[:shown]) + rest
