"""What is not as the last apply left it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.core.address import short
from reconciler.core.canonical import Json
from reconciler.core.lockfile import Entry, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.plan import Drift
from reconciler.core.resource import Desired, Spec

_PATCHABLE = ("displayName", "description", "temperature", "topP", "topK")


def remote_drift(
    desired: Iterable[Desired], recorded: Lockfile, observed: Observed, *, names: frozenset[str]
) -> tuple[Drift, ...]:
    """Return what changed on the remote side since the last apply, for the given names: changed, missing, failed.

    Only fields that the manifest manages now and managed when it was applied can drift.
    """
    manifests = {manifest.name: manifest for manifest in desired}
    found: list[Drift] = []
    for name in sorted(names):
        entry = recorded.models[name]
        observation = observed.get(entry.current.resource)
        if entry.current.state is InstanceState.READY:
            found.extend(_of_serving(name, entry, observation, manifests.get(name)))
        elif observation is None and entry.current.state is InstanceState.TUNING:
            message = f"{short(entry.current.resource)} was tuning and does not exist any more"
            found.append(Drift(name, "missing", message, resource=entry.current.resource))
    return tuple(found)


def audit(
    desired: Iterable[Desired],
    recorded: Lockfile,
    observed: Observed,
    *,
    names: frozenset[str],
    now: float,
) -> tuple[Drift, ...]:
    """Return all drift of the given names: the remote's, failed and stuck models, manifests and data that moved.

    Args:
        desired: the manifests, normalised, with dataset digests.
        recorded: the lockfile.
        observed: the listing.
        names: which names to look at, recorded or not; others are left out.
        now: seconds since the epoch, to tell a tuning that is stuck from one that runs.
    """
    manifests = tuple(desired)
    known = names & recorded.models.keys()
    found = list(remote_drift(manifests, recorded, observed, names=frozenset(known)))
    by_name = {manifest.name: manifest for manifest in manifests}
    for name in sorted(known):
        entry, manifest = recorded.models[name], by_name.get(name)
        found.extend(_unfinished(name, entry, observed, manifest, now))
        if manifest is None:
            found.append(Drift(name, "manifest", "has no manifest any more", resource=entry.current.resource))
        else:
            found.extend(_moved_on(manifest, entry))
    found.extend(
        Drift(manifest.name, "manifest", "has a manifest and was never applied")
        for manifest in manifests
        if manifest.name in names - known
    )
    return tuple(sorted(found, key=lambda drift: (drift.name, drift.kind, drift.path or "")))


def _of_serving(name: str, entry: Entry, observation: Observation | None, manifest: Desired | None) -> Iterator[Drift]:
    resource = entry.current.resource
    if observation is None:
        yield Drift(name, "missing", f"{short(resource)} does not exist any more", resource=resource)
        return
    if observation.state is ModelState.FAILED:
        message = observation.error or "the service reports it as failed"
        yield Drift(name, "failed", message, resource=resource, update_time=observation.update_time)
    managed: Spec = manifest.spec if manifest is not None else entry.current.spec
    ignored = manifest.lifecycle.ignore if manifest is not None else ()
    for key in _PATCHABLE:
        if key not in managed or key not in entry.current.spec or key in ignored:
            continue
        before, after = entry.current.spec[key], observation.spec.get(key)
        if before != (after if after is not None else _empty(before)):
            yield Drift(
                name,
                "changed",
                f"spec.{key} was changed outside",
                resource=resource,
                path=f"spec.{key}",
                before=before,
                after=after,
                update_time=observation.update_time,
            )


def _empty(like: Json) -> Json:
    """proto3 JSON leaves an empty string out, so an absent text and an empty one are the same."""
    return "" if isinstance(like, str) else None


def _unfinished(name: str, entry: Entry, observed: Observed, manifest: Desired | None, now: float) -> Iterator[Drift]:
    timeout = manifest.lifecycle.timeout if manifest is not None else 86_400.0
    for instance in (entry.current, *(() if entry.candidate is None else (entry.candidate,)), *entry.failed):
        resource = instance.resource
        if instance.state is InstanceState.FAILED:
            message = f"{short(resource)} failed" + (f": {instance.error}" if instance.error else "")
            yield Drift(name, "failed", message, resource=resource)
            continue
        observation = observed.get(resource)
        if instance.state is InstanceState.READY or observation is None:
            continue
        if observation.state is ModelState.FAILED:
            message = f"{short(resource)} failed while tuning; apply records it"
            yield Drift(name, "failed", message, resource=resource, update_time=observation.update_time)
        elif observation.state is ModelState.TUNING:
            age = now - seconds(observation.create_time) if observation.create_time else 0.0
            if age > timeout:
                hours, limit = age / 3600, timeout / 3600
                message = f"{short(resource)} has been tuning for {hours:.1f} h, over its timeout of {limit:g} h"
                yield Drift(name, "stuck", message, resource=resource, update_time=observation.update_time)


def _moved_on(manifest: Desired, entry: Entry) -> Iterator[Drift]:
    """Compare the manifest with what was applied last: the candidate, if there is one, else the current instance."""
    applied = entry.candidate or entry.current
    if (
        applied.dataset is not None
        and manifest.dataset is not None
        and applied.dataset.digest != manifest.dataset.digest
    ):
        yield Drift(
            manifest.name,
            "data",
            f"the dataset changed since the last apply ({applied.dataset.examples} -> {manifest.dataset.examples} examples)",
            path="spec.dataset",
            before=applied.dataset.digest,
            after=manifest.dataset.digest,
        )
    for key in sorted(manifest.spec):
        if manifest.spec[key] != applied.spec.get(key) and key not in manifest.lifecycle.ignore:
            yield Drift(
                manifest.name,
                "manifest",
                f"spec.{key} changed in the manifest since the last apply",
                path=f"spec.{key}",
                before=applied.spec.get(key),
                after=manifest.spec[key],
            )


def seconds(timestamp: str) -> float:
    """Return seconds since the epoch of an RFC 3339 time; the service writes six or nine digits of a second."""
    text = timestamp.removesuffix("Z")
    head, _, fraction = text.partition(".")
    return datetime.fromisoformat(f"{head}.{(fraction + '000000')[:6]}+00:00").timestamp()
