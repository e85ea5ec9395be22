"""How much a plan may do, as a project says it. What comes of it is decided in ``policy``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.price import Money
from reconciler.errors import Location


@dataclass(frozen=True, slots=True)
class Limits:
    """Safety valves of a project. None means no limit; steps are tuning steps, the cost is that of a plan's trainings.

    ``max_lockouts`` is no limit of a project: how many former owners may lose their hold on a model (``lockout``).

    ``where`` maps the names of limits as they are written (``maxCost``) to their places in the project file.
    """

    max_deletes: int | None = 5
    max_replaces: int | None = 10
    max_steps: int | None = None
    max_cost: Money | None = None
    max_lockouts: int = 0
    where: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)
