"""What Vertex AI's world consists of, as values: jobs, models, endpoints, operations.

How far a job is follows from when it was admitted, how long it takes and what time it is; nothing runs in the
background. Times are nanoseconds since the epoch. How values are kept is the business of ``shelf``, what happens when
one of their times has come that of ``lifecycle``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.emulator.scalars import MICRO, SECOND
from reconciler.emulator.vertex.names import Place

_PREPARING = 0.1
_CANCELLING = 0.05
SUCCEEDED, FAILED, CANCELLED = "JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"
QUEUED, PENDING, RUNNING, CANCELLING = (
    "JOB_STATE_QUEUED",
    "JOB_STATE_PENDING",
    "JOB_STATE_RUNNING",
    "JOB_STATE_CANCELLING",
)
OVER = frozenset({SUCCEEDED, FAILED, CANCELLED})


@dataclass(frozen=True, slots=True)
class Job:
    """A tuning job.

    ``body`` are the fields of the request with the defaults that were chosen; ``base`` is the base model's id;
    ``parent`` the pre-tuned model's name and version. ``admitted`` is when a slot was free for it. ``steps`` is known
    once the dataset was read; ``refused`` (gRPC number and message) is what was wrong with the data. ``outcome``,
    ``at``, ``code`` and ``message`` are what a fault makes of it. ``tuned`` is what it has made, once it has.
    """

    place: Place
    created: int
    seconds: float
    body: Mapping[str, Any]
    base: str
    owner: str
    version: str
    parent: tuple[str, str] | None = None
    admitted: int | None = None
    steps: int = 0
    stats: Mapping[str, Any] | None = None
    refused: tuple[int, str] | None = None
    outcome: str = ""
    at: float = 0.5
    code: int = 3
    message: str = "Tuning failed."
    cancelled: int | None = None
    tuned: Mapping[str, Any] | None = None
    seq: int = 0

    @property
    def name(self) -> str:
        """The resource name."""
        return f"{self.place.parent}/tuningJobs/{self.place.id}"

    @property
    def starts(self) -> int | None:
        """When it runs, the dataset read and found good; None if it never does."""
        if self.admitted is None:
            return None
        start = (self.admitted + int(self.seconds * _PREPARING * SECOND)) // MICRO * MICRO
        refused = self.refused is not None or (self.cancelled is not None and self.cancelled < start)
        return None if refused else start

    @property
    def stops(self) -> int | None:
        """When it is over if nobody cancels it; None while it is queued, and for one that is stuck."""
        if self.admitted is None:
            return None
        prepared = self.admitted + int(self.seconds * _PREPARING * SECOND)
        full = self.admitted + int(self.seconds * SECOND)
        if self.refused is not None:
            full = prepared
        elif self.outcome == "stuck":
            return None
        elif self.outcome == "fail":
            full = prepared + int((full - prepared) * self.at)
        return full // MICRO * MICRO

    @property
    def ends(self) -> int | None:
        """When it is over; a cancelled one that is nearly done is done first."""
        if self.cancelled is None:
            return self.stops
        if self.admitted is None:
            return self.cancelled
        gone = self.cancelled + int(self.seconds * _CANCELLING * SECOND) // MICRO * MICRO
        return gone if self.stops is None else min(gone, self.stops)

    def state(self, now: int) -> str:
        """Return its JobState at a time."""
        ends = self.ends
        if ends is not None and ends <= now:
            return self._end(ends)
        if self.cancelled is not None and self.cancelled <= now:
            return CANCELLING
        if self.admitted is None:
            return QUEUED
        return RUNNING if self.starts is not None and self.starts <= now else PENDING

    def error(self, now: int) -> dict[str, Any] | None:
        """Return its error at a time (google.rpc.Status; ``code`` is the gRPC number)."""
        state = self.state(now)
        if state == CANCELLED:
            return {"code": 1, "message": "The tuning job was cancelled."}
        if state != FAILED:
            return None
        code, message = self.refused or (self.code, self.message)
        return {"code": code, "message": message}

    def _end(self, ends: int) -> str:
        if self.stops is None or ends < self.stops:
            return CANCELLED
        return FAILED if self.refused is not None or self.outcome == "fail" else SUCCEEDED


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model, made by a job. ``deployed`` are references to where it is deployed."""

    id: str
    created: int
    job: str
    base: str
    aliases: Sequence[str] = ()
    checkpoints: Sequence[Mapping[str, Any]] = ()
    deployed: Sequence[Mapping[str, Any]] = ()
    held_until: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the registry: what its versions share, and its versions, oldest first."""

    place: Place
    created: int
    fields: Mapping[str, Any]
    versions: Sequence[Version]
    updated: int
    seq: int = 0

    @property
    def name(self) -> str:
        """The resource name, without a version."""
        return f"{self.place.parent}/models/{self.place.id}"

    def version(self, wanted: str = "default") -> Version | None:
        """Return a version by its id or one of its aliases."""
        return next((v for v in self.versions if wanted == v.id or wanted in v.aliases), None)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint and what is deployed there; ``held_until`` is when a delete stops failing after an undeploy."""

    place: Place
    created: int
    fields: Mapping[str, Any]
    deployed: Sequence[Mapping[str, Any]]
    updated: int
    held_until: int = 0
    seq: int = 0

    @property
    def name(self) -> str:
        """The resource name."""
        return f"{self.place.parent}/endpoints/{self.place.id}"


@dataclass(frozen=True, slots=True)
class Operation:
    """A long-running operation on a resource: ``kind`` is what it does once ``ends`` has come, with ``what``.

    ``done`` says that it has been carried out.
    """

    place: Place
    created: int
    ends: int
    kind: str
    target: str
    version: str
    what: Mapping[str, Any] = field(default_factory=dict)
    done: bool = False
    seq: int = 0

    @property
    def name(self) -> str:
        """The resource name, below that of what it is about."""
        return f"{self.target}/operations/{self.place.id}"
