"""Loss curves as geometry: what of them can be drawn, between which bounds, with which ticks.

Pure numbers; characters and markup are the business of ``views/``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.core.observation import Snapshot

_TINY = 1e-290
_NEAR_ZERO = 0.3
_SLACK = 1e-9
_GREATEST = 1e300
"""Far above any float32, which losses are; beyond, differences would be infinite."""
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)

Point = tuple[int, float]
"""A step, and the mean loss there."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The loss curve of one model.

    ``lines`` are its stretches of finite losses, in order of their steps: a loss that is no number, infinite or not
    reported ends one. ``nan``, ``infinite`` and ``silent`` count those three, ``first_odd`` is the step of the first.
    """

    lines: tuple[tuple[Point, ...], ...] = ()
    nan: int = 0
    infinite: int = 0
    silent: int = 0
    first_odd: int | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """Everything that can be drawn."""
        return tuple(point for line in self.lines for point in line)

    @property
    def odd(self) -> int:
        """How many points cannot be drawn."""
        return self.nan + self.infinite + self.silent


def curve_of(snapshots: Iterable[Snapshot]) -> Curve:
    """Return the curve of a training; of several snapshots of one step the last one counts."""
    known = {snapshot.step: snapshot.mean_loss for snapshot in snapshots}
    lines: list[list[Point]] = [[]]
    odd: list[tuple[int, float | None]] = []
    for step, loss in sorted(known.items()):
        if loss is not None and math.isfinite(loss):
            lines[-1].append((step, loss))
        else:
            odd.append((step, loss))
            lines.append([])
    return Curve(
        lines=tuple(tuple(line) for line in lines if line),
        nan=sum(loss is not None and math.isnan(loss) for _, loss in odd),
        infinite=sum(loss is not None and math.isinf(loss) for _, loss in odd),
        silent=sum(loss is None for _, loss in odd),
        first_odd=odd[0][0] if odd else None,
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis: from ``low`` to ``high``, which differ, with its ``ticks`` in between."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Return where a value lies: 0 at the low end and below, 1 at the high one and above."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def scale_of(values: Iterable[float], *, most: int) -> Scale:
    """Return the axis that holds all values, from one round tick to another, about ``most`` of them.

    It begins at zero if the values come near it.

    Raises:
        ValueError: there is no value.
    """
    known = [min(max(value, -_GREATEST), _GREATEST) for value in values]
    low, high = min(known), max(known)
    if high - low <= max(_TINY, abs(high) * _SLACK):
        margin = abs(low) / 2 if abs(low) > _TINY else 1.0
        low, high = low - margin, high + margin
    elif 0 < low < high * _NEAR_ZERO:
        low = 0.0
    step = _round_step((high - low) / max(most, 1))
    first, last = math.floor(low / step + _SLACK), math.ceil(high / step - _SLACK)
    ticks = tuple(number * step for number in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def whole_scale(values: Sequence[int], *, most: int) -> Scale:
    """Return the axis of steps: its ticks are whole numbers, the first and the last step among them if there is room.

    Raises:
        ValueError: there is no value.
    """
    low, high = min(values), max(values)
    if low == high:
        return Scale(low - 1, high + 1, (high,))
    step = max(1, round(_round_step((high - low) / max(most, 1))))
    first = -(-low // step) * step
    inner = [tick for tick in range(first, high + 1, step) if tick - low > step / 2 and high - tick > step / 2]
    return Scale(low, high, (low, *inner, high))


def thin(line: Sequence[Point], most: int) -> tuple[Point, ...]:
    """Return a line with about ``most`` points: of each stretch its least and its greatest loss, both ends kept.

    Spikes stay, which every n-th point would lose.
    """
    if len(line) <= max(most, 4):
        return tuple(line)
    buckets = max(1, (most - 2) // 2)
    inner = line[1:-1]
    kept: list[Point] = [line[0]]
    for number in range(buckets):
        bucket = inner[number * len(inner) // buckets : (number + 1) * len(inner) // buckets]
        if bucket:
            ends = {min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])}
            kept += sorted(ends)
    return (*kept, line[-1])


def _round_step(rough: float) -> float:
    """Return the next of 1, 2, 2.5 and 5 times a power of ten."""
    unit = 10.0 ** math.floor(math.log10(rough))
    return next((unit * factor for factor in _ROUND if unit * factor >= rough * (1 - _SLACK)), unit * 10)
