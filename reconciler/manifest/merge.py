"""Project defaults under a manifest's spec."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.canonical import Json
from reconciler.manifest.document import Part
from reconciler.manifest.shape import parts

__all__ = ["merge"]


def merge(model: type[Part], defaults: Mapping[str, Json], own: Json) -> Json:
    """Return a part with the defaults filled in where it says nothing.

    Mappings are merged key by key, lists are taken whole. A default yields when the manifest sets one of its
    alternatives: ``defaults.baseModel`` is no obstacle to a manifest that has a ``source``. What is no mapping stays
    as it is, for validation to complain about.
    """
    if not defaults or not isinstance(own, Mapping):
        return own
    yielding = model.alternatives if any(key in own for key in model.alternatives) else ()
    merged: dict[str, Json] = {key: value for key, value in defaults.items() if key not in yielding}
    for key, value in own.items():
        default = merged.get(key)
        inner = parts(model).get(key)
        merged[key] = merge(inner[0], default, value) if inner and isinstance(default, Mapping) else value
    return merged
