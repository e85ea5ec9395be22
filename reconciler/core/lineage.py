"""The past of a model as a chain of records: what each record holds.

``hash`` is the sha256 over everything else in a record, ``prev`` the hash of the record before it in the same chain,
and ``number`` counts from 1. A chain belongs to a name of the project and goes on under another one when the model is
renamed. No record carries a credential, a training row, a prompt or an answer.

How records are spelt and hashed is the business of ``core.lineage_text``, whether a chain holds together that of
``core.chain``. Only values live here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.canonical import Json
from reconciler.core.observation import Snapshot
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Dataset


class Event(StrEnum):
    """What a record tells.

    ``promoted``: a model became the one that serves. ``rolled-back``: a former one serves again, without training.
    ``updated``: settings of the serving model were patched. ``failed`` and ``rejected``: an attempt came to nothing.
    ``adopted``: a model that exists was taken over. ``rebuilt``: it was found again after the lockfile was lost.
    ``renamed``: the chain goes on under another name. ``deleted``: a model was deleted; ``gone``: it was found not to
    exist any more; ``forgotten``: the name, or a former model of it (``lifecycle.deletion: retain``), is no longer
    managed, and what exists was left alone. ``merged``: chains that had gone apart are one again; nothing was done to a
    model.
    """

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    UPDATED = "updated"
    FAILED = "failed"
    REJECTED = "rejected"
    ADOPTED = "adopted"
    REBUILT = "rebuilt"
    RENAMED = "renamed"
    DELETED = "deleted"
    GONE = "gone"
    FORGOTTEN = "forgotten"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss curve in five numbers. ``nan`` counts the points that are no number; they take no part in the others.

    ``first``, ``last`` and ``least`` are mean losses, None without any point that is a number; ``least_step`` is the
    step of the least one, the earliest of equal ones.
    """

    points: int
    first: float | None = None
    last: float | None = None
    least: float | None = None
    least_step: int | None = None
    nan: int = 0


@dataclass(frozen=True, slots=True)
class Parent:
    """The model that a model was tuned from; name and revision only if it is one of ours."""

    resource: str
    name: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened to one name.

    ``time`` is RFC 3339 in UTC. ``manifest`` is the digest of what the manifest asked for when it was applied: spec,
    dataset digest and gate, as the lockfile keeps them. ``base_model`` is that of the parent for a model tuned from
    another. ``provenance`` is that of the run that asked for the model, ``recorded_by`` that of the run which wrote
    the record, if it is another. ``seconds`` is what the tuning took. ``predicted`` and ``cost`` are what a forecast
    said and what it came to, ``verdict`` the outcome of the gate without answers. ``replaced`` is the resource that
    served until then, ``former_name`` what the name was before it was renamed.
    ``merges`` are the hashes of the last records of other branches that are part of the chain from here on. ``hash``
    is empty until it is linked.
    """

    project: str
    name: str
    event: Event
    time: str
    resource: str
    revision: str = ""
    attempt: int = 1
    number: int = 1
    prev: str | None = None
    manifest: str | None = None
    dataset: Dataset | None = None
    base_model: str | None = None
    parent: Parent | None = None
    provenance: Provenance | None = None
    recorded_by: Provenance | None = None
    operation: str | None = None
    steps: int | None = None
    seconds: float | None = None
    loss: Loss | None = None
    verdict: Mapping[str, Json] | None = None
    predicted: Mapping[str, Json] | None = None
    cost: Mapping[str, Json] | None = None
    replaced: str | None = None
    former_name: str | None = None
    merges: tuple[str, ...] = ()
    error: str | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """How long a chain is and the hash of its last record: what shows that its end was cut off."""

    records: int
    head: str


def summarise(snapshots: Iterable[Snapshot]) -> Loss | None:
    """Return a loss curve in five numbers; None for a curve without points."""
    curve = sorted(snapshots, key=lambda snapshot: snapshot.step)
    if not curve:
        return None
    known = [(s.mean_loss, s.step) for s in curve if s.mean_loss is not None and math.isfinite(s.mean_loss)]
    nan = sum(s.mean_loss is not None and not math.isfinite(s.mean_loss) for s in curve)
    if not known:
        return Loss(points=len(curve), nan=nan)
    least, step = min(known)
    return Loss(len(curve), known[0][0], known[-1][0], least, step, nan)
