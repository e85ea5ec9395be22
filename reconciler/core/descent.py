"""Which base model a manifest's model comes from in the end, through however many parents."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.canonical import Json
from reconciler.core.observation import Observed
from reconciler.core.resource import Desired


def base_model_of(manifest: Desired, by_name: Mapping[str, Desired], observed: Observed) -> str | None:
    """Return the base model at the bottom, or None if nothing says which.

    Args:
        manifest: the model.
        by_name: all manifests, since a parent may be one.
        observed: the listing, since a parent may be a model that no manifest describes.
    """
    spec: Mapping[str, Json] = manifest.spec
    seen: set[str] = set()
    while True:
        base, source = spec.get("baseModel"), spec.get("source")
        if isinstance(base, str):
            return base
        parent, resource = (
            (source.get("model"), source.get("tunedModel")) if isinstance(source, Mapping) else (None, None)
        )
        key = parent or resource
        if not isinstance(key, str) or key in seen:
            return None
        seen.add(key)
        observation = observed.get(key)
        if parent in by_name:
            spec = by_name[str(parent)].spec
        elif observation is None:
            return None
        elif observation.base_model is not None:
            return observation.base_model
        else:
            spec = observation.spec
