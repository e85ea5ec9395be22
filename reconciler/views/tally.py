"""A reporter that counts: for summaries, and for tests that ask how often something happened."""

from __future__ import annotations

from collections import Counter

from reconciler.core.event import Event, Failed, Finished, Judged, Skipped, type_of
from reconciler.views.watcher import Watcher


class Tally(Watcher):
    """Counts events by type (``events``), actions by how they ended, and gates by what they came to (``judged``)."""

    def __init__(self) -> None:
        super().__init__()
        self.events: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.judged: Counter[str] = Counter()

    def show(self, event: Event) -> None:
        """Count an event."""
        self.events[type_of(event)] += 1
        match event:
            case Finished(action=action):
                self.finished[action] += 1
            case Failed(action=action):
                self.failed[action] += 1
            case Judged(passed=passed):
                self.judged["passed" if passed else "rejected"] += 1
            case Skipped(action=action):
                self.skipped[action] += 1
            case _:
                pass
