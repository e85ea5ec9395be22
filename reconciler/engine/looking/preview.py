"""From three values to a plan: manifests and remote are read side by side, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from reconciler.core.datachange import Rows
from reconciler.core.lockfile import Lockfile
from reconciler.core.manifests import Manifests
from reconciler.core.observation import Observed
from reconciler.core.pace import Run
from reconciler.core.plan import TRAINS, Plan
from reconciler.core.planning.build import Policy, build_plan
from reconciler.core.planning.foresight import asks_for_forecast, foresee
from reconciler.core.planning.requirements import BASE, unknown_variants, unmet
from reconciler.core.planning.shutdowns import Shutdowns
from reconciler.core.planning.shutdowns import warnings as doomed
from reconciler.core.resource import Desired
from reconciler.core.scope import choose
from reconciler.core.unsupported import unsupported
from reconciler.engine.looking.observe import look_for_hidden, lost_parents, observe, observe_permissions
from reconciler.errors import PermissionDenied, ProblemsError, TunectlError, UsageError
from reconciler.ports.provider import Provider
from reconciler.ports.store import Loaded, LockfileStore

_LOOKS = 5
"""How many ids that are taken by what we may not see are passed over before that is an error."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan and the values it was made of.

    ``rows`` are training rows that changed, by name, for who may see them; they are no part of the plan.
    """

    plan: Plan
    desired: tuple[Desired, ...]
    loaded: Loaded
    observed: Observed
    rows: Mapping[str, Rows] = field(default_factory=dict, repr=False)


def preview(
    load: Callable[[], Manifests],
    provider: Provider,
    store: LockfileStore,
    policy: Policy,
    *,
    past: Callable[[], Iterable[Run]] = tuple,
    snapshots: bool = False,
) -> Preview:
    """Return what apply would do.

    Args:
        load: reads the manifests and datasets; raises ProblemsError with everything that is wrong with them.
        provider: only read from.
        store: only read from.
        policy: scope, limits and requests.
        past: tells of trainings that are over; asked only if the plan trains, or if settings were asked about.
        snapshots: whether the loss curves are wanted too.

    Raises:
        ProblemsError: manifests or datasets are wrong, or the plan's trainings cannot be done.
        UsageError: a base model that was asked about cannot be tuned.
        LockfileError, RemoteError: what is recorded, or what is there, cannot be read.
    """
    try:
        loaded = store.load()
    except TunectlError:
        _sound(load(), policy)  # what is wrong with the manifests is told first
        raise
    # The lockfile is parsed before, not beside: two threads that compute take turns, and each turn costs.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="preview") as pool:
        remote = pool.submit(observe, provider, loaded.lockfile, snapshots=snapshots)
        manifests = _sound(load(), policy)
        observed = remote.result()
    chosen = choose(policy.scope, manifests.desired)
    if not policy.destroy:
        observed = observe_permissions(provider, manifests.desired, loaded.lockfile, observed, chosen)
    plan, observed = _plan(provider, manifests, loaded.lockfile, observed, policy)
    plan, shutdowns = _against_bases(plan, provider, manifests, policy)
    if not policy.destroy:
        shutdowns = replace(shutdowns, lost=lost_parents(provider, manifests.desired, observed, chosen))
        told = doomed(manifests.desired, chosen, observed, shutdowns)
        plan = replace(plan, warnings=(*plan.warnings, *told))
    if asks_for_forecast(plan, policy):
        plan = foresee(plan, manifests.desired, loaded.lockfile, observed, policy, past=past())
    return Preview(plan=plan, desired=manifests.desired, loaded=loaded, observed=observed)


def _plan(
    provider: Provider, manifests: Manifests, recorded: Lockfile, observed: Observed, policy: Policy
) -> tuple[Plan, Observed]:
    """Return the plan; for a name that is tuned anew on demand, past the ids that we cannot have.

    Only such names cost a GET, of the very id that they would buy. Without it, a create that was refused because
    something holds its id would be planned under that id for ever: nothing records it, and no listing shows it.

    Raises:
        PermissionDenied: id after id is taken.
    """
    for _ in range(_LOOKS):
        plan = build_plan(manifests.desired, recorded, observed, policy, warnings=manifests.warnings)
        bought = (action for action in plan.actions if action.kind in TRAINS and action.name in policy.replace)
        ids = {action.resource: action.name for action in bought if action.resource not in observed.missing}
        looked = look_for_hidden(provider, observed, filter(None, ids))
        if looked is observed:
            return plan, observed
        observed = looked
    names, taken = ", ".join(sorted(ids.values())), ", ".join(sorted(observed.hidden))
    raise PermissionDenied(
        f"{names}: id after id is taken by models that these credentials may not see: {taken}",
        hint="use another project name in tunectl.yaml, or credentials that may see them",
    )


def _against_bases(plan: Plan, provider: Provider, manifests: Manifests, policy: Policy) -> tuple[Plan, Shutdowns]:
    """Hold what would be tuned to the base models there are; a plan without trainings does not ask for them.

    Returned are the plan with warnings, and what is known of the end of base models.

    Raises:
        ProblemsError: a training cannot be done.
        UsageError: a base model that was asked about cannot be tuned.
    """
    if not (any(action.kind in TRAINS for action in plan.actions) or any(BASE in asked for asked in policy.variants)):
        return plan, policy.shutdowns
    complete = policy.capabilities.lists_base_models
    bases = provider.base_models()
    for why in unknown_variants(policy.variants, bases, complete=complete):
        raise UsageError(f"--what-if {BASE}: {why}")
    problems = unmet(plan, manifests.desired, bases, complete=complete)
    if any(problem.severity == "error" for problem in problems):
        raise ProblemsError((*problems, *manifests.warnings))
    plan = replace(plan, warnings=(*plan.warnings, *problems))
    return plan, policy.shutdowns.listing(base.name for base in bases) if complete else policy.shutdowns


def _sound(manifests: Manifests, policy: Policy) -> Manifests:
    """Return the manifests if nothing in them is beyond the provider; raises ProblemsError."""
    refuse = unsupported(manifests.desired, policy.capabilities)
    if refuse:
        raise ProblemsError((*refuse, *manifests.warnings))
    return manifests
