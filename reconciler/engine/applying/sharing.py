"""Giving and taking roles on a model, one request each; what is to be done is decided in ``core.sharing``.

Every request can be repeated: a grant that is there already, or a permission that is gone already, is what we wanted.
One that fails does not hold up the others, so that a mistyped address in a manifest never keeps a revocation from
being carried out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from reconciler.core.permission import OWNER, Permission, declared
from reconciler.core.plan import Action, Change
from reconciler.core.planning.sharing import grantee_in, permission_changes, wanted_role
from reconciler.core.resource import Desired
from reconciler.engine.applying import carry
from reconciler.engine.world import World
from reconciler.errors import FailedPrecondition, Interrupted, LockHeld, NotFound, TunectlError


def is_shared(world: World, desired: Desired) -> bool:
    """Tell whether a manifest says who may use its model, so that there is something for ``share`` to do."""
    return world.provider.capabilities.permissions and declared(desired.spec) is not None


def share(world: World, resource: str, desired: Desired) -> None:
    """Give a model the permissions that its manifest declares, if it declares any; to be called before it serves.

    Raises:
        Interrupted, LockHeld: see ``carry.while_we_may``; what was granted stays, and the next run goes on.
        RemoteError: some could not be granted or taken away; all others were.
    """
    if is_shared(world, desired):
        listed = tuple(world.provider.permissions(resource))
        _carry_out(world, resource, permission_changes(listed, declared(desired.spec) or ()), listed)


def update(world: World, action: Action) -> None:
    """Carry out an update: the permissions it changes, and the fields, whether the former succeeded or not.

    Raises:
        Interrupted, LockHeld: see ``carry.while_we_may``.
        RemoteError: as the service says.
    """
    resource = action.resource or ""
    changes = [change for change in action.changes if grantee_in(change.path) is not None]
    try:
        if changes:
            _carry_out(world, resource, changes, world.provider.permissions(resource))
    finally:
        carry.while_we_may(world, partial(carry.update, world.provider, action))


def _carry_out(world: World, resource: str, changes: Iterable[Change], listed: Iterable[Permission]) -> None:
    """Grant first, so that who gets a role in place of another one is never without."""
    known = {permission.grantee: permission for permission in listed}
    failed: list[tuple[str, TunectlError]] = []
    for change in sorted(changes, key=lambda change: change.after is None):
        grantee = grantee_in(change.path) or ""
        try:
            _one(world, resource, wanted_role(change), known.get(grantee))
        except (Interrupted, LockHeld):
            raise
        except TunectlError as error:
            failed.append((grantee, error))
    if failed:
        raise _told(resource, failed)


def _one(world: World, resource: str, wanted: Permission | None, there: Permission | None) -> None:
    provider = world.provider
    if there is not None and there.role == OWNER:
        return  # who became the owner since the plan was made can do everything
    if wanted is not None:
        handle = "" if there is None else there.id
        if there is None or there.role != wanted.role:
            carry.while_we_may(world, partial(provider.grant, resource, replace(wanted, id=handle)))
    elif there is not None:
        try:
            carry.while_we_may(world, partial(provider.revoke, resource, there))
        except NotFound:
            return


def _told(resource: str, failed: list[tuple[str, TunectlError]]) -> TunectlError:
    """Return all failures as one error, of the kind of the first."""
    grantee, first = failed[0]
    more = f" (and {len(failed) - 1} more: {', '.join(name for name, _ in failed[1:])})" if len(failed) > 1 else ""
    hint = first.hint or "mend spec.permissions and apply again; what could be granted is granted"
    told = FailedPrecondition(f"{resource}: permission of {grantee}: {first.message}{more}", hint=hint)
    told.__cause__ = first
    return told
