"""A plan document as the plan it was, so that it is shown by the same views as a fresh one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from reconciler.core.datachange import DataChange, RowCounts
from reconciler.core.estimate import Forecast, Variant
from reconciler.core.plan import Action, Change, Drift, Pinned, Plan, Steps, Unmanaged
from reconciler.core.resource import Dataset, Lifecycle, Remote
from reconciler.core.text import clip
from reconciler.errors import Location, Problem, Violation
from reconciler.views.saved import load_saved, parsed, refuse
from reconciler.views.shapes import ActionShape, DatasetShape, PlanShape, ProblemShape, VariantShape, ViolationShape


def read_plan(data: bytes, *, address: str) -> Plan:
    """Read a plan file (``plan --out``) or a plan document (``plan --format json``); ``address`` names it in messages.

    Raises:
        StalePlan: no plan, of a newer format, or one whose digest is not that of its content.
    """
    found = parsed(data, address)
    if "checksum" in found:
        return restored(load_saved(data, address=address).document)
    try:
        plan = restored(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        refuse(address, f"{clip('.'.join(map(str, first['loc'])), 200)}: {first['msg']}", error)
    if plan.digest != found["digest"]:
        refuse(address, "its digest is not that of its content")
    return plan


def restored(document: Mapping[str, Any]) -> Plan:
    """Return the plan that a plan document describes; the document was checked when it was read."""
    shape = PlanShape.model_validate(dict(document))
    return Plan(
        project=shape.project,
        remote=Remote(shape.remote.type, shape.remote.endpoint, shape.remote.project, shape.remote.location),
        actions=tuple(_action(action) for action in shape.actions),
        unchanged=shape.summary.get("unchanged", 0),
        drift=tuple(Drift(**drift.model_dump()) for drift in shape.drift),
        unmanaged=tuple(Unmanaged(**model.model_dump()) for model in shape.unmanaged),
        warnings=tuple(_problem(problem) for problem in shape.warnings),
        violations=tuple(_violation(violation) for violation in shape.violations),
        scope=shape.scope.value(),
        lineage=shape.lockfile.lineage,
        serial=shape.lockfile.serial,
        what_if=tuple(_variant(variant) for variant in shape.what_if),
        left_out=tuple(Action(left.name, left.action, left.reason) for left in shape.left_out),
        pinned=tuple(Pinned(pin.name, pin.resource, pin.revision, pin.over) for pin in shape.pinned),
    )


def _action(shape: ActionShape) -> Action:
    dataset, before = shape.dataset, None if shape.dataset is None else shape.dataset.before
    lifecycle = shape.lifecycle
    return Action(
        name=shape.name,
        kind=shape.action,
        reason=shape.reason,
        resource=shape.resource,
        previous=shape.previous,
        previous_name=shape.previous_name,
        revision=shape.revision,
        attempt=shape.attempt,
        changes=tuple(Change(change.path, change.before, change.after, change.effect) for change in shape.changes),
        dataset=None if dataset is None else Dataset(dataset.digest, dataset.examples, uri=dataset.uri),
        dataset_before=None if before is None else Dataset(before.digest, before.examples),
        data=None if dataset is None or before is None else _data(dataset),
        steps=None if shape.steps is None else Steps(shape.steps, shape.steps_at_most or shape.steps),
        depends_on=tuple(shape.depends_on),
        lifecycle=None
        if lifecycle is None
        else Lifecycle(
            lifecycle.protect, lifecycle.retain, tuple(lifecycle.ignore), lifecycle.timeout, lifecycle.deletion
        ),
        gate=shape.gate,
        blocked_by=shape.blocked_by,
        cleanup=shape.cleanup,
        outgoing=tuple(shape.outgoing),
        forecast=None if shape.forecast is None else shape.forecast.value(),
    )


def _data(shape: DatasetShape) -> DataChange | None:
    if shape.compared_with is None and shape.unknown is None:
        return None
    rows = None
    if shape.added is not None and shape.removed is not None and shape.changed is not None:
        rows = RowCounts(shape.added, shape.removed, shape.changed, shape.duplicates or 0, shape.duplicates_before or 0)
    return DataChange(rows, shape.compared_with, shape.unknown)


def _variant(shape: VariantShape) -> Variant:
    told = shape.value()
    return Variant(shape.name, shape.set, shape.bought, None if told == Forecast() else told, shape.note)


def _problem(shape: ProblemShape) -> Problem:
    place = None if shape.file is None else Location(shape.file, shape.line, shape.column)
    return Problem(place, shape.message, shape.hint, shape.severity)


def _violation(shape: ViolationShape) -> Violation:
    place = None if shape.file is None else Location(shape.file, shape.line, shape.column)
    return Violation(shape.message, place, shape.rule)
