"""The Generative Language API behind the provider port.

One class per port, one request per method where the API allows it. What differs between API versions is data in
``dialect``; how messages look is in ``codec`` and ``wire``; sending, retries and errors are ``http``'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.canonical import Json
from reconciler.core.event import Event, Warned
from reconciler.core.observation import ModelState, Observation, Operation
from reconciler.core.permission import Permission
from reconciler.core.resource import BaseModel, Capabilities, Effect, Remote, Spec
from reconciler.errors import InvalidArgument, NotFound, Problem
from reconciler.ports.provider import CreateRequest, Normalized
from reconciler.providers.faults import spoken
from reconciler.providers.google import codec, spelling
from reconciler.providers.google.dialect import OPERATIONS_VERSION, Dialect
from reconciler.providers.google.paging import Page, pages
from reconciler.providers.google.path import path_of, shown
from reconciler.providers.google.sharing import Sharing
from reconciler.providers.google.wire import (
    BaseModelPage,
    ContentAnswer,
    OperationPage,
    TextAnswer,
    TunedModel,
    TunedModelPage,
    WireOperation,
    decode,
)
from reconciler.providers.http import Call, Http
from reconciler.providers.retry import Patience

__all__ = ["GoogleProvider"]

_PAGE: Final = 1000
"""Models per page: the most the service gives."""
_CURVES_PAGE: Final = 100
"""Models per page with their loss curves, each of which may have thousands of points."""
_WITHOUT_CURVES: Final = (
    "nextPageToken,tunedModels(name,baseModel,tunedModelSource,displayName,description,temperature,topP,topK,state,"
    "createTime,updateTime,tuningTask(startTime,completeTime,hyperparameters))"
)
_CURVES_LIMIT: Final = 50
"""Up to so many running tunings are polled with their last loss; more make the listing too large."""
_CURVES_FLEET: Final = 200
"""And only among so few models, for the listing brings the curves of all of them."""
# PaLM models speak generateText only, in both versions; every later family speaks generateContent only.
_PALM: Final = re.compile(r"models/text-.*")


class GoogleProvider:
    """Tuned models of the Generative Language API. Safe to use from several threads."""

    def __init__(
        self,
        http: Http,
        dialect: Dialect,
        remote: Remote,
        *,
        quota_patience: float,
        report: Callable[[Event], None],
    ) -> None:
        self._http = http
        self._dialect = dialect
        self._remote = remote
        self._writing = Patience(quota=quota_patience)
        self._sharing = Sharing(http, dialect, quota_patience=quota_patience)
        self._report = report
        self._fields_refused = False
        self._fleet = 0
        self._palm: dict[str, bool] = {}

    @property
    def remote(self) -> Remote:
        """Which remote this is."""
        return self._remote

    @property
    def capabilities(self) -> Capabilities:
        """What this API version can do."""
        return self._dialect.capabilities

    def normalize(self, spec: Spec) -> Normalized:
        """Return the spec as the service will report it; raises InvalidArgument for what its types cannot hold."""
        return spelling.normalized(spec, self._dialect)

    def observe(self, *, snapshots: bool = False) -> Sequence[Observation]:
        """List every tuned model; one request per 1,000, or per 100 with their loss curves."""
        if snapshots or self._fields_refused:
            return self._listed(snapshots=snapshots, fields=None)
        try:
            return self._listed(snapshots=False, fields=_WITHOUT_CURVES)
        except InvalidArgument:
            # The mask is a system parameter that not every gateway knows. If it was something else that the service
            # refused, it refuses again, and that error is the one to show.
            found = self._listed(snapshots=False, fields=None)
            self._fields_refused = True
            return found

    def get(
        self,
        resource: str,
        *,
        operation: str | None = None,  # noqa: ARG002  the name says it all
        snapshots: bool = False,
    ) -> Observation:
        """Return one model with its loss curve."""
        return codec.observation(self._model(resource), snapshots=snapshots)

    def base_models(self) -> Sequence[BaseModel]:
        """List the base models."""
        found: list[BaseModel] = []
        for answer in self._pages("list base models", "models", BaseModelPage, {"pageSize": str(_PAGE)}):
            found += codec.base_models(answer)
        return tuple(found)

    def create(self, request: CreateRequest) -> Operation:
        """Start a tuning under ``tunedModelId``; while the service has no quota left, wait for it."""
        what = f"create {shown(request.resource)}"
        identifier = path_of(request.resource).removeprefix("tunedModels/")
        answer = self._http.send(
            Call(
                what,
                "POST",
                self._dialect.path("tunedModels"),
                query={"tunedModelId": identifier},
                body=codec.creation(request.spec, request.examples),
                patience=self._writing,
            )
        )
        started = decode(WireOperation, answer)
        made = started.metadata.tuned_model
        if made not in ("", request.resource):
            raise answer.malformed(
                f"the service made {shown(made)} instead", hint="it ignores tunedModelId; delete that model by hand"
            )
        return codec.operation(started, request.resource)

    def update(self, resource: str, fields: Mapping[str, Json]) -> Observation:
        """Patch just these fields; None clears one."""
        for path in fields:
            if self.capabilities.effect(path) is not Effect.UPDATE:
                raise InvalidArgument(f"update {shown(resource)}: {path} cannot be changed in place")
        mask, body = codec.patch(fields, self._dialect)
        call = Call(
            f"update {shown(resource)}",
            "PATCH",
            self._dialect.path(path_of(resource)),
            query={"updateMask": mask},
            body=body,
            patience=self._writing,
        )
        return codec.observation(decode(TunedModel, self._http.send(call)), snapshots=False)

    def delete(self, resource: str) -> None:
        """Delete a model."""
        path = self._dialect.path(path_of(resource))
        self._http.send(Call(f"delete {shown(resource)}", "DELETE", path, patience=self._writing))

    def poll(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """Return the news: of one tuning by its operation, of many by one listing of all models."""
        if not operations:
            return ()
        if len(operations) == 1:
            return (codec.followed(operations[0], self._operation(operations[0])),)
        curves = len(operations) <= _CURVES_LIMIT and self._fleet <= _CURVES_FLEET
        listed = {seen.resource: seen for seen in self.observe(snapshots=curves)}
        return tuple(codec.followed(asked, self._news(asked, listed.get(asked.resource))) for asked in operations)

    def cancel(self, operation: Operation) -> None:
        """Cancel a tuning by its operation; if nobody heard the name of that, the model's operations are listed."""
        name = operation.name or self._unheard(operation.resource)
        what, path = (
            f"cancel the tuning of {shown(operation.resource)}",
            f"/{OPERATIONS_VERSION}/{path_of(name)}:cancel",
        )
        self._http.send(Call(what, "POST", path, body={}, patience=self._writing))

    def generate(self, resource: str, prompt: str, *, candidates: int = 1) -> Sequence[str]:
        """Ask a tuned model.

        generateText in v1beta3 and for models tuned from a PaLM base, generateContent for all others. An answer that
        the service withholds is told as a warning and is none.
        """
        text = self._speaks_text(resource)
        body: dict[str, Json]
        if text:
            body = {"prompt": {"text": prompt}, "candidateCount": candidates}
        else:
            body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
            if candidates != 1:
                body["generationConfig"] = {"candidateCount": candidates}
        method = "generateText" if text else "generateContent"
        path = self._dialect.path(f"{path_of(resource)}:{method}")
        answer = self._http.send(Call(f"ask {shown(resource)}", "POST", path, body=body))
        kind: type[TextAnswer | ContentAnswer] = TextAnswer if text else ContentAnswer
        given = decode(kind, answer)
        if not given.texts:
            reason = spoken(given.withheld) or "no reason given"
            self._report(Warned(Problem(None, f"{shown(resource)}: answered nothing ({reason})", severity="warning")))
        return given.texts

    def permissions(self, resource: str) -> Sequence[Permission]:
        """List who has a role on a model."""
        return self._sharing.listed(resource)

    def grant(self, resource: str, permission: Permission) -> None:
        """Give somebody a role."""
        self._sharing.grant(resource, permission)

    def revoke(self, resource: str, permission: Permission) -> None:
        """Take somebody's role away."""
        self._sharing.revoke(resource, permission)

    def transfer(self, resource: str, email: str) -> None:
        """Make a user the owner of a model."""
        self._sharing.transfer(resource, email)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _listed(self, *, snapshots: bool, fields: str | None) -> tuple[Observation, ...]:
        query = {"pageSize": str(_CURVES_PAGE if snapshots else _PAGE)}
        if fields is not None:
            query["fields"] = fields
        # By name: a model that moves to a later page while we read is one model still.
        found: dict[str, Observation] = {}
        for page in self._pages("list tuned models", "tunedModels", TunedModelPage, query):
            for model in page.tuned_models:
                found[model.name] = codec.observation(model, snapshots=snapshots)
        self._fleet = len(found)
        return tuple(found.values())

    def _pages(self, what: str, collection: str, kind: type[Page], query: Mapping[str, str]) -> Iterator[Page]:
        return pages(self._http, Call(what, "GET", self._dialect.path(collection), query=query), kind)

    def _model(self, resource: str) -> TunedModel:
        path = self._dialect.path(path_of(resource))
        return decode(TunedModel, self._http.send(Call(f"read {shown(resource)}", "GET", path)))

    def _operation(self, asked: Operation) -> Operation:
        """Return the news of one tuning from its operation, or from the model if the operation's record is gone."""
        if asked.name is not None:
            try:
                return self._recorded(asked.name, asked.resource)
            except NotFound:
                pass
        return self._news(asked, None)

    def _recorded(self, name: str, resource: str) -> Operation:
        call = Call(f"read the operation of {shown(resource)}", "GET", f"/{OPERATIONS_VERSION}/{path_of(name)}")
        return codec.operation(decode(WireOperation, self._http.send(call)), resource)

    def _unheard(self, resource: str) -> str:
        """Return the name of the operation that tunes a model now."""
        path = f"/{OPERATIONS_VERSION}/{path_of(resource)}/operations"
        call = Call(f"list the operations of {shown(resource)}", "GET", path)
        for page in pages(self._http, call, OperationPage):
            for operation in page.operations:
                if not operation.done and operation.name:
                    return operation.name
        raise NotFound(f"{shown(resource)}: no operation is tuning it", hint="`tunectl status` shows its state")

    def _news(self, asked: Operation, listed: Observation | None) -> Operation:
        """Return what the model itself says; absent from a listing is not gone, so it is asked for by name."""
        try:
            seen = listed or self.get(asked.resource, snapshots=True)
        except NotFound:
            return Operation(asked.resource, asked.name, gone=True)
        news = codec.operation_of_model(seen, asked.name)
        if listed is None or seen.state is not ModelState.FAILED or asked.name is None:
            return news
        try:
            return replace(news, error=self._recorded(asked.name, asked.resource).error or news.error)
        except NotFound:
            return news

    def _speaks_text(self, resource: str) -> bool:
        """Tell whether a tuned model answers to generateText, which its base decides; asked once a model."""
        if not self._dialect.generate_content:
            return True
        if resource not in self._palm:
            self._palm[resource] = _PALM.fullmatch(self._model(resource).root) is not None
        return self._palm[resource]
