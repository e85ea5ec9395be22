"""What a plan changes in the lockfile before anything is paid for. Pure: the caller writes it, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.core.canonical import digest
from reconciler.core.estimate import forecast_json
from reconciler.core.lockfile import Approval, Entry, Instance, InstanceState, Lockfile, amend
from reconciler.core.observation import Observed
from reconciler.core.plan import Action, Kind, Plan, action_digest_value
from reconciler.core.planning.comparison import PIN
from reconciler.core.planning.disposal import forgotten_last
from reconciler.core.planning.judging import accept, find, judged
from reconciler.core.resource import Desired
from reconciler.core.succession import intend, remove, unpin
from reconciler.core.verdict import proven
from reconciler.engine.applying.carry import merged_spec


def record_intents(lockfile: Lockfile, plan: Plan, desired: Mapping[str, Desired], observed: Observed) -> Lockfile:
    """Return the lockfile as it must stand before the first paid call of a plan.

    Every create and replace is there as a pending instance; renames and forgotten names are carried out; a revision
    that exists already is taken back or watched; former models that are gone are dropped; and the plan's digest stands
    beside it, so that the approval of this plan finishes it if this run does not.
    """
    moved = {action.previous_name or "": action.name for action in plan.actions if action.kind is Kind.MOVE}
    entries = dict(lockfile.rename_all(moved).models)  # ours until it is handed over: no copy for each action
    last = forgotten_last(plan.actions)
    for action in plan.actions:
        if action.kind is not Kind.FORGET or action.cleanup or action.name not in last:
            _record(entries, action, desired.get(action.name))
    _prune(entries, plan, observed)
    if entries != lockfile.models:
        lockfile = replace(lockfile, models=entries)
    approved = {digest(action_digest_value(a)): a.name for a in plan.actions if a.kind not in _NOT_APPROVED}
    if approved:
        lockfile = replace(lockfile, approval=lockfile_approval(lockfile, plan, approved))
    return lockfile


_NOT_APPROVED = frozenset({Kind.WAIT, Kind.BLOCKED})


def lockfile_approval(lockfile: Lockfile, plan: Plan, approved: Mapping[str, str]) -> Approval:
    """Return the approval to record: an unfinished one that covers this plan stays, so that it can be named again."""
    former = lockfile.approval
    if former is not None and approved.keys() <= former.actions.keys():
        return former
    return Approval(digest=plan.digest, actions=approved)


def _record(entries: dict[str, Entry], action: Action, manifest: Desired | None) -> None:
    """Take the step of one action; its renaming was done before all others."""
    entry = entries.get(action.name)
    changed = entry
    if action.kind is Kind.FORGET and entry is not None:
        changed = remove(entry, action.resource or "") if action.cleanup else None
    elif manifest is None:
        return
    elif action.kind in {Kind.CREATE, Kind.REPLACE}:
        changed = _intend(entry, action, manifest, InstanceState.PENDING)
    elif action.kind is Kind.WAIT and entry is not None:
        changed = _seen(entry)
    elif action.kind is Kind.REUSE:
        changed = _reuse(entry, action, manifest)
    elif action.kind is Kind.UPDATE and entry is not None:
        changed = entry if action.heals else _local(entry, action, manifest)
        if any(change.path == PIN for change in action.changes):
            changed = unpin(changed)
    _put(entries, action.name, changed)


def _local(entry: Entry, action: Action, manifest: Desired) -> Entry:
    """Record what only the lockfile keeps of a manifest."""
    entry = judged(entry, action.resource or "", manifest.gate, None)
    return replace(entry, protect=manifest.lifecycle.protect, deletion=manifest.lifecycle.deletion)


def _put(entries: dict[str, Entry], name: str, entry: Entry | None) -> None:
    if entry is None:
        entries.pop(name, None)
    else:
        entries[name] = entry


def _seen(entry: Entry) -> Entry:
    """An intent whose model is there was carried out, though nobody heard the answer."""
    pending = entry.in_making
    if pending is None or pending.state is not InstanceState.PENDING:
        return entry
    return amend(entry, replace(pending, state=InstanceState.TUNING))


def _reuse(entry: Entry | None, action: Action, manifest: Desired) -> Entry:
    """A model we kept serves again at once, unless a gate is ahead; one that was found by its id is watched first."""
    resource = action.resource or ""
    kept = None if entry is None else find(entry, resource)
    if entry is None or kept is None or kept in entry.deposed:
        return _intend(entry, action, manifest, InstanceState.TUNING, former=kept)
    if not proven(manifest.gate, kept.verdict):
        return entry
    gone = action.previous is None  # nothing is there whose place it takes
    retain = manifest.lifecycle.retain
    return accept(judged(entry, resource, manifest.gate, None), resource, retain=retain, gone=gone)


def _intend(
    entry: Entry | None, action: Action, manifest: Desired, state: InstanceState, *, former: Instance | None = None
) -> Entry:
    """Record what is about to be made, or taken up: a former model stays recorded as what it was made of."""
    foreseen = None if action.forecast is None else action.forecast.kept
    instance = Instance(
        resource=action.resource or "",
        revision=action.revision or "",
        attempt=action.attempt,
        state=state,
        spec=manifest.spec if former is None else merged_spec(former.spec, manifest),
        dataset=manifest.dataset if former is None else former.dataset or manifest.dataset,
        gate=None if manifest.gate is None else manifest.gate.canonical,
        forecast=None if foreseen is None else forecast_json(action.steps, foreseen),
    )
    lifecycle = manifest.lifecycle
    return intend(entry, instance, protect=lifecycle.protect, deletion=lifecycle.deletion)


def _prune(entries: dict[str, Entry], plan: Plan, observed: Observed) -> None:
    """Drop former models that the remote does not have any more, for the names of this plan."""
    for name in {action.name for action in plan.actions} & entries.keys():
        pruned: Entry | None = entries[name]
        for instance in _former(entries[name]):
            if instance.resource in observed.missing and pruned is not None:
                pruned = remove(pruned, instance.resource)
        if pruned is not None:
            entries[name] = pruned


def _former(entry: Entry) -> Iterable[Instance]:
    in_use = {entry.current.resource} | ({entry.candidate.resource} if entry.candidate else set())
    return [i for i in (*entry.deposed, *entry.retained) if i.resource not in in_use]
