"""Getting the wanted revision: a live model of ours that nothing records is taken up before another one is bought."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.core.address import MAX_ATTEMPT, short
from reconciler.core.forecast import tuning_steps
from reconciler.core.lockfile import Instance
from reconciler.core.observation import ModelState, Observation
from reconciler.core.plan import Action, Change, Kind
from reconciler.core.planning.case import Case
from reconciler.core.planning.comparison import patch
from reconciler.core.planning.sharing import sharing_of_new
from reconciler.errors import TunectlError

_WORTH = {ModelState.FAILED: 0, ModelState.UNKNOWN: 1, ModelState.TUNING: 2, ModelState.READY: 3}


def obtain(
    case: Case,
    kind: Kind,
    reason: str,
    *,
    former: Instance | None = None,
    previous: str | None = None,
    changes: tuple[Change, ...] = (),
) -> Iterator[Action]:
    """Yield what gets the wanted revision: reuse and patch it, or buy it, or say that it failed before.

    Args:
        case: the name it is about.
        kind: create or replace, if it has to be bought.
        reason: why, if it has to be bought.
        former: an instance of this revision that is gone, whose id may be used again.
        previous: the model it takes the place of.
        changes: the fields that demand it.

    Raises:
        TunectlError: every id of this revision is taken.
    """
    attempt, resource, found = _choose(case, former)
    instance = Instance(resource=resource, revision=case.revision, attempt=attempt)
    if found is None:
        yield buy(case, case.act(kind, reason, instance, previous=previous, changes=changes))
    elif found.state is ModelState.FAILED:
        why = f"{short(resource)} of this revision failed; --replace {case.desired.name} buys another attempt"
        yield case.act(Kind.BLOCKED, why, instance, previous=previous, changes=changes, blocked_by="failed")
    else:
        why = f"{short(resource)} of this very revision exists already; nothing is bought"
        yield case.act(Kind.REUSE, why, instance, previous=previous, changes=changes)
        yield from patch(case, instance, found)


def buy(case: Case, action: Action) -> Action:
    """Return the action with the number of tuning steps it takes, and with the roles that the new model will give."""
    steps = tuning_steps(case.desired.spec, case.desired.dataset, case.capabilities)
    changes = sorted((*action.changes, *sharing_of_new(case, action.previous)), key=lambda change: change.path)
    return replace(action, steps=steps, changes=tuple(changes))


def _choose(case: Case, former: Instance | None) -> tuple[int, str, Observation | None]:
    """Return the best attempt that is live and nobody's, else the first whose id is free."""
    first = _first_attempt(case, former)
    free: tuple[int, str] | None = None
    live: list[tuple[int, str, Observation]] = []
    for attempt in range(first, MAX_ATTEMPT + 1):
        resource = case.identify(attempt)
        recorded = resource in case.owner and (former is None or former.resource != resource)
        if recorded or resource in case.observed.hidden:
            continue
        observation = case.observed.get(resource)
        if observation is None:
            free = (attempt, resource)
            break
        if not observation.cancelled:  # whoever stopped it wants it no more; its id is used up all the same
            live.append((attempt, resource, observation))
    if not case.forced:
        live.extend(_beyond(case, MAX_ATTEMPT if free is None else free[0]))
        fitting = [found for found in live if case.fits(found[2])]
        if fitting:
            return max(fitting, key=lambda found: (_WORTH[found[2].state], found[0]))
    if free is None:
        raise TunectlError(
            f"{case.desired.name}: all {MAX_ATTEMPT} attempts of this revision are used up",
            hint="change what the model is made of, or delete former attempts",
        )
    return (*free, None)


def _first_attempt(case: Case, former: Instance | None) -> int:
    if former is not None:
        return former.attempt
    recorded = () if case.entry is None else case.entry.instances()
    return 1 + max((i.attempt for i in recorded if i.revision == case.revision), default=0)


def _beyond(case: Case, attempt: int) -> Iterator[tuple[int, str, Observation]]:
    """Yield the live attempts behind a gap: earlier ones may have been deleted since."""
    for later in case.orphans.get(case.identify(1), ()):
        resource = case.identify(later)
        observation = case.observed.get(resource)
        if later > attempt and observation is not None and resource not in case.owner:
            yield later, resource, observation
