"""What a plan changes in the lockfile before anything is paid for. Pure: the caller writes it, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.core.canonical import digest
from reconciler.core.lockfile import (
    Approval,
    Entry,
    Instance,
    InstanceState,
    Lockfile,
    amend,
    intend,
    remove,
    take_back,
)
from reconciler.core.observation import Observed
from reconciler.core.plan import Action, Kind, Plan, action_digest_value
from reconciler.core.resource import Desired


def record_intents(lockfile: Lockfile, plan: Plan, desired: Mapping[str, Desired], observed: Observed) -> Lockfile:
    """Return the lockfile as it must stand before the first paid call of a plan.

    Every create and replace is there as a pending instance; renames and forgotten names are carried out; a revision
    that exists already is taken back or watched; former models that are gone are dropped; and the plan's digest stands
    beside it, so that the approval of this plan finishes it if this run does not.
    """
    for action in plan.actions:
        lockfile = _record(lockfile, action, desired.get(action.name))
    approved = {digest(action_digest_value(a)): a.name for a in plan.actions if a.kind not in _NOT_APPROVED}
    if approved:
        lockfile = replace(lockfile, approval=lockfile_approval(lockfile, plan, approved))
    return _prune(lockfile, plan, observed)


_NOT_APPROVED = frozenset({Kind.WAIT, Kind.BLOCKED})


def lockfile_approval(lockfile: Lockfile, plan: Plan, approved: Mapping[str, str]) -> Approval:
    """Return the approval to record: an unfinished one that covers this plan stays, so that it can be named again."""
    former = lockfile.approval
    if former is not None and approved.keys() <= former.actions.keys():
        return former
    return Approval(digest=plan.digest, actions=approved)


def _record(lockfile: Lockfile, action: Action, manifest: Desired | None) -> Lockfile:
    if action.kind is Kind.MOVE and action.previous_name is not None:
        return lockfile.rename(action.previous_name, action.name)
    entry = lockfile.models.get(action.name)
    changed = entry
    if action.kind is Kind.FORGET and entry is not None:
        changed = remove(entry, action.resource or "") if action.cleanup else None
    elif manifest is None:
        return lockfile
    elif action.kind in {Kind.CREATE, Kind.REPLACE}:
        changed = _intend(entry, action, manifest, InstanceState.PENDING)
    elif action.kind is Kind.WAIT and entry is not None:
        changed = _seen(entry)
    elif action.kind is Kind.REUSE:
        changed = _reuse(entry, action, manifest)
    elif action.kind is Kind.UPDATE and entry is not None:
        changed = replace(entry, protect=manifest.lifecycle.protect, deletion=manifest.lifecycle.deletion)
    if changed is None:
        return lockfile.drop(action.name)
    return lockfile if changed is entry else lockfile.put(action.name, changed)


def _seen(entry: Entry) -> Entry:
    """An intent whose model is there was carried out, though nobody heard the answer."""
    pending = entry.in_making
    if pending is None or pending.state is not InstanceState.PENDING:
        return entry
    return amend(entry, replace(pending, state=InstanceState.TUNING))


def _reuse(entry: Entry | None, action: Action, manifest: Desired) -> Entry:
    """A model we kept serves again at once; one that was found by its id is watched until it is seen to be ready."""
    kept = () if entry is None else (*entry.retained, *entry.rejected)
    if entry is not None and any(instance.resource == action.resource for instance in kept):
        return take_back(entry, action.resource or "", retain=manifest.lifecycle.retain)
    return _intend(entry, action, manifest, InstanceState.TUNING)


def _intend(entry: Entry | None, action: Action, manifest: Desired, state: InstanceState) -> Entry:
    instance = Instance(
        resource=action.resource or "",
        revision=action.revision or "",
        attempt=action.attempt,
        state=state,
        spec=manifest.spec,
        dataset=manifest.dataset,
        gate=manifest.gate,
    )
    lifecycle = manifest.lifecycle
    return intend(entry, instance, protect=lifecycle.protect, deletion=lifecycle.deletion)


def _prune(lockfile: Lockfile, plan: Plan, observed: Observed) -> Lockfile:
    """Drop former models that the remote does not have any more, for the names of this plan."""
    for name in sorted({action.name for action in plan.actions}):
        entry = lockfile.models.get(name)
        if entry is None:
            continue
        pruned: Entry | None = entry
        for instance in _former(entry):
            if instance.resource in observed.missing and pruned is not None:
                pruned = remove(pruned, instance.resource)
        if pruned is not None and pruned is not entry:
            lockfile = lockfile.put(name, pruned)
    return lockfile


def _former(entry: Entry) -> Iterable[Instance]:
    in_use = {entry.current.resource} | ({entry.candidate.resource} if entry.candidate else set())
    return [i for i in (*entry.deposed, *entry.retained) if i.resource not in in_use]
