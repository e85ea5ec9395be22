"""Events for programs: one JSON object a line, numbered and dated, in ASCII."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from reconciler.core.event import Event
from reconciler.views.events import FORMAT, event_document
from reconciler.views.watcher import Watcher
from reconciler.views.words import json_text


class JsonlReporter(Watcher):
    """Writes each event to a stream at once.

    Args:
        stream: where to.
        run_id: tells the events of one run from those of another.
        now: seconds since the epoch.
    """

    def __init__(self, stream: TextIO, *, run_id: str, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._stream = stream
        self._run_id = run_id
        self._now = now
        self._seq = 0

    def show(self, event: Event) -> None:
        """Write an event."""
        self._seq += 1
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        envelope: dict[str, Any] = {"format": FORMAT, "seq": self._seq, "time": moment, "runId": self._run_id}
        self._stream.write(json_text(envelope | event_document(event), indent=None) + "\n")
        self._stream.flush()
