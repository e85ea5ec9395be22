"""What is there: a tuned model as the provider lists it, and a tuning operation as it reports itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.core.permission import Permission
from reconciler.core.resource import Spec


class ModelState(StrEnum):
    """The life of a remote model, whatever the provider calls it."""

    TUNING = "tuning"
    READY = "ready"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One point of the loss curve. ``epoch`` counts completed epochs, as the API does; ``mean_loss`` may be NaN."""

    step: int
    epoch: int
    mean_loss: float | None
    compute_time: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tuning is. Steps count from 1; ``percent`` is within 0..100; what the service does not say is None."""

    completed_steps: int | None = None
    total_steps: int | None = None
    percent: float | None = None
    last: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """A tuned model as the provider reports it right now.

    ``spec`` has the layout of a manifest's spec with every value the service resolved; ``source`` holds the resource
    name of the parent (``{"tunedModel": …}``). Times are RFC 3339 strings as received. ``snapshots`` is empty unless
    the caller asked for the loss curve. ``tuning_seconds`` is how long the tuning took, once it is over and if the
    service says so; ``base_model`` is what the model comes from in the end, through a parent if it has one.

    ``record`` says that there is no model and never will be, only the record of a tuning that failed, which the service
    keeps for ever: nothing that could be managed or deleted. ``cancelled`` says that somebody stopped it on purpose.
    ``duplicate`` marks a model of ours that lost its id to a better one made for the same revision. ``permissions`` is
    None unless somebody asked for them, and has the owner's too.
    """

    resource: str
    spec: Spec
    state: ModelState
    create_time: str | None = None
    update_time: str | None = None
    progress: Progress | None = None
    error: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    snapshots: tuple[Snapshot, ...] = ()
    tuning_seconds: float | None = None
    base_model: str | None = None
    record: bool = False
    cancelled: bool = False
    duplicate: bool = False
    permissions: tuple[Permission, ...] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A long-running tuning as its provider reports it.

    ``name`` is None when the operation is lost (its record expired, or the answer that named it never came); the
    provider then reads the model's own state. ``done`` with ``error`` None means the model is ready. ``gone`` says that
    neither operation nor model exists any more. ``create_time`` is the model's, once an answer has shown it;
    ``seconds`` is how long the tuning took, once it is over and if the answer says so.
    """

    resource: str
    name: str | None = None
    done: bool = False
    error: str | None = None
    gone: bool = False
    progress: Progress | None = None
    create_time: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything one look at the remote has shown.

    ``models`` holds the listing by resource name, completed by a GET for each recorded model the listing lacked;
    ``missing`` are the recorded resources that neither knew, ``hidden`` those that may not be read: somebody else's
    model has the id.
    """

    models: Mapping[str, Observation] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def get(self, resource: str) -> Observation | None:
        """Return what was seen of a resource, or None if it is not there."""
        return self.models.get(resource)
