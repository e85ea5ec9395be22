"""A plan is a value: sorted, printable, serialisable, and hashable into the digest that reviewers approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.core.canonical import Json, digest
from reconciler.core.datachange import DataChange
from reconciler.core.estimate import Forecast, Steps, Variant
from reconciler.core.resource import Dataset, Lifecycle, Remote
from reconciler.errors import Problem, Violation

__all__ = [
    "TRAINS",
    "Action",
    "Change",
    "Drift",
    "Kind",
    "Plan",
    "Scope",
    "Steps",
    "Unmanaged",
    "action_digest_value",
]


class Kind(StrEnum):
    """What an action does.

    ``wait`` resumes what is still tuning or records its end; ``reuse`` takes a model of the wanted revision that
    already exists; ``adopt`` takes over a model we did not make; ``move`` renames an entry of the lockfile; ``forget``
    drops one without deleting; ``blocked`` is a revision that failed or was rejected and is not bought again by itself.
    """

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    WAIT = "wait"
    REUSE = "reuse"
    ADOPT = "adopt"
    MOVE = "move"
    FORGET = "forget"
    BLOCKED = "blocked"


_NOT_COVERED = frozenset({Kind.WAIT, Kind.BLOCKED})

TRAINS = frozenset({Kind.CREATE, Kind.REPLACE})
"""The kinds that may start a paid tuning."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. ``path`` is dotted, as in the manifest; ``effect`` says what the change costs."""

    path: str
    before: Json
    after: Json
    effect: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing apply will do to one name.

    ``resource`` is the remote model the action makes or touches; ``previous`` the one it takes the place of (or, for a
    move, ``previous_name`` the name it had). ``depends_on`` names manifests whose actions come first.
    ``dataset_before`` is what the lockfile remembers of the model being replaced, ``data`` what changed since, in
    numbers; it is found out locally, so no digest covers it. ``cleanup`` marks the deletion of a
    model that does not serve: one that was replaced, failed, or is no longer wanted while still in the making; a forget
    with ``cleanup`` drops the record of that one resource, a forget without it drops the whole entry.
    ``outgoing`` are the former models besides ``previous`` that go once this one serves, since they are kept no longer
    then. ``blocked_by`` is ``failed`` or ``rejected``. ``heals`` marks an update that mends some fields and leaves
    alone, on the service and in the lockfile, whatever else the manifest asks for by now. ``forecast`` is what a
    training takes besides its steps; no approval covers it.
    """

    name: str
    kind: Kind
    reason: str
    resource: str | None = None
    previous: str | None = None
    previous_name: str | None = None
    revision: str | None = None
    attempt: int = 1
    changes: tuple[Change, ...] = ()
    dataset: Dataset | None = None
    dataset_before: Dataset | None = None
    data: DataChange | None = None
    steps: Steps | None = None
    depends_on: tuple[str, ...] = ()
    lifecycle: Lifecycle | None = None
    gate: Mapping[str, Json] | None = None
    blocked_by: str | None = None
    cleanup: bool = False
    outgoing: tuple[str, ...] = ()
    heals: bool = False
    forecast: Forecast | None = None

    @property
    def data_moved(self) -> bool:
        """Whether the dataset is another one than the lockfile remembers."""
        before, now = self.dataset_before, self.dataset
        return before is not None and now is not None and before.digest != now.digest


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that is not as the last apply left it.

    ``kind`` is one of changed, missing, failed, stuck, dying, data, manifest, widened, narrowed. ``changed`` and the
    last two, which are about permissions, come with path and both values.
    """

    name: str
    kind: str
    message: str
    resource: str | None = None
    path: str | None = None
    before: Json = None
    after: Json = None
    update_time: str | None = None


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A remote model that nothing in the lockfile records; ``orphaned`` if its id has the shape of ours."""

    resource: str
    display_name: str
    state: str
    create_time: str | None = None
    orphaned: bool = False


@dataclass(frozen=True, slots=True)
class Pinned:
    """A name that a rollback keeps at ``revision``, although its manifest asks for another one (``over``)."""

    name: str
    resource: str
    revision: str
    over: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Which names a plan looks at: globs of ``--target`` and ``--exclude``, terms of ``--select``; empty means all.

    ``only`` is ``drift`` if nothing but drift is to be mended (``--only``), at a cost of at most ``max_effect``:
    ``update`` or ``replace`` (see ``core.healing``); both are None for a plan that does all there is to do.
    """

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    only: str | None = None
    max_effect: str | None = None

    @property
    def selects(self) -> bool:
        """Whether some names may be left out."""
        return bool(self.target or self.exclude or self.select)

    @property
    def partial(self) -> bool:
        """Whether some names, or some of what is to be done, may be left out."""
        return self.selects or self.only is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply would do, and everything a reviewer should know about it.

    ``violations`` are the reasons why apply would refuse (limits, protection, policy); ``warnings`` refuse nothing.
    ``left_out`` is what a plan that mends drift alone leaves to one that does not; ``what_if`` what was asked besides.
    ``pinned`` are the names that stay at what a rollback went back to.
    """

    project: str
    remote: Remote
    actions: tuple[Action, ...] = ()
    unchanged: int = 0
    drift: tuple[Drift, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    warnings: tuple[Problem, ...] = ()
    violations: tuple[Violation, ...] = ()
    scope: Scope = field(default_factory=Scope)
    lineage: str | None = None
    serial: int = 0
    left_out: tuple[Action, ...] = ()
    pinned: tuple[Pinned, ...] = ()
    what_if: tuple[Variant, ...] = ()

    @property
    def summary(self) -> dict[str, int]:
        """How many actions there are of each kind, and how many models stay as they are."""
        counts = {kind.value: 0 for kind in Kind}
        for action in self.actions:
            counts[action.kind.value] += 1
        return {**counts, "unchanged": self.unchanged}

    @property
    def empty(self) -> bool:
        """Whether apply would have nothing to do, nothing to wait for and nothing is blocked."""
        return not self.actions

    @property
    def steps(self) -> Steps:
        """The tuning steps of all actions together."""
        bought = [action.steps for action in self.actions if action.steps is not None]
        return Steps(sum(steps.least for steps in bought), sum(steps.most for steps in bought))

    @property
    def digest(self) -> str:
        """The sha256 that reviewers approve.

        It covers the remote, the scope and what each action does. It leaves out serial, lineage, tool version, what is
        waited for or blocked, unmanaged models, warnings and forecasts, so that another team's merge or a training that
        moves on voids no approval.
        """
        covered = [action_digest_value(action) for action in self.actions if action.kind not in _NOT_COVERED]
        remote = self.remote
        return digest(
            {
                "remote": [remote.type, remote.endpoint, remote.project, remote.location],
                "scope": _scope_digest_value(self.scope),
                "actions": covered,
            }
        )


def _scope_digest_value(scope: Scope) -> Json:
    """Return a scope as JSON; what came later is left out while it says nothing, so that old digests stay."""
    value: dict[str, Json] = {"target": sorted(set(scope.target)), "exclude": sorted(set(scope.exclude))}
    if scope.select:
        value["select"] = sorted(set(scope.select))
    if scope.only is not None:
        value["only"] = [scope.only, scope.max_effect]
    return value


def action_digest_value(action: Action) -> Json:
    """Return the part of an action that an approval covers, as JSON."""
    lifecycle = action.lifecycle
    going: dict[str, Json] = {"outgoing": list(action.outgoing)} if action.outgoing else {}
    return {
        **going,
        "name": action.name,
        "kind": action.kind.value,
        "resource": action.resource,
        "previous": action.previous_name if action.kind is Kind.MOVE else action.previous,
        "revision": action.revision,
        "changes": [[change.path, change.before, change.after, change.effect] for change in action.changes],
        "dataset": None if action.dataset is None else action.dataset.digest,
        "steps": None if action.steps is None else [action.steps.least, action.steps.most],
        "gate": action.gate,
        "lifecycle": None
        if lifecycle is None
        else [
            lifecycle.protect,
            lifecycle.retain,
            list(lifecycle.ignore),
            lifecycle.timeout,
            lifecycle.deletion,
        ],
    }
