"""Who may use a model: permissions and the transfer of ownership (PermissionService, v1beta3 and v1beta).

A permission's grantee cannot change; its role is the only field that can. There is one permission a grantee at most,
and the owner's moves with transferOwnership alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.core.permission import EVERYONE, GROUP, OWNER, READER, USER, WRITER, Permission
from reconciler.errors import AlreadyExists, InvalidArgument, NotFound
from reconciler.providers.google.dialect import Dialect
from reconciler.providers.google.paging import pages
from reconciler.providers.google.path import path_of, shown
from reconciler.providers.google.wire import PermissionPage, WirePermission
from reconciler.providers.http import Call, Http
from reconciler.providers.retry import Patience

__all__ = ["Sharing"]

_PAGE: Final = "1000"
"""Permissions per page: the most the service gives; its default is 10."""
# Permission.GranteeType and Permission.Role, by number; names are taken as they come.
_KINDS: Final[Mapping[str | int, str]] = {1: USER, 2: GROUP, 3: EVERYONE}
_ROLES: Final[Mapping[str | int, str]] = {1: OWNER, 2: WRITER, 3: READER}
_GIVABLE: Final = frozenset({READER, WRITER})


class Sharing:
    """The permissions of tuned models. Safe to use from several threads."""

    def __init__(self, http: Http, dialect: Dialect, *, quota_patience: float) -> None:
        self._http = http
        self._dialect = dialect
        self._writing = Patience(quota=quota_patience)
        self._once = Patience(quota=quota_patience, resend=False)

    def listed(self, resource: str) -> tuple[Permission, ...]:
        """Return every permission on a model."""
        path = self._dialect.path(f"{path_of(resource)}/permissions")
        call = Call(f"list the permissions of {shown(resource)}", "GET", path, query={"pageSize": _PAGE})
        return tuple(_read(wire) for page in pages(self._http, call, PermissionPage) for wire in page.permissions)

    def grant(self, resource: str, permission: Permission) -> None:
        """Make a permission, or give the one that is there its role."""
        if permission.role not in _GIVABLE:
            raise InvalidArgument(f"share {shown(resource)}: {shown(permission.role)} is no role that can be given")
        if permission.id:
            self._set_role(permission.id, resource, permission.role)
            return
        try:
            self._make(resource, permission)
        except AlreadyExists:
            there = self._find(resource, permission)
            if there is None:
                raise
            if there.role not in {permission.role, OWNER}:
                self._set_role(there.id, resource, permission.role)

    def revoke(self, resource: str, permission: Permission) -> None:
        """Delete a permission."""
        there = permission if permission.id else self._find(resource, permission)
        if there is None:
            raise NotFound(f"{shown(resource)}: {shown(permission.grantee)} has no permission")
        if there.role == OWNER:
            raise InvalidArgument(f"{shown(resource)}: the owner's permission cannot be taken away, only transferred")
        path = self._dialect.path(path_of(there.id))
        self._http.send(Call(f"unshare {shown(resource)}", "DELETE", path, patience=self._writing))

    def transfer(self, resource: str, email: str) -> None:
        """Make a user the owner."""
        path = self._dialect.path(f"{path_of(resource)}:transferOwnership")
        body = {"emailAddress": email}
        self._http.send(Call(f"transfer {shown(resource)}", "POST", path, body=body, patience=self._once))

    def _make(self, resource: str, permission: Permission) -> None:
        body = {"granteeType": permission.kind.upper(), "role": permission.role}
        if permission.email:
            body["emailAddress"] = permission.email
        path = self._dialect.path(f"{path_of(resource)}/permissions")
        self._http.send(Call(f"share {shown(resource)}", "POST", path, body=body, patience=self._writing))

    def _set_role(self, handle: str, resource: str, role: str) -> None:
        call = Call(
            f"share {shown(resource)}",
            "PATCH",
            self._dialect.path(path_of(handle)),
            query={"updateMask": "role"},
            body={"role": role},
            patience=self._writing,
        )
        self._http.send(call)

    def _find(self, resource: str, permission: Permission) -> Permission | None:
        return next((there for there in self.listed(resource) if there.grantee == permission.grantee), None)


def _read(wire: WirePermission) -> Permission:
    kind = _KINDS.get(wire.grantee_type, str(wire.grantee_type).lower())
    role = _ROLES.get(wire.role, str(wire.role))
    return Permission(role, kind, wire.email_address, id=wire.name)
