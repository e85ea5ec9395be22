"""What to do about one name, given what is wanted, recorded and observed.

The decisions, from top to bottom; the first row that fits is taken:

=====================================  ==========================================  =================================
recorded                               observed                                    decision
=====================================  ==========================================  =================================
nothing                                our derived id, compatible                  reuse (0 steps)
nothing                                our derived id, failed                      blocked
nothing                                our derived id, something else              create, next attempt
nothing                                no such id                                  create
wanted revision pending or tuning      not there (404)                             create or replace, same id
wanted revision pending                something else under the id                 create or replace, next attempt
wanted revision pending or tuning      there                                       wait (and update)
wanted revision serves                 there                                       update what differs, or nothing
wanted revision serves                 not there (404)                             create anew
wanted revision failed or rejected     whatever                                    blocked
wanted revision retained               there                                       reuse (0 steps)
another revision serves                there                                       replace, or reuse as in row one
another revision, never ready          whatever                                    create; the old one is cleaned up
=====================================  ==========================================  =================================

``--replace NAME`` skips the rows that keep, reuse or block, and asks for the next attempt; a tuning of the wanted
revision that is already under way is waited for, never bought twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.core.address import MAX_ATTEMPT, short
from reconciler.core.canonical import Json
from reconciler.core.diff import field_changes
from reconciler.core.forecast import tuning_steps
from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.plan import Action, Change, Kind
from reconciler.core.resource import Capabilities, Desired, Effect, Spec
from reconciler.core.revision import compatible


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that decides about one wanted name.

    ``identify`` gives the resource name of an attempt of the wanted revision; ``owner`` maps recorded resources to the
    name whose entry holds them; ``parent_resource`` is the parent's serving model, None while that is to change.
    """

    desired: Desired
    entry: Entry | None
    revision: str
    observed: Observed
    capabilities: Capabilities
    identify: Callable[[int], str]
    owner: Mapping[str, str]
    parent_resource: str | None = None
    forced: bool = False

    def observation(self, instance: Instance | None) -> Observation | None:
        """Return what is seen of an instance."""
        return None if instance is None else self.observed.get(instance.resource)

    def fits(self, observation: Observation) -> bool:
        """Tell whether a live model could be the wanted one."""
        return compatible(self.desired, observation, parent_resource=self.parent_resource)


def decide(case: Case) -> tuple[Action, ...]:
    """Return the actions for one wanted name, in the order in which they are to happen; see the module's table."""
    entry = case.entry
    if entry is None:
        return (_obtain(case, Kind.CREATE, "does not exist"),)
    making = in_making(entry)
    if making is not None and making.revision == case.revision:
        return (*_resume(case, entry, making), *_clean_up(case, entry, None))
    serves = entry.current.state is InstanceState.READY
    if serves and entry.current.revision == case.revision and not case.forced:
        return (*_keep(case, entry), *_clean_up(case, entry, making))
    return (*_renew(case, entry), *_clean_up(case, entry, making))


def in_making(entry: Entry) -> Instance | None:
    """Return the instance that is to serve but does not yet: a candidate, or a first create that is not through."""
    if entry.candidate is not None:
        return entry.candidate
    return entry.in_making


def _keep(case: Case, entry: Entry) -> Iterator[Action]:
    """The wanted revision serves: patch what differs."""
    observation = case.observation(entry.current)
    if observation is None:
        yield _obtain(case, Kind.CREATE, "is gone from the remote", former=entry.current)
    elif observation.state is ModelState.FAILED:
        reason = f"{short(entry.current.resource)} is reported as failed; --replace {case.desired.name} tunes it anew"
        yield _action(case, Kind.BLOCKED, reason, entry.current, blocked_by="failed")
    elif observation.state is ModelState.TUNING:
        yield _action(case, Kind.WAIT, "is tuning again", entry.current)
    else:
        yield from _update(case, entry, entry.current, observation)


