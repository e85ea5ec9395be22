"""The wish to stop, set by a signal and looked at by the engine between two requests."""

from __future__ import annotations

import threading


class Stop:
    """Set once, from a signal handler; everything that sleeps can wait for it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal_number: int | None = None

    def request(self, signal_number: int) -> None:
        """Ask the run to end: nothing new is begun, what is known is saved."""
        self.signal_number = signal_number
        self._event.set()

    def requested(self) -> bool:
        """Whether the run is to end."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as the run is to end."""
        self._event.wait(seconds)
