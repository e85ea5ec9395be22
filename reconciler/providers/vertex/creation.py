"""Starting a tuning job: found by its label if there is one already, and never sent blindly a second time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.core.canonical import Json
from reconciler.core.observation import Operation
from reconciler.core.resource import Spec
from reconciler.errors import AlreadyExists, MalformedAnswer, NotFound, RemoteError, Unavailable
from reconciler.ports.clock import Clock
from reconciler.ports.provider import CreateRequest
from reconciler.providers.messages import decode
from reconciler.providers.retry import Patience
from reconciler.providers.vertex import codec
from reconciler.providers.vertex.api import Api, nap, shown
from reconciler.providers.vertex.jobs import PREFIX, Jobs, name_of
from reconciler.providers.vertex.labels import marks
from reconciler.providers.vertex.staging import Staging
from reconciler.providers.vertex.wire import Job

_LOOKS: Final = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each look for a job that may or may not have been made: listings lag, by how much is not published."""
_TRIES: Final = 3
"""How often one create is sent at most, each time only after all looks have found nothing."""
_SERVER_ERROR: Final = 500
_UNANSWERED: Final = frozenset({408, 499})
"""Request Timeout and CANCELLED: somebody waited no longer, which says nothing of the job."""


class Creation:
    """Begins tunings, each with its data in the staging bucket and a label that says which one it is."""

    def __init__(self, api: Api, jobs: Jobs, stage: Staging, clock: Clock) -> None:
        self._api = api
        self._jobs = jobs
        self._stage = stage
        self._clock = clock

    def begin(self, request: CreateRequest) -> Operation:
        """Start a tuning whose label is the requested name.

        Raises:
            AlreadyExists: a job that is not over and done with has the label.
            Unavailable: the run is being stopped before it is known whether an earlier try was taken.
            RemoteError: as the service says.
        """
        identifier = name_of(request.resource)
        repeated = request.origin is not None and request.origin.repeated
        taken = self._await(identifier) if repeated else self._look(identifier)
        if taken is not None:
            raise AlreadyExists(
                f"create {shown(request.resource)}: job {taken.number} has its label", status="ALREADY_EXISTS"
            )
        return self._send(request, identifier, self._body(request, identifier))

    def _body(self, request: CreateRequest, identifier: str) -> Mapping[str, Json]:
        parent, source = self._parent(request.spec)
        return codec.creation(
            request.spec,
            training=request.uri or self._stage(request.examples),
            validation=request.validation_uri or (self._stage(request.validation) if request.validation else None),
            labels=marks(identifier, origin=request.origin, source=source),
            parent=parent,
        )

    def _parent(self, spec: Spec) -> tuple[str | None, str | None]:
        """Return the full name of the model to go on from, and what our label says of it."""
        source = spec.get("source")
        if not isinstance(source, Mapping):
            return None, None
        name = str(source["tunedModel"])
        if not name.startswith(PREFIX):
            return f"{self._jobs.parent}/{name}", None
        job, _ = self._jobs.made(name)
        return job.tuned_model.model, name_of(name)

    def _send(self, request: CreateRequest, identifier: str, body: Mapping[str, Json]) -> Operation:
        """Send a create. A lost answer is looked for, and only if no look finds the job is it sent once more."""
        what = f"create {shown(request.resource)}"
        once = Patience(resend=False, queues=True)
        for remaining in reversed(range(_TRIES)):
            try:
                answer = self._api.send(what, "POST", f"{self._jobs.parent}/tuningJobs", body=body, patience=once)
                return codec.operation(decode(Job, answer), request.resource)
            except RemoteError as error:
                if not _may_have_happened(error):
                    raise
                error.doubtful = True
                made = self._await(identifier)
                if made is not None:
                    return codec.operation(made, request.resource)
                if not remaining:
                    raise
        raise AssertionError(what)  # pragma: no cover  (the last try returns or raises)

    def _look(self, identifier: str) -> Job | None:
        """Return the job that an id of ours means now, if there is one that is not over and done with."""
        try:
            return self._jobs.find(f"{PREFIX}{identifier}")[0]
        except NotFound:
            return None

    def _await(self, identifier: str) -> Job | None:
        """Look for a job that may have been made, until the listing must show it.

        Raises:
            Unavailable: the run is being stopped before that, so nothing may be concluded.
        """
        for pause in _LOOKS:
            if pause and not nap(self._clock, pause):
                message = f"create {PREFIX}{identifier}: whether the service took it is not known yet"
                stopped = Unavailable(message, status="UNAVAILABLE", hint="run the command again; it looks first")
                stopped.doubtful = True
                raise stopped
            found = self._look(identifier)
            if found is not None:
                return found
        return None


def _may_have_happened(error: RemoteError) -> bool:
    """Tell whether the service may have made the job although it did not say so."""
    if isinstance(error, Unavailable | MalformedAnswer):
        return True
    status = error.http_status or _SERVER_ERROR
    return type(error) is RemoteError and (status >= _SERVER_ERROR or status in _UNANSWERED)
