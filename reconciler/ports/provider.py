"""The service that tunes models.

An implementation must:

* answer ``observe`` completely (every page) or raise; a short answer would read as deleted models;
* raise the errors of ``reconciler.errors`` only, chained, with no response body and no credential in them;
* retry by itself what is safe to retry, and never resend a create that carries no id;
* send nothing but reads from ``observe``, ``get``, ``base_models`` and ``poll``.

It may cache credentials and connections; it must be safe to call from several threads. It must not block on tuning.
``reconciler/testing/provider_contract.py`` holds the tests that every implementation passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler.core.canonical import Json
from reconciler.core.observation import Observation, Operation
from reconciler.core.resource import BaseModel, Capabilities, Example, Remote, Spec


@dataclass(frozen=True, slots=True)
class Normalized:
    """A spec in the remote's spelling, and what the provider has to say about it (fields it does not keep)."""

    spec: Spec
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """Everything a create needs. ``spec`` is normalised and its source, if any, is a resource name."""

    resource: str
    spec: Spec
    examples: Sequence[Example]


class Provider(Protocol):
    """A service that tunes models, behind one narrow surface."""

    @property
    def remote(self) -> Remote:
        """Which remote this is, as the lockfile records it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What this provider can do, as data."""
        ...

    def normalize(self, spec: Spec) -> Normalized:
        """Return the spec as the remote will report it: server spelling of names, float32 numbers, integers.

        Pure: sends nothing. Only the fields that the spec sets are returned.
        """
        ...

    def observe(self, *, snapshots: bool = False) -> Sequence[Observation]:
        """List every tuned model the credentials can see; the loss curve only if asked for.

        Raises:
            RemoteError: if any page cannot be had.
        """
        ...

    def get(self, resource: str) -> Observation:
        """Return one model, with its loss curve.

        Raises:
            NotFound: it does not exist.
            PermissionDenied: it may exist, but not for us; never to be read as gone.
        """
        ...

    def base_models(self) -> Sequence[BaseModel]:
        """List the base models and whether each can be tuned."""
        ...

    def create(self, request: CreateRequest) -> Operation:
        """Start a tuning under the requested resource name and return at once.

        Raises:
            AlreadyExists: the id is taken, by our own earlier try or by somebody else.
            PermissionDenied: we may not, or the id is taken by something we may not see.
            InvalidArgument, QuotaExhausted, Unavailable: as the service says.
        """
        ...

    def update(self, resource: str, fields: Mapping[str, Json]) -> Observation:
        """Change fields in place, by spec path (``displayName``, ``temperature``); None clears a field."""
        ...

    def delete(self, resource: str) -> None:
        """Delete a model.

        Raises:
            NotFound: there is none; after a lost answer this is success, which the caller decides.
        """
        ...

    def poll(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """Return the news of all outstanding operations, in the same order, in as few requests as possible."""
        ...

    def generate(self, resource: str, prompt: str, *, candidates: int = 1) -> Sequence[str]:
        """Ask a tuned model and return its answers."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
