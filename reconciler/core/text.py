"""Text that somebody else wrote: made safe to show, and held to the words we know to guess what was meant.

Display names, descriptions, service messages and file names reach terminals and CI logs. A control character in them
could move the cursor, set a title, open a link or turn the reading direction; a line break could begin a line that a
CI runner takes as a command: whatever a terminal, a log or an eye would obey is spelled out. Nothing here knows
Markdown or HTML; that is the business of ``views/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_HIDDEN = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1 (\x9b is a CSI in one character)
    "\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero width, overrides of direction
    "\u2028\u2029"  # line ends that Python, JavaScript and some terminals honour
    "\ud800-\udfff"  # lone surrogates: no UTF-8 stream can print them
    "\U000e0000-\U000e007f"  # tag characters: text that no font shows
)
_LINE = re.compile(f"[{_HIDDEN}]")
_BLOCK = re.compile(f"(?!\n)[{_HIDDEN}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LATIN = 0xFF
_BMP = 0xFFFF
_LONGEST_WORD = 200


def sanitize(text: str, *, multiline: bool = False) -> str:
    r"""Return the text with every invisible or commanding character spelled out (``\x1b``, ``\u202e``, ``\n``).

    ``multiline`` keeps line feeds. What is plain comes back as it is, so applying it twice changes nothing.
    """
    return (_BLOCK if multiline else _LINE).sub(_spell, text)


def clip(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of a text, the last one an ellipsis if something was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def meant(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is spelled most like one that names nothing, whatever its case; None if none is close.

    A word longer than any name of ours is like none: comparing takes quadratic time.
    """
    from difflib import get_close_matches  # noqa: PLC0415  only a mistake needs it

    if len(word) > _LONGEST_WORD:
        return None
    spelled = {candidate.lower(): candidate for candidate in known}
    return next((spelled[close] for close in get_close_matches(word.lower(), spelled, n=1)), None)


def did_you_mean(word: str | None, *, otherwise: str) -> str:
    """Return the question whether a word was meant, or what helps where none is close."""
    return otherwise if word is None else f"did you mean {word}?"


def _spell(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code <= _LATIN:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}"
