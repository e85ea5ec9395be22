"""The heart: desired, recorded and observed become a plan. No I/O, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from reconciler.core.address import looks_like_ours, remote_id
from reconciler.core.decision import Case, decide, disposal
from reconciler.core.drift import remote_drift
from reconciler.core.lockfile import Instance, InstanceState, Lockfile
from reconciler.core.observation import Observed
from reconciler.core.ordering import parents_first
from reconciler.core.plan import TRAINS, Action, Kind, Plan, Scope, Unmanaged
from reconciler.core.policy import Limits, violations
from reconciler.core.resource import Capabilities, Desired
from reconciler.core.revision import revision_of, settle
from reconciler.errors import Problem


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a plan besides the manifests.

    ``project`` is the tunectl project, part of every id. ``replace`` are names to tune anew. ``destroy`` plans the
    deletion of every recorded name in scope, whatever the manifests say.
    """

    project: str
    capabilities: Capabilities
    limits: Limits = field(default_factory=Limits)
    scope: Scope = field(default_factory=Scope)
    replace: frozenset[str] = frozenset()
    destroy: bool = False


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
        desired: the manifests, specs normalised by the provider, sources acyclic.
        recorded: the lockfile.
        observed: the listing, with a GET done for each recorded model that it lacked.
        policy: scope, limits and requests; see ``Policy``.
        warnings: what else the reviewer should know, passed through.
    """
    manifests = () if policy.destroy else tuple(desired)
    moved, moves, ambiguous = _moves(manifests, recorded, policy)
    revisions = _revisions(manifests, moved, observed)
    actions = list(moves)
    owner = moved.resources()
    renamed = {move.name for move in moves}
    unchanged = 0
    for manifest in manifests:
        if in_scope(manifest.name, policy.scope):
            found = decide(_case(manifest, moved, observed, policy, revisions, owner))
            actions.extend(found)
            unchanged += not found and manifest.name not in renamed
    wanted = {manifest.name for manifest in manifests}
    for name in moved.models:
        if name not in wanted and in_scope(name, policy.scope):
            actions.extend(_removal(name, moved, observed, destroy=policy.destroy))
    actions = _follow_parents(actions, manifests)
    return Plan(
        project=policy.project,
        remote=recorded.remote,
        actions=tuple(sorted(actions, key=lambda action: action.name)),
        unchanged=unchanged,
        drift=remote_drift(manifests, moved, observed, names=_scoped(moved, policy.scope)),
        unmanaged=_unmanaged(recorded, observed, actions),
        warnings=warnings,
        violations=(
            *ambiguous,
            *_unready_parents(actions, manifests, moved, policy.scope),
            *violations(actions, moved.models, policy.limits),
        ),
        scope=policy.scope,
        lineage=recorded.lineage or None,
        serial=recorded.serial,
    )


def in_scope(name: str, scope: Scope) -> bool:
    """Tell whether a name is among the targets and not excluded (shell globs, case counts)."""
    targeted = not scope.target or any(fnmatchcase(name, pattern) for pattern in scope.target)
    return targeted and not any(fnmatchcase(name, pattern) for pattern in scope.exclude)


def _scoped(recorded: Lockfile, scope: Scope) -> frozenset[str]:
    return frozenset(name for name in recorded.models if in_scope(name, scope))


def _revisions(manifests: tuple[Desired, ...], recorded: Lockfile, observed: Observed) -> dict[str, str]:
    """Return the revision each manifest asks for, parents first, since a child's holds its parent's."""
    revisions: dict[str, str] = {}
    for manifest in parents_first(manifests):
        entry = recorded.models.get(manifest.name)
        instances = () if entry is None else tuple(entry.instances())
        parent_revision = None if manifest.parent is None else revisions[manifest.parent]
        revisions[manifest.name] = settle(manifest, instances, observed.models, parent_revision=parent_revision)
    return revisions


def _case(
    manifest: Desired,
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    revisions: Mapping[str, str],
    owner: Mapping[str, str],
) -> Case:
    revision = revisions[manifest.name]
    prefix = policy.capabilities.resource_prefix

    def identify(attempt: int) -> str:
        return prefix + remote_id(
            remote_project=recorded.remote.project,
            project=policy.project,
            name=manifest.name,
            revision=revision,
            attempt=attempt,
        )

    parent = recorded.models.get(manifest.parent) if manifest.parent is not None else None
    serving = parent.current if parent is not None and _serves(parent.current) else None
    stays = serving is not None and manifest.parent is not None and serving.revision == revisions[manifest.parent]
    return Case(
        desired=manifest,
        entry=recorded.models.get(manifest.name),
        revision=revision,
        observed=observed,
        capabilities=policy.capabilities,
        identify=identify,
        owner=owner,
        parent_resource=serving.resource if serving is not None and stays else None,
        forced=manifest.name in policy.replace,
    )


def _serves(instance: Instance) -> bool:
    return instance.state is InstanceState.READY


def _moves(
    manifests: tuple[Desired, ...], recorded: Lockfile, policy: Policy
) -> tuple[Lockfile, list[Action], list[str]]:
    """Find the renames: those that manifests declare, and those that an equal revision proves.

    Returns the lockfile with the entries under their new names, the actions, and what is ambiguous.
    """
    wanted = {manifest.name for manifest in manifests}
    added = {m.name: m for m in manifests if m.name not in recorded.models and in_scope(m.name, policy.scope)}
    removed = {name for name in recorded.models if name not in wanted}
    pairs: dict[str, tuple[str, str]] = {}
    for manifest in added.values():
        declared = next((old for old in manifest.previous_names if old in removed), None)
        if declared is not None:
            pairs[manifest.name] = (declared, f"renamed from {declared} (previousNames)")
            removed.discard(declared)
    undeclared = {name: manifest for name, manifest in added.items() if name not in pairs}
    inferred, ambiguous = _infer_moves(undeclared, removed, recorded)
    for new, old in inferred.items():
        pairs[new] = (
            old,
            f"has the revision of {old}, which is gone: write previousNames: [{old}] to keep it a rename",
        )
    actions = []
    for new, (old, reason) in sorted(pairs.items()):
        current = recorded.models[old].current
        actions.append(
            Action(new, Kind.MOVE, reason, resource=current.resource, previous_name=old, revision=current.revision)
        )
        recorded = recorded.rename(old, new)
    return recorded, actions, ambiguous


def _infer_moves(
    added: Mapping[str, Desired], removed: set[str], recorded: Lockfile
) -> tuple[dict[str, str], list[str]]:
    """Match added manifests with removed entries of the same revision; only a match of one with one counts."""
    if not added or not removed:
        return {}, []
    by_revision: dict[str, tuple[list[str], list[str]]] = {}
    for name in sorted(removed):
        by_revision.setdefault(recorded.models[name].current.revision, ([], []))[0].append(name)
    for name, manifest in sorted(added.items()):
        parent = None if manifest.parent is None else recorded.models.get(manifest.parent)
        if manifest.parent is not None and parent is None:
            continue
        parent_revision = None if parent is None else parent.current.revision
        revision = revision_of(manifest.spec, manifest.dataset, parent_revision=parent_revision)
        if revision in by_revision:
            by_revision[revision][1].append(name)
    found: dict[str, str] = {}
    ambiguous = []
    for old, new in by_revision.values():
        if len(old) == 1 and len(new) == 1:
            found[new[0]] = old[0]
        elif new:
            ambiguous.append(
                f"{', '.join(new)}: of the same revision as the removed {', '.join(old)}; "
                "say which is which with metadata.previousNames"
            )
    return found, ambiguous


def _removal(name: str, recorded: Lockfile, observed: Observed, *, destroy: bool) -> list[Action]:
    """The manifest is gone: delete what the entry records, or forget it if it is gone or to be retained."""
    entry = recorded.models[name]
    reason = "is to be destroyed" if destroy else "has no manifest any more"
    current = entry.current
    if entry.deletion == "retain" and not destroy:
        why = f"{reason}; lifecycle.deletion: retain keeps the remote model"
        return [Action(name, Kind.FORGET, why, resource=current.resource, revision=current.revision)]
    present = [i for i in entry.instances() if observed.get(i.resource) is not None]
    if not present:
        return [Action(name, Kind.FORGET, f"{reason}, nor a remote model", resource=current.resource)]
    main = current if current in present else present[0]
    rest = [instance for instance in present if instance is not main]
    return [
        *(disposal(name, i, observed.get(i.resource), f"{reason} (former model)", cleanup=True) for i in rest),
        disposal(name, main, observed.get(main.resource), reason),
    ]


def _follow_parents(actions: list[Action], manifests: tuple[Desired, ...]) -> list[Action]:
    """Let the tuning of a child wait for its parent's, and block it if the parent is blocked."""
    parents = {manifest.name: manifest.parent for manifest in manifests if manifest.parent}
    if not parents:
        return actions
    blocked = {action.name: action.blocked_by for action in actions if action.kind is Kind.BLOCKED}
    busy = {action.name for action in actions if action.kind in {*TRAINS, Kind.WAIT, Kind.REUSE}}
    order = {manifest.name: place for place, manifest in enumerate(parents_first(manifests))}
    linked = []
    for action in sorted(actions, key=lambda item: order.get(item.name, -1)):
        parent = parents.get(action.name)
        if parent is None or action.kind not in TRAINS:
            linked.append(action)
        elif parent in blocked:
            blocked[action.name] = blocked[parent]
            reason = f"its source model {parent} is blocked"
            linked.append(replace(action, kind=Kind.BLOCKED, reason=reason, steps=None, blocked_by=blocked[parent]))
        else:
            linked.append(replace(action, depends_on=(parent,) if parent in busy else ()))
    return linked


def _unready_parents(
    actions: Iterable[Action], manifests: tuple[Desired, ...], recorded: Lockfile, scope: Scope
) -> list[str]:
    """A child cannot be tuned from a parent that does not serve and is out of scope."""
    parents = {manifest.name: manifest.parent for manifest in manifests if manifest.parent}
    found = []
    for action in actions:
        parent = parents.get(action.name)
        if action.kind not in TRAINS or parent is None or action.depends_on or in_scope(parent, scope):
            continue
        entry = recorded.models.get(parent)
        if entry is None or not _serves(entry.current):
            found.append(
                f"{action.name}: its source model {parent} is not ready and not in scope; --target {parent} too"
            )
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
            orphaned=looks_like_ours(resource),
        )
        for resource, observation in sorted(observed.models.items())
        if resource not in known
    )
