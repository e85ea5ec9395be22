"""How much a plan may do, as a project says it. What comes of it is decided in ``policy``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Safety valves of a project. None means no limit; steps are tuning steps."""

    max_deletes: int | None = 5
    max_replaces: int | None = 10
    max_steps: int | None = None
