"""Revisions: what cannot change in place, as one hash, and when two of them are the same thing after all."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.canonical import Json, digest, same_number
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation
from reconciler.core.ordering import parents_first
from reconciler.core.resource import Dataset, Desired, Spec

MADE_OF = ("baseModel", "source", "hyperparameters", "method", "encryptionKey")
"""The spec fields that a model is made of, besides its dataset: no provider can change them in place."""

_USUAL_METHOD = "supervised"
_FRUITLESS = frozenset({InstanceState.FAILED, InstanceState.REJECTED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which revision a name is to be of: what a plan goes for, and what the manifest asks for.

    The two differ only while a rollback has pinned another one.
    """

    revision: str
    asked: str

    @property
    def pinned(self) -> bool:
        """Whether a rollback keeps the name at another revision than its manifest asks for."""
        return self.revision != self.asked


def revision_of(spec: Spec, dataset: Dataset | None, *, parent_revision: str | None = None) -> str:
    """Return ``sha256:…`` over what a tuned model is made of and can never change in place.

    That is its base model (or the revision of the manifest it is tuned from, or the resource name of an external
    parent), the hyperparameters the manifest sets, and the content digest of its dataset; the method where it is not
    the usual one, and the key it is encrypted with, if any. Everything else about a model can be patched.

    Raises:
        ValueError: if the spec is tuned from another manifest and that one's revision is not given.
    """
    return digest(
        {
            "base": _base(spec, parent_revision),
            "hyperparameters": hyperparameters(spec),
            "dataset": None if dataset is None else dataset.digest,
            **_unusual(spec),
        }
    )


def settle(
    desired: Desired,
    recorded: Iterable[Instance],
    observed: Mapping[str, Observation],
    *,
    parent_revision: str | None = None,
) -> str:
    """Return the revision a manifest asks for, keeping a recorded one that already is what it asks for.

    A manifest that now writes out a default which the service had resolved to the same value (compared as float32), or
    that no longer sets a hyperparameter or the dataset, or that ignores the field that moved, asks for nothing new.
    That is said of models that are there: what has to be tuned anyhow is tuned under the revision of its own manifest.

    Args:
        desired: the manifest.
        recorded: the instances of its entry, in the order in which they are to be considered.
        observed: the listing by resource name.
        parent_revision: the revision asked for of the manifest it is tuned from, if it is.
    """
    wanted = revision_of(desired.spec, desired.dataset, parent_revision=parent_revision)
    instances = tuple(recorded)
    if any(instance.revision == wanted and instance.state not in _FRUITLESS for instance in instances):
        return wanted
    for instance in instances:
        observation = observed.get(instance.resource)
        if observation is not None and _amounts_to(desired, instance, observation, parent_revision):
            return instance.revision
    return wanted


def wanted_revisions(
    manifests: Iterable[Desired],
    recorded: Lockfile,
    observed: Mapping[str, Observation],
    *,
    fixed: Container[str] = (),
    forced: Container[str] = (),
) -> dict[str, Wanted]:
    """Return the revision each manifest asks for and the one its name is to be of; a child's holds its parent's.

    While a rollback keeps a parent at another revision, a child of either one is what its manifest asks for: going back
    retrains no child. What has to be tuned anyhow is tuned from the parent that serves.

    Args:
        manifests: all of them, sources known and acyclic.
        recorded: the lockfile, renames carried out.
        observed: the listing by resource name.
        fixed: recorded names that stay as they are: theirs is the revision of their current instance.
        forced: names to be tuned anew, which no pin holds.
    """
    wanted: dict[str, Wanted] = {}
    for manifest in parents_first(manifests):
        entry = recorded.models.get(manifest.name)
        if entry is not None and manifest.name in fixed:
            current = entry.current.revision
            wanted[manifest.name] = Wanted(current, entry.pin_over or current)
            continue
        instances = () if entry is None else tuple(entry.instances())
        parent = None if manifest.parent is None else wanted[manifest.parent]
        parents = (None,) if parent is None else dict.fromkeys((parent.revision, parent.asked))
        if manifest.name in forced and entry is not None and entry.current.dataset is None:
            # An adopted model's revision covers no data, since nobody knows it; that of the new model is to cover it.
            asked = [revision_of(manifest.spec, manifest.dataset, parent_revision=revision) for revision in parents]
        else:
            asked = [settle(manifest, instances, observed, parent_revision=revision) for revision in parents]
        pin = None if manifest.name in forced else _pin(entry, asked, observed)
        begun = observed if _lacks(recorded, manifest.parent, parent) else None
        wanted[manifest.name] = pin or _unpinned(entry, asked, begun)
    return wanted


def _pin(entry: Entry | None, asked: Container[str], observed: Mapping[str, Observation]) -> Wanted | None:
    """Return what a rollback has pinned, if that holds.

    It does while the manifest asks for what it asked for then, and the model that is pinned is there: what it was tuned
    on is not known any more, so it could not be tuned again.
    """
    if entry is None or entry.pin is None or entry.pin_over is None or entry.pin_over not in asked:
        return None
    current = entry.current
    seen = observed.get(current.resource)
    serves = current.state is InstanceState.READY and seen is not None and seen.state is not ModelState.FAILED
    return Wanted(entry.pin, entry.pin_over) if serves and current.revision == entry.pin else None


def _lacks(recorded: Lockfile, name: str | None, parent: Wanted | None) -> bool:
    """Tell whether the parent has no model of the revision that its manifest asks for, so none to tune from."""
    if name is None or parent is None or not parent.pinned or name not in recorded.models:
        return False
    entry = recorded.models[name]
    ready = (i.revision for i in (entry.current, *entry.retained) if i.state is InstanceState.READY)
    return parent.asked not in ready


