"""Taking over models that somebody else made: which can be, what a manifest says of them, what the lockfile records.

What a model was tuned on is never returned by any API. So an adopted model has no dataset in the lockfile: nothing can
tune it anew until its manifest names one, and naming one tunes nothing by itself (``core.revision``).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from reconciler.core.address import NAME, short
from reconciler.core.canonical import Json
from reconciler.core.diff import field_changes
from reconciler.core.lineage import Record
from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.observation import ModelState, Observation
from reconciler.core.permission import as_written, declared, unshared
from reconciler.core.plan import Change
from reconciler.core.resource import Capabilities, Desired, Effect
from reconciler.core.revision import MADE_OF, revision_of

_LONGEST_NAME = 40
"""No longer than an id, so that a name is a display name, too, where a model's own cannot be written."""


def obstacle(seen: Observation) -> str | None:
    """Return why a model cannot be taken over just now, or None if it can."""
    if seen.record:
        return "there is no model, only the record of a tuning that failed"
    return {
        ModelState.TUNING: "is still tuning; take it over when it is ready",
        ModelState.FAILED: "its tuning failed, so there is nothing to keep",
        ModelState.UNKNOWN: "the service does not say whether it is ready",
    }.get(seen.state)


def names_had(records: Iterable[Record], project: str) -> dict[str, str]:
    """Return the name that each model had last in a project, by resource, as the log of lineage tells it."""
    return {record.resource: record.name for record in records if record.project == project}


def choose_names(
    models: Iterable[Observation],
    free: Callable[[str, Observation], bool],
    *,
    former: Mapping[str, str] | None = None,
) -> list[tuple[Observation, str]]:
    """Return a name for each model: the one it had, else after its display name if no other has the like, or its id.

    Args:
        models: those to be named. The same ones get the same names, whatever their order.
        free: whether a name may be given to a model.
        former: the names that models had before they were let go of, by resource; they are given first, so that no
            stranger takes them.
    """
    ordered = sorted(models, key=lambda seen: seen.resource)
    shown = {seen.resource: slug(str(seen.spec.get("displayName") or "")) for seen in ordered}
    twins = Counter(shown.values())
    had = former or {}
    given: dict[str, str] = {}
    for seen in sorted(ordered, key=lambda seen: seen.resource not in had):
        first = shown[seen.resource]
        proposed = _proposals(first if twins[first] == 1 else "", slug(short(seen.resource)))
        for name in chain(filter(None, [had.get(seen.resource)]), proposed):
            if name not in given.values() and NAME.fullmatch(name) and free(name, seen):
                given[seen.resource] = name
                break
    return [(seen, given[seen.resource]) for seen in ordered if seen.resource in given]


def slug(text: str) -> str:
    """Return a text as a manifest's name, or an empty one if it has no letter or digit that a name may have."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    joined = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if joined and not joined[0].isalpha():
        joined = f"model-{joined}"
    return joined[:_LONGEST_NAME].rstrip("-")


def adopted(desired: Desired, seen: Observation, *, parent_revision: str | None = None) -> Entry:
    """Return what to record of a model that a manifest takes over: its manifest's settings as the service has them.

    So what differs is a change that the manifest asks for, and no drift.
    """
    spec: dict[str, Json] = {}
    for key, value in unshared(desired.spec).items():
        live = value if key in MADE_OF else seen.spec.get(key)
        if live is not None:
            spec[key] = live
    if seen.permissions is not None and declared(desired.spec) is not None:
        spec["permissions"] = as_written(seen.permissions)
    instance = Instance(
        resource=seen.resource,
        revision=revision_of(desired.spec, None, parent_revision=parent_revision),
        state=InstanceState.READY,
        create_time=seen.create_time,
        spec=spec,
    )
    return Entry(current=instance, protect=desired.lifecycle.protect, deletion=desired.lifecycle.deletion)


def made_otherwise(
    desired: Desired, seen: Observation, capabilities: Capabilities, *, parent_resource: str | None = None
) -> tuple[Change, ...]:
    """Return the fields in which a model was made otherwise than its manifest says, so that it cannot be its model."""
    wanted = dict(unshared(desired.spec))
    if desired.parent is not None:
        wanted["source"] = {"tunedModel": parent_resource}
    changes = field_changes(seen.spec, wanted, capabilities=capabilities, ignore=desired.lifecycle.ignore)
    return tuple(
        change
        for change in changes
        if change.effect == Effect.REPLACE
        and not (change.path.startswith("spec.hyperparameters.") and change.before is None)
    )


def differing(desired: Desired, seen: Observation, capabilities: Capabilities) -> tuple[Change, ...]:
    """Return the fields that the next apply will change on a model, once its manifest has taken it over."""
    changes = field_changes(
        seen.spec, unshared(desired.spec), capabilities=capabilities, ignore=desired.lifecycle.ignore
    )
    return tuple(change for change in changes if change.effect == Effect.UPDATE)


def _proposals(shown: str, identifier: str) -> Iterator[str]:
    base = identifier or "model"
    yield from (name for name in (shown, base) if name)
    yield from (f"{base[: _LONGEST_NAME - 4].rstrip('-')}-{number}" for number in range(2, 1000))
