"""The lockfile as JSON objects, ready to be written; how they are read back is told in ``lockfile_shapes``."""

from __future__ import annotations

from typing import Any

from reconciler.core.lineage import History
from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.past.lineage_text import provenance_document
from reconciler.core.resource import Dataset

FORMAT = "tunectl.lock/v1"


def frame_json(lockfile: Lockfile) -> dict[str, Any]:
    """Return all of the lockfile but its models as JSON objects; later keys are left out while they say nothing."""
    remote, approval = lockfile.remote, lockfile.approval
    document: dict[str, Any] = {
        "format": FORMAT,
        "lineage": lockfile.lineage,
        "serial": lockfile.serial,
        "writeId": lockfile.write_id,
        "remote": {
            "type": remote.type,
            "endpoint": remote.endpoint,
            "project": remote.project,
            "location": remote.location,
        },
    }
    if approval is not None:
        document["approval"] = {"digest": approval.digest, "actions": dict(approval.actions)}
    if lockfile.fence:
        document["fence"] = lockfile.fence
    if lockfile.unwritten:
        document["unwritten"] = list(lockfile.unwritten)
    if lockfile.departed:
        document["departed"] = {name: _departed(ends) for name, ends in lockfile.departed.items()}
    return document


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return what is recorded of one name as JSON objects."""
    document = _instance(entry.current) | {
        "candidate": None if entry.candidate is None else _instance(entry.candidate),
        "retained": [_instance(instance) for instance in entry.retained],
        "rejected": [_instance(instance) for instance in entry.rejected],
        "failed": [_instance(instance) for instance in entry.failed],
        "deposed": [_instance(instance) for instance in entry.deposed],
        "pin": entry.pin,
        "protect": entry.protect,
    }
    if entry.deletion != "delete":
        document["deletion"] = entry.deletion
    if entry.history is not None:
        document["history"] = _history(entry.history)
    if entry.pin_over is not None:
        document["pinOver"] = entry.pin_over
    return document


def _history(history: History) -> dict[str, Any]:
    return {"records": history.records, "head": history.head}


def _departed(ends: tuple[History, ...]) -> dict[str, Any]:
    *earlier, last = ends
    return _history(last) | ({"earlier": [_history(end) for end in earlier]} if earlier else {})


def _instance(instance: Instance) -> dict[str, Any]:
    dataset = instance.dataset
    document: dict[str, Any] = {
        "resource": instance.resource,
        "revision": instance.revision,
        "attempt": instance.attempt,
        "state": instance.state.value,
        "operation": instance.operation,
        "createTime": instance.create_time,
        "spec": instance.spec,
        "dataset": None if dataset is None else _dataset(dataset),
    }
    verdict = instance.verdict
    additions = {
        "totalSteps": instance.total_steps,
        "error": instance.error,
        "gate": instance.gate,
        "forecast": instance.forecast,
        "verdict": None if verdict is None else verdict.document,
        "formerOwners": list(instance.former_owners) or None,
    }
    if instance.provenance is not None:
        additions["provenance"] = provenance_document(instance.provenance)
    return document | {key: value for key, value in additions.items() if value is not None}


def _dataset(dataset: Dataset) -> dict[str, Any]:
    document: dict[str, Any] = {"digest": dataset.digest, "examples": dataset.examples}
    places = {"path": dataset.path, "uri": dataset.uri}
    return document | {key: place for key, place in places.items() if place is not None}
