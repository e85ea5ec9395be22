"""The sweep's numbers as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

KINDS = ("duplicate", "lost", "gap", "foreign", "litter")
"""What a problem's sentence may begin with; whatever begins otherwise is counted as other."""
HEAD = ("sweep", "points", "struck", "duplicates", "lost", "gaps", "foreign touched", "litter", "other")


@dataclass(frozen=True, slots=True)
class Row:
    """The results of one kind of point: how many were tried, how many struck, and how many problems of each kind."""

    name: str
    points: int
    struck: int
    problems: tuple[str, ...] = ()

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        counts = [sum(problem.startswith(kind) for problem in self.problems) for kind in KINDS]
        other = len(self.problems) - sum(counts)
        return (self.name, *(str(number) for number in (self.points, self.struck, *counts, other)))


def total(rows: Sequence[Row]) -> Row:
    """Return the sum of rows."""
    problems = tuple(problem for row in rows for problem in row.problems)
    return Row("all", sum(row.points for row in rows), sum(row.struck for row in rows), problems)


def render(rows: Iterable[Row]) -> str:
    """Return a Markdown table that is aligned for the eye, too."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    shown = [_line(cells, widths) for cells in lines]
    rule = "|".join("-" * (width + 2) for width in widths)
    return "\n".join([shown[0], f"|{rule}|", *shown[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join((first, *rest))} |"
