"""What happened between two states of the lockfile, as the events that a record of lineage tells.

Whoever writes the lockfile need not say what was done: it follows from what the lockfile said before and says now. So
nothing that changes a model can be forgotten in the record, and nothing is recorded that the lockfile does not say.
Intents that came to nothing are no events: nothing was there, and nothing was paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.core.canonical import digest
from reconciler.core.lineage import Event, History
from reconciler.core.lockfile import UNFINISHED, Entry, Instance, InstanceState, Lockfile
from reconciler.core.planning.disposal import RETAIN
from reconciler.core.provenance import Provenance

FINISHED = frozenset({Event.PROMOTED, Event.FAILED, Event.REJECTED, Event.ADOPTED})
"""The events whose model has a loss curve that no record has told of yet."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to a name; ``instance`` is the model it happened to, as it stands now or stood last.

    ``left`` says that the name's models are not recorded any more, whoever may have taken the name since.
    """

    name: str
    event: Event
    instance: Instance
    replaced: str | None = None
    former_name: str | None = None
    left: bool = False


def happened(
    before: Lockfile, after: Lockfile, *, deleted: Collection[str] = (), rebuilt: bool = False
) -> Iterator[Happening]:
    """Yield what happened from one state to the next, by name, and of one name in its order.

    Args:
        before: the lockfile as it was written last.
        after: as it is to be written now.
        deleted: resources that we asked the service to delete; others that are no longer recorded were found gone, or
            were let go of.
        rebuilt: whether what appears was found after the lockfile was lost, and not adopted.
    """
    changed = _changed(before, after)
    if not changed and len(before.models) == len(after.models):
        return
    origins = _origins(before, after, changed)
    left = _left(before, after, changed, origins)
    for name in sorted(changed | left):
        if name in left:
            yield from _ended(name, before.models[name], deleted)
        entry, origin = after.models.get(name), origins.get(name)
        if entry is None:
            continue
        if origin is None:
            yield from _begun(name, entry, Event.REBUILT if rebuilt else Event.ADOPTED)
        else:
            if origin != name:
                yield Happening(name, Event.RENAMED, entry.current, former_name=origin)
            yield from _gone_on(name, before.models[origin], entry, deleted)


def _changed(before: Lockfile, after: Lockfile) -> set[str]:
    """Return the names whose entries are other ones; what is not touched is the same object."""
    return {name for name, entry in after.models.items() if before.models.get(name) is not entry}


def _origins(before: Lockfile, after: Lockfile, changed: Collection[str]) -> dict[str, str]:
    """Map changed names to those their models were recorded under before; names that begin anew are left out."""
    owners = before.resources()
    found = {}
    for name in changed:
        known = (owners[i.resource] for i in after.models[name].instances() if i.resource in owners)
        owner = next(known, None)
        if owner is not None:
            found[name] = owner
    moved = {origin for name, origin in found.items() if origin != name}
    return found | {name: name for name in changed if name not in found and name in before.models.keys() - moved}


def _left(before: Lockfile, after: Lockfile, changed: Collection[str], origins: Mapping[str, str]) -> set[str]:
    """Return the names whose models went on under no name, though another's may have taken it in the same step."""
    return before.models.keys() - (after.models.keys() - changed) - set(origins.values())


def _begun(name: str, entry: Entry, event: Event) -> Iterator[Happening]:
    """A name that was not there: what is ready or failed at once was not made by the run that records it."""
    if entry.current.state in {InstanceState.READY, InstanceState.FAILED}:
        yield Happening(name, event, entry.current)


def _ended(name: str, entry: Entry, deleted: Collection[str]) -> Iterator[Happening]:
    """A name that is not there any more: its models were deleted, or they were let go of."""
    for instance in reversed(tuple(entry.instances())):
        if instance.resource in deleted:
            yield Happening(name, Event.DELETED, instance, left=True)
        elif instance.state is InstanceState.READY or (
            instance.resource == entry.current.resource and instance.state is not InstanceState.PENDING
        ):
            yield Happening(name, Event.FORGOTTEN, instance, left=True)


