"""One row for each model that a table or a page shows: what the lockfile records beside what the service reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.core.actual import Actual, actual_of
from reconciler.core.lockfile import UNFINISHED, Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation, Progress
from reconciler.core.planning.judging import awaits_gate, awaits_sharing
from reconciler.core.upkeep.choice import models_of

MISSING = "missing"
UNPROVEN, UNSHARED = "ready, not judged yet", "ready, not shared yet"
_PRESENT = frozenset({"current", "candidate"})


@dataclass(frozen=True, slots=True)
class Row:
    """A model of ours.

    ``role`` says what it is to its name: ``current``, ``candidate``, ``retained``, ``rejected``, ``failed`` or
    ``deposed``. ``remote`` is the state the service reports, ``missing`` if it does not know the model, None if nobody
    looked. ``error`` is the service's reason for a failure, ``created`` when the model was made, if either knows.
    ``pin`` is the revision that a rollback keeps serving, ``pin_over`` what the manifest asked for at that time.
    ``shelved`` counts the attempts of the name that failed or were rejected and still exist, on its current row.
    ``lost`` says on the current row that the newest attempt beside it ``failed`` or was ``rejected``. ``took`` is what
    its tuning came to, if that was foreseen and is over.
    """

    name: str
    role: str
    instance: Instance
    remote: str | None = None
    progress: Progress | None = None
    error: str | None = None
    created: str | None = None
    pin: str | None = None
    pin_over: str | None = None
    took: Actual | None = None
    shelved: str | None = None
    lost: str | None = None

    @property
    def state(self) -> str:
        """The state in words: the recorded one, with what the service says where that is different."""
        recorded = self.instance.state.value
        if self.remote == ModelState.READY and self._ahead is not None:
            return self._ahead
        if self.remote is None or self.remote == recorded:
            return recorded
        if self.remote == MISSING and self.instance.state is InstanceState.PENDING:
            return recorded  # an intent: nothing needs to be there yet
        if self.remote == ModelState.READY and self.instance.state is InstanceState.REJECTED:
            return recorded  # a rejected model is ready all the same; it only does not serve
        if self.remote == ModelState.TUNING and self.instance.state is InstanceState.PENDING:
            return self.remote
        return f"{recorded} (remotely {self.remote})"

    @property
    def _ahead(self) -> str | None:
        """What a model that is ready has ahead of it before it serves, None if there is nothing."""
        instance = self.instance
        unfinished = instance.state in UNFINISHED
        if awaits_gate(instance) and (unfinished or self.role == "candidate"):
            return UNPROVEN
        return UNSHARED if unfinished and awaits_sharing(instance) else None


def build_rows(
    lockfile: Lockfile,
    observations: Mapping[str, Observation] | None = None,
    *,
    names: Sequence[str] | None = None,
    former: bool = False,
) -> tuple[Row, ...]:
    """Return the rows of a lockfile, by name.

    Args:
        lockfile: what is recorded.
        observations: what the service reports, by resource; None if nobody looked.
        names: only these; all if None.
        former: whether models that no longer serve get rows too.
    """
    wanted = sorted(lockfile.models) if names is None else [name for name in names if name in lockfile.models]
    return tuple(
        _beside(_row(name, model.role, model.instance, observations), lockfile.models[name])
        for name in wanted
        for model in models_of(name, lockfile.models[name])
        if former or model.role in _PRESENT
    )


def _beside(row: Row, entry: Entry) -> Row:
    """Add to the row of the current model what its entry says besides."""
    if row.role != "current":
        return row
    counts = ((len(entry.rejected), "rejected"), (len(entry.failed), "failed"))
    shelved = " and ".join(f"{number:,} {word}" for number, word in counts if number)
    kept = replace(row, shelved=f"{shelved} beside it" if shelved else None, lost=_lost(row, entry))
    return replace(kept, pin=entry.pin, pin_over=entry.pin_over) if entry.pin else kept


def _lost(row: Row, entry: Entry) -> str | None:
    """Return how the newest attempt ended, if it did not come to serve and no other is in the making.

    A failure is forgotten when a model comes to serve, so one that is recorded is newer than what serves; a rejection
    is kept, and the times tell.
    """
    if row.instance.state is not InstanceState.READY or entry.candidate is not None:
        return None
    if entry.failed:
        return InstanceState.FAILED.value
    made = max((instance.create_time or "" for instance in entry.rejected), default="")
    return InstanceState.REJECTED.value if made > (row.created or "") else None


def _row(name: str, role: str, instance: Instance, observations: Mapping[str, Observation] | None) -> Row:
    if observations is None:
        return Row(name, role, instance, error=instance.error, created=instance.create_time)
    seen = observations.get(instance.resource)
    if seen is None:
        return Row(name, role, instance, remote=MISSING, error=instance.error, created=instance.create_time)
    error, created = instance.error or seen.error, instance.create_time or seen.create_time
    took = actual_of(instance.forecast, steps=instance.total_steps, seconds=seen.tuning_seconds)
    return Row(name, role, instance, seen.state.value, seen.progress, error, created, took=took)
