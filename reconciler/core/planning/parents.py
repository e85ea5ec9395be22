"""Models that are tuned from other models: a child waits for its parent, and is not begun without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from reconciler.core.lockfile import Lockfile
from reconciler.core.observation import Observed
from reconciler.core.ordering import parents_first
from reconciler.core.plan import TRAINS, Action, Kind
from reconciler.core.resource import Desired
from reconciler.errors import Violation


def follow_parents(actions: list[Action], manifests: tuple[Desired, ...]) -> list[Action]:
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
            held = replace(action, kind=Kind.BLOCKED, reason=reason, steps=None, blocked_by=blocked[parent])
            linked.append(replace(held, depends_on=(parent,)))
        else:
            linked.append(replace(action, depends_on=(parent,) if parent in busy else ()))
    return linked


def unready_parents(
    actions: Iterable[Action],
    manifests: tuple[Desired, ...],
    recorded: Lockfile,
    observed: Observed,
    chosen: Callable[[str], bool],
) -> list[Violation]:
    """A child cannot be tuned from a parent that does not serve and is out of scope."""
    by_name = {manifest.name: manifest for manifest in manifests}
    found = []
    for action in actions:
        parent = by_name[action.name].parent if action.kind in TRAINS else None
        if parent is None or action.depends_on or chosen(parent):
            continue
        entry = recorded.models.get(parent)
        if entry is None or not entry.serves or observed.get(entry.current.resource) is None:
            message = f"{action.name}: its source model {parent} is not ready and not in scope; --target {parent} too"
            found.append(Violation(message, by_name[action.name].locate("spec.source.model"), rule="spec.source"))
    return found