def _resume(case: Case, entry: Entry, making: Instance) -> Iterator[Action]:
    """The wanted revision is in the making: take it up where the last run left it."""
    previous = _serving(case, entry, making)
    kind = Kind.CREATE if previous is None else Kind.REPLACE
    observation = case.observation(making)
    if observation is None:
        pending = making.state is InstanceState.PENDING
        reason = "was about to be created when the last run ended" if pending else "vanished while it was tuning"
        changes = _replacing_changes(case, entry)
        action = _action(case, kind, reason, making, previous=previous, changes=changes)
        yield replace(action, steps=tuning_steps(case.desired.spec, case.desired.dataset, case.capabilities))
    elif making.state is InstanceState.PENDING and not case.fits(observation):
        yield _obtain(case, kind, "the recorded id is taken by another model", entry=entry, previous=previous)
    else:
        end = {
            ModelState.READY: "is ready; apply records it" if previous is None else "is ready; apply switches to it",
            ModelState.FAILED: "has failed; apply records it",
        }.get(observation.state, "is still tuning")
        yield _action(case, Kind.WAIT, end, making, previous=previous)
        if observation.state is not ModelState.FAILED:
            yield from _update(case, entry, making, observation)


def _renew(case: Case, entry: Entry) -> Iterator[Action]:
    """Another revision is wanted than the one that serves, or a fresh attempt of the same."""
    blocked = _blocked_by(case, entry)
    if blocked is not None:
        yield blocked
        return
    previous = _serving(case, entry, None)
    retained = next((i for i in entry.retained if i.revision == case.revision and case.observation(i)), None)
    if retained is not None and not case.forced:
        reason = "this revision was tuned before and is retained; nothing is bought"
        yield _action(case, Kind.REUSE, reason, retained, previous=previous)
        return
    changes = _replacing_changes(case, entry)
    if case.forced:
        reason = "a fresh attempt was asked for (--replace)"
    elif changes:
        reason = f"cannot change in place: {', '.join(change.path.removeprefix('spec.') for change in changes)}"
    elif case.desired.parent:
        reason = f"its source model {case.desired.parent} is replaced"
    else:
        reason = "another revision is wanted"
    kind = Kind.CREATE if previous is None else Kind.REPLACE
    yield _obtain(case, kind, reason, entry=entry, previous=previous, changes=changes)


def _blocked_by(case: Case, entry: Entry) -> Action | None:
    """A revision that failed or was rejected is not bought again by itself."""
    if case.forced:
        return None
    former = [(i, "failed") for i in (*entry.failed, entry.current) if i.state is InstanceState.FAILED]
    former += [(i, "rejected") for i in entry.rejected]
    for instance, verdict in former:
        if instance.revision == case.revision:
            why = f": {instance.error}" if instance.error else ""
            reason = (
                f"attempt {instance.attempt} of this revision {'failed' if verdict == 'failed' else 'was rejected'}"
                f"{why}; change the manifest, or buy another attempt with --replace {case.desired.name}"
            )
            return _action(case, Kind.BLOCKED, reason, instance, blocked_by=verdict)
    return None


def _obtain(
    case: Case,
    kind: Kind,
    reason: str,
    *,
    entry: Entry | None = None,
    former: Instance | None = None,
    previous: str | None = None,
    changes: tuple[Change, ...] = (),
) -> Action:
    """Get the wanted revision: by taking a live one of ours that nothing records, else by buying it."""
    attempt, resource, found = _free_id(case, entry, former)
    action = Action(
        name=case.desired.name,
        kind=kind,
        reason=reason,
        resource=resource,
        previous=previous,
        revision=case.revision,
        attempt=attempt,
        changes=changes,
        dataset=case.desired.dataset,
        dataset_before=None if case.entry is None else case.entry.current.dataset,
        lifecycle=case.desired.lifecycle,
        gate=case.desired.gate,
    )
    if found is None:
        return replace(action, steps=tuning_steps(case.desired.spec, case.desired.dataset, case.capabilities))
    if found.state is ModelState.FAILED:
        why = f"{short(resource)} of this revision failed; --replace {case.desired.name} buys another attempt"
        return replace(action, kind=Kind.BLOCKED, reason=why, blocked_by="failed")
    why = f"{short(resource)} of this very revision exists already; nothing is bought"
    return replace(action, kind=Kind.REUSE, reason=why)


def _free_id(case: Case, entry: Entry | None, former: Instance | None) -> tuple[int, str, Observation | None]:
    """Return the first attempt whose id is free, or holds a live model of the wanted revision that nobody records."""
    used = [] if entry is None else [i.attempt for i in entry.instances() if i.revision == case.revision]
    first = former.attempt if former is not None else max(used, default=0) + 1
    for attempt in range(first, MAX_ATTEMPT + 1):
        resource = case.identify(attempt)
        if resource in case.owner and (former is None or former.resource != resource):
            continue
        observation = case.observed.get(resource)
        if observation is None or (case.fits(observation) and not case.forced):
            return attempt, resource, observation
    raise ValueError(f"{case.desired.name}: all {MAX_ATTEMPT} attempts of this revision are used up")


