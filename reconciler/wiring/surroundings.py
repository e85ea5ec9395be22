"""What a command gives to all that it opens: its name, environment, clock and reporter, and what closes them.

Beside it, what is said where the surroundings do not let the embedded emulator work.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.engine.stop import Stop
from reconciler.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

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


def unusable_world(path: Path, error: Exception) -> StoreError:
    """Return why the embedded emulator cannot keep its models in a file, with the way past.

    Nobody is told to remove a file that only a folder without permission to write keeps from being used.
    """
    spoiled = path.exists() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    writable = "it needs a folder it can write to, even to read: make it writable, or name a service with --endpoint"
    return StoreError(
        f"{path.parent.name}/{path.name}: the embedded emulator cannot keep its models there:"
        f" {str(error.__cause__ or error).removeprefix(f'{path}: ')}",
        hint="remove that file: it holds simulated models only" if spoiled else writable,
    )
