"""What every reporter of this package is: one event at a time, and never an exception into a run that costs money."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from threading import RLock

from reconciler.core.event import Event


class Watcher(ABC):
    """Calls ``show`` with one event at a time, from whichever thread it comes.

    A terminal that went away or a disk that is full must not stop an apply, so what ``show`` raises is dropped. The
    lock may be taken again by its own thread, since a signal handler may report while an event is being shown.
    """

    def __init__(self) -> None:
        self._lock = RLock()

    def __call__(self, event: Event, /) -> None:
        """Show an event."""
        with self._lock, suppress(Exception):
            self.show(event)

    @abstractmethod
    def show(self, event: Event) -> None:
        """Show an event; called with the lock held."""
        ...
