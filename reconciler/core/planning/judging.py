"""What a verdict does to an entry of the lockfile: a model that is ready waits for it, serves by it, or never does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.canonical import Json
from reconciler.core.gate import Gate, records_checks
from reconciler.core.lockfile import UNFINISHED, Entry, Instance, InstanceState, amend
from reconciler.core.permission import declared
from reconciler.core.succession import promote, remove, take_back
from reconciler.core.verdict import Verdict


def find(entry: Entry, resource: str) -> Instance | None:
    """Return what an entry records of a resource."""
    return next((instance for instance in entry.instances() if instance.resource == resource), None)


def awaits_gate(instance: Instance) -> bool:
    """Tell whether an instance has to pass a gate, by what is recorded of it, and did not yet."""
    return records_checks(instance.gate) and (instance.verdict is None or not instance.verdict.passed)


def awaits_sharing(instance: Instance) -> bool:
    """Tell whether an instance that does not serve yet was begun with permissions, which it is given before it does."""
    return bool(declared(instance.spec))


def arrive(entry: Entry, resource: str, *, gated: bool, create_time: str | None = None) -> Entry:
    """Record that a model is ready; ``gated`` says that it has yet to pass its gate, or to be shared, before it serves.

    A candidate is ready, and a candidate still. The first model of a name would serve if it were called ready: with a
    gate ahead it stays as it is, only without an operation, since none runs any more.
    """
    instance = find(entry, resource)
    if instance is None:
        return entry
    if instance.state not in UNFINISHED and instance.state is not InstanceState.READY:
        return entry  # a rejected model that is judged again stays rejected until it passes
    waits = gated and (entry.candidate is None or entry.candidate.resource != resource)
    state = InstanceState.TUNING if waits else InstanceState.READY
    changed = replace(instance, state=state, operation=None, create_time=create_time or instance.create_time)
    return amend(entry, changed)


def judged(entry: Entry, resource: str, gate: Gate | None, verdict: Verdict | None) -> Entry:
    """Record what a model was held to and what came of it."""
    instance = find(entry, resource)
    if instance is None:
        return entry
    canonical: Mapping[str, Json] | None = None if gate is None else gate.canonical
    return amend(entry, replace(instance, gate=canonical, verdict=verdict or instance.verdict))


def accept(entry: Entry, resource: str, *, retain: int, gone: bool = False) -> Entry:
    """Let a model that has passed serve: a candidate, a first create, or a former one that is taken back.

    ``gone`` says that the current instance is not there any more, see ``lockfile.take_back``.

    Raises:
        ValueError: the entry does not record it, or only as one that failed.
    """
    in_use = {entry.current.resource} | ({entry.candidate.resource} if entry.candidate else set())
    if resource in in_use:
        return promote(entry, resource, retain=retain)
    return take_back(entry, resource, retain=retain, gone=gone)


def reject(entry: Entry, resource: str, why: str) -> Entry:
    """Record that a model did not pass: it never serves, and is not bought again by itself.

    What serves is not touched. The first model of a name stays its current one, as rejected.
    """
    instance = find(entry, resource)
    if instance is None:
        return entry
    refused = replace(instance, state=InstanceState.REJECTED, operation=None, error=why)
    if entry.current.resource == resource:
        return replace(entry, current=refused)
    others = remove(entry, resource)
    return entry if others is None else replace(others, rejected=(*others.rejected, refused))


def let_go(entry: Entry, resource: str) -> Entry | None:
    """Record that a model that does not serve was deleted.

    The record of a rejected one stays if its gate says ``onFail: delete``: it is what keeps its revision from being
    bought again.
    """
    instance = find(entry, resource)
    return entry if instance is not None and instance.disposed else remove(entry, resource)
