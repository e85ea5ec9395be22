"""tuningJobs: create, get, list, cancel (GenAiTuningService of v1 and v1beta1).

Create answers the job itself, not an operation; there is no patch, no delete and no id of the client's choosing.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.vertex import checks
from reconciler.emulator.vertex.catalogue import Base, find_base
from reconciler.emulator.vertex.finding import find_job, location_of, missing
from reconciler.emulator.vertex.lifecycle import admit
from reconciler.emulator.vertex.listing import list_records
from reconciler.emulator.vertex.names import Place, number_from, project_number
from reconciler.emulator.vertex.records import OVER, Job, Model
from reconciler.emulator.vertex.schema import TUNING_JOB
from reconciler.emulator.vertex.views import describe_job
from reconciler.emulator.world import Call

_OUTPUT = frozenset(
    {
        *("name", "state", "createTime", "startTime", "endTime", "updateTime", "error", "experiment", "gcsMetricsUri"),
        *("tuningDataStats", "evaluateDatasetRuns", "tunedModel", "tuningJobState", "pipelineJob", "tuningJobMetadata"),
        *("satisfiesPzs", "satisfiesPzi"),
    }
)
_MODEL = re.compile(r"projects/([^/]+)/locations/([^/]+)/models/([^/@]+)(?:@([^/]+))?")
_QUOTA = (
    "Quota exceeded for aiplatform.googleapis.com/global_concurrent_tuning_jobs. Please submit a quota increase"
    " request. https://cloud.google.com/vertex-ai/docs/quotas."
)


def create(call: Call) -> Object:
    """Start a tuning job and answer it as it stands: pending, or queued where the quota is used up."""
    location, project = call.path["location"], project_number(call.path["project"])
    body = {name: value for name, value in call.body.items() if name not in _OUTPUT}
    checks.spec_of(body)
    base, parent = _source(call, body)
    _check_place(base, location)
    checks.refuse(checks.job(body, base))
    body = checks.defaults(body, base)
    if parent is not None:
        body["preTunedModel"] = {**body["preTunedModel"], "baseModel": base.name}
    with call.store.writing():
        slot = _has_slot(call, project)
        number = number_from("job", call.world.shelf.last_number() + 1, call.now)
        job = _faulty(
            call,
            Job(
                place=Place(project, location, number),
                created=call.now,
                seconds=call.world.settings.train_seconds,
                body=body,
                base=base.name,
                owner=call.account,
                version=call.version,
                parent=parent,
            ),
        )
        if slot:
            job = admit(call.world, job, call.now)
        job = call.world.shelf.add(job)
    return describe_job(call, job, fresh=True)


def get(call: Call) -> Object:
    """Return one job."""
    return describe_job(call, find_job(call))


def list_page(call: Call) -> Object:
    """Return a page of the jobs of a location, newest first."""
    return list_records(call, Job, lambda job: describe_job(call, job), "tuningJobs", TUNING_JOB[call.version])


def cancel(call: Call) -> Object:
    """Ask a job to stop; one that is over stays as it is, and one that is nearly done may still succeed."""
    with call.store.writing():
        job = find_job(call)
        if job.state(call.now) not in OVER and job.cancelled is None:
            call.world.shelf.put(replace(job, cancelled=call.now))
    return {}


def _source(call: Call, body: Object) -> tuple[Base, tuple[str, str] | None]:
    """Return the base model of a job, and the version of a tuned model it goes on from."""
    if "preTunedModel" in body:
        return _pre_tuned(call, body["preTunedModel"])
    name = body.get("baseModel", "")
    if not name:
        checks.refuse([("tuning_job.base_model", "Required field is not set.")])
    return _tunable(call, name, "tuning_job.base_model"), None


def _tunable(call: Call, name: str, path: str) -> Base:
    base = find_base(name)
    if base is None or not base.tunable or base.name in call.world.settings.retired:
        checks.refuse([(path, f"Base model {name} is not supported.")])
    assert base is not None  # noqa: S101 - refused in the line before
    return base


def _pre_tuned(call: Call, given: dict[str, Any]) -> tuple[Base, tuple[str, str]]:
    path = "tuning_job.pre_tuned_model"
    name = given.get("tunedModelName", "")
    match = _MODEL.fullmatch(name)
    if match is None:
        checks.refuse([(f"{path}.tuned_model_name", "It is not of the form projects/*/locations/*/models/*@*.")])
    assert match is not None  # noqa: S101 - refused in the line before
    model = call.world.shelf.find(Model, project_number(match[1]), match[2], match[3])
    version = None if model is None else model.version(match[4] or "default")
    if model is None or version is None:
        raise missing(f"Model {name}")
    checkpoint = given.get("checkpointId", "")
    if checkpoint and checkpoint not in {item["checkpointId"] for item in version.checkpoints}:
        checks.refuse([(f"{path}.checkpoint_id", f"The model has no checkpoint {checkpoint[:80]!r}.")])
    return _tunable(call, version.base, path), (model.name, version.id)


def _check_place(base: Base, location: str) -> None:
    if location == "global":
        raise ApiError("FAILED_PRECONDITION", "Tuning Gemini models is not supported in location global.")
    location_of(location)
    if base.regions and location not in base.regions:
        raise ApiError("FAILED_PRECONDITION", f"Tuning {base.name} is not supported in location {location}.")


def _has_slot(call: Call, project: str) -> bool:
    """Tell whether a job may start now, or must wait."""
    settings = call.world.settings
    if settings.concurrent_tunings is None or call.world.shelf.running(project) < settings.concurrent_tunings:
        return True
    if settings.over_quota == "refuse":
        raise ApiError(
            "RESOURCE_EXHAUSTED", _QUOTA, reason=f"{settings.concurrent_tunings} jobs are running, which is the limit"
        )
    return False


def _faulty(call: Call, job: Job) -> Job:
    fault = call.world.faults.strike_training(job.place.id, job.body.get("tunedModelDisplayName", ""))
    if fault is None:
        return job
    said = fault.message or job.message
    return replace(job, outcome=fault.kind, at=fault.at, code=fault.code or job.code, message=said)
