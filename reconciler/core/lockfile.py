"""What we made: the lockfile as a value, and every step it may take.

A name's entry has one *current* model (the one that serves, or the first one in the making), at most one *candidate*
that is to take its place, and lists of former ones. Each function here returns a new value; nothing is half changed.
Which file or object the value is kept in is the business of ``stores/``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reconciler.core.canonical import Json
from reconciler.core.lineage import History
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Dataset, Remote, Spec
from reconciler.core.verdict import Verdict


class InstanceState(StrEnum):
    """The life of a model of ours, as the lockfile knows it.

    ``pending``: the intent is recorded, the create may or may not have reached the service, and what stands under the
    id may yet prove to be somebody else's.
    """

    PENDING = "pending"
    TUNING = "tuning"
    READY = "ready"
    FAILED = "failed"
    REJECTED = "rejected"


UNFINISHED = frozenset({InstanceState.PENDING, InstanceState.TUNING})


@dataclass(frozen=True, slots=True)
class Instance:
    """One remote model that we made, or are about to make.

    ``spec`` is what the manifest asked for when it was applied, normalised. ``operation`` is the name of the tuning
    operation while it runs. ``total_steps`` is what the service said the tuning takes, once it has. ``gate`` is what it
    has to show (``Gate.canonical``), ``verdict`` what came of it when it was judged last. ``provenance`` is that of the
    run that asked for it. ``forecast`` is what was foreseen of its time and cost when it was bought
    (``estimate.forecast_json``). ``former_owners`` are those who gave it away with ``tunectl transfer``.
    """

    resource: str
    revision: str
    attempt: int = 1
    state: InstanceState = InstanceState.PENDING
    operation: str | None = None
    create_time: str | None = None
    spec: Spec = field(default_factory=dict)
    dataset: Dataset | None = None
    total_steps: int | None = None
    error: str | None = None
    gate: Mapping[str, Json] | None = None
    provenance: Provenance | None = None
    forecast: Mapping[str, Json] | None = None
    verdict: Verdict | None = None
    former_owners: tuple[str, ...] = ()

    @property
    def disposed(self) -> bool:
        """Whether this is the mere memory of a model that was rejected and deleted, or is about to be (``onFail``)."""
        return self.state is InstanceState.REJECTED and self.gate is not None and self.gate.get("onFail") == "delete"


@dataclass(frozen=True, slots=True)
class Entry:
    """All we know of one manifest name.

    ``deposed`` are models that were replaced and wait to be deleted, ``retained`` are kept on purpose, ``failed`` and
    ``rejected`` are attempts that will not be bought again by themselves. ``pin`` is the revision that a rollback went
    back to, and ``pin_over`` the one that the manifest asked for then: as long as it still does, the pin holds.
    ``protect`` outlives the manifest. ``deletion`` is what the manifest last said of removal. ``history`` is the end of
    the name's chain of records (see ``core.lineage``).
    """

    current: Instance
    candidate: Instance | None = None
    retained: tuple[Instance, ...] = ()
    rejected: tuple[Instance, ...] = ()
    failed: tuple[Instance, ...] = ()
    deposed: tuple[Instance, ...] = ()
    pin: str | None = None
    protect: bool = False
    deletion: str = "delete"
    history: History | None = None
    pin_over: str | None = None

    def instances(self) -> Iterator[Instance]:
        """Yield every instance the entry records, the current one first."""
        yield self.current
        if self.candidate is not None:
            yield self.candidate
        for former in (self.retained, self.rejected, self.failed, self.deposed):
            yield from former

    @property
    def in_making(self) -> Instance | None:
        """The instance that is pending or tuning: the candidate, or a first create."""
        for instance in (self.candidate, self.current):
            if instance is not None and instance.state in UNFINISHED:
                return instance
        return None


@dataclass(frozen=True, slots=True)
class Approval:
    """The plan that was applied last: its digest, and the name of each action by the action's digest.

    Once it is carried out it has no actions: the digest then covers a plan with nothing to do, and no other.
    """

    digest: str
    actions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lockfile:
    """The whole lockfile. ``lineage`` is empty and ``serial`` 0 for one that was never written.

    ``fence`` is that of the newest lease it was written under, 0 while there was none (see ``core.lease``).
    ``unwritten`` are the records of lineage, as JSON objects, that may not have reached their log yet; ``departed`` the
    ends of the chains of names that are gone, by name, the latest last: a name may be taken by a renamed model, which
    brings a chain of its own, and be given up again.
    """

    remote: Remote
    lineage: str = ""
    serial: int = 0
    write_id: str = ""
    models: Mapping[str, Entry] = field(default_factory=dict)
    approval: Approval | None = None
    fence: int = 0
    unwritten: tuple[Mapping[str, Json], ...] = ()
    departed: Mapping[str, tuple[History, ...]] = field(default_factory=dict)

    def resources(self) -> dict[str, str]:
        """Map every recorded resource name to the manifest name whose entry records it."""
        return {i.resource: name for name, entry in self.models.items() for i in entry.instances()}

    def put(self, name: str, entry: Entry) -> Lockfile:
        """Return the lockfile with one entry set."""
        return replace(self, models={**self.models, name: entry})

    def drop(self, name: str) -> Lockfile:
        """Return the lockfile without one entry."""
        return replace(self, models={key: entry for key, entry in self.models.items() if key != name})

    def rename(self, old: str, new: str) -> Lockfile:
        """Return the lockfile with one entry under another name."""
        return self.rename_all({old: new})

    def rename_all(self, names: Mapping[str, str]) -> Lockfile:
        """Return the lockfile with entries under other names, old to new; in one pass, however many they are.

        What is tuned from them is recorded as tuned from the new names, or a rename would look like another source.
        """
        moved = {names.get(key, key): _with_sources(entry, names) for key, entry in self.models.items()}
        return replace(self, models=moved)


def _with_sources(entry: Entry, names: Mapping[str, str]) -> Entry:
    """Return an entry whose instances name their sources as they are called now."""
    for instance in tuple(entry.instances()):
        source = instance.spec.get("source")
        old = source.get("model") if isinstance(source, Mapping) else None
        if isinstance(old, str) and old in names:
            spec = {**instance.spec, "source": {"model": names[old]}}
            entry = amend(entry, replace(instance, spec=spec))
    return entry


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
    if entry.current.state is InstanceState.READY and entry.current.resource != instance.resource:
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


def amend(entry: Entry, instance: Instance) -> Entry:
    """Record news of an instance (its operation, its state, its spec), wherever the entry keeps it.

    News of a model that the entry does not record are void.
    """

    def renewed(instances: tuple[Instance, ...]) -> tuple[Instance, ...]:
        return tuple(instance if former.resource == instance.resource else former for former in instances)

    if entry.candidate is not None and entry.candidate.resource == instance.resource:
        return replace(entry, candidate=instance)
    if entry.current.resource == instance.resource:
        return replace(entry, current=instance)
    if all(former.resource != instance.resource for former in entry.instances()):
        return entry
    return replace(
        entry,
        retained=renewed(entry.retained),
        rejected=renewed(entry.rejected),
        failed=renewed(entry.failed),
        deposed=renewed(entry.deposed),
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
