"""Permissions that are not as the last apply left them: given or taken outside, or declared anew."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.canonical import Json
from reconciler.core.lockfile import Instance
from reconciler.core.observation import Observation
from reconciler.core.permission import OWNER, declared, wider
from reconciler.core.plan import Change, Drift
from reconciler.core.planning.sharing import FIELD, grantee_in, permission_changes
from reconciler.core.resource import Desired


def reshared_outside(name: str, applied: Instance, live: Observation, manifest: Desired) -> Iterator[Drift]:
    """Yield who has another role than the last apply gave them, as far as the manifest does not ask for it by now."""
    before, wanted = declared(applied.spec), declared(manifest.spec)
    if before is None or wanted is None or live.permissions is None:
        return
    owned = {permission.grantee for permission in live.permissions if permission.role == OWNER}
    now = [permission for permission in live.permissions if permission.role != OWNER]
    unwanted = {change.path for change in permission_changes(live.permissions, wanted)}
    for change in permission_changes([each for each in before if each.grantee not in owned], now):
        if change.path in unwanted:
            yield _drift(name, change, live)


def reshared_in_manifest(manifest: Desired, applied: Instance, live: Observation | None) -> Iterator[Drift]:
    """Yield whose role the manifest has changed since the last apply; one that the service has already is no drift.

    A manifest that has begun to declare permissions is compared with what the service has.
    """
    wanted = declared(manifest.spec)
    if wanted is None or FIELD in manifest.lifecycle.ignore:
        return
    listed = None if live is None else live.permissions
    lacking = None if listed is None else {change.path for change in permission_changes(listed, wanted)}
    before = declared(applied.spec)
    if before is None:
        before = () if listed is None else tuple(listed)
    for change in permission_changes(before, wanted):
        if lacking is None or change.path in lacking:
            yield Drift(
                manifest.name,
                "manifest",
                f"{change.path} changed in the manifest since the last apply",
                path=change.path,
                before=change.before,
                after=change.after,
            )


def _drift(name: str, change: Change, live: Observation) -> Drift:
    """Return one grantee's drift. A permission has no time of its own, so none is told."""
    kind = "widened" if wider(_role(change.before), _role(change.after)) else "narrowed"
    return Drift(
        name,
        kind,
        f"permissions {kind}: {grantee_in(change.path)}",
        resource=live.resource,
        path=change.path,
        before=change.before,
        after=change.after,
    )


def _role(value: Json) -> str | None:
    return None if value is None else str(value)
