"""The state that requests act on, and the rules that several methods share: accounts, roles, finding a model.

A world has a store, a clock, settings and faults. Methods of the API are functions over a ``Call`` and live in modules
of their own (``tuned_models``, ``operations``, ``permissions``, ``base_models``, ``inference``), or in ``vertex``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from reconciler.emulator.catalogue import BASES, Base
from reconciler.emulator.faults import Faults
from reconciler.emulator.fields import Selection
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import no_access, no_such_model
from reconciler.emulator.records import Model
from reconciler.emulator.scalars import nanoseconds
from reconciler.emulator.schema import ROLE
from reconciler.emulator.store import Store
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.emulator.storage.shelf import Objects
    from reconciler.emulator.vertex.shelf import Shelf

ACCOUNT = "user@example.com"
"""Whoever calls without a token that stands for somebody."""

STRANGER = "somebody-else@example.com"
"""The owner of what is somebody else's."""

_LOG_LENGTH = 100_000
_FURTHEST = 1e9


OverQuota = Literal["queue", "refuse"]
OVER_QUOTA = get_args(OverQuota)


class SettingValues(TypedDict, total=False):
    """Settings by name, each as ``Settings`` describes it."""

    train_seconds: float
    listing_lag: float
    operation_ttl: float | None
    concurrent_tunings: int | None
    require_auth: bool
    require_quota_project: bool
    accounts: Mapping[str, str]
    retired: Iterable[str]
    record_bodies: bool
    over_quota: OverQuota
    operation_seconds: float
    undeploy_lag: float
    buckets: Iterable[str] | None


@dataclass(slots=True)
class Settings:
    """What may be changed while the emulator runs.

    Attributes:
        train_seconds: how long a new training takes; 0 is ready at the first look after the create has answered.
        listing_lag: seconds before a new model shows up in listings (a get finds it at once).
        operation_ttl: seconds after the create when the operation is forgotten; None never.
        concurrent_tunings: trainings that may run at once before a create answers 429; None for no limit.
        require_auth: answer 401 without a bearer token or an API key.
        require_quota_project: answer 403 to a bearer token without the x-goog-user-project header.
        accounts: bearer tokens and API keys, and whose they are. With any, others are refused under require_auth.
        retired: base models that are listed no more and that nothing can be tuned from.
        record_bodies: keep request bodies in the log of requests.
        over_quota: what Vertex AI does with a job beyond ``concurrent_tunings``: let it wait, or answer 429.
        operation_seconds: how long Vertex AI takes to undeploy or delete; 0 is done at the first look.
        undeploy_lag: seconds after an undeploy in which a delete of the endpoint or the model still fails.
        buckets: the buckets of Cloud Storage that exist beside those that were made; None for every name.
    """

    train_seconds: float = 20.0
    listing_lag: float = 0.0
    operation_ttl: float | None = None
    concurrent_tunings: int | None = None
    require_auth: bool = False
    require_quota_project: bool = False
    accounts: Mapping[str, str] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()
    record_bodies: bool = False
    over_quota: OverQuota = "queue"
    operation_seconds: float = 0.0
    undeploy_lag: float = 0.0
    buckets: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the log: a request as it came in and what it was answered with.

    ``status`` is None if the connection was dropped; ``size`` is the length of the answer's body in bytes. API keys and
    tokens in the query are redacted; ``body`` is kept only if ``Settings.record_bodies`` says so.
    """

    method: str
    path: str
    query: Mapping[str, str]
    status: int | None
    size: int
    body: bytes | None = None


@dataclass(slots=True)
class World:
    """Everything there is."""

    store: Store
    clock: Callable[[], float]
    settings: Settings
    faults: Faults
    log: deque[Request] = field(default_factory=lambda: deque(maxlen=_LOG_LENGTH))
    _shelf: Shelf | None = None
    _objects: Objects | None = None

    @property
    def shelf(self) -> Shelf:
        """Vertex AI's side of the store, loaded when first asked for: most worlds do without."""
        if self._shelf is None:
            from reconciler.emulator.vertex.shelf import Shelf  # noqa: PLC0415 - see above

            self._shelf = Shelf(self.store)
        return self._shelf

    @property
    def objects(self) -> Objects:
        """Cloud Storage's side of the store, loaded when first asked for."""
        if self._objects is None:
            from reconciler.emulator.storage.shelf import Objects  # noqa: PLC0415 - see above

            self._objects = Objects(self.store)
        return self._objects

    def now(self) -> int:
        """Return the time in nanoseconds since the epoch."""
        return nanoseconds(self.clock() + self.store.turned())

    def turn(self, seconds: float) -> None:
        """Turn the clock forward, for every process on the same data file and for those that come later.

        Raises:
            UsageError: if it would go back, or further ahead than timestamps can follow.
        """
        with self.store.writing():
            turned = self.store.turned() + seconds
            if not 0 <= seconds <= turned <= _FURTHEST:
                raise UsageError(f"clock: cannot be turned by {seconds!r} s; forward only, and {_FURTHEST:g} s in all")
            self.store.turn(turned)

    def bases(self) -> list[Base]:
        """Return the base models that are not retired."""
        return [base for base in BASES if base.name not in self.settings.retired]

    def base(self, name: str) -> Base | None:
        """Return one base model, unless it is unknown or retired."""
        return next((base for base in self.bases() if base.name == name), None)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one method: who asks for what, with names and body already bound."""

    world: World
    version: str
    account: str
    path: Mapping[str, str]
    query: Object = field(default_factory=dict)
    body: Object = field(default_factory=dict)
    fields: Selection | None = None
    integer_enums: bool = False
    empty_page: bool = False
    now: int = 0

    @property
    def store(self) -> Store:
        """The world's store."""
        return self.world.store

    def role(self, model: Model) -> str | None:
        """Return the strongest role the caller has on a model."""
        if model.owner == self.account:
            return "OWNER"
        roles = [p.role for p in self.store.permissions(model.seq) if p.email in {self.account, ""}]
        return min(roles, key=ROLE.numbers.__getitem__, default=None)

    def model(self, role: str = "READER") -> Model:
        """Return the model the path names, if the caller has at least a role on it.

        Raises:
            ApiError: NOT_FOUND if there is none, PERMISSION_DENIED if the role is missing.
        """
        return self.model_named(f"tunedModels/{self.path['model']}", role)

    def model_named(self, name: str, role: str = "READER") -> Model:
        """Return a model by resource name, under the same rules.

        Raises:
            ApiError: NOT_FOUND if there is none, PERMISSION_DENIED if the role is missing.
        """
        model = self.store.find(name.removeprefix("tunedModels/"))
        if model is None:
            raise no_such_model(name)
        held = self.role(model)
        if held is None or ROLE.numbers[held] > ROLE.numbers[role]:
            raise no_access(name)
        return model

    def enum(self, numbers: Mapping[str, int], name: str) -> str | int:
        """Spell an enum value as the caller asked for it (``$alt=json;enum-encoding=int``)."""
        return numbers[name] if self.integer_enums else name
