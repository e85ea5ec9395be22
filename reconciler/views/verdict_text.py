"""The verdict on a model, for people and for programs (``tunectl eval``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.text import sanitize
from reconciler.core.verdict import Check, Verdict, limit_words
from reconciler.views.paint import Paint, painter
from reconciler.views.words import guard

FORMAT = "tunectl.eval/v1"
_HEAD = ("check", "measured", "limit", "")


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, what it is about, and where the answers are."""

    name: str
    resource: str
    verdict: Verdict
    answers: str | None


def render_rulings(rulings: Sequence[Ruling], *, color: bool = False) -> str:
    """Return a table for each model."""
    paint = painter(color=color)
    return guard("\n".join("\n".join(_table(ruling, paint)) for ruling in rulings) + "\n") if rulings else ""


def rulings_document(rulings: Sequence[Ruling]) -> dict[str, Any]:
    """Return the verdicts as a JSON object."""
    return {
        "format": FORMAT,
        "models": [
            {"name": each.name, "resource": each.resource, "answers": each.answers, **each.verdict.document}
            for each in rulings
        ],
    }


def _table(ruling: Ruling, paint: Paint) -> Iterator[str]:
    word = paint("passed", "green") if ruling.verdict.passed else paint("not met", "bold red")
    yield f"{paint(sanitize(ruling.name), 'bold')}  {sanitize(ruling.resource)}: {word}"
    rows = [_HEAD, *(_cells(check) for check in ruling.verdict.checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for cells in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"  {line.rstrip()}"
    if ruling.answers is not None:
        yield f"  answers: {sanitize(ruling.answers)}"


def _cells(check: Check) -> tuple[str, str, str, str]:
    note = "" if check.note is None else f" ({check.note})"
    return (
        sanitize(check.name),
        "" if check.measured is None else f"{check.measured:.4g}",
        limit_words(check),
        sanitize(f"{'passed' if check.passed else 'not met'}{note}"),
    )
