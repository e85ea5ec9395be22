"""How models follow one another under a name: every step that an entry of the lockfile may take.

Each function returns a new value; nothing is half changed. What an entry's lists mean is told in ``core.lockfile``.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.lockfile import Entry, Instance, InstanceState


def intend(entry: Entry | None, instance: Instance, *, protect: bool, deletion: str) -> Entry:
    """Record that an instance is about to be created, or taken up under an id of ours.

    The first one of a name is its current instance at once; the next one is the candidate. A current instance that
    never became ready does not serve, so the new one takes its place; so does one under the very id of a current
    instance that is gone. What is superseded while still in the making is deposed, an attempt that failed or was
    rejected is remembered as such. Whatever list held the instance before holds it no longer. The pin of a rollback
    ends, unless the instance is of the very revision that is pinned.
    """
    if entry is None:
        return Entry(current=instance, protect=protect, deletion=deletion)
    entry = _pinned_no_more(replace(_without(entry, instance.resource), protect=protect, deletion=deletion), instance)
    former = entry.candidate
    if entry.serves and entry.current.resource != instance.resource:
        entry = replace(entry, candidate=instance)
    else:
        entry = replace(_set_aside(entry, entry.current, instance), current=instance, candidate=None)
    return _set_aside(entry, former, instance)


def _set_aside(entry: Entry, former: Instance | None, instance: Instance) -> Entry:
    if former is None or former.resource == instance.resource:
        return entry
    if former.state is InstanceState.FAILED:
        return replace(entry, failed=(*entry.failed, former))
    if former.state is InstanceState.REJECTED:
        return replace(entry, rejected=(*entry.rejected, former))
    return replace(entry, deposed=(*entry.deposed, former))


def _without(entry: Entry, resource: str) -> Entry:
    """Take a resource off the lists of former instances."""

    def others(instances: tuple[Instance, ...]) -> tuple[Instance, ...]:
        return tuple(instance for instance in instances if instance.resource != resource)

    return replace(
        entry,
        retained=others(entry.retained),
        rejected=others(entry.rejected),
        failed=others(entry.failed),
        deposed=others(entry.deposed),
    )


def promote(entry: Entry, resource: str, *, retain: int) -> Entry:
    """Make an instance that is ready the one that serves.

    The former one is retained or deposed; of the retained ones the newest ``retain`` stay and the rest is deposed, as
    are failed attempts, which nothing can use. Until this value is saved, nothing may be deleted.

    Raises:
        ValueError: if the resource is neither the candidate nor the current instance.
    """
    if entry.candidate is not None and entry.candidate.resource == resource:
        entry = _succeed(replace(entry, candidate=None), entry.candidate, retain=retain)
    elif entry.current.resource == resource:
        entry = replace(entry, current=_serving(entry.current))
    else:
        raise ValueError(f"{resource} is neither the candidate nor the current instance and cannot be promoted")
    return replace(entry, failed=(), deposed=(*entry.deposed, *entry.failed))


def fail(entry: Entry, resource: str, error: str) -> Entry:
    """Record that an instance failed. A serving model is not touched by its candidate's failure."""
    if entry.candidate is not None and entry.candidate.resource == resource:
        failed = replace(entry.candidate, state=InstanceState.FAILED, operation=None, error=error)
        return replace(entry, candidate=None, failed=(*entry.failed, failed))
    if entry.current.resource == resource:
        return replace(entry, current=replace(entry.current, state=InstanceState.FAILED, operation=None, error=error))
    return entry


def remove(entry: Entry, resource: str) -> Entry | None:
    """Record that an instance is gone; None when the entry has nothing left.

    If it was the current one while others are still recorded, the next of them takes its place: the candidate, else one
    that served, else one that was tuning, failed or was rejected. An entry is given up with its last instance only, so
    that no model is ever forgotten while it exists.
    """
    if entry.candidate is not None and entry.candidate.resource == resource:
        return replace(entry, candidate=None)
    if entry.current.resource != resource:
        return _without(entry, resource)
    if entry.candidate is not None:
        return replace(entry, current=entry.candidate, candidate=None)
    memories = frozenset(instance.resource for instance in entry.rejected if instance.disposed)
    others = (*entry.retained, *entry.deposed, *entry.failed, *entry.rejected)
    heir = next((instance for instance in others if instance.resource not in memories), None)
    return None if heir is None else replace(_without(entry, heir.resource), current=heir)


def take_back(entry: Entry, resource: str, *, retain: int, gone: bool = False) -> Entry:
    """Make a former instance (retained, rejected or deposed) the one that serves, without training.

    A candidate stays what it is. ``gone`` says that the current instance is not there any more: its record ends, so
    that it takes up no place among the retained ones.

    Raises:
        ValueError: if the resource is none of them.
    """
    for instance in (*entry.retained, *entry.rejected, *entry.deposed):
        if instance.resource == resource:
            return _succeed(_without(entry, resource), instance, retain=retain, gone=gone)
    raise ValueError(f"{resource} is no former instance of this entry and cannot be taken back")


def unpin(entry: Entry) -> Entry:
    """End the pin of a rollback, if there is one."""
    return entry if entry.pin is None else replace(entry, pin=None, pin_over=None)


def _pinned_no_more(entry: Entry, instance: Instance) -> Entry:
    """A pin ends as soon as an instance of another revision is to serve."""
    return entry if entry.pin == instance.revision else unpin(entry)


def _succeed(entry: Entry, instance: Instance, *, retain: int, gone: bool = False) -> Entry:
    """Put an instance in the current one's place; only a model that served, and is there, is worth being retained."""
    former = entry.current
    served = former.state is InstanceState.READY
    kept = (former, *entry.retained) if served and not gone else entry.retained
    entry = replace(entry, current=_serving(instance), retained=kept[:retain], deposed=(*entry.deposed, *kept[retain:]))
    entry = _pinned_no_more(entry, instance)
    return entry if served else _set_aside(entry, former, instance)


def _serving(instance: Instance) -> Instance:
    return replace(instance, state=InstanceState.READY, operation=None, error=None)
