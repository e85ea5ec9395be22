"""Vertex AI's tuning jobs behind the provider port.

A name of the core, ``tuningJobs/<id>``, means a label here (``jobs``). How a job is begun is told in ``creation``, how
messages look in ``codec`` and ``wire``; sending, retries and errors are ``http``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reconciler.core.canonical import Json
from reconciler.core.event import Event, Warned
from reconciler.core.observation import ModelState, Observation, Operation, Snapshot
from reconciler.core.resource import BaseModel, Capabilities, Effect, Remote, Spec
from reconciler.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Problem,
)
from reconciler.ports.clock import Clock
from reconciler.ports.objects import StoredObject
from reconciler.ports.provider import CreateRequest, Normalized
from reconciler.providers.faults import spoken
from reconciler.providers.google.wire import ContentAnswer
from reconciler.providers.http import Http
from reconciler.providers.messages import decode
from reconciler.providers.retry import READ, Patience
from reconciler.providers.settings import ProviderSettings
from reconciler.providers.unshared import Unshared
from reconciler.providers.vertex import codec
from reconciler.providers.vertex.api import Api, shown
from reconciler.providers.vertex.creation import Creation
from reconciler.providers.vertex.curves import Curves
from reconciler.providers.vertex.dialect import BASES, CAPABILITIES, Hosts
from reconciler.providers.vertex.jobs import Jobs
from reconciler.providers.vertex.places import EMBEDDED_STAGING, home_of
from reconciler.providers.vertex.removal import Removal
from reconciler.providers.vertex.spelling import normalized
from reconciler.providers.vertex.staging import NEEDED, Staging
from reconciler.providers.vertex.storage import Storage
from reconciler.providers.vertex.wire import Job, Model

__all__ = ["VertexProvider"]


class VertexProvider(Unshared):
    """Tuning jobs, models and endpoints of Vertex AI. Safe to use from several threads."""

    sharing = "give roles by IAM: roles/aiplatform.user on the project"

    def __init__(
        self,
        http: Http,
        settings: ProviderSettings,
        *,
        clock: Clock,
        report: Callable[[Event], None],
        storage: Storage,
    ) -> None:
        self._home = home_of(settings)
        self._api = Api(http, version=settings.api_version, hosts=Hosts(settings.base_url), clock=clock)
        self._jobs = Jobs(self._api, str(self._home))
        writing = Patience(quota=settings.quota_patience)
        self._writing = writing
        self._curves = Curves(self._api, clock, report)
        self._removal = Removal(self._api, clock, writing)
        self._storage = storage
        self._stage = Staging(storage, settings.staging or (EMBEDDED_STAGING if settings.embedded else None))
        self._creation = Creation(self._api, self._jobs, self._stage, clock)
        self._remote = settings.remote
        self._report = report

    @property
    def remote(self) -> Remote:
        """Which remote this is."""
        return self._remote

    @property
    def capabilities(self) -> Capabilities:
        """What Vertex AI can do."""
        return CAPABILITIES

    def normalize(self, spec: Spec) -> Normalized:
        """Return the spec as the service will report it; raises InvalidArgument for what its types cannot hold."""
        return normalized(spec, home=self._home)

    def observe(self, *, snapshots: bool = False) -> Sequence[Observation]:
        """List every tuned model and every tuning: a page of jobs and a page of models for each hundred.

        The loss curves are not in the listing and take a handful of requests for each.
        """
        seen = self._jobs.observe()
        curves = self._curves.each([each.job for each in seen]) if snapshots else {}
        return tuple(
            codec.observation(
                each.job,
                each.model,
                each.resource,
                duplicate=each.duplicate,
                snapshots=curves.get(each.job.name, ()),
            )
            for each in seen
        )

    def get(self, resource: str, *, operation: str | None = None, snapshots: bool = False) -> Observation:
        """Return one model, or its tuning; by the name of its job, if that is known, and else by a listing."""
        job, model = self._jobs.find(resource, known=operation)
        return codec.observation(job, model, resource, snapshots=self._curves.of(job) if snapshots else ())

    def base_models(self) -> Sequence[BaseModel]:
        """Return the base models that the service's page listed; it has no method that lists them."""
        return BASES

    def create(self, request: CreateRequest) -> Operation:
        """Start a tuning whose label is the requested name, unless there is one already.

        Without quota it fails at once; the caller tries again when a tuning has ended, for often one may run at a time.
        """
        return self._creation.begin(request)

    def update(self, resource: str, fields: Mapping[str, Json]) -> Observation:
        """Patch these fields of the model; None clears one. Nothing of a job itself can be changed."""
        for path in fields:
            if CAPABILITIES.effect(path) is not Effect.UPDATE:
                raise InvalidArgument(f"update {shown(resource)}: {path} cannot be changed in place")
        job, model = self._jobs.made(resource)
        what = f"update {shown(resource)}"
        if (versions := self._api.versions(what, model.name)) > 1:
            # UpdateModelRequest: display name and description belong to the model, whichever version is named.
            message = (
                f"{what}: its model has {versions} versions, which share their display name, description and labels"
            )
            hint = "give both manifests the same, or the one that is tuned from the other a displayName of its own"
            raise FailedPrecondition(message, hint=hint)
        mask, body = codec.patch(fields, model)
        answer = self._api.send(
            what,
            "PATCH",
            model.name,
            query={"updateMask": mask},
            body=body,
            patience=self._writing,
        )
        return codec.observation(job, decode(Model, answer), resource)

    def delete(self, resource: str) -> None:
        """Delete what a job made, or cancel it. Of a job that failed there is nothing to delete."""
        job, _ = self._jobs.find(resource)
        if not codec.is_over(job):
            job = self._removal.stopped(job, resource)
        if codec.state(job) is ModelState.READY:
            self._removal.remove(job, resource)

    def cancel(self, operation: Operation) -> None:
        """Ask a tuning to stop; one that is over stays as it is."""
        job = self._jobs.find(operation.resource)[0] if operation.name is None else self._jobs.job(operation.name)
        if not codec.is_over(job):
            self._removal.cancel(job, operation.resource)

    def poll(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """Return the news, of one tuning by its job, of many by one listing of all jobs; the loss of those that run."""
        if not operations:
            return ()
        names = {asked.name for asked in operations if asked.name is not None}
        listed = self._jobs.seen(names) if len(operations) > 1 else {}
        jobs = [self._followed(asked, listed) for asked in operations]
        last = self._curves.newest([job for job in jobs if job is not None])
        return tuple(_news(asked, job, last) for asked, job in zip(operations, jobs, strict=True))

    def generate(self, resource: str, prompt: str, *, candidates: int = 1) -> Sequence[str]:
        """Ask a tuned model at its endpoint. An answer that the service withholds is told as a warning and is none."""
        job, _ = self._jobs.made(resource)
        endpoint = job.tuned_model.endpoint
        if endpoint is None:
            raise _unserved(resource, "has no endpoint")
        body: dict[str, Json] = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
        if candidates != 1:
            body["generationConfig"] = {"candidateCount": candidates}
        what = f"ask {shown(resource)}"
        try:
            answer = self._api.send(what, "POST", f"{endpoint}:generateContent", body=body, patience=READ)
        except NotFound as error:
            raise _unserved(resource, "is there, but its endpoint was deleted") from error
        given = decode(ContentAnswer, answer)
        if not given.texts:
            reason = spoken(given.withheld) or "no reason given"
            problem = Problem(None, f"{shown(resource)}: answered nothing ({reason})", severity="warning")
            self._report(Warned(problem))
        return given.texts

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._storage.close()

    def stored(self, uri: str) -> StoredObject:
        """Return what is known of an object; see ``ports.objects.Objects``."""
        return self._storage.stored(uri)

    def missing_permissions(self) -> tuple[str, Sequence[str]]:
        """Return what we may not do in the staging bucket; see ``ports.objects.Objects``."""
        bucket = self._stage.bucket
        held = self._storage.held(bucket, NEEDED)
        return bucket, [permission for permission in NEEDED if permission not in held]

    def _followed(self, asked: Operation, listed: Mapping[str, Job]) -> Job | None:
        """Return the job of a tuning; absent from a listing is not gone, so it is asked for by name."""
        try:
            if asked.name is None:
                return self._jobs.find(asked.resource)[0]
            return listed.get(asked.name) or self._jobs.job(asked.name)
        except NotFound:
            return None


def _unserved(resource: str, why: str) -> FailedPrecondition:
    """Return the error of a model that nothing serves; a job names its endpoint for ever, so no other one counts."""
    hint = "`tunectl apply --replace NAME` tunes it again; nothing else gives it an endpoint that its job names"
    return FailedPrecondition(f"ask {shown(resource)}: its model {why}", status="FAILED_PRECONDITION", hint=hint)


def _news(asked: Operation, job: Job | None, last: Mapping[str, Snapshot]) -> Operation:
    if job is None:
        return Operation(asked.resource, asked.name, gone=True)
    return codec.operation(job, asked.resource, last=last.get(job.name))
