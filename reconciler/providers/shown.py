"""What a user wrote, fit for a message."""

from __future__ import annotations

from reconciler.core.text import clip, sanitize

__all__ = ["shown"]


def shown(text: str) -> str:
    """Return a text in quotes, shortened and with control characters escaped."""
    return repr(clip(sanitize(text), 60))
