"""The forge of the repository, as the environment of a runner describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from reconciler.engine.stop import Stop
from reconciler.wiring.surroundings import SystemClock

if TYPE_CHECKING:
    from reconciler.core.event import Event
    from reconciler.forge.client import Client
    from reconciler.ports.clock import Clock


def open_forge(environ: Mapping[str, str], *, report: Callable[[Event], None], clock: Clock | None = None) -> Client:
    """Connect with the service that keeps the repository, as the environment of a runner describes it.

    Raises:
        UsageError, AuthenticationFailed: see ``forge.place.place_of``.
    """
    from reconciler.forge.client import Client
    from reconciler.forge.place import place_of

    return Client(place_of(environ), clock=SystemClock(Stop()) if clock is None else clock, report=report)
