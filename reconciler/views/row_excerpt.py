"""Where in a row of a dataset a problem lies, and the part of the row around it, for somebody at a terminal.

Nothing here may be used for what goes to a pipe, a log or a file: it shows training data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.text import sanitize
from reconciler.errors import Location

FORMATS = {".jsonl": None, ".ndjson": None, ".json": None, ".csv": ",", ".tsv": "\t"}
"""The endings of datasets, and what parts their cells if they have any."""
_SPAN = 64
"""So many characters of a row are shown, a third of them before the place, so that most fit on a line of a terminal."""
_WORD = re.compile(r"[\w.-]+")
_COUNTED = re.compile(r"has \d+ cells?, the header has (\d+)$")


@dataclass(frozen=True, slots=True)
class RowExcerpt:
    """A part of a row, safe to print, and how the part before the place prints; None if there is no place."""

    text: str
    before: str | None


def excerpt_row(lines: Sequence[str], place: Location, message: str) -> RowExcerpt:
    """Return the part of a row that a problem is about.

    A place without a column lies where the row has what the message begins with: a key of an object, the cell below a
    header. If it has no such thing, the whole row is meant.
    """
    source = lines[(place.line or 1) - 1].rstrip("\r\n")
    delimiter = FORMATS[place.file[place.file.rfind(".") :].lower()]
    at = place.column - 1 if place.column is not None else _found(source, lines[0], message, delimiter)
    at = min(max(at, 0), len(source))
    start = 0 if len(source) <= _SPAN else max(0, min(at - _SPAN // 3, len(source) - _SPAN))
    end = min(start + _SPAN, len(source))
    head, tail = "…" if start else "", "…" if end < len(source) else ""
    return RowExcerpt(f"{head}{sanitize(source[start:end])}{tail}", f"{head}{sanitize(source[start:at])}")


def _found(source: str, header: str, message: str, delimiter: str | None) -> int:
    blank = len(source) - len(source.lstrip(" "))
    if delimiter is not None:
        cell = _cell(header, message, delimiter)
        starts = [match.start() for match in _cells(delimiter).finditer(source)]
        return 0 if cell is None else starts[cell] if cell < len(starts) else len(source)
    word = _WORD.match(message)
    key = word and re.search(rf'"{re.escape(word.group())}"\s*:\s*', source)
    return key.end() if key else blank


def _cell(header: str, message: str, delimiter: str) -> int | None:
    """Return which cell is meant, from 0: the first beyond the header, or the one below the name that is said."""
    counted = _COUNTED.match(message)
    if counted:
        return int(counted[1])
    names = [match[1].strip('"') for match in _cells(delimiter).finditer(header.removeprefix("\ufeff").rstrip("\r\n"))]
    return next((index for index, name in enumerate(names) if message.startswith(f"{name} ")), None)


def _cells(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf'(?:^|(?<={delimiter}))("(?:[^"]|"")*"?|[^{delimiter}"][^{delimiter}]*|)(?={delimiter}|$)')
