"""Text that somebody else wrote, in Markdown: as entities, so that no Markdown or HTML in it means anything.

There are no fences and no code spans around such text, so there is nothing it could close.
"""

from __future__ import annotations

import re

from reconciler.core.text import clip, sanitize

_PUNCTUATION = re.compile(r"[!-+.:-@\[-`{-~]")
_BEGINNING = re.compile(r"\A[- ]")
_LINKING = "@#"
_LONGEST = 300


def code(text: str, *, limit: int = _LONGEST) -> str:
    """Return text for a table cell, a list or a summary, in a code element; what was empty is said to be."""
    return f"<code>{_entities(clip(sanitize(text), limit))}</code>" if text else "<code>(empty)</code>"


def prose(text: str, *, limit: int = 2 * _LONGEST) -> str:
    """Return a sentence that may quote others.

    ``@`` and ``#`` stand in code elements of their own, where GitHub links neither people nor issues. A dash or a space
    in front would begin a list or a block of code, so both are entities there.
    """
    return _BEGINNING.sub(_entity, _PUNCTUATION.sub(_linked, clip(sanitize(text), limit)))


def _entities(text: str) -> str:
    return _PUNCTUATION.sub(_entity, text)


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match.group())};"


def _linked(match: re.Match[str]) -> str:
    return f"<code>{_entity(match)}</code>" if match.group() in _LINKING else _entity(match)
