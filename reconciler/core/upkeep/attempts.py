"""The attempts of a revision as the listing shows them, for a lockfile that is made anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.core.address import looks_like_ours, split_attempt
from reconciler.core.lockfile import Instance, InstanceState
from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.resource import Desired

_STATES = {ModelState.READY: InstanceState.READY, ModelState.FAILED: InstanceState.FAILED}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A live model under one of the ids of a manifest."""

    number: int
    seen: Observation

    @property
    def age(self) -> tuple[float, int]:
        """What orders attempts from the oldest to the newest."""
        return (_seconds(self.seen.create_time), self.number)


def attempts_in(observed: Observed) -> dict[str, list[Attempt]]:
    """Map the resource name of each first attempt to all attempts that are there."""
    found: dict[str, list[Attempt]] = {}
    for resource, seen in observed.models.items():
        if looks_like_ours(resource) and not seen.cancelled:
            first, number = split_attempt(resource)
            found.setdefault(first, []).append(Attempt(number, seen))
    return found


def instance_of(manifest: Desired, attempt: Attempt, revision: str) -> Instance:
    """Return an attempt as the lockfile records it, made as its manifest asks for now."""
    seen = attempt.seen
    state = _STATES.get(seen.state, InstanceState.TUNING)
    return Instance(
        resource=seen.resource,
        revision=revision,
        attempt=attempt.number,
        state=state,
        create_time=seen.create_time,
        spec=manifest.spec,
        dataset=manifest.dataset,
        error=(seen.error or "the service reports it as failed") if state is InstanceState.FAILED else None,
        gate=None if manifest.gate is None else manifest.gate.canonical,
    )


def _seconds(timestamp: str | None) -> float:
    """Return an RFC 3339 time in seconds; one that is missing or none is taken for the oldest."""
    try:
        return datetime.fromisoformat(timestamp or "").timestamp()
    except (ValueError, OverflowError):
        return 0.0
