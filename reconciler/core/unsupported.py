"""What a manifest may say and this version, or this provider, would not carry out."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.resource import Capabilities, Desired
from reconciler.errors import Problem

_GATE = "gates are not carried out by this version, and a model must not pass one unchecked"
_PERMISSIONS = "this provider's models cannot be shared one by one"


def unsupported(desired: Iterable[Desired], capabilities: Capabilities) -> tuple[Problem, ...]:
    """Return a problem for every field that a manifest may hold but that would not be carried out."""
    found = []
    for manifest in desired:
        held = {
            ("gate", _GATE): bool(manifest.gate),
            ("permissions", _PERMISSIONS): "permissions" in manifest.spec and not capabilities.permissions,
        }
        for field, why in (key for key, refused in held.items() if refused):
            path = f"spec.{field}"
            found.append(Problem(manifest.locate(path), f"{manifest.name}: {path}: {why}", f"remove {path}"))
    return tuple(found)
