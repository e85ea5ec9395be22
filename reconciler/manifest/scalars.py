"""Plain YAML scalars, read as YAML 1.2's core schema reads them (YAML 1.2.2, section 10.3.2).

PyYAML's own rules are those of YAML 1.1, where ``no`` is false, ``010`` is eight and ``1:30`` is ninety. Here ``no`` is
a word, ``010`` is ten and dates are text.
"""

from __future__ import annotations

import re

Scalar = bool | int | float | str | None

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMERIC_START = frozenset("0123456789+-.")
_LONGEST_NUMBER = 64


def plain(text: str) -> Scalar:
    """Return the value of a scalar written without quotes. A number of more than 64 characters stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMERIC_START and len(text) <= _LONGEST_NUMBER:
        return _number(text)
    return text


def _number(text: str) -> int | float | str:
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text
