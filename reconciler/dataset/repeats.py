"""Rows that say the same thing twice, or different things about the same input, found in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconciler.core.examples import asked_of
from reconciler.core.resource import Context
from reconciler.errors import Location, Problem

__all__ = ["Repeats"]

_REMEMBERED = 262_144
_SHOWN = 5
_LINE_BITS = 40
_LINE_MASK = (1 << _LINE_BITS) - 1


class Repeats:
    """Remembers a 64-bit hash for each different input, of the first 262,144 (about 40 MB at most).

    Beyond that, rows are still compared with those remembered, so that memory stays flat over files of any size.
    Python's own hash of a string is keyed anew in each process: nobody can prepare rows that collide.
    """

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._same: list[tuple[int, int]] = []
        self._other: list[tuple[int, int]] = []
        self._same_count = 0
        self._other_count = 0

    def see(self, line: int, text: str, output: str, context: Context | None = None) -> None:
        """Take note of a row."""
        if context is None:
            key, answer = hash(text), hash(output) & _LINE_MASK
        else:
            key, answer = hash(asked_of(text, context)), hash(context.completions or output) & _LINE_MASK
        first = self._seen.get(key)
        if first is None:
            if len(self._seen) < _REMEMBERED:
                self._seen[key] = answer << _LINE_BITS | line
        elif first >> _LINE_BITS == answer:
            self._same_count += 1
            if len(self._same) < _SHOWN:
                self._same.append((line, first & _LINE_MASK))
        else:
            self._other_count += 1
            if len(self._other) < _SHOWN:
                self._other.append((line, first & _LINE_MASK))

    def warnings(self, locate: Callable[[int], Location]) -> Iterator[Problem]:
        """Yield what was found, at most one warning of each sort; ``locate`` gives the place of a line."""
        if self._same_count:
            yield _warning(self._same, self._same_count, "repeat an earlier row exactly", locate)
        if self._other_count:
            yield _warning(self._other, self._other_count, "give an earlier row's input another output", locate)


def _warning(found: list[tuple[int, int]], count: int, what: str, locate: Callable[[int], Location]) -> Problem:
    shown = ", ".join(f"line {line} (line {first})" for line, first in found)
    more = f" and {count - len(found):,} more" if count > len(found) else ""
    rows = "1 row" if count == 1 else f"{count:,} rows"
    verb = what.replace("repeat", "repeats", 1).replace("give", "gives", 1) if count == 1 else what
    return Problem(locate(found[0][0]), f"{rows} {verb}: {shown}{more}", severity="warning")
