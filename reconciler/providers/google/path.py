"""Resource names on their way into a path or a message: they come from lockfiles, listings and command lines, too."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.text import clip, sanitize
from reconciler.errors import InvalidArgument

__all__ = ["path_of", "shown"]

_SEGMENTS: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def shown(name: str) -> str:
    """Return a name fit for a message."""
    return clip(sanitize(name), 120)


def path_of(name: str) -> str:
    """Return a resource name that is safe within a path.

    Raises:
        InvalidArgument: it has a character or a segment that would lead elsewhere.
    """
    if _SEGMENTS.fullmatch(name) is None:
        raise InvalidArgument(f"{shown(name)!r} is no resource name", hint="it looks like tunedModels/my-model-1a2b3c")
    return name
