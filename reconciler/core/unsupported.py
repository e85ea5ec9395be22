"""What a manifest may say and this version, or this provider, would not carry out."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.resource import Capabilities, Desired
from reconciler.errors import Problem

_PERMISSIONS = "this provider's models cannot be shared one by one"


def unsupported(desired: Iterable[Desired], capabilities: Capabilities) -> tuple[Problem, ...]:
    """Return a problem for every field that a manifest may hold but that would not be carried out."""
    found = []
    for manifest in desired:
        if "permissions" in manifest.spec and not capabilities.permissions:
            path = "spec.permissions"
            found.append(Problem(manifest.locate(path), f"{manifest.name}: {path}: {_PERMISSIONS}", f"remove {path}"))
    return tuple(found)
