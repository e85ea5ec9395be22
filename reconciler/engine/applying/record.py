"""What an answered request changes in an entry of the lockfile. Pure: the caller writes it."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.lockfile import Entry, InstanceState, amend
from reconciler.core.observation import Operation
from reconciler.core.plan import Action
from reconciler.core.resource import Desired
from reconciler.engine.applying import carry


def patched(action: Action, desired: Desired, entry: Entry) -> Entry:
    """Record the spec as it stands after a patch."""
    instance = next((i for i in entry.instances() if i.resource == action.resource), None)
    if instance is None:
        return entry
    merged = carry.mended_spec(instance.spec, action) if action.heals else carry.merged_spec(instance.spec, desired)
    return amend(entry, replace(instance, spec=merged))


def accepted(operation: Operation, entry: Entry) -> Entry:
    """Record that the service has taken the job."""
    instance = next(i for i in entry.instances() if i.resource == operation.resource)
    total = None if operation.progress is None else operation.progress.total_steps
    return amend(
        entry,
        replace(
            instance,
            state=InstanceState.TUNING,
            operation=operation.name,
            total_steps=total,
            create_time=operation.create_time or instance.create_time,
        ),
    )
