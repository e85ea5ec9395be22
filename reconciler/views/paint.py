"""Colours, by hand: the few SGR codes that every terminal knows. Text is sanitised first and painted last."""

from __future__ import annotations

from collections.abc import Callable

Paint = Callable[[str, str], str]
"""``paint(text, "bold red")`` gives the text in that style."""

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def painter(*, color: bool) -> Paint:
    """Return a function that paints, or one that leaves text as it is."""
    return _painted if color else _plain


def _painted(text: str, style: str) -> str:
    codes = ";".join(_CODES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def _plain(text: str, _style: str) -> str:
    return text
