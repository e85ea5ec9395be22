"""The heart: desired, recorded and observed become a plan. No I/O, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.core.address import looks_like_ours, remote_id, split_attempt
from reconciler.core.canonical import Json
from reconciler.core.limits import Limits
from reconciler.core.lockfile import Lockfile
from reconciler.core.observation import Observed
from reconciler.core.plan import Action, Drift, Kind, Pinned, Plan, Scope, Unmanaged
from reconciler.core.planning.breaches import broken
from reconciler.core.planning.decision import Case, decide
from reconciler.core.planning.disposal import removal
from reconciler.core.planning.drift import remote_drift
from reconciler.core.planning.healing import heal, left_out, standing
from reconciler.core.planning.lockout import lockouts
from reconciler.core.planning.parents import follow_parents, unready_parents
from reconciler.core.planning.policy import violations
from reconciler.core.planning.renames import Renames, find_renames
from reconciler.core.planning.shutdowns import Shutdowns
from reconciler.core.planning.tolerance import Tolerance
from reconciler.core.price import Price
from reconciler.core.resource import Capabilities, Desired, Effect
from reconciler.core.revision import Wanted, source_of, wanted_revisions
from reconciler.core.rules import Rules
from reconciler.core.scope import choose, in_scope
from reconciler.errors import Problem, Violation

__all__ = ["Policy", "build_plan", "in_scope"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a plan besides the manifests.

    ``project`` is the tunectl project, part of every id. ``replace`` are names to tune anew. ``destroy`` plans the
    deletion of every recorded name in scope, whatever the manifests say. ``rules`` are what the project allows,
    ``tolerances`` the drift that a plan of drift alone does not mend; only those that are in force. ``prices`` are the
    project's; ``variants`` are settings to forecast every model in scope with, whatever is planned for it.
    ``shutdowns`` is what is known of the end of base models.
    """

    project: str
    capabilities: Capabilities
    limits: Limits = field(default_factory=Limits)
    scope: Scope = field(default_factory=Scope)
    replace: frozenset[str] = frozenset()
    destroy: bool = False
    rules: Rules = field(default_factory=Rules)
    tolerances: tuple[Tolerance, ...] = ()
    prices: tuple[Price, ...] = ()
    variants: tuple[Mapping[str, Json], ...] = ()
    shutdowns: Shutdowns = field(default_factory=Shutdowns)


def build_plan(
    desired: Iterable[Desired],
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    *,
    warnings: tuple[Problem, ...] = (),
) -> Plan:
    """Return the plan that makes the remote what the manifests ask for.

    Args:
        desired: the manifests, specs normalised by the provider, sources known and acyclic, names unique.
        recorded: the lockfile.
        observed: the listing, with a GET done for each recorded model that it lacked.
        policy: scope, limits and requests; see ``Policy``.
        warnings: what else the reviewer should know, passed through.

    Raises:
        TunectlError: every id of a wanted revision is taken.
    """
    declared = tuple(desired)
    chosen = choose(policy.scope, declared)
    manifests = () if policy.destroy else tuple(sorted(declared, key=lambda manifest: manifest.name))
    renames = find_renames(manifests, recorded, chosen)
    recorded = renames.recorded
    wanted = _wanted(manifests, recorded, observed, policy, chosen)
    actions, unchanged = _actions(manifests, renames, observed, policy, chosen, wanted)
    drift = remote_drift(
        manifests,
        recorded,
        observed,
        names=frozenset(filter(chosen, recorded.models)),
        capabilities=policy.capabilities,
    )
    ambiguous, waiting = renames.ambiguous, tuple[Action, ...]()
    if policy.scope.only is not None:
        mending = _mending(manifests, renames, observed, policy, chosen, drift)
        actions, waiting, ambiguous = list(mending), left_out(actions, mending), ()
    return Plan(
        project=policy.project,
        remote=recorded.remote,
        actions=tuple(sorted(actions, key=lambda action: action.name)),
        unchanged=unchanged,
        drift=drift,
        unmanaged=_unmanaged(recorded, observed, actions),
        warnings=warnings,
        violations=(*ambiguous, *_judge(actions, manifests, recorded, observed, policy, chosen)),
        scope=policy.scope,
        lineage=recorded.lineage or None,
        serial=recorded.serial,
        left_out=waiting,
        pinned=_pinned(wanted, recorded, chosen),
    )


def _pinned(wanted: Mapping[str, Wanted], recorded: Lockfile, chosen: Callable[[str], bool]) -> tuple[Pinned, ...]:
    """Return the names that a rollback holds where they are, sorted."""
    return tuple(
        Pinned(name, recorded.models[name].current.resource, goal.revision, goal.asked)
        for name, goal in sorted(wanted.items())
        if goal.pinned and chosen(name)
    )


