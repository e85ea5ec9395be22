"""One look at the remote: the listing, completed by a GET for each recorded model that it lacks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from reconciler.core.lockfile import Lockfile
from reconciler.core.observation import Observation, Observed
from reconciler.errors import NotFound
from reconciler.ports.provider import Provider

PARALLEL_READS = 10


def observe(provider: Provider, recorded: Lockfile, *, snapshots: bool = False) -> Observed:
    """Return everything the remote shows, and which recorded models it does not have.

    Absent from a listing is not gone: listings lag, and credentials change. Only a 404 on the model itself counts.

    Raises:
        PermissionDenied: a recorded model exists but may not be read; to take it for missing would buy it again.
        RemoteError: the listing is not complete.
    """
    models = {observation.resource: observation for observation in provider.observe(snapshots=snapshots)}
    lacking = [resource for resource in recorded.resources() if resource not in models]
    missing = set()
    if lacking:
        with ThreadPoolExecutor(max_workers=PARALLEL_READS, thread_name_prefix="observe") as pool:
            for resource, found in zip(lacking, pool.map(lambda r: _look_up(provider, r), lacking), strict=True):
                if found is None:
                    missing.add(resource)
                else:
                    models[resource] = found
    return Observed(models=models, missing=frozenset(missing))


def _look_up(provider: Provider, resource: str) -> Observation | None:
    try:
        return provider.get(resource)
    except NotFound:
        return None
