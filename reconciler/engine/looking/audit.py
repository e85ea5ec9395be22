"""The read-only audit: everything that is not as the last apply left it, and how much of the remote is managed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from reconciler.core.lockfile import UNFINISHED, Lockfile
from reconciler.core.manifests import Manifests
from reconciler.core.observation import Observed
from reconciler.core.plan import Drift, Pinned, Unmanaged
from reconciler.core.planning.build import Policy, build_plan
from reconciler.core.planning.drift import audit
from reconciler.core.planning.shutdowns import dying
from reconciler.core.resource import Desired
from reconciler.core.scope import choose
from reconciler.engine.looking.observe import lost_parents, observe, observe_permissions
from reconciler.engine.watch import recorded_operation
from reconciler.ports.provider import Provider
from reconciler.ports.store import LockfileStore


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    ``coverage`` is the share of the remote models that is managed, in percent; ``known`` are all names that a manifest
    or the lockfile has, whether they were looked at or not; ``desired`` are the manifests. ``pinned`` are names that
    stay at what a rollback went back to, which is no drift.
    """

    drift: tuple[Drift, ...]
    unmanaged: tuple[Unmanaged, ...]
    coverage: float | None
    known: frozenset[str] = frozenset()
    desired: tuple[Desired, ...] = ()
    pinned: tuple[Pinned, ...] = ()


def take_stock(
    load: Callable[[], Manifests], provider: Provider, store: LockfileStore, policy: Policy, *, now: float
) -> Audit:
    """Compare manifests, lockfile and remote, and write nothing.

    Args:
        load: reads the manifests; raises ProblemsError.
        provider: only read from.
        store: only read from.
        policy: its scope says which names to look at.
        now: seconds since the epoch.

    Raises:
        ProblemsError, LockfileError, RemoteError: something could not be read; that is no drift, but an error.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit") as pool:
        remote = pool.submit(_look, provider, store)
        manifests = load()
        recorded, observed = remote.result()
    chosen = choose(policy.scope, manifests.desired)
    observed = observe_permissions(provider, manifests.desired, recorded, observed, chosen)
    return weigh(manifests, recorded, observed, provider, policy, now=now)


def weigh(
    manifests: Manifests, recorded: Lockfile, observed: Observed, provider: Provider, policy: Policy, *, now: float
) -> Audit:
    """Return what an audit finds in values that were read already; base models are listed, if that matters.

    Raises:
        RemoteError: they cannot be listed.
    """
    chosen = choose(policy.scope, manifests.desired)
    plan = build_plan(manifests.desired, recorded, observed, policy)
    known = frozenset(manifest.name for manifest in manifests.desired).union(recorded.models)
    names = frozenset(filter(chosen, known))
    capabilities = policy.capabilities
    drift = audit(manifests.desired, recorded, observed, names=names, now=now, capabilities=capabilities)
    shutdowns = policy.shutdowns
    if capabilities.lists_base_models and names & recorded.models.keys():
        shutdowns = shutdowns.listing(base.name for base in provider.base_models())
    shutdowns = replace(shutdowns, lost=lost_parents(provider, manifests.desired, observed, chosen))
    drift = (*drift, *dying(recorded, observed, shutdowns, names=names))
    drift = tuple(sorted(drift, key=lambda found: (found.name, found.kind, found.path or "")))
    return Audit(drift, plan.unmanaged, _coverage(recorded, observed), known, manifests.desired, plan.pinned)


def _coverage(recorded: Lockfile, observed: Observed) -> float | None:
    """Return how much of what is there the lockfile records, in percent; None of nothing."""
    models = {resource for resource, seen in observed.models.items() if not seen.record}
    if not models:
        return None
    return 100.0 * len(models & recorded.resources().keys()) / len(models)


def _look(provider: Provider, store: LockfileStore) -> tuple[Lockfile, Observed]:
    recorded = store.load().lockfile
    return recorded, observe(provider, recorded)


def with_progress(provider: Provider, recorded: Lockfile, observed: Observed) -> Observed:
    """Return the observation with the progress of every tuning that the lockfile records, in as few requests as go."""
    making = [i for entry in recorded.models.values() for i in entry.instances() if i.state in UNFINISHED]
    asked = [recorded_operation(instance) for instance in making if instance.resource in observed.models]
    if not asked:
        return observed
    models = dict(observed.models)
    for operation in provider.poll(asked):
        seen = models[operation.resource]
        models[operation.resource] = replace(seen, progress=operation.progress, error=operation.error or seen.error)
    return replace(observed, models=models)
