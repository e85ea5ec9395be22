"""One action, one request or two: what the worker threads do. They change nothing but the remote."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TypeVar

from reconciler.core.observation import ModelState, Operation
from reconciler.core.plan import Action
from reconciler.core.planning.sharing import grantee_in, reshared
from reconciler.core.resource import Desired, Effect, Spec, with_values
from reconciler.core.revision import MADE_OF, compatible
from reconciler.engine.world import World
from reconciler.errors import (
    AlreadyExists,
    Interrupted,
    MalformedAnswer,
    NotFound,
    PermissionDenied,
    RemoteError,
    TunectlError,
    Unavailable,
)
from reconciler.ports.datasets import Datasets
from reconciler.ports.provider import CreateRequest, Origin, Provider

T = TypeVar("T")

_SERVER_ERROR = 500


def while_we_may(world: World, request: Callable[[], T]) -> T:
    """Send a request if the run goes on and the lock is ours at this moment, however long it stood in the queue.

    Raises:
        Interrupted: the run is to end; nothing was sent.
        LockHeld: the lock is not ours any more; nothing was sent.
        TunectlError: as the request raises.
    """
    if world.stop.requested():
        raise Interrupted("the run was stopped", signal_number=world.stop.signal_number or signal.SIGINT)
    world.hold.check()
    return request()


def create(
    provider: Provider,
    datasets: Datasets,
    action: Action,
    desired: Desired,
    *,
    parent_resource: str | None,
    origin: Origin | None = None,
) -> Operation:
    """Start a tuning, or find that our own earlier try has started it.

    Raises:
        AlreadyExists: the id is taken by a model that is not the one the manifest asks for.
        PermissionDenied: we may not create, or the id is taken by something we may not see.
        StalePlan: the dataset changed since the plan was made.
        RemoteError: as the service says.
    """
    resource = action.resource or ""
    spec = dict(desired.spec)
    if parent_resource is not None:
        spec["source"] = {"tunedModel": parent_resource}
    uri, validation_uri = datasets.objects(desired.name)
    request = CreateRequest(
        resource=resource,
        spec=spec,
        examples=datasets.examples(desired.name),
        validation=datasets.validation(desired.name) if provider.capabilities.validation else (),
        origin=origin,
        uri=uri,
        validation_uri=validation_uri,
    )
    try:
        return provider.create(request)
    except AlreadyExists as error:
        return _adopt(provider, resource, desired, parent_resource, error)
    except PermissionDenied as error:
        raise _not_to_be_created(resource, desired.name, error) from error


def _not_to_be_created(resource: str, name: str, error: PermissionDenied) -> PermissionDenied:
    """Return a refused create with what may be behind it: what we may not see may have the id."""
    refused = PermissionDenied(
        f"{resource} cannot be created: {error.message}",
        status=error.status,
        http_status=error.http_status,
        hint=error.hint
        or "the credentials may not tune models, or the id is taken by a model they may not see; "
        f"--replace {name} takes the next id then",
    )
    refused.doubtful = error.doubtful
    return refused


def _adopt(
    provider: Provider, resource: str, desired: Desired, parent_resource: str | None, taken: AlreadyExists
) -> Operation:
    """The id exists: ours if its spec is what we asked for (an answer was lost), else somebody else's."""
    try:
        live = provider.get(resource)
    except PermissionDenied as error:
        raise PermissionDenied(
            f"{resource} is taken by a model that these credentials may not see",
            status=error.status,
            http_status=error.http_status,
            hint=f"--replace {desired.name} takes the next id; or use another project name in tunectl.yaml, or "
            "credentials that may see it",
        ) from error
    if not compatible(desired, live, parent_resource=parent_resource):
        raise AlreadyExists(
            f"{resource} is taken by another model (display name {live.spec.get('displayName')!r}, "
            f"base {live.spec.get('baseModel')!r}, created {live.create_time})",
            status=taken.status,
            http_status=taken.http_status,
            hint="plan again: the next attempt of this revision gets an id of its own",
        ) from taken
    return Operation(
        resource=resource,
        done=live.state in {ModelState.READY, ModelState.FAILED},
        error=(live.error or "the service reports it as failed") if live.state is ModelState.FAILED else None,
        progress=live.progress,
        create_time=live.create_time,
    )


def update(provider: Provider, action: Action) -> None:
    """Patch the fields of an update that the model has; those that only the lockfile keeps are recorded already.

    Raises:
        RemoteError: as the service says.
    """
    fields = {
        change.path.removeprefix("spec."): change.after
        for change in action.changes
        if change.effect == Effect.UPDATE and grantee_in(change.path) is None
    }
    if fields:
        provider.update(action.resource or "", fields)


def delete(provider: Provider, resource: str) -> None:
    """Delete a model; that it is gone already is what we wanted.

    Raises:
        RemoteError: as the service says.
    """
    try:
        provider.delete(resource)
    except NotFound:
        return


def merged_spec(recorded: Spec, desired: Desired) -> Spec:
    """Return the spec to record after an update: what a model is made of stays, the rest is as the manifest has it."""
    kept = {key: recorded[key] for key in MADE_OF if key in recorded}
    return {**{key: value for key, value in desired.spec.items() if key not in MADE_OF}, **kept}


def mended_spec(recorded: Spec, action: Action) -> Spec:
    """Return the spec to record after some fields were mended; no other field is recorded anew."""
    fields = [change for change in action.changes if grantee_in(change.path) is None]
    spec = with_values(recorded, {change.path.removeprefix("spec."): change.after for change in fields})
    return spec if len(fields) == len(action.changes) else reshared(spec, action.changes)


def may_have_happened(error: TunectlError) -> bool:
    """Tell whether a create may have been carried out although it ended with this error; then its intent must stay."""
    if isinstance(error, Unavailable | MalformedAnswer):
        return True
    if isinstance(error, RemoteError) and error.doubtful:
        return True  # this try was refused, an earlier one went unanswered
    return type(error) is RemoteError and (error.http_status or _SERVER_ERROR) >= _SERVER_ERROR
