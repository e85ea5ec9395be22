"""What a plan may not do: limits and protection, decided from the plan alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Safety valves of a project. None means no limit; steps are tuning steps."""

    max_deletes: int | None = 5
    max_replaces: int | None = 10
    max_steps: int | None = None
