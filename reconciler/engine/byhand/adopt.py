"""Letting a manifest take over a model that somebody else made: what that comes to, and whether it may be."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.core.lockfile import Entry, Lockfile
from reconciler.core.observation import Observation
from reconciler.core.plan import Action, Change, Kind
from reconciler.core.planning.sharing import managed, permission_changes
from reconciler.core.resource import Desired
from reconciler.core.upkeep.adoption import adopted, differing, made_otherwise, obstacle
from reconciler.errors import FailedPrecondition, Problem, ProblemsError
from reconciler.ports.provider import Provider


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is to be recorded, and the action that says so; its changes are those of the next apply."""

    action: Action
    entry: Entry


def adoption(desired: Desired, seen: Observation, recorded: Lockfile, provider: Provider) -> Adoption:
    """Return what it means that a manifest takes over a model that nothing records; the caller saves the entry.

    Raises:
        FailedPrecondition: the model is not ready, or the one that the manifest is tuned from is not.
        ProblemsError: the model was made of something else than the manifest says, field by field.
        RemoteError: its permissions cannot be read.
    """
    why = obstacle(seen)
    if why is not None:
        raise FailedPrecondition(f"{seen.resource}: {why}", hint="nothing was adopted")
    parent = _parent(desired, recorded)
    parent_resource = None if parent is None else parent.current.resource
    parent_revision = None if parent is None else parent.current.revision
    capabilities = provider.capabilities
    wrong = made_otherwise(desired, seen, capabilities, parent_resource=parent_resource)
    if wrong:
        raise ProblemsError(tuple(_problem(desired, seen, change) for change in wrong))
    wanted = managed(desired, capabilities)
    if wanted is not None:
        seen = replace(seen, permissions=tuple(provider.permissions(seen.resource)))
    entry = adopted(desired, seen, parent_revision=parent_revision)
    changes = (*differing(desired, seen, capabilities), *permission_changes(seen.permissions or (), wanted or ()))
    return Adoption(_action(desired, seen, entry, changes), entry)


def _parent(desired: Desired, recorded: Lockfile) -> Entry | None:
    if desired.parent is None:
        return None
    entry = recorded.models.get(desired.parent)
    if entry is None or not entry.serves:
        raise FailedPrecondition(
            f"{desired.name}: its source model {desired.parent} has no model yet that this one could be tuned from",
            hint=f"adopt or apply {desired.parent} first",
        )
    return entry


def _problem(desired: Desired, seen: Observation, change: Change) -> Problem:
    message = f"{desired.name}: {change.path} is {change.after!r} here, and {change.before!r} in {seen.resource}"
    return Problem(desired.locate(change.path), message, "a model cannot be changed in this; import it instead")


def _action(desired: Desired, seen: Observation, entry: Entry, changes: tuple[Change, ...]) -> Action:
    reason = "exists and was made by somebody else; nothing is bought"
    if desired.dataset is not None:
        reason += ". Whether it was tuned on this dataset nobody can know; --replace tunes it on it"
    return Action(
        name=desired.name,
        kind=Kind.ADOPT,
        reason=reason,
        resource=seen.resource,
        revision=entry.current.revision,
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        lifecycle=desired.lifecycle,
    )
