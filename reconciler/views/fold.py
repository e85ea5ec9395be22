"""Lines for a terminal: broken between words, what follows indented, so that no word is cut by the edge."""

from __future__ import annotations

import re

_SGR = re.compile(r"\x1b\[[0-9;]*m")
_FACT = re.compile(r" {6}(?=\S)[^ ]+(?: [^ ]+)? {2,}")
_HANGING = 6
_WIDEST = 24


def fold(text: str, width: int) -> str:
    """Return text whose lines keep to a width, as far as its words do; colours take no room.

    What follows a name and two spaces goes on under what stood there first (``dataset  15 examples …``).
    """
    return "\n".join(part for line in text.split("\n") for part in _folded(line, width))


def _folded(line: str, width: int) -> list[str]:
    if _length(line) <= width:
        return [line]
    fact = _FACT.match(line)
    indent = fact.end() if fact is not None and fact.end() <= _WIDEST else _HANGING
    begin = line[: len(line) - len(line.lstrip(" "))]
    words = line[len(begin) :].split(" ")
    lines, now = [], begin + words[0]
    for word in words[1:]:
        if _length(now) + 1 + _length(word) <= width or not now.strip():
            now += f" {word}"
        else:
            lines.append(now.rstrip(" "))
            now = " " * (indent if indent + _length(word) <= width else min(indent, 2)) + word
    return [*lines, now]


def _length(text: str) -> int:
    return len(_SGR.sub("", text))
