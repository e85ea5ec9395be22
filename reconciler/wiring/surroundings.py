"""What a command gives to all that it opens: its name, environment, clock and reporter, and what closes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.engine.stop import Stop

if TYPE_CHECKING:
    from reconciler.core.event import Event
    from reconciler.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``command`` is what a lock names as its holder's command line; ``closing`` is closed when the command ends."""

    command: str
    environ: Mapping[str, str]
    clock: Clock
    report: Callable[[Event], None]
    closing: ExitStack


class SystemClock:
    """The machine's clock; its sleep ends early when the run is to stop."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep, or return as soon as the run is to stop."""
        self._stop.wait(seconds)
