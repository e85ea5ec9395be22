"""tunedModels.permissions and tunedModels.transferOwnership (PermissionService).

Roles are concentric: a reader may use a model, a writer may also change and share it, an owner may also delete it. The
owner's own permission can only move by transferOwnership, which leaves the old owner a writer.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from reconciler.emulator import paging
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError, invalid
from reconciler.emulator.query import page_size
from reconciler.emulator.records import Model, Permission
from reconciler.emulator.schema import GRANTEE_TYPE, ROLE
from reconciler.emulator.world import Call

_PAGE, _PAGE_LIMIT = 10, 1000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_GIVABLE = frozenset({"WRITER", "READER"})


def create(call: Call) -> Object:
    """Grant a role to a user, a group or everyone."""
    role = _givable(call.body.get("role"))
    kind, email = _grantee(call.body)
    with call.store.writing():
        model = call.model("WRITER")
        held = {(known.type, known.email.lower()) for known in call.store.permissions(model.seq)}
        if (kind, email.lower()) in held:
            raise ApiError("ALREADY_EXISTS", f"{email or 'Everyone'} already has a permission on {model.name}.")
        granted = call.store.grant(model.seq, type=kind, email=email, role=role)
    return _describe(call, model, granted)


def get(call: Call) -> Object:
    """Return one permission."""
    model = call.model()
    return _describe(call, model, _found(call, model))


def list_page(call: Call) -> Object:
    """Return a page of a model's permissions, oldest first."""
    limit = page_size(call.query, default=_PAGE, limit=_PAGE_LIMIT)
    model = call.model()
    bound = ("permissions", model.name)
    after = paging.read_token(call.query.get("pageToken"), *bound)
    if call.empty_page:
        return {"nextPageToken": paging.write_token(after, *bound)}
    found = call.store.permissions(model.seq, after=after)
    answer: Object = {"permissions": [_describe(call, model, one) for one in found[:limit]]} if found else {}
    if len(found) > limit:
        answer["nextPageToken"] = paging.write_token(found[limit - 1].id, *bound)
    return answer


def patch(call: Call) -> Object:
    """Change a permission's role, the only field that can change."""
    paths = {path.strip() for path in call.query.get("updateMask", "").split(",") if path.strip()}
    if paths - {"role"} or not paths:
        raise invalid("updateMask is required and takes nothing but role")
    role = _givable(call.body.get("role"))
    with call.store.writing():
        model = call.model("WRITER")
        permission = _held_by_others(_found(call, model))
        changed = call.store.grant(model.seq, type=permission.type, email=permission.email, role=role)
    return _describe(call, model, changed)


def delete(call: Call) -> Object:
    """Take a permission away."""
    with call.store.writing():
        model = call.model("WRITER")
        call.store.revoke(_held_by_others(_found(call, model)).id)
    return {}


def transfer(call: Call) -> Object:
    """Make another user the owner; the old one becomes a writer."""
    email = _address(call.body.get("emailAddress", ""))
    with call.store.writing():
        model = call.model("OWNER")
        call.store.grant(model.seq, type="USER", email=model.owner, role="WRITER")
        call.store.grant(model.seq, type="USER", email=email, role="OWNER")
        call.store.put(replace(model, owner=email))
    return {}


def _grantee(body: Object) -> tuple[str, str]:
    kind, email = body.get("granteeType"), body.get("emailAddress", "")
    if kind not in GRANTEE_TYPE.numbers or kind == "GRANTEE_TYPE_UNSPECIFIED":
        raise invalid("granteeType is required: USER, GROUP or EVERYONE")
    if kind != "EVERYONE":
        return str(kind), _address(email)
    if email:
        raise invalid("emailAddress must not be set for EVERYONE")
    return "EVERYONE", ""


def _address(email: str) -> str:
    if not _EMAIL.fullmatch(email):
        raise invalid("emailAddress is required, as somebody@example.com")
    return email


def _givable(role: Any) -> str:
    if role not in _GIVABLE:
        raise invalid("role is required: WRITER or READER; ownership moves with transferOwnership")
    return str(role)


def _found(call: Call, model: Model) -> Permission:
    wanted = call.path["permission"]
    for permission in call.store.permissions(model.seq):
        if str(permission.id) == wanted:
            return permission
    raise ApiError("NOT_FOUND", f"Permission {model.name}/permissions/{wanted} does not exist.")


def _held_by_others(permission: Permission) -> Permission:
    if permission.role == "OWNER":
        raise invalid("the owner's permission changes with transferOwnership only")
    return permission


def _describe(call: Call, model: Model, permission: Permission) -> Object:
    answer: Object = {
        "name": f"{model.name}/permissions/{permission.id}",
        "granteeType": call.enum(GRANTEE_TYPE.numbers, permission.type),
    }
    if permission.email:
        answer["emailAddress"] = permission.email
    return {**answer, "role": call.enum(ROLE.numbers, permission.role)}
