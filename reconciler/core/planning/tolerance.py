"""Drift that a project has decided to live with for a while, each piece with a reason and possibly a last day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from reconciler.errors import Location, Problem

if TYPE_CHECKING:  # who reads a project file needs no plans
    from reconciler.core.plan import Drift


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is ignored and why.

    ``name`` is a glob of names; ``path`` a field such as ``spec.temperature``, with all that is in it, None for
    whatever drifts; ``until`` the last day, in UTC, on which it holds, None for no end. ``place`` is where it is
    written if it does not say when it ends; None if it does, or says that it never will.
    """

    name: str
    reason: str
    path: str | None = None
    until: date | None = None
    place: Location | None = None

    def covers(self, drift: Drift) -> bool:
        """Tell whether it is about this drift, expired or not."""
        if not fnmatchcase(drift.name, self.name):
            return False
        within = (f"{self.path}.", f"{self.path}[")  # one hyperparameter, one grantee
        return self.path in (None, drift.path) or (drift.path is not None and drift.path.startswith(within))

    def holds(self, now: float) -> bool:
        """Tell whether it is still in force; ``now`` in seconds since the epoch."""
        return self.until is None or self.until >= datetime.fromtimestamp(now, UTC).date()


@dataclass(frozen=True, slots=True)
class Tolerated:
    """A drift that does not count, and why."""

    drift: Drift
    tolerance: Tolerance


def unended(tolerances: Iterable[Tolerance]) -> tuple[Problem, ...]:
    """Return a warning for each entry that says nothing of its end: what nobody is reminded of is there for ever."""
    hint = "give it a last day with until, or say until: never"
    return tuple(
        Problem(rule.place, f"spec.drift.ignore: the drift of {rule.name} is ignored without an end", hint, "warning")
        for rule in tolerances
        if rule.place is not None
    )


def sift(
    drift: Iterable[Drift], tolerances: Iterable[Tolerance], *, now: float
) -> tuple[tuple[Drift, ...], tuple[Tolerated, ...]]:
    """Return the drift that counts and what is tolerated.

    What only expired tolerances cover counts, and its message says so. ``now`` is in seconds since the epoch.
    """
    rules = tuple(tolerances)
    counting: list[Drift] = []
    tolerated: list[Tolerated] = []
    for item in drift:
        covering = [rule for rule in rules if rule.covers(item)]
        valid = next((rule for rule in covering if rule.holds(now)), None)
        if valid is not None:
            tolerated.append(Tolerated(item, valid))
        elif covering:
            last = max(covering, key=lambda rule: rule.until or date.max)
            counting.append(replace(item, message=f"{item.message} (ignored until {last.until}: {last.reason})"))
        else:
            counting.append(item)
    return tuple(counting), tuple(tolerated)
