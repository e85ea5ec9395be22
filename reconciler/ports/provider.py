"""The service that tunes models.

An implementation must:

* answer ``observe`` completely (every page) or raise; a short answer would read as deleted models;
* raise the errors of ``reconciler.errors`` only, chained, with no response body and no credential in them;
* retry by itself what is safe to retry, and never resend a create that carries no id;
* send nothing but reads from ``observe``, ``get``, ``base_models``, ``poll`` and ``permissions``.

It may cache credentials and connections; it must be safe to call from several threads. It must not block on tuning.
``reconciler/testing/provider_contract.py`` holds the tests that every implementation passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.core.canonical import Json
from reconciler.core.resource import BaseModel, Capabilities, Example, Remote, Spec

if TYPE_CHECKING:  # who only spells a spec observes nothing
    from reconciler.core.observation import Observation, Operation
    from reconciler.core.permission import Permission


@dataclass(frozen=True, slots=True)
class Remark:
    """What a provider has to say about one field: that it is not kept, or cannot be carried out as written.

    ``path`` is dotted, within the spec (``hyperparameters.batchSize``). ``severity`` is ``warning``, or ``error`` where
    leaving the field out would make another model than the one the manifest describes.
    """

    path: str
    message: str
    hint: str | None = None
    severity: str = "warning"


@dataclass(frozen=True, slots=True)
class Normalized:
    """A spec in the remote's spelling, without the fields the provider does not keep, and its remarks on those."""

    spec: Spec
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Which revision of which manifest a model is made for, for services that keep such things in labels.

    ``repeated`` says that an earlier run may have sent this very create: a service without ids of the client's choice
    then has to be looked through with more patience, since listings lag.
    """

    project: str
    name: str
    revision: str
    attempt: int = 1
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """Everything a create needs. ``spec`` is normalised and its source, if any, is a resource name.

    ``validation`` are examples that are not trained on, for services that measure with them. ``uri`` and
    ``validation_uri`` name objects in place of either, for services that read their data from a bucket.
    """

    resource: str
    spec: Spec
    examples: Sequence[Example]
    validation: Sequence[Example] = ()
    origin: Origin | None = None
    uri: str | None = None
    validation_uri: str | None = None


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

        Pure: sends nothing. Only the fields that the spec sets are returned. What the provider does not keep is left
        out and remarked on.

        Raises:
            InvalidArgument: a value that the service's types cannot hold.
        """
        ...

    def observe(self, *, snapshots: bool = False) -> Sequence[Observation]:
        """List every tuned model the credentials can see; the loss curve only if asked for.

        Raises:
            RemoteError: if any page cannot be had.
        """
        ...

    def get(self, resource: str, *, operation: str | None = None, snapshots: bool = False) -> Observation:
        """Return one model; the loss curve only if asked for, since it may take requests of its own.

        ``operation`` is the name of its tuning's operation, where it is known: a service without ids of the client's
        choice is then not asked for a listing, which may lag. A curve that is kept apart from the model and cannot be
        read is told as a warning and left out; the model is returned all the same.

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
        """Return the news of all outstanding operations, in the same order, in as few requests as possible.

        With the last loss of each, as far as the service tells it: a gate may stop a tuning for it.
        """
        ...

    def cancel(self, operation: Operation) -> None:
        """Ask the service to stop a tuning, as far as it can; ``poll`` tells what comes of it, soon or late.

        Cancelling what is over already changes nothing. Never called unless ``Capabilities.cancels`` says it can be.

        Raises:
            NotFound: there is no such tuning, or no trace of its operation.
        """
        ...

    def generate(self, resource: str, prompt: str, *, candidates: int = 1) -> Sequence[str]:
        """Ask a tuned model and return its answers."""
        ...

    def permissions(self, resource: str) -> Sequence[Permission]:
        """List who has a role on a model, the owner included; every page.

        Raises:
            InvalidArgument: this provider's models cannot be shared (``capabilities.permissions``); nothing was sent.
            NotFound, PermissionDenied: as ``get``; never to be read as no permissions.
        """
        ...

    def grant(self, resource: str, permission: Permission) -> None:
        """Give somebody a role, in place of the one they had; that they have it already is success.

        With ``permission.id`` the listed permission gets the role; without it one is made. An owner stays the owner.

        Raises:
            InvalidArgument: models cannot be shared, or not with this grantee.
            PermissionDenied: we may not share this model.
        """
        ...

    def revoke(self, resource: str, permission: Permission) -> None:
        """Take somebody's role away; ``permission.id`` saves looking for it.

        Raises:
            NotFound: they have none, or the model is gone; which of the two was wanted, the caller decides.
            InvalidArgument: models cannot be shared, or it is the owner's.
        """
        ...

    def transfer(self, resource: str, email: str) -> None:
        """Make a user the owner of a model. Never sent twice: after an unanswered try the answer would be misleading.

        Raises:
            InvalidArgument: models cannot be shared, or this is nobody's address.
            PermissionDenied: we are not the owner.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...