def _mending(
    manifests: tuple[Desired, ...],
    renames: Renames,
    observed: Observed,
    policy: Policy,
    chosen: Callable[[str], bool],
    drift: tuple[Drift, ...],
) -> tuple[Action, ...]:
    """Return the actions that mend drift: as if no manifest asked for another revision than the one that serves."""
    recorded = renames.recorded
    wanted = _wanted(manifests, recorded, observed, policy, chosen, stands=standing(recorded, observed))
    actions, _ = _actions(manifests, renames, observed, policy, chosen, wanted)
    counts = [item for item in drift if not any(rule.covers(item) for rule in policy.tolerances)]
    renamed = frozenset(move.name for move in renames.moves)
    effect = policy.scope.max_effect or Effect.UPDATE.value
    return heal(actions, counts, recorded.models, effect=effect, except_for=renamed)


def _wanted(
    manifests: tuple[Desired, ...],
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    chosen: Callable[[str], bool],
    *,
    stands: frozenset[str] = frozenset(),
) -> dict[str, Wanted]:
    """Return the revision of every name; what is out of scope and serves stays what it is, and so does what stands."""
    models = recorded.models
    fixed = stands.union(
        manifest.name
        for manifest in manifests
        if not chosen(manifest.name) and manifest.name in models and models[manifest.name].serves
    )
    return wanted_revisions(manifests, recorded, observed.models, fixed=fixed, forced=policy.replace)


def _actions(
    manifests: tuple[Desired, ...],
    renames: Renames,
    observed: Observed,
    policy: Policy,
    chosen: Callable[[str], bool],
    wanted: Mapping[str, Wanted],
) -> tuple[list[Action], int]:
    """Return what to do about every chosen name, and how many models are as their manifests ask."""
    recorded = renames.recorded
    case = _cases(recorded, observed, policy, wanted)
    actions = list(renames.moves)
    renamed = {move.name for move in renames.moves}
    unchanged = 0
    for manifest in manifests:
        if chosen(manifest.name):
            found = decide(case(manifest))
            actions.extend(found)
            unchanged += not found and manifest.name not in renamed and not wanted[manifest.name].pinned
    kept = renames.claimed.union(manifest.name for manifest in manifests)
    for name, entry in recorded.models.items():
        if name not in kept and chosen(name):
            actions.extend(removal(name, entry, observed, destroy=policy.destroy))
    return follow_parents(actions, manifests), unchanged


def _judge(
    actions: list[Action],
    manifests: tuple[Desired, ...],
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    chosen: Callable[[str], bool],
) -> Iterator[Violation]:
    """Yield every reason why apply would refuse these actions."""
    yield from unready_parents(actions, manifests, recorded, observed, chosen)
    yield from violations(actions, recorded.models, policy.limits, uncounted=policy.capabilities.uncounted)
    yield from lockouts(actions, manifests, recorded.models, allowed=policy.limits.max_lockouts)
    defaults = policy.capabilities.defaults
    yield from broken(policy.rules, manifests, actions, observed, defaults=defaults, chosen=chosen)


def _cases(
    recorded: Lockfile, observed: Observed, policy: Policy, wanted: Mapping[str, Wanted]
) -> Callable[[Desired], Case]:
    """Return what makes the case of each manifest, with everything that is the same for all of them worked out."""
    owner = recorded.resources()
    orphans = _orphans(observed, owner)

    def case(manifest: Desired) -> Case:
        revision, parent = wanted[manifest.name].revision, None
        if manifest.parent is not None:
            entry = recorded.models.get(manifest.parent)
            if entry is not None and entry.serves and entry.current.revision == wanted[manifest.parent].revision:
                parent = source_of(manifest, revision, entry).resource
        return Case(
            desired=manifest,
            entry=recorded.models.get(manifest.name),
            revision=revision,
            observed=observed,
            capabilities=policy.capabilities,
            identify=_identify(manifest.name, revision, recorded, policy),
            owner=owner,
            parent_resource=parent,
            forced=manifest.name in policy.replace,
            orphans=orphans,
            pinned=wanted[manifest.name].pinned,
        )

    return case


def _identify(name: str, revision: str, recorded: Lockfile, policy: Policy) -> Callable[[int], str]:
    def identify(attempt: int) -> str:
        return policy.capabilities.resource_prefix + remote_id(
            remote_project=recorded.remote.project,
            project=policy.project,
            name=name,
            revision=revision,
            attempt=attempt,
        )

    return identify


def _orphans(observed: Observed, owner: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Map the resource name of a first attempt to the attempts that are there and that nothing records."""
    found: dict[str, tuple[int, ...]] = {}
    for resource in observed.models:
        if resource not in owner and looks_like_ours(resource):
            first, attempt = split_attempt(resource)
            found[first] = (*found.get(first, ()), attempt)
    return found


def _unmanaged(recorded: Lockfile, observed: Observed, actions: Iterable[Action]) -> tuple[Unmanaged, ...]:
    """List what is there but recorded nowhere, those with an id of our shape marked as orphaned."""
    known = set(recorded.resources()) | {a.resource for a in actions if a.kind is Kind.REUSE}
    return tuple(
        Unmanaged(
            resource=resource,
            display_name=str(observation.spec.get("displayName") or ""),
            state=observation.state.value,
            create_time=observation.create_time,
            orphaned=observation.duplicate or looks_like_ours(resource),
        )
        for resource, observation in sorted(observed.models.items())
        if resource not in known and not observation.record
    )
