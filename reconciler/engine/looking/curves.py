"""Reads the loss curves of recorded models: one request a model, several at a time, and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.core.lineage import Record
from reconciler.core.observation import Observation
from reconciler.core.showing.specimen import Specimen
from reconciler.core.upkeep.choice import Chosen
from reconciler.engine import PARALLEL_READS
from reconciler.errors import NotFound
from reconciler.ports.provider import Provider


def look_at(
    provider: Provider, chosen: Sequence[Chosen], records: Mapping[str, Record] | None = None
) -> tuple[Specimen, ...]:
    """Return models with what the service and lineage know of them, in the same order.

    A model that the service does not have is returned without an observation.

    Raises:
        PermissionDenied: one may not be read.
        RemoteError: the service cannot be asked.
    """
    known = records or {}
    with ThreadPoolExecutor(PARALLEL_READS, thread_name_prefix="look") as pool:
        seen = list(pool.map(lambda each: _get(provider, each), chosen))
    return tuple(
        Specimen(each, found, known.get(each.instance.resource)) for each, found in zip(chosen, seen, strict=True)
    )


def _get(provider: Provider, chosen: Chosen) -> Observation | None:
    try:
        return provider.get(chosen.instance.resource, snapshots=True)
    except NotFound:
        return None