def _update(case: Case, entry: Entry, instance: Instance, observation: Observation) -> Iterator[Action]:
    """Patch the fields that differ and can be patched, and note what only the lockfile keeps."""
    lifecycle = case.desired.lifecycle
    remote = field_changes(observation.spec, case.desired.spec, capabilities=case.capabilities, ignore=lifecycle.ignore)
    changes = [change for change in remote if change.effect == Effect.UPDATE]
    for path, before, after in (
        ("spec.lifecycle.deletion", entry.deletion, lifecycle.deletion),
        ("spec.lifecycle.protect", entry.protect, lifecycle.protect),
    ):
        if before != after:
            changes.append(Change(path, before, after, Effect.LOCAL.value))
    if changes:
        paths = ", ".join(change.path.removeprefix("spec.") for change in changes)
        yield _action(case, Kind.UPDATE, f"differs in {paths}", instance, changes=tuple(changes))


def _clean_up(case: Case, entry: Entry, superseded: Instance | None) -> Iterator[Action]:
    """Delete what was replaced, and what is in the making but no longer wanted."""
    if superseded is not None:
        reason = "is no longer wanted while still in the making"
        yield disposal(case.desired.name, superseded, case.observation(superseded), reason, cleanup=True)
    for instance in entry.deposed:
        observation = case.observation(instance)
        if observation is not None:
            yield disposal(case.desired.name, instance, observation, "was replaced", cleanup=True)


def disposal(
    name: str, instance: Instance, observation: Observation | None, reason: str, *, cleanup: bool = False
) -> Action:
    """Return the action that gets rid of an instance: its deletion, or mere forgetting if the model is not ours.

    A pending instance is a mere intent; what stands under its id may be somebody else's.
    """
    foreign = (
        instance.state is InstanceState.PENDING
        and observation is not None
        and not compatible(Desired(name=name, spec=instance.spec), observation)
    )
    return Action(
        name=name,
        kind=Kind.FORGET if foreign else Kind.DELETE,
        reason=f"{reason}; {short(instance.resource)} is another model and stays" if foreign else reason,
        resource=instance.resource,
        revision=instance.revision,
        attempt=instance.attempt,
        dataset_before=instance.dataset,
        cleanup=cleanup,
    )


def _serving(case: Case, entry: Entry, making: Instance | None) -> str | None:
    """Return the model that serves and is to be replaced, if there is one."""
    current = entry.current
    if current is making or current.state is not InstanceState.READY or case.observation(current) is None:
        return None
    return current.resource


def _replacing_changes(case: Case, entry: Entry) -> tuple[Change, ...]:
    """Return the fields that cannot change in place and differ from the current instance's."""
    current = entry.current
    before = _as_applied(current, case.observation(current))
    changes = field_changes(
        before, case.desired.spec, capabilities=case.capabilities, ignore=case.desired.lifecycle.ignore
    )
    found = [change for change in changes if change.effect == Effect.REPLACE]
    old, new = current.dataset, case.desired.dataset
    if old is not None and new is not None and old.digest != new.digest:
        found.append(Change("spec.dataset", old.digest, new.digest, Effect.REPLACE.value))
    return tuple(sorted(found, key=lambda change: change.path))


def _as_applied(instance: Instance, observation: Observation | None) -> Spec:
    """Return the live spec, with base and source as the manifest named them when it was applied."""
    live: dict[str, Json] = {} if observation is None else dict(observation.spec)
    for key in ("baseModel", "source"):
        live.pop(key, None)
    recorded = {key: value for key, value in instance.spec.items() if key in ("baseModel", "source")}
    return {**instance.spec, **live, **recorded}


def _action(
    case: Case,
    kind: Kind,
    reason: str,
    instance: Instance,
    *,
    previous: str | None = None,
    changes: tuple[Change, ...] = (),
    blocked_by: str | None = None,
) -> Action:
    return Action(
        name=case.desired.name,
        kind=kind,
        reason=reason,
        resource=instance.resource,
        previous=previous,
        revision=instance.revision,
        attempt=instance.attempt,
        changes=changes,
        dataset=case.desired.dataset,
        dataset_before=None if case.entry is None else case.entry.current.dataset,
        lifecycle=case.desired.lifecycle,
        gate=case.desired.gate,
        blocked_by=blocked_by,
    )