def _gone_on(name: str, former: Entry, entry: Entry, deleted: Collection[str]) -> Iterator[Happening]:
    was = {instance.resource: instance for instance in former.instances()}
    now = {instance.resource: instance for instance in entry.instances()}
    for resource, instance in was.items():
        if instance.state is InstanceState.READY and resource in now and now[resource].state in UNFINISHED:
            yield Happening(name, Event.GONE, instance)  # and is made once more, under the same id
    for state, event in ((InstanceState.FAILED, Event.FAILED), (InstanceState.REJECTED, Event.REJECTED)):
        for resource, instance in now.items():
            known = was.get(resource)
            if instance.state is state and (
                known is None or known.state is not state or _judged_again(known, instance)
            ):
                yield Happening(name, event, instance)
    yield from _serving(name, former, entry)
    for resource, instance in was.items():
        if resource not in now and instance.state is not InstanceState.PENDING:
            kept = entry.deletion == RETAIN and instance.state is InstanceState.READY
            otherwise = Event.FORGOTTEN if kept else Event.GONE
            yield Happening(name, Event.DELETED if resource in deleted else otherwise, instance)


def _judged_again(was: Instance, now: Instance) -> bool:
    """Tell whether a rejected model was held to another gate and rejected once more: each verdict is told."""
    return now.verdict is not None and now.verdict != was.verdict


def _serving(name: str, former: Entry, entry: Entry) -> Iterator[Happening]:
    """The serving model is another one, or has other settings, or another gate for the next one."""
    old, new = former.current, entry.current
    if new.state is not InstanceState.READY:
        return
    served = old.state is InstanceState.READY
    if old.resource != new.resource or not served:
        again = any(new.resource == i.resource for i in (*former.retained, *former.deposed))
        event = Event.ROLLED_BACK if again else Event.PROMOTED
        yield Happening(name, event, new, replaced=old.resource if served and old.resource != new.resource else None)
    elif old.spec != new.spec or old.gate != new.gate:
        yield Happening(name, Event.UPDATED, new)


def manifest_digest(instance: Instance) -> str:
    """Return the digest of what a manifest asked for, as the lockfile keeps it: spec, dataset digest and gate."""
    dataset = None if instance.dataset is None else instance.dataset.digest
    return digest({"spec": instance.spec, "dataset": dataset, "gate": instance.gate})


def stamped(before: Lockfile, after: Lockfile, origin: Callable[[], Provenance]) -> Lockfile:
    """Return a lockfile whose new models say where they come from; ``origin`` is asked only if there are any."""
    known = before.resources()
    renewed = {}
    for name, entry in after.models.items():
        if before.models.get(name) is not entry and any(_unstamped(i, known) for i in entry.instances()):
            renewed[name] = _stamp(entry, known, origin())
    return replace(after, models={**after.models, **renewed}) if renewed else after


def _unstamped(instance: Instance, known: Mapping[str, str]) -> bool:
    return instance.provenance is None and instance.resource not in known


def _stamp(entry: Entry, known: Mapping[str, str], provenance: Provenance) -> Entry:
    def stamp(instance: Instance) -> Instance:
        return replace(instance, provenance=provenance) if _unstamped(instance, known) else instance

    candidate = entry.candidate
    return replace(
        entry,
        current=stamp(entry.current),
        candidate=None if candidate is None else stamp(candidate),
    )


def carried(before: Lockfile, after: Lockfile) -> Lockfile:
    """Return a lockfile in which every chain has its end still, also of names that are renamed, new again or gone.

    A renamed model brings its own chain along, and one that departed under the new name stays departed. A name that
    begins again goes on with the chain that departed under it last.
    """
    departed = dict(before.departed)
    ends = {name: entry.history for name, entry in before.models.items() if entry.history is not None}
    if not ends and not departed:
        return after
    changed = _changed(before, after)
    origins = _origins(before, after, changed)
    entries: dict[str, Entry] = {}
    for name in changed:
        entry = after.models[name]
        end = ends.get(origins.get(name, "")) or entry.history or _called_back(departed, name)
        if end != entry.history:
            entries[name] = replace(entry, history=end)
    for name in _left(before, after, changed, origins) & ends.keys():
        departed[name] = (*departed.get(name, ()), ends[name])
    models = {**after.models, **entries} if entries else after.models
    return replace(after, models=models, departed=departed)


def _called_back(departed: dict[str, tuple[History, ...]], name: str) -> History | None:
    """Take the chain that departed last under a name out of those that are gone."""
    *others, end = departed.pop(name, (None,))
    if others:
        departed[name] = tuple(other for other in others if other is not None)
    return end
