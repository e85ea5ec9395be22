"""Characters to draw with: a field of braille dots, or of plain signs where a stream knows no better.

Nothing here knows what is drawn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TextIO

SIGNS = "*+ox#%@&"
"""Signs of different curves; after the last one they begin again."""

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
_NEEDED = "⣿│┤┬└─ ▁█"


def speaks_unicode(stream: TextIO) -> bool:
    """Tell whether a stream can show braille and lines; the console of Linux can, and lacks the font."""
    try:
        _NEEDED.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return os.environ.get("TERM") != "linux"


class Canvas:
    """A field of ``columns`` by ``rows`` characters, drawn on in dots; of two drawings in one character both stay.

    With ``braille`` a character has two by four dots and the last drawing gives it its colour; without, it has one, and
    each drawing has a sign of its own.
    """

    def __init__(self, columns: int, rows: int, *, braille: bool) -> None:
        self._columns = columns
        self._rows = rows
        self._braille = braille
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}
        self.width = columns * (2 if braille else 1)
        self.height = rows * (4 if braille else 1)

    def line(self, start: tuple[int, int], end: tuple[int, int], drawing: int) -> None:
        """Draw a straight line between two dots; (0, 0) is the upper left one."""
        (x, y), (to_x, to_y) = start, end
        across, down = abs(to_x - x), abs(to_y - y)
        for number in range(max(across, down) + 1):
            part = number / max(across, down, 1)
            self.dot(round(x + (to_x - x) * part), round(y + (to_y - y) * part), drawing)

    def dot(self, x: int, y: int, drawing: int) -> None:
        """Set one dot."""
        if not self._braille:
            self._cells[x, y] = (0, drawing)
            return
        place = (x // 2, y // 4)
        bits, _ = self._cells.get(place, (0, drawing))
        self._cells[place] = (bits | _DOTS[y % 4][x % 2], drawing)

    def row(self, number: int) -> Iterator[tuple[str, int | None]]:
        """Yield the characters of a row, each with the drawing it belongs to."""
        for column in range(self._columns):
            cell = self._cells.get((column, number))
            if cell is None:
                yield " ", None
            else:
                yield (chr(_BLANK + cell[0]) if self._braille else SIGNS[cell[1] % len(SIGNS)]), cell[1]
