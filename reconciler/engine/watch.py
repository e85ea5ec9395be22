"""All running tunings in one loop: asked together, waited for with growing pauses, each up to its own deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.core.event import Progressed, Waiting
from reconciler.core.lockfile import Instance
from reconciler.core.observation import Operation, Progress
from reconciler.core.plan import Action
from reconciler.ports.clock import Clock
from reconciler.ports.provider import Provider
from reconciler.ports.reporter import Reporter

GROWTH = 1.5
LONGEST_PAUSE = 60.0
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look. Pauses are in seconds and grow by half each time, up to a minute."""

    first: float = 5.0
    longest: float = LONGEST_PAUSE


@dataclass(frozen=True, slots=True)
class Running:
    """A tuning that is waited for. Times are clock seconds; ``base`` is the first percentage seen, and when."""

    action: Action
    operation: Operation
    started: float
    deadline: float
    base: tuple[float, float] | None = None


def recorded_operation(instance: Instance) -> Operation:
    """Return the operation of a recorded tuning, with what its service once said of its length."""
    progress = None if instance.total_steps is None else Progress(total_steps=instance.total_steps)
    return Operation(resource=instance.resource, name=instance.operation, progress=progress)


class Watch:
    """The running tunings. Used from one thread only.

    ``noise`` gives a number within 0..1 for the jitter that keeps many runs from asking in step.
    """

    def __init__(
        self, provider: Provider, *, clock: Clock, report: Reporter, pace: Pace, noise: Callable[[], float]
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._report = report
        self._pace = pace
        self._noise = noise
        self._pause = pace.first
        self._looked_at = clock.now()
        self._running: dict[str, Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def running(self) -> tuple[Running, ...]:
        """Return what is waited for."""
        return tuple(self._running.values())

    def add(self, running: Running) -> None:
        """Wait for one more; looking starts over with the first pause."""
        self._running[running.operation.resource] = running
        self._pause = self._pace.first

    @property
    def due(self) -> bool:
        """Whether the pause is over although nobody slept: something else was waited for."""
        return self._clock.now() - self._looked_at >= self._pause

    def pause(self) -> None:
        """Sleep until it is time to look again."""
        seconds = self._pause * (1 + _JITTER * (2 * self._noise() - 1))
        self._report(Waiting(running=len(self._running), seconds=seconds))
        self._clock.sleep(seconds)
        self._pause = min(self._pause * GROWTH, self._pace.longest)

    def look(self) -> list[tuple[Running, Operation]]:
        """Ask for all at once; return those that ended and wait for them no longer.

        Raises:
            RemoteError: the service cannot be asked, still after the retries.
        """
        self._looked_at = self._clock.now()
        asked = list(self._running.values())
        news: Sequence[Operation] = self._provider.poll([running.operation for running in asked])
        ended = []
        for running, operation in zip(asked, news, strict=True):
            if operation.done or operation.gone:
                del self._running[operation.resource]
                ended.append((running, operation))
            else:
                self._running[operation.resource] = self._tell(running, operation)
        return ended

    def expired(self) -> list[Running]:
        """Return those whose deadline has passed and wait for them no longer; their training goes on."""
        now = self._clock.now()
        late = [running for running in self._running.values() if now >= running.deadline]
        for running in late:
            del self._running[running.operation.resource]
        return late

    def _tell(self, running: Running, operation: Operation) -> Running:
        running = replace(running, operation=operation)
        progress = operation.progress
        if progress is None:
            return running
        now = self._clock.now()
        percent = progress.percent
        if percent is not None and running.base is None:
            running = replace(running, base=(now, percent))
        eta = None
        if percent is not None and running.base is not None and percent > running.base[1]:
            since, first = running.base
            eta = (now - since) / (percent - first) * (100.0 - percent)
        self._report(Progressed(running.action.name, operation.resource, progress, eta))
        return running
