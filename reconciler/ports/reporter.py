"""Whoever wants to know what happens: views, counters, tests."""

from __future__ import annotations

from typing import Protocol

from reconciler.core.event import Event


class Reporter(Protocol):
    """Called with every event, from any thread, in the order in which things happened. It must not raise."""

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""
        ...
