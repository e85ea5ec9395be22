"""A provider in memory that refuses what a real one refuses, for tests of engines. Nothing here sleeps or sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from reconciler.core.canonical import Json
from reconciler.core.observation import ModelState, Observation, Operation, Progress, Snapshot
from reconciler.core.permission import OWNER, USER, WRITER, Permission, unshared
from reconciler.core.resource import BaseModel, Capabilities, Effect, Example, Remote, Spec
from reconciler.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, TunectlError
from reconciler.ports.provider import CreateRequest, Normalized
from reconciler.testing.fakes import FakeClock

T = TypeVar("T")

CAPABILITIES = Capabilities(
    effects={
        "displayName": Effect.UPDATE,
        "description": Effect.UPDATE,
        "temperature": Effect.UPDATE,
        "topP": Effect.UPDATE,
        "topK": Effect.UPDATE,
        "baseModel": Effect.REPLACE,
        "source": Effect.REPLACE,
        "hyperparameters": Effect.REPLACE,
    },
    resource_prefix="tunedModels/",
    display_name_limit=40,
    defaults={"epochCount": (5,), "batchSize": (4, 16)},
    permissions=True,
    cancels=True,
)

REMOTE = Remote("generativelanguage", "https://fake.invalid", "fake-project")
ME = "me@example.com"


@dataclass(slots=True)
class _Model:
    spec: Spec
    examples: tuple[Example, ...]
    created: float
    ends: float
    error: str | None = None
    permissions: dict[str, Permission] = field(default_factory=dict)


class FakeProvider:
    """A service in memory: ids are unique, training takes clock seconds, what is not there is not found.

    Its one user, ``ME``, owns what it makes.

    ``train_seconds`` is the length of every training. ``doom`` maps resources to the error their training ends with,
    ``losses`` to the mean loss of each step (they are one step a percent; a shorter list ends with its last loss),
    ``answers`` to what they say whatever they are asked. Otherwise a model answers as its examples do.
    ``before`` and ``after`` are called with the name of each method and the resource it is about; raising from
    ``before`` means that nothing was done, from ``after`` that the answer was lost. ``calls`` lists every call.
    """

    def __init__(self, clock: FakeClock, *, train_seconds: float = 60.0, remote: Remote = REMOTE) -> None:
        self._clock = clock
        self._remote = remote
        self.train_seconds = train_seconds
        self.models: dict[str, _Model] = {}
        self.doom: dict[str, str] = {}
        self.losses: dict[str, Sequence[float]] = {}
        self.answers: dict[str, str] = {}
        self.bases = [BaseModel("models/text-bison-001", tunable=True), BaseModel("models/chat-001", tunable=False)]
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda *_: None
        self.after: Callable[[str, str], None] = lambda *_: None
        self.closed = False

    @property
    def remote(self) -> Remote:
        """Which remote this is."""
        return self._remote

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return CAPABILITIES

    def normalize(self, spec: Spec) -> Normalized:
        """Return the spec as it is; this service has no spelling of its own."""
        return Normalized(spec)

    def observe(self, *, snapshots: bool = False) -> Sequence[Observation]:  # noqa: ARG002  # its listing has no curves
        """List everything."""
        return self._call("observe", "", lambda: [self._show(resource) for resource in sorted(self.models)])

    def get(
        self,
        resource: str,
        *,
        operation: str | None = None,  # noqa: ARG002  the name says it all
        snapshots: bool = False,
    ) -> Observation:
        """Return one model."""
        return self._call(
            "get", resource, lambda: self._show(resource, curve=self._steps(resource) if snapshots else 0)
        )

    def base_models(self) -> Sequence[BaseModel]:
        """List the base models."""
        return self._call("base_models", "", lambda: list(self.bases))

    def create(self, request: CreateRequest) -> Operation:
        """Start a training, unless the id is taken."""

        def work() -> Operation:
            resource = request.resource
            if resource in self.models:
                raise AlreadyExists(f"{resource} exists", status="ALREADY_EXISTS", http_status=409)
            now = self._clock.now()
            self.models[resource] = _Model(
                dict(unshared(request.spec)),
                tuple(request.examples),
                now,
                now + self.train_seconds,
                self.doom.get(resource),
            )
            return Operation(resource, name=f"{resource}/operations/op1", progress=Progress(total_steps=100))

        return self._call("create", request.resource, work)

    def update(self, resource: str, fields: Mapping[str, Json]) -> Observation:
        """Patch a model; what cannot change in place is refused."""

        def work() -> Observation:
            model = self._model(resource)
            bad = [path for path in fields if CAPABILITIES.effect(path) is not Effect.UPDATE]
            if bad:
                raise TunectlError(f"{bad[0]} cannot be patched")
            model.spec = {**model.spec, **fields}
            return self._show(resource)

        return self._call("update", resource, work)

    def delete(self, resource: str) -> None:
        """Delete a model."""

        def work() -> None:
            self._model(resource)
            del self.models[resource]

        self._call("delete", resource, work)

    def poll(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """Answer for all of them in one request."""
        return self._call("poll", "", lambda: [self._news(operation) for operation in operations])

    def generate(self, resource: str, prompt: str, *, candidates: int = 1) -> Sequence[str]:
        """Answer with the output of the example that has this input."""

        def work() -> list[str]:
            model = self._model(resource)
            if self._show(resource).state is not ModelState.READY:
                raise FailedPrecondition(f"{resource} is not ready", status="FAILED_PRECONDITION", http_status=400)
            known = {example.input: example.output for example in model.examples}
            return [self.answers.get(resource, known.get(prompt, "?"))] * candidates

        return self._call("generate", resource, work)

    def permissions(self, resource: str) -> Sequence[Permission]:
        """List who has a role on a model."""
        return self._call("permissions", resource, lambda: tuple(self._roles(resource).values()))

    def grant(self, resource: str, permission: Permission) -> None:
        """Give somebody a role, unless it is the owner's or they are the owner."""

        def work() -> None:
            roles = self._roles(resource)
            if permission.role == OWNER:
                raise InvalidArgument("ownership cannot be granted", status="INVALID_ARGUMENT", http_status=400)
            there = roles.get(permission.grantee)
            if there is None or there.role != OWNER:
                roles[permission.grantee] = replace(permission, id=f"{resource}/permissions/{permission.grantee}")

        self._call("grant", resource, work)

    def revoke(self, resource: str, permission: Permission) -> None:
        """Take somebody's role away."""

        def work() -> None:
            there = self._roles(resource).get(permission.grantee)
            if there is None:
                raise NotFound(f"{permission.grantee} has no permission.", status="NOT_FOUND", http_status=404)
            if there.role == OWNER:
                raise InvalidArgument("the owner stays", status="INVALID_ARGUMENT", http_status=400)
            del self._roles(resource)[permission.grantee]

        self._call("revoke", resource, work)

    def transfer(self, resource: str, email: str) -> None:
        """Make somebody the owner; the former one becomes a writer."""

        def work() -> None:
            roles = self._roles(resource)
            for grantee, there in roles.items():
                if there.role == OWNER:
                    roles[grantee] = replace(there, role=WRITER)
            owner = Permission(OWNER, USER, email)
            roles[owner.grantee] = replace(owner, id=f"{resource}/permissions/{owner.grantee}")

        self._call("transfer", resource, work)

    def cancel(self, operation: Operation) -> None:
        """Stop a training; one that is over stays as it is."""

        def work() -> None:
            model = self._model(operation.resource)
            if self._clock.now() < model.ends:
                model.ends, model.error = self._clock.now(), "The operation was cancelled."

        self._call("cancel", operation.resource, work)

    def close(self) -> None:
        """Note that nobody needs it any more."""
        self.closed = True

    def paid(self) -> int:
        """Return how many creates the service accepted."""
        return sum(1 for method, _ in self.calls if method == "create!")

    def _call(self, method: str, resource: str, work: Callable[[], T]) -> T:
        self.calls.append((method, resource))
        self.before(method, resource)
        result = work()
        if method == "create":
            self.calls.append(("create!", resource))
        self.after(method, resource)
        return result

    def _model(self, resource: str) -> _Model:
        if resource not in self.models:
            raise NotFound(f"{resource} does not exist.", status="NOT_FOUND", http_status=404)
        return self.models[resource]

    def _roles(self, resource: str) -> dict[str, Permission]:
        roles = self._model(resource).permissions
        if not roles:
            owner = Permission(OWNER, USER, ME, id=f"{resource}/permissions/owner")
            roles[owner.grantee] = owner
        return roles

    def _show(self, resource: str, *, curve: int = 0) -> Observation:
        model = self._model(resource)
        over = self._clock.now() >= model.ends
        state = ModelState.TUNING if not over else ModelState.FAILED if model.error else ModelState.READY
        return Observation(
            resource=resource,
            spec=model.spec,
            state=state,
            create_time=datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            error=model.error if over else None,
            snapshots=self._curve(resource, curve),
        )

    def _curve(self, resource: str, steps: int) -> tuple[Snapshot, ...]:
        """Return the loss curve of the first steps."""
        losses = self.losses.get(resource, ())
        return tuple(Snapshot(step, 0, loss) for step, loss in enumerate(losses[:steps], 1))

    def _steps(self, resource: str) -> int:
        """Return how many of its hundred steps a training has behind it."""
        model = self._model(resource)
        spent = min(self._clock.now(), model.ends) - model.created
        return int(100 * min(1.0, spent / self.train_seconds)) if self.train_seconds else 100

    def _news(self, operation: Operation) -> Operation:
        if operation.resource not in self.models:
            return replace(operation, gone=True)
        seen = self._show(operation.resource)
        steps = self._steps(operation.resource)
        last = next(reversed(self._curve(operation.resource, steps)), None)
        progress = Progress(steps, 100, float(steps), last)
        done = seen.state is not ModelState.TUNING
        return replace(operation, done=done, error=seen.error, progress=progress, create_time=seen.create_time)
