"""Revisions: what cannot change in place, as one hash, and when two of them are the same thing after all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.canonical import Json, digest, same_number
from reconciler.core.lockfile import Instance
from reconciler.core.observation import Observation
from reconciler.core.resource import Dataset, Desired, Spec


def revision_of(spec: Spec, dataset: Dataset | None, *, parent_revision: str | None = None) -> str:
    """Return ``sha256:…`` over what a tuned model is made of and can never change in place.

    That is its base model (or the revision of the manifest it is tuned from, or the resource name of an external
    parent), the hyperparameters the manifest sets, and the content digest of its dataset. Everything else about a
    model can be patched.

    Raises:
        ValueError: if the spec is tuned from another manifest and that one's revision is not given.
    """
    return digest(
        {
            "base": _base(spec, parent_revision),
            "hyperparameters": _hyperparameters(spec),
            "dataset": None if dataset is None else dataset.digest,
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
    that no longer sets a hyperparameter, or that ignores the field that moved, asks for nothing new.
    """
    wanted = revision_of(desired.spec, desired.dataset, parent_revision=parent_revision)
    instances = tuple(recorded)
    if any(instance.revision == wanted for instance in instances):
        return wanted
    for instance in instances:
        if _amounts_to(desired, instance, observed.get(instance.resource), parent_revision):
            return instance.revision
    return wanted


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
        if expected is not None and live_parent != expected:
            return False
    elif live_parent is not None or observation.spec.get("baseModel") != desired.spec.get("baseModel"):
        return False
    live = _hyperparameters(observation.spec)
    return all(_equal(live[key], value) for key, value in _hyperparameters(desired.spec).items() if key in live)


def _amounts_to(
    desired: Desired, instance: Instance, observation: Observation | None, parent_revision: str | None
) -> bool:
    ignored = desired.lifecycle.ignore
    if not _same_dataset(desired, instance):
        return False
    if _base(desired.spec, parent_revision) != _base(instance.spec, parent_revision):
        return False
    if instance.revision != revision_of(instance.spec, instance.dataset, parent_revision=parent_revision):
        return False  # the parent moved on
    recorded = _hyperparameters(instance.spec)
    resolved = {} if observation is None else _hyperparameters(observation.spec)
    return all(
        _equal(recorded.get(key, resolved.get(key)), value)
        for key, value in _hyperparameters(desired.spec).items()
        if "hyperparameters" not in ignored and f"hyperparameters.{key}" not in ignored
    )


def _same_dataset(desired: Desired, instance: Instance) -> bool:
    """Compare content digests; an imported model has none recorded, and giving it one retrains nothing."""
    if instance.dataset is None or "dataset" in desired.lifecycle.ignore:
        return True
    return desired.dataset is not None and desired.dataset.digest == instance.dataset.digest


def _base(spec: Spec, parent_revision: str | None) -> Json:
    source = spec.get("source")
    if not isinstance(source, Mapping):
        return spec.get("baseModel")
    if "tunedModel" in source:
        return {"tunedModel": source["tunedModel"]}
    if parent_revision is None:
        raise ValueError(f"the revision of the source model {source.get('model')!r} is not known")
    return {"revision": parent_revision}


def _hyperparameters(spec: Spec) -> Mapping[str, Json]:
    value = spec.get("hyperparameters")
    return value if isinstance(value, Mapping) else {}


def _equal(left: Json, right: Json) -> bool:
    if isinstance(left, int | float) and isinstance(right, int | float):
        return same_number(left, right)
    return left == right
