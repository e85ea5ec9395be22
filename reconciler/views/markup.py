"""Text and numbers for HTML and SVG: escaped, so that nothing that somebody else wrote is markup there."""

from __future__ import annotations

import re
from html import escape

from reconciler.core.text import clip, sanitize

_NO_XML = re.compile("[\ufffe\uffff]")
_LONGEST = 2_000


def text(value: str, *, limit: int = _LONGEST) -> str:
    """Return text for an element or a quoted attribute; what XML cannot hold, and what commands, is spelled out."""
    plain = _NO_XML.sub(lambda match: f"\\u{ord(match.group()):04x}", clip(sanitize(value), limit))
    return escape(plain, quote=True)


def number(value: float) -> str:
    """Return a coordinate: two decimals at most, no more digits than needed."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
