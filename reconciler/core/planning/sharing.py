"""What to do about permissions: which differ, and what of that a plan shows.

Owners are never touched and never shown: ownership moves by ``tunectl transfer`` alone. Whoever else has a role that
the manifest does not list loses it. A model that serves is compared with what the service lists; one that is still in
the making, or that is taken up again, gets its permissions before it serves, and the plan shows in what they differ
from those it was begun with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reconciler.core.diff import ignores
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import Observation, Observed
from reconciler.core.permission import OWNER, Permission, as_written, declared, parse_grantee
from reconciler.core.plan import Change
from reconciler.core.planning.case import Case
from reconciler.core.planning.renames import find_renames
from reconciler.core.resource import Capabilities, Desired, Effect, Spec

FIELD = "permissions"
_HEAD, _TAIL = "spec.permissions[", "]"


def permission_changes(before: Iterable[Permission], wanted: Iterable[Permission]) -> tuple[Change, ...]:
    """Return what turns permissions into the wanted ones, by grantee; values are roles, None is no role.

    A grantee who owns the model has every role already.
    """
    seen = tuple(before)
    owners = {permission.grantee for permission in seen if permission.role == OWNER}
    have = {permission.grantee: permission.role for permission in seen if permission.role != OWNER}
    want = {permission.grantee: permission.role for permission in wanted if permission.grantee not in owners}
    return tuple(
        Change(f"{_HEAD}{grantee}{_TAIL}", have.get(grantee), want.get(grantee), Effect.UPDATE.value)
        for grantee in sorted(have.keys() | want.keys())
        if have.get(grantee) != want.get(grantee)
    )


def grantee_in(path: str) -> str | None:
    """Return whom a change is about, or None if it is not about permissions."""
    return path[len(_HEAD) : -len(_TAIL)] if path.startswith(_HEAD) and path.endswith(_TAIL) else None


def wanted_role(change: Change) -> Permission | None:
    """Return the permission that a change grants, or None if it takes one away.

    Raises:
        ValueError: the change is not about permissions.
    """
    grantee = grantee_in(change.path)
    if grantee is None:
        raise ValueError(f"{change.path} is no permission")
    return None if change.after is None else parse_grantee(grantee, str(change.after))


def reshared(spec: Spec, changes: Iterable[Change]) -> Spec:
    """Return a spec with those of some changes carried out in it that are about permissions."""
    roles = {permission.grantee: permission for permission in declared(spec) or ()}
    for change in changes:
        grantee = grantee_in(change.path)
        if grantee is not None:
            roles.pop(grantee, None)
            wanted = wanted_role(change)
            roles |= {} if wanted is None else {grantee: wanted}
    return {**spec, FIELD: as_written(roles.values())}


def managed(desired: Desired, capabilities: Capabilities) -> tuple[Permission, ...] | None:
    """Return the permissions that a manifest keeps its model to, or None if it keeps it to none."""
    if not capabilities.permissions or ignores(desired.lifecycle.ignore, FIELD):
        return None
    return declared(desired.spec)


def to_ask(
    manifests: tuple[Desired, ...],
    recorded: Lockfile,
    observed: Observed,
    capabilities: Capabilities,
    chosen: Callable[[str], bool],
) -> dict[str, str]:
    """Return the models whose permissions have to be listed before a plan can be made, with their names.

    Those are the models that serve and whose manifests declare permissions; renames are looked through.
    """
    keeping = [manifest.name for manifest in manifests if managed(manifest, capabilities) is not None]
    if not keeping:
        return {}
    entries = find_renames(manifests, recorded, chosen).recorded.models
    return {
        entries[name].current.resource: name
        for name in keeping
        if chosen(name) and name in entries and _serves(entries[name], observed)
    }


def sharing_of(case: Case, instance: Instance, observation: Observation) -> tuple[Change, ...]:
    """Return the permissions to change on a model that is there already."""
    wanted = managed(case.desired, case.capabilities)
    if wanted is None:
        return ()
    entry = case.entry
    if entry is not None and entry.current.resource == instance.resource and instance.state is InstanceState.READY:
        return () if observation.permissions is None else permission_changes(observation.permissions, wanted)
    return permission_changes(declared(instance.spec) or (), wanted)


def sharing_of_new(case: Case, previous: str | None) -> tuple[Change, ...]:
    """Return in what the permissions of a model that is about to be made differ from its predecessor's, if any."""
    wanted = declared(case.desired.spec) if case.capabilities.permissions else None
    if wanted is None:
        return ()
    former = None if previous is None else case.observed.get(previous)
    before = former.permissions if former is not None else None
    if before is None and previous is not None and case.entry is not None:
        before = declared(case.entry.current.spec)
    return permission_changes(before or (), wanted)


def _serves(entry: Entry, observed: Observed) -> bool:
    return entry.serves and observed.get(entry.current.resource) is not None