def _unpinned(entry: Entry | None, asked: list[str], begun: Container[str] | None) -> Wanted:
    """Choose among what a manifest may ask for: what serves, else what is in the making, else the first.

    With ``begun``, an intent that is not among these resources is not in the making: it is of a parent that is not
    there, and would be tuned from another one under its revision.
    """
    if entry is not None:
        served = entry.current if entry.serves else None
        for instance in (served, entry.candidate, entry.in_making):
            if instance is None or instance.revision not in asked:
                continue
            if begun is None or instance.state is not InstanceState.PENDING or instance.resource in begun:
                return Wanted(instance.revision, instance.revision)
    return Wanted(asked[0], asked[0])


def source_of(desired: Desired, revision: str, parent: Entry) -> Instance:
    """Return the model of its parent that a revision of a manifest is tuned from: the one whose revision it holds.

    That is the parent's current instance, unless a rollback took the parent back after the tuning was begun.
    """
    if not parent.retained:
        return parent.current
    for instance in (parent.current, *parent.retained):
        if instance.state is InstanceState.READY:
            made = revision_of(desired.spec, desired.dataset, parent_revision=instance.revision)
            if made == revision:
                return instance
    return parent.current


def compatible(desired: Desired, observation: Observation, *, parent_resource: str | None = None) -> bool:
    """Tell whether a live model could be what the manifest asks for, as far as the service shows it.

    Compared are the base model or parent, and the hyperparameters that the manifest sets. The training data is never
    returned by the API; that it is the same follows from the id alone.
    """
    source = desired.spec.get("source")
    live_source = observation.spec.get("source")
    live_parent = live_source.get("tunedModel") if isinstance(live_source, Mapping) else None
    if isinstance(source, Mapping):
        expected = source.get("tunedModel", parent_resource)
        if live_parent is None or (expected is not None and live_parent != expected):
            return False
    elif live_parent is not None or observation.spec.get("baseModel") != desired.spec.get("baseModel"):
        return False
    if any(value != _unusual(observation.spec).get(key) for key, value in _unusual(desired.spec).items()):
        return False
    live = hyperparameters(observation.spec)
    return all(equal(live[key], value) for key, value in hyperparameters(desired.spec).items() if key in live)


def hyperparameters(spec: Spec) -> Mapping[str, Json]:
    """Return the hyperparameters of a spec, none if it has none."""
    value = spec.get("hyperparameters")
    return value if isinstance(value, Mapping) else {}


def _unusual(spec: Spec) -> dict[str, Json]:
    """Return what few models are made of, so that a revision without it is what it always was."""
    method, key = spec.get("method", _USUAL_METHOD), spec.get("encryptionKey")
    return {
        **({} if method == _USUAL_METHOD else {"method": method}),
        **({} if key is None else {"encryptionKey": key}),
    }


def equal(left: Json, right: Json) -> bool:
    """Compare two values of a spec, numbers as float32."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return same_number(left, right)
    return left == right


def _amounts_to(desired: Desired, instance: Instance, observation: Observation, parent_revision: str | None) -> bool:
    return (
        _same_dataset(desired, instance)
        and _same_base(desired, instance, parent_revision)
        and _same_unusual(desired, instance)
        and _same_hyperparameters(desired, instance, observation)
    )


def _same_dataset(desired: Desired, instance: Instance) -> bool:
    """Compare content digests.

    An imported model has none recorded, and giving it one retrains nothing; nor does a manifest that no longer names
    its dataset.
    """
    if desired.dataset is None or instance.dataset is None or "dataset" in desired.lifecycle.ignore:
        return True
    return desired.dataset.digest == instance.dataset.digest


def _same_base(desired: Desired, instance: Instance, parent_revision: str | None) -> bool:
    """Compare what the two are tuned from; a parent that was renamed is the same, one that was replaced is not."""
    if {"baseModel", "source"} & set(desired.lifecycle.ignore):
        return True
    if not _tuned_from_manifest(instance.spec):
        return _base(desired.spec, parent_revision) == _base(instance.spec, None)
    if not _tuned_from_manifest(desired.spec):
        return False
    made_of = revision_of(instance.spec, instance.dataset, parent_revision=parent_revision)
    return instance.revision == made_of


def _same_hyperparameters(desired: Desired, instance: Instance, observation: Observation) -> bool:
    ignored = desired.lifecycle.ignore
    actual = {**hyperparameters(observation.spec), **hyperparameters(instance.spec)}
    return "hyperparameters" in ignored or all(
        equal(actual.get(key), value)
        for key, value in hyperparameters(desired.spec).items()
        if f"hyperparameters.{key}" not in ignored
    )


def _same_unusual(desired: Desired, instance: Instance) -> bool:
    """Compare method and key; like a hyperparameter, a key that the manifest no longer names asks for nothing new."""
    wanted, made = _unusual(desired.spec), _unusual(instance.spec)
    if "method" not in desired.lifecycle.ignore and wanted.get("method") != made.get("method"):
        return False
    key = wanted.get("encryptionKey")
    return key is None or key == made.get("encryptionKey") or "encryptionKey" in desired.lifecycle.ignore


def _tuned_from_manifest(spec: Spec) -> bool:
    source = spec.get("source")
    return isinstance(source, Mapping) and "tunedModel" not in source


def _base(spec: Spec, parent_revision: str | None) -> Json:
    source = spec.get("source")
    if not isinstance(source, Mapping):
        return spec.get("baseModel")
    if "tunedModel" in source:
        return {"tunedModel": source["tunedModel"]}
    if parent_revision is None:
        raise ValueError(f"the revision of the source model {source.get('model')!r} is not known")
    return {"revision": parent_revision}
