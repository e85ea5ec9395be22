"""What a run is given: the ports it works with and the options it was called with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.engine.stop import Stop
from reconciler.engine.watch import Pace
from reconciler.ports.clock import Clock
from reconciler.ports.datasets import Datasets
from reconciler.ports.evidence import Evidence, NoEvidence
from reconciler.ports.provider import Provider
from reconciler.ports.reporter import Reporter
from reconciler.ports.store import Hold, LastingHold, LockfileStore


@dataclass(frozen=True, slots=True)
class World:
    """The ports a run works with.

    ``hold`` is the turn that ``store.hold`` gave it; ``evidence`` is for runs that may judge models.
    """

    provider: Provider
    store: LockfileStore
    datasets: Datasets
    clock: Clock
    report: Reporter
    stop: Stop
    hold: Hold = field(default_factory=LastingHold)
    evidence: Evidence = field(default_factory=NoEvidence)


@dataclass(frozen=True, slots=True)
class Options:
    """How to carry out a plan.

    ``timeout`` is in seconds and bounds the waiting; None leaves it to each model's lifecycle.timeout. ``noise`` gives
    numbers within 0..1 for the jitter of the pauses.
    """

    parallelism: int = 10
    wait: bool = True
    timeout: float | None = None
    pace: Pace = field(default_factory=Pace)
    noise: Callable[[], float] = random.random
