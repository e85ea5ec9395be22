"""Vertex AI's resources as it answers them: int64 as strings, names by project number, only what is known by now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from reconciler.emulator.parsing import Object
from reconciler.emulator.scalars import timestamp
from reconciler.emulator.vertex.metrics import experiment_of
from reconciler.emulator.vertex.records import (
    CANCELLING,
    OVER,
    PENDING,
    QUEUED,
    RUNNING,
    Endpoint,
    Job,
    Model,
    Operation,
    Version,
)
from reconciler.emulator.vertex.schema import API, JOB_STATE, TUNING_JOB_STATE, V1BETA1
from reconciler.emulator.world import Call

_ECHOED = (
    *("baseModel", "preTunedModel", "supervisedTuningSpec", "preferenceOptimizationSpec", "tunedModelDisplayName"),
    *("description", "labels", "encryptionSpec", "serviceAccount"),
)
_BETA_ECHOED = ("outputUri",)
_DETAIL = {QUEUED: "WAITING_FOR_QUOTA", PENDING: "PROCESSING_DATASET", RUNNING: "TUNING", CANCELLING: "TUNING"}
_BETA_ONLY = frozenset({"learningRate", "batchSize", "tuningMode"})


def describe_job(call: Call, job: Job, *, fresh: bool = False) -> Object:
    """Return the TuningJob message; ``fresh`` shows it as its create left it, whatever the time."""
    now = job.created - 1 if fresh else call.now
    beta = call.version == V1BETA1
    answer: Object = {"name": job.name}
    for name in (*_ECHOED, *(_BETA_ECHOED if beta else ())):
        if job.body.get(name):
            answer[name] = _spelt(job.body[name], beta=beta)
    state = job.state(now)
    answer["state"] = call.enum(JOB_STATE.numbers, state)
    if beta and state in _DETAIL:
        answer["tuningJobState"] = call.enum(TUNING_JOB_STATE.numbers, f"TUNING_JOB_STATE_{_DETAIL[state]}")
    answer |= _job_times(job, now)
    error = job.error(now)
    if error is not None:
        answer["error"] = error
    if job.starts is not None and job.starts <= now:
        answer["experiment"] = f"{job.place.parent}/metadataStores/default/contexts/{experiment_of(job)}"
        answer["tuningDataStats"] = job.stats or {}
    if job.tuned and state in OVER:
        answer["tunedModel"] = dict(job.tuned)
    return answer


def describe_model(model: Model, version: Version, *, versioned: bool = False) -> Object:
    """Return the Model message of a version; ``versioned`` puts the version into the name, as listVersions does."""
    answer: Object = {
        "name": f"{model.name}@{version.id}" if versioned else model.name,
        **{name: value for name, value in model.fields.items() if value},
        "createTime": timestamp(model.created),
        "updateTime": timestamp(model.updated),
        "etag": etag(model),
        "versionId": version.id,
        "versionCreateTime": timestamp(version.created),
        "versionUpdateTime": timestamp(max(version.created, model.updated)),
        "modelSourceInfo": {"sourceType": "GENIE"},
        "baseModelSource": {"genieSource": {"baseModelUri": f"publishers/google/models/{version.base}"}},
        "supportedDeploymentResourcesTypes": ["SHARED_RESOURCES"],
    }
    if version.aliases:
        answer["versionAliases"] = list(version.aliases)
    if version.checkpoints:
        answer["checkpoints"] = [dict(checkpoint) for checkpoint in version.checkpoints]
        answer["defaultCheckpointId"] = version.checkpoints[-1]["checkpointId"]
    if version.deployed:
        answer["deployedModels"] = [dict(reference) for reference in version.deployed]
    return answer


def describe_endpoint(endpoint: Endpoint) -> Object:
    """Return the Endpoint message."""
    answer: Object = {
        "name": endpoint.name,
        **{name: value for name, value in endpoint.fields.items() if value},
        "createTime": timestamp(endpoint.created),
        "updateTime": timestamp(endpoint.updated),
        "etag": etag(endpoint),
    }
    if endpoint.deployed:
        answer["deployedModels"] = [dict(deployed) for deployed in endpoint.deployed]
        answer["trafficSplit"] = {str(endpoint.deployed[0]["id"]): 100}
    return answer


def describe_operation(operation: Operation) -> Object:
    """Return the google.longrunning.Operation; ``@type`` is of the version that started it, ``done`` absent before."""
    package = f"type.googleapis.com/{API}.{operation.version}"
    undeploys = operation.kind == "undeploy"
    metadata = "UndeployModelOperationMetadata" if undeploys else "DeleteOperationMetadata"
    updated = operation.ends if operation.done else operation.created
    times = {"createTime": timestamp(operation.created), "updateTime": timestamp(updated)}
    answer: Object = {
        "name": operation.name,
        "metadata": {"@type": f"{package}.{metadata}", "genericMetadata": times},
    }
    if not operation.done:
        return answer
    empty = f"{package}.UndeployModelResponse" if undeploys else "type.googleapis.com/google.protobuf.Empty"
    return {**answer, "done": True, "response": {"@type": empty}}


def etag(record: Model | Endpoint) -> str:
    """Return what changes when a resource does."""
    return hashlib.sha256(f"{record.name}/{record.updated}/{record.fields}".encode()).hexdigest()[:16]


def _job_times(job: Job, now: int) -> Object:
    starts, ends = job.starts, job.ends
    moments = [job.created, *(m for m in (job.admitted, starts, job.cancelled, ends) if m is not None and m <= now)]
    times = {"createTime": timestamp(job.created)}
    if starts is not None and starts <= now:
        times["startTime"] = timestamp(starts)
    if ends is not None and ends <= now:
        times["endTime"] = timestamp(ends)
    return {**times, "updateTime": timestamp(max(moments))}


def _spelt(value: Any, *, beta: bool) -> Any:
    """Return a part of a request as an answer spells it: integers are int64 here and so strings."""
    if isinstance(value, Mapping):
        hidden = frozenset() if beta else _BETA_ONLY
        return {name: _spelt(item, beta=beta) for name, item in value.items() if name not in hidden}
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return str(value)
