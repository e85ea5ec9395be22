"""``tunectl gc``: looks at the same three values as a plan, and at the log of lineage, for what nobody needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from reconciler.core.lineage import Event, Record
from reconciler.core.manifests import Manifests
from reconciler.core.past.lineage_text import read_records
from reconciler.core.planning.build import Policy
from reconciler.core.upkeep.collection import Past, collect
from reconciler.engine.looking.observe import observe
from reconciler.engine.looking.preview import Preview
from reconciler.ports.lineage import LineageLog
from reconciler.ports.provider import Provider
from reconciler.ports.store import Loaded

_OVER = frozenset({Event.DELETED, Event.GONE})
_AGAIN = frozenset({Event.PROMOTED, Event.ROLLED_BACK, Event.ADOPTED, Event.REBUILT})


def survey_waste(
    load: Callable[[], Manifests],
    provider: Provider,
    loaded: Loaded,
    log: LineageLog,
    policy: Policy,
    *,
    orphans: bool,
) -> Preview:
    """Return the plan that removes what nobody needs; nothing is written.

    Args:
        load: reads the manifests; raises ProblemsError.
        provider: only read from.
        loaded: the lockfile.
        log: the records of lineage, which know names and revisions that nothing else knows any more.
        policy: scope and limits.
        orphans: see ``core.collection.collect``.

    Raises:
        ProblemsError, StoreError, RemoteError: something could not be read.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gc") as pool:
        remote = pool.submit(observe, provider, loaded.lockfile)
        manifests = load()
        past = remember(read_records(log.read().splitlines()), policy.project)
        observed = remote.result()
    plan = collect(manifests.desired, loaded.lockfile, observed, policy, past=past, orphans=orphans)
    return Preview(plan=plan, desired=manifests.desired, loaded=loaded, observed=observed)


def remember(records: Iterable[Record], project: str) -> Past:
    """Return what records of lineage tell of resources: which of them we made, and which were let go of."""
    made: dict[str, set[tuple[str, str]]] = {}
    forgotten = set()
    for record in records:
        if record.project != project:
            continue
        if record.event in _OVER:
            made.pop(record.resource, None)
        else:
            made.setdefault(record.resource, set()).add((record.name, record.revision))
        if record.event is Event.FORGOTTEN:
            forgotten.add(record.resource)
        elif record.event in _AGAIN:
            forgotten.discard(record.resource)
    return Past({resource: frozenset(origins) for resource, origins in made.items()}, frozenset(forgotten))
