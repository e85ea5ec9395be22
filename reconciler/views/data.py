"""Training rows for the eyes of who asked for them: cut, sanitised, on one line each.

Nothing here writes to a file, and no document is made here: rows are for a terminal, or for a page that somebody asked
for with ``--show-rows``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from reconciler.core.datachange import RowSample
from reconciler.core.text import clip, sanitize
from reconciler.views.escape import code
from reconciler.views.paint import Paint
from reconciler.views.words import guard

__all__ = ["NO_SAMPLES", "Samples", "sample_items", "sample_lines"]

Samples: TypeAlias = Mapping[str, Sequence[RowSample]]
"""Rows to show, by the name of the model."""

NO_SAMPLES: Samples = MappingProxyType({})
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
_NARROWEST = 24
_CELL = 80


def sample_lines(samples: Iterable[RowSample], paint: Paint, width: int) -> Iterator[str]:
    """Yield a line for each row: its sign, where it stands, its input and its output."""
    for sample in samples:
        sign, style = _SIGNS[sample.kind]
        place = sanitize(sample.place)
        room = max(_NARROWEST, (width - len(place) - 16) // (2 if sample.former is None else 3))
        yield guard(f"{paint(sign, style)} {place}  {_row(sample, room)}")


def sample_items(samples: Iterable[RowSample]) -> Iterator[str]:
    """Yield a Markdown list item for each row."""
    for sample in samples:
        before = "" if sample.former is None else f", before: {code(_cut(sample.former, _CELL))}"
        row = f"{code(_cut(sample.input, _CELL))} → {code(_cut(sample.output, _CELL))}{before}"
        yield f"  * {sample.kind}, {code(sample.place)}: {row}\n"


def _row(sample: RowSample, room: int) -> str:
    now = f'"{_cut(sample.input, room)}" -> "{_cut(sample.output, room)}"'
    return now if sample.former is None else f'{now}, before "{_cut(sample.former, room)}"'


def _cut(text: str, room: int) -> str:
    return clip(sanitize(text), room)
