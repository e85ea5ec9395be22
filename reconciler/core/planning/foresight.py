"""A plan with what its trainings will take, what settings that were asked about would, and whether that is too much.

Apart from planning, because the past it rests on need not be known for a plan that trains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from reconciler.core.forecast import Forecaster, known_runs
from reconciler.core.lockfile import Lockfile
from reconciler.core.observation import Observed
from reconciler.core.pace import Run, Runs
from reconciler.core.plan import TRAINS, Plan
from reconciler.core.planning.build import Policy
from reconciler.core.planning.policy import over_cost
from reconciler.core.resource import Desired
from reconciler.core.scope import choose

__all__ = ["asks_for_forecast", "foresee"]


def asks_for_forecast(plan: Plan, policy: Policy) -> bool:
    """Tell whether there is anything to foresee."""
    return bool(policy.variants) or any(action.kind in TRAINS for action in plan.actions)


def foresee(
    plan: Plan,
    desired: Iterable[Desired],
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    *,
    past: Iterable[Run] = (),
) -> Plan:
    """Return the plan with forecasts, variants, and the violations that follow from what it costs.

    Args:
        plan: what is planned; its digest stays as it is.
        desired: all manifests.
        recorded: the lockfile, whose models tell how long their trainings took.
        observed: the listing.
        policy: prices, the limit on cost, and the variants that were asked about.
        past: trainings that are remembered elsewhere; what the service itself says now counts more.
    """
    manifests = sorted(desired, key=lambda manifest: manifest.name)
    runs = Runs(chain(past, known_runs(recorded, observed, policy.capabilities)))
    by_name = {manifest.name: manifest for manifest in manifests}
    forecaster = Forecaster(policy.capabilities, policy.prices, runs, by_name, observed)
    actions = tuple(forecaster.foresee(plan.actions))
    chosen = choose(policy.scope, manifests)
    return replace(
        plan,
        actions=actions,
        violations=(*plan.violations, *over_cost(actions, policy.limits)),
        what_if=tuple(
            forecaster.vary(manifest, settings)
            for manifest in manifests
            if chosen(manifest.name)
            for settings in policy.variants
        ),
    )
