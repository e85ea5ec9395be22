"""One look at the remote: the listing, a GET for each recorded model that it lacks, and permissions where asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from reconciler.core.lockfile import Lockfile
from reconciler.core.observation import Observation, Observed
from reconciler.core.permission import Permission
from reconciler.core.planning.sharing import to_ask
from reconciler.core.planning.shutdowns import outside_parent
from reconciler.core.resource import Desired
from reconciler.engine import PARALLEL_READS
from reconciler.errors import NotFound, PermissionDenied, RemoteError
from reconciler.ports.provider import Provider


def observe(provider: Provider, recorded: Lockfile, *, snapshots: bool = False) -> Observed:
    """Return everything the remote shows, and which recorded models it does not have.

    Absent from a listing is not gone: listings lag, and credentials change. Only a 404 on the model itself counts.

    Raises:
        PermissionDenied: a recorded model exists but may not be read; to take it for missing would buy it again.
        RemoteError: the listing is not complete.
    """
    models = {observation.resource: observation for observation in provider.observe(snapshots=snapshots)}
    tunings = {i.resource: i.operation for entry in recorded.models.values() for i in entry.instances()}
    lacking = [resource for resource in recorded.resources() if resource not in models]
    missing = set()
    if lacking:
        with ThreadPoolExecutor(max_workers=PARALLEL_READS, thread_name_prefix="observe") as pool:
            looks = pool.map(lambda resource: _look_up(provider, resource, tunings.get(resource)), lacking)
            for resource, found in zip(lacking, looks, strict=True):
                if found is None:
                    missing.add(resource)
                else:
                    models[resource] = found
    return Observed(models=models, missing=frozenset(missing))


def look_for_hidden(provider: Provider, observed: Observed, resources: Iterable[str]) -> Observed:
    """Return the observation with those of some resources as hidden that exist and may not be read: a GET for each.

    A listing cannot show them, and a create under such an id is refused (AIP-133), time and again.

    Raises:
        RemoteError: as the service says, but for a refusal and for what is not there.
    """
    asked = sorted(resources)
    with ThreadPoolExecutor(max_workers=PARALLEL_READS, thread_name_prefix="hidden") as pool:
        hidden = [r for r, found in zip(asked, pool.map(partial(_is_hidden, provider), asked), strict=True) if found]
    return replace(observed, hidden=observed.hidden.union(hidden)) if hidden else observed


def _is_hidden(provider: Provider, resource: str) -> bool:
    try:
        provider.get(resource)
    except PermissionDenied:
        return True
    except NotFound:
        pass
    return False


def observe_permissions(
    provider: Provider,
    manifests: tuple[Desired, ...],
    recorded: Lockfile,
    observed: Observed,
    chosen: Callable[[str], bool],
) -> Observed:
    """Return the observation with the permissions of every model whose manifest declares some: a request for each.

    Raises:
        PermissionDenied: they may not be listed with these credentials; to take them for none would grant them again.
        RemoteError: as the service says.
    """
    asked = to_ask(manifests, recorded, observed, provider.capabilities, chosen)
    if not asked:
        return observed
    models = dict(observed.models)
    with ThreadPoolExecutor(max_workers=PARALLEL_READS, thread_name_prefix="permissions") as pool:
        found = pool.map(lambda item: _permissions(provider, *item), asked.items())
        for resource, permissions in zip(asked, found, strict=True):
            models[resource] = replace(models[resource], permissions=permissions)
    return replace(observed, models=models)


def lost_parents(
    provider: Provider, manifests: Iterable[Desired], observed: Observed, chosen: Callable[[str], bool]
) -> frozenset[str]:
    """Return the models that manifests are tuned from, that none describes, and that are not there any more.

    A request for each that the listing lacks, which leaves out what is shared with everyone. One that may not be read
    cannot be tuned from either. Any other answer tells of nothing, and names that only the service can read (a version
    of a model, say) are not asked for.
    """
    prefix = provider.capabilities.resource_prefix
    parents = {outside_parent(manifest.spec) or "" for manifest in manifests if chosen(manifest.name)}
    unseen = sorted(parent for parent in parents - observed.models.keys() if parent.startswith(prefix))
    return frozenset(parent for parent in unseen if _is_lost(provider, parent))


def _is_lost(provider: Provider, resource: str) -> bool:
    try:
        provider.get(resource)
    except (NotFound, PermissionDenied):
        return True
    except RemoteError:
        return False
    return False


def _permissions(provider: Provider, resource: str, name: str) -> tuple[Permission, ...]:
    try:
        return tuple(provider.permissions(resource))
    except PermissionDenied as error:
        raise PermissionDenied(
            f"{name}: {error.message}",
            status=error.status,
            http_status=error.http_status,
            hint="its manifest declares spec.permissions, so they have to be read: ask the owner for WRITER, leave the "
            "key out, or list permissions in lifecycle.ignore",
        ) from error


def _look_up(provider: Provider, resource: str, operation: str | None) -> Observation | None:
    try:
        return provider.get(resource) if operation is None else provider.get(resource, operation=operation)
    except NotFound:
        return None
