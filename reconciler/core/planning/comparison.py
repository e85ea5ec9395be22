"""What differs between a wanted name and its models: what a patch mends, and what only another model does."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.canonical import Json, digest
from reconciler.core.diff import field_changes
from reconciler.core.lockfile import Entry, Instance
from reconciler.core.observation import Observation
from reconciler.core.permission import unshared
from reconciler.core.plan import Action, Change, Kind
from reconciler.core.planning.case import Case
from reconciler.core.planning.sharing import sharing_of
from reconciler.core.resource import Desired, Effect, Spec
from reconciler.core.revision import hyperparameters

_Pair = tuple[str, Json, Json]

PIN = "pin"
"""The path of the change that ends the pin of a rollback; no field of a manifest, but of the lockfile."""


def patch(case: Case, instance: Instance, observation: Observation, *, recorded: bool = False) -> Iterator[Action]:
    """Yield the update of the fields that differ and can be patched, and of what only the lockfile keeps.

    ``recorded`` says that the instance serves or is about to, so that the gate it is held to is compared, too.
    """
    lifecycle = case.desired.lifecycle
    wanted = unshared(case.desired.spec)
    remote = field_changes(observation.spec, wanted, capabilities=case.capabilities, ignore=lifecycle.ignore)
    changes = [change for change in remote if change.effect == Effect.UPDATE]
    changes += sharing_of(case, instance, observation)
    if case.entry is not None:
        changes += _kept(lifecycle_changes(case.desired, case.entry))
        if instance == case.entry.current and case.entry.pin is not None and not case.pinned:
            changes.append(Change(PIN, case.entry.pin, None, Effect.LOCAL.value))
        changes += _kept(gate_changes(case.desired, instance)) if recorded else []
    if changes:
        changes.sort(key=lambda change: change.path)
        yield case.act(Kind.UPDATE, f"differs in {listed(changes)}", instance, changes=tuple(changes))


def replacing_changes(case: Case, entry: Entry) -> tuple[Change, ...]:
    """Return the fields in which a new model will differ from the current instance, whatever changing each costs."""
    current, ignore = entry.current, case.desired.lifecycle.ignore
    before = _as_applied(current, case.observation(current))
    changes = field_changes(before, unshared(case.desired.spec), capabilities=case.capabilities, ignore=ignore)
    found = list(changes)
    old, new = current.dataset, case.desired.dataset
    if old is not None and new is not None and old.digest != new.digest and "dataset" not in ignore:
        found.append(Change("spec.dataset", old.digest, new.digest, Effect.REPLACE.value))
    return tuple(sorted(found, key=lambda change: change.path))


def listed(changes: list[Change] | tuple[Change, ...]) -> str:
    """Return the paths of changes in one line, as a manifest's author knows them."""
    return ", ".join(change.path.removeprefix("spec.") for change in changes)


def recorded_changes(manifest: Desired, entry: Entry, instance: Instance) -> list[_Pair]:
    """Return what only the lockfile keeps of a manifest and keeps otherwise: path, what it keeps, what is asked."""
    return [*gate_changes(manifest, instance), *lifecycle_changes(manifest, entry)]


def lifecycle_changes(manifest: Desired, entry: Entry) -> list[_Pair]:
    """Return the fields of the lifecycle that the lockfile keeps otherwise."""
    pairs: tuple[_Pair, ...] = (
        ("spec.lifecycle.deletion", entry.deletion, manifest.lifecycle.deletion),
        ("spec.lifecycle.protect", entry.protect, manifest.lifecycle.protect),
    )
    return [pair for pair in pairs if pair[1] != pair[2]]


def gate_changes(manifest: Desired, instance: Instance) -> list[_Pair]:
    """Return the change of the gate, by digest; recording it judges nothing before the next model is ready."""
    wanted = None if manifest.gate is None else manifest.gate.canonical
    old, new = (None if gate is None else digest(gate) for gate in (instance.gate, wanted))
    return [("spec.gate", old, new)] if old != new else []


def _kept(pairs: list[_Pair]) -> list[Change]:
    return [Change(path, old, new, Effect.LOCAL.value) for path, old, new in pairs]


def _as_applied(instance: Instance, observation: Observation | None) -> Spec:
    """Return the live spec, with base and source as the manifest named them when it was applied."""
    live: Spec = {} if observation is None else observation.spec
    named = {key: value for key, value in instance.spec.items() if key in ("baseModel", "source")}
    resolved = {key: value for key, value in live.items() if key not in ("baseModel", "source")}
    values = {**hyperparameters(instance.spec), **hyperparameters(live)}
    return {**instance.spec, **resolved, **named, "hyperparameters": values}
