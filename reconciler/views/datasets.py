"""What is told of datasets: their numbers, and how two versions differ; as text, Markdown and documents.

Rows are shown in text and Markdown when they are handed over, and never in a document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.datachange import DataChange, RowSample
from reconciler.core.resource import Dataset
from reconciler.core.showing.datafacts import Lengths, Portrait
from reconciler.core.text import sanitize
from reconciler.views.data import sample_items, sample_lines
from reconciler.views.document import counts_document
from reconciler.views.escape import code, prose
from reconciler.views.paint import painter
from reconciler.views.words import count, data_text, guard, short_digest

__all__ = [
    "Comparison",
    "comparison_document",
    "render_comparison",
    "render_comparison_markdown",
    "render_stats",
    "stats_document",
]

_HEADS = ("least", "median", "95 %", "most", "limit")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions of a dataset, each with where it comes from, and what changed from one to the other."""

    title: str
    before: Dataset
    before_from: str
    after: Dataset
    after_from: str
    change: DataChange
    rows: Sequence[RowSample] = ()

    @property
    def moved(self) -> bool:
        """Whether they differ at all."""
        return self.before.digest != self.after.digest


def render_stats(portraits: Sequence[Portrait]) -> str:
    """Return the numbers of datasets as text, a block each."""
    return guard("\n".join("\n".join(_portrait(each)) + "\n" for each in portraits))


def stats_document(portraits: Sequence[Portrait]) -> dict[str, Any]:
    """Return the numbers of datasets as a document."""
    return {"format": "tunectl.dataset-stats/v1", "datasets": [_portrait_document(each) for each in portraits]}


def render_comparison(comparison: Comparison, *, color: bool = False, width: int = 100) -> str:
    """Return how two versions differ as text."""
    paint = painter(color=color)
    lines = [
        paint(sanitize(comparison.title), "bold"),
        f"  before  {_version(comparison.before, comparison.before_from)}",
        f"  after   {_version(comparison.after, comparison.after_from)}",
        f"  rows    {_said(comparison)}",
    ]
    lines += [f"  {line}" for line in sample_lines(comparison.rows, paint, width)]
    return guard("\n".join(lines) + "\n")


def render_comparison_markdown(comparison: Comparison) -> str:
    """Return how two versions differ as Markdown."""
    rows = "".join(item.removeprefix("  ") for item in sample_items(comparison.rows))
    return (
        f"**{code(comparison.title)}**: {prose(_said(comparison))}\n\n"
        f"* before: {prose(_version(comparison.before, comparison.before_from))}\n"
        f"* after: {prose(_version(comparison.after, comparison.after_from))}\n{rows}"
    )


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return how two versions differ as a document, without rows."""
    change = comparison.change
    return {
        "format": "tunectl.dataset-diff/v1",
        "title": comparison.title,
        "before": _dataset_document(comparison.before, comparison.before_from),
        "after": _dataset_document(comparison.after, comparison.after_from),
        **counts_document(change.rows, moved=comparison.moved),
        "comparedWith": change.source,
        "unknown": change.unknown,
    }


def _said(comparison: Comparison) -> str:
    return data_text(comparison.change) if comparison.moved else "no difference"


def _version(dataset: Dataset, origin: str) -> str:
    return f"{count(dataset.examples, 'example')}, {short_digest(dataset.digest)}, {sanitize(origin)}"


def _portrait(portrait: Portrait) -> Iterator[str]:
    stats, limits = portrait.stats, portrait.limits
    yield f"{sanitize(portrait.title)} ({sanitize(portrait.role)})"
    yield f"  examples    {stats.dataset.examples:,}, {short_digest(stats.dataset.digest)}"
    if stats.wrong:
        yield f"  wrong       {stats.wrong:,}, not counted below; `tunectl dataset check` says which"
    yield f"  duplicates  {stats.duplicates:,}"
    yield f"  conflicts   {count(stats.conflicts, 'input')} with more than one output"
    table = [
        ("characters", *_HEADS),
        ("input", *_cells(stats.input, limits.input_characters)),
        ("output", *_cells(stats.output, limits.output_characters)),
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for first, *rest in table:
        cells = (f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True))
        yield f"  {first:<{widths[0]}}  {'  '.join(cells)}"


def _cells(lengths: Lengths, limit: int | None) -> tuple[str, ...]:
    numbers = (lengths.least, lengths.median, lengths.p95, lengths.most)
    return (*(f"{number:,}" for number in numbers), "none" if limit is None else f"{limit:,}")


def _portrait_document(portrait: Portrait) -> dict[str, Any]:
    stats, limits = portrait.stats, portrait.limits
    return {
        "title": portrait.title,
        "role": portrait.role,
        "digest": stats.dataset.digest,
        "examples": stats.dataset.examples,
        "wrong": stats.wrong,
        "duplicates": stats.duplicates,
        "conflicts": stats.conflicts,
        "input": _lengths_document(stats.input, limits.input_characters),
        "output": _lengths_document(stats.output, limits.output_characters),
    }


def _lengths_document(lengths: Lengths, limit: int | None) -> dict[str, Any]:
    return {
        "least": lengths.least,
        "median": lengths.median,
        "p95": lengths.p95,
        "most": lengths.most,
        "total": lengths.total,
        "limit": limit,
    }


def _dataset_document(dataset: Dataset, origin: str) -> dict[str, Any]:
    return {"digest": dataset.digest, "examples": dataset.examples, "from": origin}
