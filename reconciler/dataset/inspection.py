"""The checks of one list of rows, whatever it is read from, and the digest that falls out on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from reconciler.core.resource import ExampleLimits
from reconciler.dataset.digest import digest_line
from reconciler.dataset.files import Broken, Flaw
from reconciler.dataset.repeats import Repeats
from reconciler.dataset.rows import Columns, Row
from reconciler.errors import Location, Problem

__all__ = ["Inspection", "Locate", "in_file", "problem"]

Locate: TypeAlias = Callable[[int, int | None], Location]
_SHOWN = 20


def in_file(path: str) -> Locate:
    """Return what turns line and column of a file into a place."""
    return lambda line, column: Location(path, line, column)


def problem(flaw: Flaw, locate: Locate) -> Problem:
    """Return a flaw as a problem of the project."""
    return Problem(locate(flaw.line, flaw.column), flaw.message, flaw.hint)


@dataclass(slots=True)
class Inspection:
    """Takes rows and keeps what has been seen: number and characters of good ones, the first 20 flaws, the digest."""

    columns: Columns
    limits: ExampleLimits
    locate: Locate
    count: int = 0
    characters: int = 0
    errors: int = 0
    _flaws: list[Flaw] = field(default_factory=list)
    _repeats: Repeats = field(default_factory=Repeats)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    _longest: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        most = self.limits.input_characters, self.limits.output_characters
        self._longest = (inf if most[0] is None else most[0], inf if most[1] is None else most[1])

    @property
    def digest(self) -> str:
        """The digest of the good rows."""
        return f"sha256:{self._hash.hexdigest()}"

    def take(self, rows: Iterator[Row | Flaw]) -> None:
        """Take all rows. A flaw of the file as a whole ends it."""
        try:
            for row in rows:
                flaw = row if isinstance(row, Flaw) else self._keep(row)
                if flaw is not None:
                    self._note(flaw)
        except Broken as error:
            self._note(error.flaw)

    def report(self) -> Iterator[Problem]:
        """Yield the flaws, the number of those that are not shown, and the warnings."""
        for flaw in self._flaws:
            yield problem(flaw, self.locate)
        if self.errors > _SHOWN:
            last = self.locate(self._flaws[-1].line, None)
            yield Problem(Location(last.file), f"and {self.errors - _SHOWN:,} more rows are wrong")
        yield from self._repeats.warnings(lambda line: self.locate(line, None))

    def _keep(self, row: Row) -> Flaw | None:
        """Digest and count a row, or return what is wrong with it."""
        line, text, output = row
        longest_input, longest_output = self._longest
        if not (0 < len(text) <= longest_input and 0 < len(output) <= longest_output):
            return self._flaw(row)
        if text.isspace() or output.isspace():
            return self._flaw(row)
        try:
            self._hash.update(digest_line(text, output))
        except UnicodeEncodeError:
            return Flaw(line, "holds half of a surrogate pair, which is no character")
        self._repeats.see(line, text, output)
        self.count += 1
        self.characters += len(text) + len(output)
        return None

    def _flaw(self, row: Row) -> Flaw | None:
        """Return what is wrong with the lengths of a row."""
        line, text, output = row
        for column, value, most in (
            (self.columns.inputs[0], text, self.limits.input_characters),
            (self.columns.output, output, self.limits.output_characters),
        ):
            if not value or value.isspace():
                return Flaw(line, f"{column} is empty")
            if most is not None and len(value) > most:
                return Flaw(line, f"{column} has {len(value):,} characters, the base model takes {most:,}")
        return None

    def _note(self, flaw: Flaw) -> None:
        self.errors += 1
        if self.errors <= _SHOWN:
            self._flaws.append(flaw)
