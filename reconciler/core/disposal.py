"""Getting rid of instances: which are deleted, and which are merely forgotten because they are not ours."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.address import short
from reconciler.core.case import Case
from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.observation import Observation, Observed
from reconciler.core.plan import Action, Kind
from reconciler.core.resource import Desired
from reconciler.core.revision import compatible


def clean_up(case: Case, entry: Entry, superseded: Instance | None, *, reused: frozenset[str]) -> Iterator[Action]:
    """Delete what was replaced, and what is in the making but no longer wanted.

    What was replaced is in the plan whether it still exists or not: deleting what is gone ends its record, and the plan
    reads the same before and after a run that was killed in between.
    """
    if superseded is not None:
        reason = "is no longer wanted while still in the making"
        yield disposal(case.desired.name, superseded, case.observation(superseded), reason, cleanup=True)
    for instance in entry.deposed:
        if instance.resource not in reused:
            yield disposal(case.desired.name, instance, case.observation(instance), "was replaced", cleanup=True)


def removal(name: str, entry: Entry, observed: Observed, *, destroy: bool) -> list[Action]:
    """Remove a name: delete what its entry records, or forget it if all that is gone or is to be retained.

    The current instance comes last, since with it goes the entry; what is gone already is in the plan too, so that its
    record ends in the same run.
    """
    reason = "is to be destroyed" if destroy else "has no manifest any more"
    current = entry.current
    if entry.deletion == "retain" and not destroy:
        why = f"{reason}; lifecycle.deletion: retain keeps the remote model"
        return [Action(name, Kind.FORGET, why, resource=current.resource, revision=current.revision)]
    if all(observed.get(instance.resource) is None for instance in entry.instances()):
        why = f"{reason}; its remote model is gone already"
        return [Action(name, Kind.FORGET, why, resource=current.resource, revision=current.revision)]
    others = [instance for instance in entry.instances() if instance is not current]
    return [
        *(
            disposal(name, i, observed.get(i.resource), f"{reason} (not the one that serves)", cleanup=True)
            for i in others
        ),
        disposal(name, current, observed.get(current.resource), reason),
    ]


def disposal(
    name: str, instance: Instance, observation: Observation | None, reason: str, *, cleanup: bool = False
) -> Action:
    """Return the action that gets rid of an instance: its deletion, or mere forgetting if the model is not ours.

    A pending instance is a mere intent; what stands under its id may be somebody else's.
    """
    made = Desired(name=name, spec=instance.spec)
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
    return Action(
        name=name,
        kind=Kind.FORGET,
        reason=f"{reason}; {short(instance.resource)} is another model and stays",
        resource=instance.resource,
        revision=instance.revision,
        attempt=instance.attempt,
        dataset_before=instance.dataset,
        cleanup=cleanup,
    )
