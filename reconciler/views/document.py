"""The plan as a document (``plan --format json``): every key the published contract names, and a few more.

Pure: a plan in, plain dicts out. No training row and no credential is part of a plan, so none can be part of this.
Keys that are not in the contract: ``remote``, ``steps`` and ``forecast`` of the whole plan, ``pinned``, and per action
``forecast``, ``digest``, ``revision``, ``attempt``, ``previousName``, ``stepsAtMost``, ``dependsOn``, ``blockedBy``,
``cleanup``, ``gate``, ``lifecycle``, and the dataset's ``before``, ``changed``, ``reordered``, ``duplicates``,
``comparedWith`` and ``unknown``; of a plan that mends drift alone ``scope.only``, ``scope.maxEffect`` and ``leftOut``.
"""

from __future__ import annotations

from typing import Any

from reconciler.core.canonical import digest
from reconciler.core.datachange import DataChange, RowCounts
from reconciler.core.estimate import Forecast, Variant, cost_json, forecast_json
from reconciler.core.forecast import total
from reconciler.core.plan import Action, Change, Drift, Pinned, Plan, Scope, Unmanaged, action_digest_value
from reconciler.core.resource import Dataset, Lifecycle, Remote
from reconciler.errors import Problem, Violation

FORMAT = "tunectl.plan/v1"

Document = dict[str, Any]


def to_document(plan: Plan, *, tool: str) -> Document:
    """Return the plan document; ``tool`` is the version that made it."""
    return {
        "format": FORMAT,
        "tool": tool,
        "project": plan.project,
        "digest": plan.digest,
        "remote": remote_document(plan.remote),
        "lockfile": {"lineage": plan.lineage, "serial": plan.serial},
        "scope": scope_document(plan.scope),
        "summary": plan.summary,
        "steps": plan.steps.least,
        "stepsAtMost": plan.steps.most,
        "forecast": _total(plan),
        "actions": [action_document(action) for action in plan.actions],
        "drift": [drift_document(drift) for drift in plan.drift],
        "unmanaged": [unmanaged_document(model) for model in plan.unmanaged],
        "warnings": [problem_document(problem) for problem in plan.warnings],
        "violations": [violation_document(violation) for violation in plan.violations],
        "pinned": [pinned_document(pin) for pin in plan.pinned],
    } | _asked_besides(plan)


def _asked_besides(plan: Plan) -> Document:
    """Return what a plan says only if it was asked for: ``leftOut`` of ``--only``, ``whatIf`` of ``--what-if``."""
    besides: Document = {}
    if plan.scope.only is not None:
        besides["leftOut"] = [_left_out(action) for action in plan.left_out]
    if plan.what_if:
        besides["whatIf"] = [_variant(variant) for variant in plan.what_if]
    return besides


def _total(plan: Plan) -> Document:
    """Return what the plan's trainings take together; see ``core.estimate.Total``."""
    found = total(plan.actions)
    return {
        "seconds": found.seconds,
        "secondsAtMost": found.seconds_at_most,
        "costs": [cost_json(cost) for cost in found.costs],
        "unpriced": list(found.unpriced),
    }


def _variant(variant: Variant) -> Document:
    told = forecast_json(variant.steps, variant.forecast or Forecast())
    return {"name": variant.name, "set": dict(variant.settings), **told, "note": variant.note}


def remote_document(remote: Remote) -> Document:
    """Return which remote a plan is for."""
    return {
        "type": remote.type,
        "endpoint": remote.endpoint,
        "project": remote.project,
        "location": remote.location,
    }


def scope_document(scope: Scope) -> Document:
    """Return which names a plan looks at, and ``only`` and ``maxEffect`` if it does not do all there is to do."""
    names: Document = {"target": list(scope.target), "exclude": list(scope.exclude), "select": list(scope.select)}
    return names if scope.only is None else names | {"only": scope.only, "maxEffect": scope.max_effect}


