"""Resource names that somebody types: in full, with the path that a console shows, or without their collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.core.text import did_you_mean, meant, sanitize
from reconciler.errors import FailedPrecondition, InvalidArgument, NotFound, UsageError

if TYPE_CHECKING:
    from reconciler.core.observation import Observation, Observed
    from reconciler.ports.provider import Provider


def resource_name(text: str, prefix: str) -> str:
    """Return the resource name that somebody typed in full, behind ``projects/…``, or without its prefix."""
    if not prefix:
        return text
    path, found, last = text.rpartition(prefix)
    return f"{prefix}{last if found and (not path or path.endswith('/')) else text}"


def find_unmanaged(
    text: str, prefix: str, observed: Observed, owner: Mapping[str, str], provider: Provider
) -> Observation:
    """Return a model that nothing in the lockfile records, by the name that somebody typed.

    A model that the listing lacks is asked for by name: absent from a listing is not gone.

    Raises:
        FailedPrecondition: a name of the lockfile has it.
        UsageError: there is none; with the one that may have been meant.
        RemoteError: it cannot be read.
    """
    resource = resource_name(text, prefix)
    if resource in owner:
        raise FailedPrecondition(
            f"{sanitize(resource)}: is managed already, as {owner[resource]}",
            hint=f"`tunectl forget {owner[resource]}` lets go of it",
        )
    seen = observed.get(resource)
    if seen is not None:
        return seen
    try:
        return provider.get(resource)
    except (NotFound, InvalidArgument) as error:
        others = [name for name in observed.models if name not in owner]
        otherwise = "`tunectl drift` lists what nothing manages"
        if "/" in resource.removeprefix(prefix):
            otherwise = f"names look like {prefix}my-model here; {otherwise}"
        hint = did_you_mean(meant(resource, others), otherwise=otherwise)
        raise UsageError(f"{sanitize(text)}: there is no model of that name", hint=sanitize(hint)) from error
