"""The arithmetic of a simulated training: pure functions of its parameters and the time.

Nothing runs in the background. How far a training is follows from when it started, how long it takes and what time it
is. Steps, epochs and percentages are the real service's, recomputed from a listing it once gave: batches run across
the borders of epochs, so ``totalSteps = ceil(examples * epochs / batch)``, and a snapshot's epoch is the number of
epochs *completed* at that step, ``floor(step * batch / examples)``. The loss is made up.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.emulator.scalars import MICRO, SECOND, float32, json_float, timestamp

CREATING, ACTIVE, FAILED = "CREATING", "ACTIVE", "FAILED"

Snapshot = dict[str, Any]


def total_steps(examples: int, epochs: int, batch: int) -> int:
    """Return the number of tuning steps: ``ceil(examples * epochs / batch)``."""
    return -(-examples * epochs // batch)


def epoch_at(step: int, *, examples: int, batch: int) -> int:
    """Return the epochs completed at a step: ``floor(step * batch / examples)``."""
    return step * batch // examples


def percent(step: int, total: int) -> float:
    """Return how much of a training is done, 0 to 100, as float32."""
    return float32(100 * step / total)


@dataclass(frozen=True, slots=True)
class Training:
    """One training.

    ``created`` and ``cancelled`` are nanoseconds since the epoch, ``seconds`` is how long it takes. ``outcome`` is
    empty for an ordinary training, or ``fail``, ``stuck``, ``nan`` or ``wrong``; ``at`` is the share of the steps
    after which it fails, sticks or loses its numbers; ``code`` and ``message`` are what a failed one says.
    """

    model: str
    examples: int
    epochs: int
    batch: int
    created: int
    seconds: float
    outcome: str = ""
    at: float = 0.5
    code: int = 3
    message: str = "Tuning failed."
    cancelled: int | None = None

    @property
    def steps(self) -> int:
        """The number of tuning steps in all."""
        return total_steps(self.examples, self.epochs, self.batch)

    @property
    def started(self) -> int:
        """When training began: 0.08 to 0.64 s after the create, as the service's listing shows."""
        return self.created + self._spread("start", 0.08, 0.64)

    @property
    def last_step(self) -> int:
        """The step this training will not get beyond."""
        return int(self.steps * min(max(self.at, 0.0), 1.0)) if self.outcome in {"fail", "stuck"} else self.steps

    @property
    def ends(self) -> int | None:
        """When it is over, in nanoseconds; None if it never is."""
        if self.cancelled is not None:
            return self.cancelled
        if self.outcome == "stuck":
            return None
        if self.outcome == "fail":
            return min(self.moment(self.last_step) + self._tail(), self._full()) // MICRO * MICRO
        return self._full()

    def moment(self, step: int) -> int:
        """Return when a step is done, in nanoseconds."""
        return self.started - (-(self._full() - self._tail() - self.started) * step // self.steps)

    def done_steps(self, now: int) -> int:
        """Return how many steps are done at a time."""
        if self.cancelled is not None:
            now = min(now, self.cancelled)
        span = self._full() - self._tail() - self.started
        share = self.steps if span <= 0 else (now - self.started) * self.steps // span
        if now < self.started:
            share = 0
        return max(0, min(share, self.last_step))

    def state(self, now: int) -> str:
        """Return the model's state at a time."""
        end = self.ends
        if end is None or now < end:
            return CREATING
        return FAILED if self.outcome == "fail" or self.cancelled is not None else ACTIVE

    def error(self, now: int) -> dict[str, Any] | None:
        """Return the operation's error at a time (google.rpc.Status; ``code`` is the gRPC number)."""
        if self.state(now) != FAILED:
            return None
        if self.cancelled is not None:
            return {"code": 1, "message": "The operation was cancelled."}
        return {"code": self.code, "message": self.message}

    def snapshots(self, done: int) -> list[Snapshot]:
        """Return the snapshots of the first ``done`` steps."""
        return list(_curve(self)[:done])

    def _full(self) -> int:
        return (self.created + int(self.seconds * SECOND)) // MICRO * MICRO

    def _tail(self) -> int:
        """The last snapshot comes 0.12 to 0.47 s before the end."""
        return self._spread("tail", 0.12, 0.47)

    def _spread(self, what: str, low: float, high: float) -> int:
        """Return a span in nanoseconds that depends on the model alone, shortened for short trainings."""
        return int((low + (high - low) * noise(self.model, what)) * min(1.0, self.seconds / 20) * SECOND)


@lru_cache(maxsize=512)
def _curve(training: Training) -> tuple[Snapshot, ...]:
    return tuple(_snapshot(training, step) for step in range(1, training.last_step + 1))


def _snapshot(training: Training, step: int) -> Snapshot:
    """Return one snapshot; ``epoch`` is left out while it is 0, as proto3 JSON does."""
    lost = training.at if training.outcome == "nan" else None
    loss = loss_at(training.model, step, training.steps, lost=lost)
    snapshot: Snapshot = {"step": step}
    epoch = epoch_at(step, examples=training.examples, batch=training.batch)
    if epoch:
        snapshot["epoch"] = epoch
    snapshot["meanLoss"] = json_float(loss)
    snapshot["computeTime"] = timestamp(training.moment(step))
    return snapshot


def loss_at(model: str, step: int, steps: int, *, lost: float | None = None) -> float:
    """Return a made-up loss that falls and jitters, the same for the same model every time.

    ``lost`` is the share of the steps after which it is no number any more.
    """
    if lost is not None and step > steps * lost:
        return math.nan
    first = 5.0 + 4.0 * noise(model, "loss")
    fall = math.exp(-4.0 * step / steps)
    jitter = 0.7 + 0.6 * noise(model, str(step))
    return first * fall * jitter + 0.01


def noise(model: str, what: str) -> float:
    """Return a number in [0, 1) that depends on nothing but its arguments."""
    return (zlib.crc32(f"{model}/{what}".encode()) * 2_654_435_761 % 2**32) / 2**32
