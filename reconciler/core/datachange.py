"""What changed in a dataset between two versions of it, in numbers; and rows to show, which nothing may keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows came, went and changed, rows being compared as multisets.

    A row has changed if its input stood there before with another output. ``duplicates`` are rows of the new version
    that repeat an earlier one, ``duplicates_before`` the same of the old version.
    """

    added: int
    removed: int
    changed: int
    duplicates: int = 0
    duplicates_before: int = 0

    @property
    def reordered(self) -> bool:
        """Whether both versions, which differ, hold the same rows."""
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class DataChange:
    """How the data of a model differs from what it was tuned on.

    ``rows`` is None if the old version is not to be had, and ``unknown`` says why. ``source`` is where the old version
    came from: ``cache``, or a commit as ``git:<40 hex>``.
    """

    rows: RowCounts | None
    source: str | None = None
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class RowSample:
    """One row to show: a training row, so it goes to whoever asked and is part of no plan, event or file.

    ``kind`` is ``added``, ``removed`` or ``changed``; ``place`` is where it stands, in the old version if it was
    removed. ``former`` is what a changed row's output was, None if that is not to be had.
    """

    kind: str
    place: str
    input: str = field(repr=False)
    output: str = field(repr=False)
    former: str | None = field(default=None, repr=False)


Rows: TypeAlias = tuple[RowSample, ...]
