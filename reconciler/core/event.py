"""What happened: the one stream of frozen events that the engine tells and the views show.

Every event is a dataclass without behaviour. ``type_of`` gives its name in the JSON Lines stream (``apply --format
jsonl``); fields become keys in lowerCamel. No event carries a credential or a training row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.actual import Actual
from reconciler.core.observation import Progress
from reconciler.core.plan import Plan
from reconciler.core.verdict import Check
from reconciler.errors import Problem


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan that is about to be carried out."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Started:
    """An action has begun; for a create or replace the request is about to be sent."""

    name: str
    action: str
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service has taken a tuning job; from here on it costs money."""

    name: str
    resource: str
    operation: str | None
    total_steps: int | None


@dataclass(frozen=True, slots=True)
class Progressed:
    """A tuning job moved on. ``eta`` is in seconds from now, estimated from the pace so far; None while unknown."""

    name: str
    resource: str
    progress: Progress
    eta: float | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """An action is through and recorded. ``seconds`` since it started in this run."""

    name: str
    action: str
    resource: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A training that was foreseen is over: what it took beside its forecast."""

    name: str
    resource: str
    actual: Actual


@dataclass(frozen=True, slots=True)
class Failed:
    """An action failed; the rest goes on. ``hint`` is the way past."""

    name: str
    action: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A model that is ready was held to its gate. ``answers`` is the folder that has what it said, for its owner."""

    name: str
    resource: str
    passed: bool
    checks: tuple[Check, ...] = ()
    answers: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """An action was not begun, and why: something it depends on failed, or the run was stopped."""

    name: str
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The engine waits for running jobs and will look again in ``seconds``."""

    running: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Retried:
    """A request is sent again after a pause: what it was, why, and for how many seconds we hold off."""

    request: str
    reason: str
    seconds: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Requested:
    """A request was answered, or got no answer; told only when asked for (``-vv``).

    ``address`` is the path, with the host where it is not the endpoint's; of the query it has the names, and only such
    values as are ours and no tokens. ``status`` is the HTTP number; without an answer it is None, and ``reason`` names
    what went wrong. ``milliseconds`` go to the last byte of the answer, ``attempt`` counts from 1. Bodies and headers
    are no part of it.
    """

    method: str
    address: str
    status: int | None
    milliseconds: float
    attempt: int = 1
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """The lockfile was written."""

    serial: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know that stops nothing."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Stopping:
    """A signal came: nothing new is begun, what is known is saved, training goes on."""

    signal: str


@dataclass(frozen=True, slots=True)
class Errored:
    """The command ends with an error; ``problems`` are its reasons where there are several, each with its place."""

    message: str
    hint: str | None
    exit_code: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Summarised:
    """The last event of a run: how many actions ended how, and how many jobs are left running.

    ``rejected`` counts the models that their gates refused in this run; they are in none of the other counts.
    """

    done: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    skipped: int = 0
    running: int = 0
    rejected: int = 0
    exit_code: int = 0


Event = (
    Planned
    | Started
    | Accepted
    | Progressed
    | Finished
    | Measured
    | Failed
    | Judged
    | Skipped
    | Waiting
    | Retried
    | Requested
    | Saved
    | Warned
    | Stopping
    | Errored
    | Summarised
)

_TYPES = {
    Planned: "plan",
    Started: "started",
    Accepted: "accepted",
    Progressed: "progress",
    Finished: "finished",
    Measured: "measured",
    Failed: "failed",
    Judged: "gate",
    Skipped: "skipped",
    Waiting: "waiting",
    Retried: "retry",
    Requested: "request",
    Saved: "saved",
    Warned: "warning",
    Stopping: "stopping",
    Errored: "error",
    Summarised: "summary",
}


def type_of(event: Event) -> str:
    """Return the event's name in the JSON Lines stream."""
    return _TYPES[type(event)]
