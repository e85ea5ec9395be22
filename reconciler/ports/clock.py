"""Time, as a thing that tests can turn."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Seconds that pass. The engine never asks the operating system for the time."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds, or earlier if the run is being stopped."""
        ...
