"""What a manifest may say and this version would not carry out."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.resource import Desired
from reconciler.errors import Problem

_UNSUPPORTED = {
    "gate": "gates are not carried out by this version, and a model must not pass one unchecked",
    "permissions": "permissions are not reconciled by this version",
}


def unsupported(desired: Iterable[Desired]) -> tuple[Problem, ...]:
    """Return a problem for every field that a manifest may hold but this version would not carry out."""
    found = []
    for manifest in desired:
        held = {"gate": manifest.gate, "permissions": manifest.spec.get("permissions")}
        for field, why in _UNSUPPORTED.items():
            if held[field]:
                path = f"spec.{field}"
                found.append(Problem(manifest.locate(path), f"{manifest.name}: {path}: {why}", f"remove {path}"))
    return tuple(found)
