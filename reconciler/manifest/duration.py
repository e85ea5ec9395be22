"""Durations as people write them: ``24h``, ``30m``, ``90s``, ``1d``, ``1h30m``."""

from __future__ import annotations

import re

PATTERN = "^([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$"
_SHAPE = re.compile(PATTERN)
_SECONDS = (86_400, 3_600, 60, 1)


def parse_duration(text: str) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: it is no duration, or no time at all.
    """
    match = _SHAPE.fullmatch(text)
    parts = match.groups() if match is not None else ()
    seconds = sum(int(part[:-1]) * unit for part, unit in zip(parts, _SECONDS, strict=False) if part is not None)
    if seconds <= 0:
        raise ValueError("must be a duration such as 24h, 30m, 90s or 1d")
    return float(seconds)