def action_document(action: Action) -> Document:
    """Return one action.

    ``digest`` covers what the plan's digest covers of it. ``steps`` is the least number of tuning steps it buys,
    ``stepsAtMost`` the most.
    """
    return {
        "name": action.name,
        "action": action.kind.value,
        "resource": action.resource,
        "previous": action.previous,
        "reason": action.reason,
        "changes": [_change(change) for change in action.changes],
        "dataset": _dataset(action.dataset, action.dataset_before, action.data),
        "steps": None if action.steps is None else action.steps.least,
        "stepsAtMost": None if action.steps is None else action.steps.most,
        "forecast": None if action.forecast is None else forecast_json(action.steps, action.forecast),
        "digest": digest(action_digest_value(action)),
        "revision": action.revision,
        "attempt": action.attempt,
        "previousName": action.previous_name,
        "dependsOn": list(action.depends_on),
        "blockedBy": action.blocked_by,
        "cleanup": action.cleanup,
        "outgoing": list(action.outgoing),
        "gate": None if action.gate is None else dict(action.gate),
        "lifecycle": None if action.lifecycle is None else _lifecycle(action.lifecycle),
    }


def _left_out(action: Action) -> Document:
    return {"name": action.name, "action": action.kind.value, "reason": action.reason}


def drift_document(drift: Drift) -> Document:
    """Return one thing that is not as the last apply left it."""
    return {
        "name": drift.name,
        "kind": drift.kind,
        "message": drift.message,
        "resource": drift.resource,
        "path": drift.path,
        "before": drift.before,
        "after": drift.after,
        "updateTime": drift.update_time,
    }


def unmanaged_document(model: Unmanaged) -> Document:
    """Return one model that nothing in the lockfile records."""
    return {
        "resource": model.resource,
        "displayName": model.display_name,
        "state": model.state,
        "createTime": model.create_time,
        "orphaned": model.orphaned,
    }


def pinned_document(pin: Pinned) -> Document:
    """Return one name that a rollback keeps at another revision than its manifest asks for."""
    return {"name": pin.name, "resource": pin.resource, "revision": pin.revision, "over": pin.over}


def problem_document(problem: Problem) -> Document:
    """Return one problem with its place."""
    place = problem.location
    return {
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
        "file": None if place is None else place.file,
        "line": None if place is None else place.line,
        "column": None if place is None else place.column,
    }


def violation_document(violation: Violation) -> Document:
    """Return one reason why apply would refuse, with its place and the rule that says so."""
    place = violation.location
    return {
        "message": violation.message,
        "file": None if place is None else place.file,
        "line": None if place is None else place.line,
        "column": None if place is None else place.column,
        "rule": violation.rule,
    }


def _change(change: Change) -> Document:
    return {"path": change.path, "before": change.before, "after": change.after, "effect": change.effect}


def _dataset(dataset: Dataset | None, before: Dataset | None, data: DataChange | None) -> Document | None:
    """Return a dataset, what it was before, and how many rows changed; nulls where the old version is not to be had.

    ``unknown`` then says why. Numbers only: rows are part of no document.
    """
    if dataset is None:
        return None
    moved = before is not None and before.digest != dataset.digest
    rows = RowCounts(0, 0, 0) if not moved else None if data is None else data.rows
    return {
        "digest": dataset.digest,
        "examples": dataset.examples,
        **({} if dataset.uri is None else {"uri": dataset.uri}),
        **counts_document(rows, moved=moved),
        "comparedWith": None if data is None else data.source,
        "unknown": None if data is None else data.unknown,
        "before": None if before is None else {"digest": before.digest, "examples": before.examples},
    }


def counts_document(rows: RowCounts | None, *, moved: bool) -> Document:
    """Return the numbers of rows that changed, nulls for what is not known."""
    if rows is None:
        return dict.fromkeys(("added", "removed", "changed", "reordered", "duplicates", "duplicatesBefore"))
    return {
        "added": rows.added,
        "removed": rows.removed,
        "changed": rows.changed,
        "reordered": moved and rows.reordered,
        "duplicates": rows.duplicates if moved else None,
        "duplicatesBefore": rows.duplicates_before if moved else None,
    }


def _lifecycle(lifecycle: Lifecycle) -> Document:
    return {
        "protect": lifecycle.protect,
        "retain": lifecycle.retain,
        "ignore": list(lifecycle.ignore),
        "timeout": lifecycle.timeout,
        "deletion": lifecycle.deletion,
    }
