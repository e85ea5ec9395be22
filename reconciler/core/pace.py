"""How long tuning steps took in this project so far. Nothing known is nothing said; there are no built-in figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from reconciler.core.estimate import Pace
from reconciler.core.lineage import Event, Record

__all__ = ["Run", "Runs", "remembered"]


@dataclass(frozen=True, slots=True)
class Run:
    """A training that is over: what it made, from which base model, in how many steps and seconds."""

    resource: str
    base_model: str | None
    steps: int
    seconds: float


def remembered(records: Iterable[Record]) -> Iterator[Run]:
    """Yield the trainings that records of lineage tell of; those of models that came to nothing are none."""
    for record in records:
        if record.event is Event.PROMOTED and record.steps is not None and record.seconds is not None:
            yield Run(record.resource, record.base_model, record.steps, record.seconds)


class Runs:
    """The trainings that are known, each model counted once however often it is told of."""

    def __init__(self, runs: Iterable[Run]) -> None:
        known = {run.resource: run for run in runs if run.steps > 0 and run.seconds > 0}
        found: dict[str | None, list[float]] = {}
        for run in known.values():
            found.setdefault(run.base_model, []).append(run.seconds / run.steps)
        self._by_base: Mapping[str | None, list[float]] = found

    def pace(self, base_model: str | None) -> Pace | None:
        """Return the median seconds per step of the trainings from a base model, failing that of all; None of none."""
        same = [] if base_model is None else self._by_base.get(base_model, [])
        if same:
            return Pace(_figures(median(same)), len(same), base_model)
        every = [each for rates in self._by_base.values() for each in rates]
        return Pace(_figures(median(every)), len(every)) if every else None


def _figures(number: float) -> float:
    """Cut to four significant digits: more would pretend to an exactness that a median of few runs does not have."""
    return float(f"{number:.4g}")
