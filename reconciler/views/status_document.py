"""Status and drift as documents for programs (``--format json``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.observation import Observation, Progress
from reconciler.core.plan import Drift, Pinned, Unmanaged
from reconciler.core.planning.tolerance import Tolerated
from reconciler.views.document import drift_document, pinned_document, unmanaged_document
from reconciler.views.rows import Row

STATUS_FORMAT = "tunectl.status/v1"
DRIFT_FORMAT = "tunectl.drift/v1"


def status_document(rows: Sequence[Row], observations: Mapping[str, Observation] | None = None) -> dict[str, Any]:
    """Return the managed models; ``remoteSpec`` is what the service reports, where it was asked."""
    return {"format": STATUS_FORMAT, "models": [_row(row, (observations or {})) for row in rows]}


def drift_report(
    drift: Sequence[Drift],
    unmanaged: Sequence[Unmanaged],
    coverage: float | None = None,
    tolerated: Sequence[Tolerated] = (),
    pinned: Sequence[Pinned] = (),
) -> dict[str, Any]:
    """Return what is not as the last apply left it; ``coverage`` in percent of the remote models.

    ``tolerated`` is what does not count, listed under ``ignored`` with its reason and last day; ``pinned`` are names
    that a rollback keeps, which is no drift.
    """
    return {
        "format": DRIFT_FORMAT,
        "summary": dict(sorted(Counter(item.kind for item in drift).items())),
        "coverage": coverage,
        "drift": [drift_document(item) for item in drift],
        "unmanaged": [unmanaged_document(model) for model in unmanaged],
        "ignored": [_tolerated(item) for item in tolerated],
        "pinned": [pinned_document(pin) for pin in pinned],
    }


def _tolerated(item: Tolerated) -> dict[str, Any]:
    until = item.tolerance.until
    reason = {"reason": item.tolerance.reason, "until": None if until is None else until.isoformat()}
    return drift_document(item.drift) | reason


def _row(row: Row, observations: Mapping[str, Observation]) -> dict[str, Any]:
    instance, dataset = row.instance, row.instance.dataset
    seen = observations.get(instance.resource)
    return {
        "name": row.name,
        "role": row.role,
        "resource": instance.resource,
        "state": instance.state.value,
        "remoteState": row.remote,
        "revision": instance.revision,
        "attempt": instance.attempt,
        "operation": instance.operation,
        "createTime": instance.create_time,
        "spec": dict(instance.spec),
        "remoteSpec": None if seen is None else dict(seen.spec),
        "updateTime": None if seen is None else seen.update_time,
        "dataset": None if dataset is None else {"digest": dataset.digest, "examples": dataset.examples},
        "progress": None if row.progress is None else _progress(row.progress),
        "error": row.error,
        "newest": row.lost,
        "pin": row.pin,
        "pinOver": row.pin_over,
        "forecast": None if instance.forecast is None else dict(instance.forecast),
        "actual": None if row.took is None else row.took.to_json(),
        "verdict": None if instance.verdict is None else instance.verdict.document,
    }


def _progress(progress: Progress) -> dict[str, Any]:
    return {
        "completedSteps": progress.completed_steps,
        "totalSteps": progress.total_steps,
        "percent": progress.percent,
        "loss": None if progress.last is None else progress.last.mean_loss,
    }
