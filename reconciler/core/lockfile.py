"""What we made: the lockfile as a value.

A name's entry has one *current* model (the one that serves, or the first one in the making), at most one *candidate*
that is to take its place, and lists of former ones. How one comes to be the other is told in ``core.succession``; which
file or object the value is kept in is the business of ``stores/``.
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
    def serves(self) -> bool:
        """Whether the current model is ready, so that whoever asks for the name gets its answers."""
        return self.current.state is InstanceState.READY

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
