"""One look at the remote for a lockfile that was lost: the listing, and a GET for every id that ought to be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from reconciler.core.address import short
from reconciler.core.lineage import Event, Record
from reconciler.core.manifests import Manifests
from reconciler.core.observation import Observation, Observed
from reconciler.core.unsupported import unsupported
from reconciler.core.upkeep.rebuild import Identity, Rebuilt, first_ids, rebuild
from reconciler.engine import PARALLEL_READS
from reconciler.errors import NotFound, PermissionDenied, ProblemsError
from reconciler.ports.provider import Provider

_SERVES = frozenset({Event.PROMOTED, Event.ROLLED_BACK, Event.REBUILT})
_OVER = frozenset({Event.DELETED, Event.GONE, Event.FORGOTTEN})


def taken_over(records: Iterable[Record], project: str) -> dict[str, str]:
    """Return which model each name of a project had taken over, if that is the one that served last."""
    found: dict[str, str] = {}
    for record in records:
        name = record.name
        if record.project != project:
            continue
        if record.event is Event.RENAMED and record.former_name in found:
            found[name] = found.pop(str(record.former_name))
        elif record.event is Event.ADOPTED:
            found[name] = record.resource
        elif record.event in (_OVER if found.get(name) == record.resource else _SERVES):
            found.pop(name, None)  # it is not there any more, or another one serves
    return found


def survey(
    load: Callable[[], Manifests], provider: Provider, identity: Identity, *, records: Iterable[Record] = ()
) -> Rebuilt:
    """Return the lockfile that manifests and remote amount to, and write nothing.

    Args:
        load: reads the manifests and datasets; raises ProblemsError with everything that is wrong with them.
        provider: only read from.
        identity: what ids are made of.
        records: those of lineage, which know of models whose ids follow from nothing.

    Raises:
        ProblemsError: manifests or datasets are wrong.
        RemoteError: the remote cannot be read.
    """
    with ThreadPoolExecutor(PARALLEL_READS, thread_name_prefix="rebuild") as pool:
        listing = pool.submit(provider.observe, snapshots=False)
        manifests = load()
        refuse = unsupported(manifests.desired, identity.capabilities)
        if refuse:
            raise ProblemsError((*refuse, *manifests.warnings))
        models = {observation.resource: observation for observation in listing.result()}
        wanted = {first: name for name, firsts in first_ids(manifests.desired, identity).items() for first in firsts}
        taken = taken_over(records, identity.project)
        wanted |= {resource: name for name, resource in taken.items()}
        lacking = [resource for resource in wanted if resource not in models]
        hidden = []
        for resource, found in zip(lacking, pool.map(lambda r: _look_up(provider, r), lacking), strict=True):
            if isinstance(found, PermissionDenied):
                hidden.append(
                    f"{wanted[resource]}: {short(resource)} may not be read with these credentials, if it exists "
                    f"({found.message}); it is not recorded"
                )
            elif found is not None:
                models[resource] = found
    rebuilt = rebuild(manifests.desired, Observed(models=models), identity, taken_over=taken)
    return replace(rebuilt, doubts=(*rebuilt.doubts, *hidden))


def _look_up(provider: Provider, resource: str) -> Observation | PermissionDenied | None:
    """Look for a model that the listing lacks. We only guess that it is ours, so a refusal is no error."""
    try:
        return provider.get(resource)
    except NotFound:
        return None
    except PermissionDenied as error:
        return error
