"""What is not as the last apply left it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from reconciler.core.address import short
from reconciler.core.canonical import Json
from reconciler.core.diff import ignores
from reconciler.core.lockfile import Entry, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.permission import unshared
from reconciler.core.plan import Drift
from reconciler.core.planning.comparison import recorded_changes
from reconciler.core.planning.sharing import FIELD
from reconciler.core.planning.sharing_drift import reshared_in_manifest, reshared_outside
from reconciler.core.resource import Capabilities, Desired, Spec
from reconciler.core.revision import MADE_OF, wanted_revisions


def remote_drift(
    desired: Iterable[Desired],
    recorded: Lockfile,
    observed: Observed,
    *,
    names: frozenset[str],
    capabilities: Capabilities,
) -> tuple[Drift, ...]:
    """Return what changed on the remote side since the last apply, for the given names.

    That is: changed, missing, failed, widened, narrowed. Only fields that the manifest manages now and managed when it
    was applied can drift, and of those only what the provider can patch: nobody can change the rest.
    """
    patchable = capabilities.in_place
    manifests = {manifest.name: manifest for manifest in desired}
    found: list[Drift] = []
    for name in sorted(names):
        entry = recorded.models[name]
        if entry.serves:
            seen = observed.get(entry.current.resource)
            found.extend(_of_serving(name, entry, seen, manifests.get(name), patchable))
        making = entry.in_making
        if making is not None and making.state is InstanceState.TUNING and observed.get(making.resource) is None:
            message = f"{short(making.resource)} was tuning and does not exist any more"
            found.append(Drift(name, "missing", message, resource=making.resource))
    return tuple(found)


def audit(
    desired: Iterable[Desired],
    recorded: Lockfile,
    observed: Observed,
    *,
    names: frozenset[str],
    now: float,
    capabilities: Capabilities,
) -> tuple[Drift, ...]:
    """Return all drift of the given names: the remote's, failed and stuck models, manifests and data that moved.

    Args:
        desired: the manifests, normalised, with dataset digests.
        recorded: the lockfile.
        observed: the listing.
        names: which names to look at, recorded or not; others are left out.
        now: seconds since the epoch, to tell a tuning that is stuck from one that runs.
        capabilities: what the provider can patch.
    """
    manifests = tuple(desired)
    known = names & recorded.models.keys()
    found = list(remote_drift(manifests, recorded, observed, names=frozenset(known), capabilities=capabilities))
    by_name = {manifest.name: manifest for manifest in manifests}
    wanted = wanted_revisions(manifests, recorded, observed.models)
    for name in sorted(known):
        entry, manifest = recorded.models[name], by_name.get(name)
        asked = entry if manifest is None else _without_given_up(entry, wanted[name].revision)
        found.extend(_unfinished(name, asked, observed, manifest, now))
        if manifest is None:
            found.append(Drift(name, "manifest", "has no manifest any more", resource=entry.current.resource))
        else:
            found.extend(_moved_on(manifest, entry, observed, wanted[name].revision))
    found.extend(
        Drift(manifest.name, "manifest", "has a manifest and was never applied")
        for manifest in manifests
        if manifest.name in names - known
    )
    return tuple(sorted(found, key=lambda drift: (drift.name, drift.kind, drift.path or "")))


def _of_serving(
    name: str, entry: Entry, observation: Observation | None, manifest: Desired | None, patchable: Iterable[str]
) -> Iterator[Drift]:
    resource = entry.current.resource
    if observation is None:
        yield Drift(name, "missing", f"{short(resource)} does not exist any more", resource=resource)
        return
    if observation.state is ModelState.FAILED:
        message = observation.error or "the service reports it as failed"
        yield Drift(name, "failed", message, resource=resource, update_time=observation.update_time)
    managed: Spec = manifest.spec if manifest is not None else entry.current.spec
    ignored = manifest.lifecycle.ignore if manifest is not None else ()
    recorded = entry.current.spec
    moved = [path for path in patchable if path in recorded and observation.spec.get(path) != recorded[path]]
    wanted, applied, live = (_leaves(spec, moved) for spec in (managed, recorded, observation.spec))
    for path in sorted(wanted.keys() & applied.keys()):
        before, after = applied[path], live.get(path)
        if not ignores(ignored, path) and not _same(before, after) and not _same(wanted[path], after):
            yield Drift(
                name,
                "changed",
                f"spec.{path} was changed outside",
                resource=resource,
                path=f"spec.{path}",
                before=before,
                after=after,
                update_time=observation.update_time,
            )
    if manifest is not None and not ignores(ignored, FIELD):
        yield from reshared_outside(name, entry.current, observation, manifest)


def _leaves(spec: Spec, paths: Iterable[str]) -> dict[str, Json]:
    """Return the values under these keys of a spec; a mapping, such as labels, counts key by key."""
    found: dict[str, Json] = {}
    for path in paths:
        value = spec.get(path)
        if isinstance(value, Mapping):
            found |= {f"{path}.{key}": item for key, item in value.items()}
        elif path in spec:
            found[path] = value
    return found


def _flat(path: str, value: Json) -> dict[str, Json]:
    """Return a value under its dotted path; a mapping field by field, as a plan shows it."""
    if not isinstance(value, Mapping):
        return {path: value}
    return {inner: leaf for key, item in value.items() for inner, leaf in _flat(f"{path}.{key}", item).items()}


def _in_manifest(name: str, path: str, before: Json, after: Json) -> Drift:
    message = f"{path} changed in the manifest since the last apply"
    return Drift(name, "manifest", message, path=path, before=before, after=after)


def _same(wanted: Json, live: Json) -> bool:
    """proto3 JSON leaves an empty string out, so an absent text and an empty one are the same."""
    return wanted == live or (wanted == "" and live is None)


def _without_given_up(entry: Entry, wanted: str) -> Entry:
    """A failed attempt of a revision that the manifest does not ask for any more is nobody's business."""
    return replace(entry, failed=tuple(instance for instance in entry.failed if instance.revision == wanted))


