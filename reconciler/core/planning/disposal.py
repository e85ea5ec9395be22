"""Getting rid of instances: which are deleted, and which are merely forgotten.

Forgotten is what is not ours, and with ``lifecycle.deletion: retain`` what once served, so that none of it is deleted.
What never served (a failed attempt, a training that nobody wants any more) is deleted all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.observation import Observation, Observed
from reconciler.core.plan import TRAINS, Action, Kind
from reconciler.core.planning.case import Case
from reconciler.core.resource import Desired
from reconciler.core.revision import compatible
from reconciler.core.succession import intend, promote

RETAIN = "retain"
"""What ``lifecycle.deletion`` says of models that are to stay when tunectl is done with them."""

_SERVES_NEXT = frozenset({*TRAINS, Kind.REUSE, Kind.WAIT})

REJECTED = "was rejected by its gate, which says not to keep such a model (onFail: delete)"


def clean_up(case: Case, entry: Entry, superseded: Instance | None, *, reused: frozenset[str]) -> Iterator[Action]:
    """Get rid of what was replaced, of more than is to be retained, and of what is in the making but not wanted.

    What was replaced is in the plan whether it still exists or not: deleting what is gone ends its record, and the plan
    reads the same before and after a run that was killed in between.
    """
    if superseded is not None:
        reason = "is no longer wanted while still in the making"
        yield disposal(case.desired.name, superseded, case.observation(superseded), reason, cleanup=True)
    name, lifecycle = case.desired.name, case.desired.lifecycle
    former = [(instance, "was replaced") for instance in entry.deposed]
    former += [
        (instance, beyond(lifecycle.retain))
        for instance in surplus(entry, lifecycle.retain, case.observed)
        if instance.revision != entry.current.revision  # after lock rebuild it is a guess which attempt served
    ]
    for instance, reason in former:
        if instance.resource not in reused:
            keep = lifecycle.deletion == RETAIN
            yield disposal(name, instance, case.observation(instance), reason, cleanup=True, keep=keep)
    for instance in (entry.current, *entry.rejected):
        observation = case.observation(instance)
        if instance.disposed and observation is not None and instance.resource not in reused:
            yield disposal(name, instance, observation, REJECTED, cleanup=True)


def outgoing(case: Case, entry: Entry, action: Action, *, named: frozenset[str]) -> tuple[str, ...]:
    """Return the former models that go once an action's model serves, but for the one it takes the place of.

    They are in no action of their own: as long as the new model does not serve, they are kept.

    Args:
        case: what decides about the name.
        entry: what is recorded of it.
        action: one of its actions.
        named: what other actions of the plan get rid of.
    """
    if action.kind not in _SERVES_NEXT or action.resource is None:
        return ()
    lifecycle = case.desired.lifecycle
    coming = Instance(action.resource, action.revision or "")
    begun = intend(entry, coming, protect=lifecycle.protect, deletion=lifecycle.deletion)
    known = named.union({action.previous or ""}, (instance.resource for instance in entry.deposed))
    left = promote(begun, action.resource, retain=lifecycle.retain).deposed
    return tuple(i.resource for i in left if i.resource not in known and case.observation(i) is not None)


def surplus(entry: Entry, retain: int, observed: Observed) -> tuple[Instance, ...]:
    """Return the retained models that are more than ``retain``, the newest of those that still exist not among them.

    While a rollback is pinned, the model it went back from is kept at any rate: it is the way back.
    """
    there = [instance for instance in entry.retained if observed.get(instance.resource) is not None]
    return tuple(there[retain if entry.pin is None else max(retain, 1) :])


def beyond(retain: int) -> str:
    """Return the reason why a retained model is not kept any longer."""
    return f"is kept no longer (lifecycle.retain: {retain})"


def removal(name: str, entry: Entry, observed: Observed, *, destroy: bool) -> list[Action]:
    """Remove a name: delete what its entry records; forget what once served if that is to be kept, and what is gone.

    The current instance comes last, since with it goes the entry; what is gone already is in the plan too, so that its
    record ends in the same run.
    """
    reason = "is to be destroyed" if destroy else "has no manifest any more"
    current, keep = entry.current, entry.deletion == RETAIN and not destroy
    if all(observed.get(instance.resource) is None for instance in entry.instances()):
        why = f"{reason}; its remote model is gone already"
        return [Action(name, Kind.FORGET, why, resource=current.resource, revision=current.revision)]
    others = [instance for instance in entry.instances() if instance is not current]
    return [
        *(
            disposal(name, i, observed.get(i.resource), f"{reason} (not the one that serves)", cleanup=True, keep=keep)
            for i in others
        ),
        disposal(name, current, observed.get(current.resource), reason, keep=keep),
    ]


def forgotten_last(actions: Iterable[Action]) -> frozenset[str]:
    """Return the names that are forgotten only when models of theirs that never served are deleted.

    Forgotten before, a run that is killed in between would leave models that nothing records.
    """
    planned = tuple(actions)
    deleting = {action.name for action in planned if action.kind is Kind.DELETE}
    return frozenset(a.name for a in planned if a.kind is Kind.FORGET and not a.cleanup and a.name in deleting)


def disposal(
    name: str,
    instance: Instance,
    observation: Observation | None,
    reason: str,
    *,
    cleanup: bool = False,
    keep: bool = False,
) -> Action:
    """Return the action that gets rid of an instance: its deletion, or mere forgetting if the model is not ours.

    A pending instance is a mere intent; what stands under its id may be somebody else's. ``keep`` says that no model
    which once served is to be deleted.
    """
    made = Desired(name=name, spec=instance.spec)
    if keep and instance.state is InstanceState.READY:
        return _record_dropped(name, instance, f"{reason}; lifecycle.deletion: retain keeps the remote model", cleanup)
    if instance.state is InstanceState.PENDING and observation is not None and not compatible(made, observation):
        return letting_go(name, instance, reason, cleanup=cleanup)
    return Action(
        name=name,
        kind=Kind.DELETE,
        reason=reason,
        resource=instance.resource,
        revision=instance.revision,
        attempt=instance.attempt,
        dataset_before=instance.dataset,
        cleanup=cleanup,
    )


def letting_go(name: str, instance: Instance, reason: str, *, cleanup: bool) -> Action:
    """Return the action that drops the record of an intent whose id turned out to be somebody else's model."""
    return _record_dropped(name, instance, f"{reason}; {short(instance.resource)} is another model and stays", cleanup)


def _record_dropped(name: str, instance: Instance, reason: str, cleanup: bool) -> Action:
    return Action(
        name=name,
        kind=Kind.FORGET,
        reason=reason,
        resource=instance.resource,
        revision=instance.revision,
        attempt=instance.attempt,
        dataset_before=instance.dataset,
        cleanup=cleanup,
    )
