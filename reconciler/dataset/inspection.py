"""The checks of one list of rows, whatever it is read from, and the digest that falls out on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from reconciler.core.examples import characters_of, digest_line
from reconciler.core.resource import Context, ExampleLimits
from reconciler.dataset.files import Broken, Flaw
from reconciler.dataset.repeats import Repeats
from reconciler.dataset.rows import Columns, Row
from reconciler.errors import Location, Problem

__all__ = ["Inspection", "Locate", "in_file", "problem"]

Locate: TypeAlias = Callable[[int, int | None], Location]
_SHOWN = 20
_SHOWN_LENGTHY = 5
_CHARACTERS_A_TOKEN = 4
"""What a token is taken for where a service counts tokens: its own tokenizer is not here, so this can only warn."""


def in_file(path: str) -> Locate:
    """Return what turns line and column of a file into a place."""
    return lambda line, column: Location(path, line, column)


def problem(flaw: Flaw, locate: Locate) -> Problem:
    """Return a flaw as a problem of the project."""
    return Problem(locate(flaw.line, flaw.column), flaw.message, flaw.hint)


@dataclass(slots=True)
class _Lengthy:
    """Rows that the service is likely to leave out because they are too long."""

    count: int = 0
    lines: list[tuple[int, int]] = field(default_factory=list)

    def note(self, line: int, characters: int) -> None:
        self.count += 1
        if len(self.lines) < _SHOWN_LENGTHY:
            self.lines.append((line, characters))

    def warnings(self, most: int, locate: Locate) -> Iterator[Problem]:
        if not self.count:
            return
        shown = ", ".join(f"line {line} (about {-(-length // _CHARACTERS_A_TOKEN):,})" for line, length in self.lines)
        more = f" and {self.count - len(self.lines):,} more" if self.count > len(self.lines) else ""
        rows = "1 row has" if self.count == 1 else f"{self.count:,} rows have"
        kept = f"than the {most:,} of the service, which leaves such rows out"
        message = f"{rows} more tokens (at {_CHARACTERS_A_TOKEN} characters each) {kept}: {shown}{more}"
        yield Problem(locate(self.lines[0][0], None), message, severity="warning")


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
    _many: float = field(init=False)
    _lengthy: _Lengthy = field(default_factory=_Lengthy)

    def __post_init__(self) -> None:
        most = self.limits.input_characters, self.limits.output_characters
        self._many = inf if self.limits.tokens is None else self.limits.tokens * _CHARACTERS_A_TOKEN
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
        yield from self._lengthy.warnings(self.limits.tokens or 0, self.locate)

    def _keep(self, row: Row) -> Flaw | None:
        """Digest and count a row, or return what is wrong with it."""
        line, text, output, context = row
        longest_input, longest_output = self._longest
        if not (0 < len(text) <= longest_input and 0 < len(output) <= longest_output):
            return self._flaw(row)
        if text.isspace() or output.isspace():
            return self._flaw(row)
        if context is not None or self.limits.completions:
            flaw = _misplaced(line, context, self.limits)
            if flaw is not None:
                return flaw
        try:
            self._hash.update(digest_line(text, output, context))
        except UnicodeEncodeError:
            return Flaw(line, "holds half of a surrogate pair, which is no character")
        self._repeats.see(line, text, output, context)
        self.count += 1
        length = len(text) + len(output) if context is None else characters_of(text, output, context)
        self.characters += length
        if length > self._many:
            self._lengthy.note(line, length)
        return None

    def _flaw(self, row: Row) -> Flaw | None:
        """Return what is wrong with the lengths of a row."""
        line, text, output, _ = row
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


def _misplaced(line: int, context: Context | None, limits: ExampleLimits) -> Flaw | None:
    """Return what is wrong with a row being a conversation, or being none."""
    compared = context is not None and bool(context.completions)
    if context is not None and not limits.conversations:
        what = "completions" if compared else "a system instruction" if context.system is not None else "earlier turns"
        return Flaw(line, f"is a conversation with {what}; only pairs of an input and an output are taken here")
    if limits.completions and not compared:
        return Flaw(line, "has no completions to compare", hint="spec.method preference needs contents and completions")
    if compared and not limits.completions:
        return Flaw(line, "holds completions to compare", hint="they are for spec.method: preference")
    return None
