"""Names and ids: what a manifest may be called, and the remote id that follows from what it asks for.

The remote id is known before anything is created, which is what makes a create repeatable: creating the same thing
twice meets its own first try. Limits of the id: 40 characters, ``[a-z]([a-z0-9-]{0,38}[a-z0-9])?`` (Generative Language
API, CreateTunedModelRequest.tuned_model_id).
"""

from __future__ import annotations

import hashlib
import re

from reconciler.core.canonical import canonical_json

NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""A manifest's metadata.name, to be matched in full."""

_STEM = 24
_HEX = 12
_OURS = re.compile(r"[a-z]([a-z0-9-]{0,22}[a-z0-9])?-[0-9a-f]{12}(-(?P<attempt>[2-9]|[1-9][0-9]))?")
MAX_ATTEMPT = 99


def remote_id(*, remote_project: str | None, project: str, name: str, revision: str, attempt: int = 1) -> str:
    """Return the id under which a revision of a manifest is created.

    Args:
        remote_project: the service's project id (``provider.project``), part of the hash.
        project: the tunectl project (``metadata.name`` of tunectl.yaml), part of the hash.
        name: the manifest's name; its first 24 characters lead the id.
        revision: ``sha256:…``, see ``core.revision``.
        attempt: 1 for the first try, at most 99; left out of the id while it is 1.

    Raises:
        ValueError: if the attempt is out of range.
    """
    if not 1 <= attempt <= MAX_ATTEMPT:
        raise ValueError(f"attempt {attempt} is not within 1..{MAX_ATTEMPT}")
    seed = canonical_json([remote_project, project, name, revision])
    tail = hashlib.sha256(seed).hexdigest()[:_HEX]
    stem = stem_of(name)
    return f"{stem}-{tail}" if attempt == 1 else f"{stem}-{tail}-{attempt}"


def stem_of(name: str) -> str:
    """Return what of a manifest's name leads its ids; several names may share it."""
    return name[:_STEM].rstrip("-")


def stem_in(resource: str) -> str:
    """Return the stem in a resource name with an id of ours.

    Raises:
        ValueError: if the resource name does not have the shape of our ids.
    """
    return short(split_attempt(resource)[0])[: -_HEX - 1]


def looks_like_ours(resource: str) -> bool:
    """Tell whether the last segment of a resource name has the shape of our ids."""
    return _OURS.fullmatch(short(resource)) is not None


def split_attempt(resource: str) -> tuple[str, int]:
    """Return the resource name of the first attempt of an id of ours, and which attempt this one is.

    Raises:
        ValueError: if the resource name does not have the shape of our ids.
    """
    match = _OURS.fullmatch(short(resource))
    if match is None:
        raise ValueError(f"{resource} does not have the shape of our ids")
    attempt = match["attempt"]
    return (resource, 1) if attempt is None else (resource.removesuffix(f"-{attempt}"), int(attempt))


def short(resource: str) -> str:
    """Return the last segment of a resource name."""
    return resource.rpartition("/")[2]