def _unfinished(name: str, entry: Entry, observed: Observed, manifest: Desired | None, now: float) -> Iterator[Drift]:
    timeout = manifest.lifecycle.timeout if manifest is not None else 86_400.0
    for instance in (entry.current, *(() if entry.candidate is None else (entry.candidate,)), *entry.failed):
        resource = instance.resource
        if instance.state in {InstanceState.FAILED, InstanceState.REJECTED}:
            what = (
                "failed" if instance.state is InstanceState.FAILED else "was rejected by its gate, and nothing serves"
            )
            message = f"{short(resource)} {what}" + (f": {instance.error}" if instance.error else "")
            yield Drift(name, "failed", message, resource=resource)
            continue
        observation = observed.get(resource)
        if observation is None:
            if instance.state is InstanceState.PENDING:
                message = f"{short(resource)} was about to be created when the last run ended; apply creates it"
                yield Drift(name, "missing", message, resource=resource)
            continue
        if instance.state is InstanceState.READY:
            continue
        if observation.state is ModelState.FAILED:
            message = f"{short(resource)} failed while tuning; apply records it"
            yield Drift(name, "failed", message, resource=resource, update_time=observation.update_time)
        elif observation.state is ModelState.TUNING:
            since = observation.create_time or instance.create_time
            age = now - seconds(since) if since else 0.0
            if age > timeout:
                hours, limit = age / 3600, timeout / 3600
                message = f"{short(resource)} has been tuning for {hours:.1f} h, over its timeout of {limit:g} h"
                yield Drift(name, "stuck", message, resource=resource, update_time=observation.update_time)


def _moved_on(manifest: Desired, entry: Entry, observed: Observed, wanted: str) -> Iterator[Drift]:
    """Compare the manifest with what was applied last: the candidate, if there is one, else the current instance.

    What a model is made of has moved only if another revision is wanted; a value that the remote has already is no
    drift, since apply would have nothing to do.
    """
    applied = entry.candidate or entry.current
    observation = observed.get(applied.resource)
    live: Spec = {} if observation is None else observation.spec
    moved = False
    for key in sorted(unshared(manifest.spec)):
        asked, before = (_flat(key, spec.get(key)) for spec in (manifest.spec, applied.spec))
        seen = _flat(key, live.get(key))
        for path in sorted(asked.keys() | (before.keys() if key in MADE_OF else ())):
            if ignores(manifest.lifecycle.ignore, path) or _same(asked.get(path), before.get(path)):
                continue
            if wanted != applied.revision if key in MADE_OF else not _same(asked.get(path), seen.get(path)):
                moved = True
                yield _in_manifest(manifest.name, f"spec.{path}", before.get(path), asked.get(path))
    yield from (_in_manifest(manifest.name, *change) for change in recorded_changes(manifest, entry, applied))
    yield from reshared_in_manifest(manifest, applied, observation)
    if wanted == applied.revision:
        return
    old, new = applied.dataset, manifest.dataset
    if old is not None and new is not None and old.digest != new.digest and "dataset" not in manifest.lifecycle.ignore:
        counts = f", {old.examples} -> {new.examples} examples" if old.counted and new.counted else ""
        message = f"the dataset changed since the last apply{counts}"
        yield Drift(manifest.name, "data", message, path="spec.dataset", before=old.digest, after=new.digest)
    elif manifest.parent is not None and not moved:
        message = f"its source model {manifest.parent} is another one since the last apply"
        yield Drift(manifest.name, "manifest", message, path="spec.source")


def seconds(timestamp: str) -> float:
    """Return seconds since the epoch of an RFC 3339 time; the service writes up to nine digits of a second.

    Raises:
        ValueError: if it is no such time.
    """
    time = datetime.fromisoformat(timestamp)
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
