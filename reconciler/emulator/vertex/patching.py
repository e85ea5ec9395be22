"""Patches of models and endpoints: what a mask may name, and the etag that must still be right (AIP-134, AIP-154).

No mask means every field that the body sets, because a client in use sends none. Output only fields are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.problems import ApiError, violations
from reconciler.emulator.schema import Message
from reconciler.emulator.vertex import checks
from reconciler.emulator.vertex.records import Endpoint, Model
from reconciler.emulator.vertex.views import etag
from reconciler.emulator.world import Call

_MUTABLE = ("displayName", "description", "labels")
_PASSED_OVER = frozenset({"name", "createTime", "updateTime", "etag", "deployedModels"})


def patched_fields(call: Call, record: Model | Endpoint, message: Message, root: str) -> dict[str, Any]:
    """Return a record's fields as a patch makes them.

    Raises:
        ApiError: INVALID_ARGUMENT, if the mask names what does not exist or may not change, or a value is wrong;
            ABORTED, if the etag is of before.
    """
    wanted = call.body.get("etag")
    if wanted and wanted != etag(record):
        raise ApiError("ABORTED", "The etag is not that of the resource; it was changed meanwhile.")
    fields = dict(record.fields)
    for name in _masked(call, message):
        if name not in _MUTABLE:
            raise violations([("update_mask", f"{name} cannot be updated.")], "Request contains an invalid argument.")
        fields[name] = call.body.get(name, "" if name != "labels" else {})
    checks.refuse(_problems(fields, root))
    return fields


def _masked(call: Call, message: Message) -> list[str]:
    """Return the fields to change, in lowerCamel."""
    paths = [path.strip() for path in call.query.get("updateMask", "").split(",") if path.strip()]
    if paths == ["*"]:
        return list(_MUTABLE)
    named = []
    for path in paths or list(call.body):
        field = message.by_name.get(path)
        if field is None:
            text = f"Invalid field mask: {path[:80]} does not name a field of {message.name}."
            raise violations([("update_mask", text)], "Request contains an invalid argument.")
        if field.name not in _PASSED_OVER:
            named.append(field.name)
    return named


def _problems(fields: Mapping[str, Any], root: str) -> list[checks.Problem]:
    name = fields.get("displayName", "")
    empty = [] if name else [(f"{root}.display_name", "Required field is not set.")]
    named = checks.display_name(name, f"{root}.display_name")
    return [*empty, *named, *checks.labels(fields.get("labels") or {}, f"{root}.labels")]
