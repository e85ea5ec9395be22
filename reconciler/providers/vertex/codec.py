"""Between the core's values and Vertex AI's messages, both ways. Pure: no requests, no paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reconciler.core.canonical import Json
from reconciler.core.observation import ModelState, Observation, Operation, Progress, Snapshot
from reconciler.core.planning.drift import seconds as moment
from reconciler.core.resource import Spec
from reconciler.providers.faults import spoken
from reconciler.providers.vertex.dialect import ADAPTERS
from reconciler.providers.vertex.labels import SOURCE, theirs
from reconciler.providers.vertex.spelling import base_name, parent_name
from reconciler.providers.vertex.wire import Hyperparameters, Job, Model, Point

__all__ = ["creation", "ended_since", "is_over", "observation", "operation", "patch", "snapshots", "state"]

_PREFERENCE: Final = "preference"
_SPECS: Final = {"supervised": "supervisedTuningSpec", _PREFERENCE: "preferenceOptimizationSpec"}
_SIZES: Final[Mapping[str, int]] = {name: size for size, name in ADAPTERS.items()}
_CANCELLED: Final = "JOB_STATE_CANCELLED"
# google.cloud.aiplatform JobState.
_STATES: Final[Mapping[str, ModelState]] = {
    **dict.fromkeys(("JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING"), ModelState.TUNING),
    **dict.fromkeys(("JOB_STATE_CANCELLING", "JOB_STATE_PAUSED", "JOB_STATE_UPDATING"), ModelState.TUNING),
    **dict.fromkeys(("JOB_STATE_FAILED", "JOB_STATE_EXPIRED", _CANCELLED), ModelState.FAILED),
    **dict.fromkeys(("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED"), ModelState.READY),
}


def creation(
    spec: Spec, *, training: str, validation: str | None, labels: Mapping[str, str], parent: str | None
) -> Spec:
    """Return the TuningJob message that starts a tuning.

    Args:
        spec: normalised.
        training: the ``gs://`` URI of the examples.
        validation: that of the examples to measure with, if there are any.
        labels: our own labels.
        parent: the full name of the model version to go on from, in place of a base model.
    """
    given = spec.get("hyperparameters")
    settings = dict(given) if isinstance(given, Mapping) else {}
    size = settings.get("adapterSize")
    if isinstance(size, int):
        settings["adapterSize"] = ADAPTERS[size]
    tuning: dict[str, Json] = {"trainingDatasetUri": training}
    if validation is not None:
        tuning["validationDatasetUri"] = validation
    if settings:
        tuning["hyperParameters"] = settings
    own = spec.get("labels")
    body: dict[str, Json] = {
        "tunedModelDisplayName": spec["displayName"],
        "labels": {**(own if isinstance(own, Mapping) else {}), **labels},
        _SPECS[str(spec.get("method", "supervised"))]: tuning,
    }
    if parent is None:
        body["baseModel"] = spec.get("baseModel")
    else:
        body["preTunedModel"] = {"tunedModelName": parent}
    if spec.get("description"):
        body["description"] = spec["description"]
    if spec.get("encryptionKey"):
        body["encryptionSpec"] = {"kmsKeyName": spec["encryptionKey"]}
    if spec.get("serviceAccount"):
        body["serviceAccount"] = spec["serviceAccount"]
    return body


def patch(fields: Mapping[str, Json], model: Model) -> tuple[str, dict[str, Json]]:
    """Return the field mask and the Model message that change just these fields.

    Labels are one field to the service, so those that stay are sent along; the etag has the service refuse the patch if
    somebody else was quicker.
    """
    body: dict[str, Json] = {}
    labels: dict[str, Json] = dict(model.labels)
    for path, value in fields.items():
        head, _, key = path.partition(".")
        if head != "labels":
            body[head] = "" if value is None else value
            continue
        changed = {key: value} if key else value if isinstance(value, Mapping) else {}
        labels = {name: text for name, text in {**labels, **changed}.items() if text is not None}
        body["labels"] = labels
    mask = ",".join(sorted(body))
    return mask, {**body, "etag": model.etag} if "labels" in body and model.etag else body


def state(job: Job) -> ModelState:
    """Return where a job is in its life, as far as it says; whether its model still exists is another question."""
    found = _STATES.get(job.state, ModelState.UNKNOWN)
    if found is ModelState.READY and job.tuned_model.model is None:
        return ModelState.FAILED if job.error is not None else ModelState.UNKNOWN
    return found


def is_over(job: Job) -> bool:
    """Tell whether a job has ended, however it did."""
    return state(job) in {ModelState.READY, ModelState.FAILED}


def observation(
    job: Job, model: Model | None, resource: str, *, duplicate: bool = False, snapshots: Sequence[Snapshot] = ()
) -> Observation:
    """Return a job, and the model it made, in the core's words. What can be patched is the model's once it is there."""
    found = state(job)
    failed = found is ModelState.FAILED
    return Observation(
        resource=resource,
        spec=_spec(job, model),
        state=found,
        create_time=job.create_time,
        update_time=job.update_time if model is None else model.update_time or job.update_time,
        progress=_progress(job),
        error=_error(job) if failed else None,
        snapshots=tuple(snapshots),
        labels={key: str(value) for key, value in theirs(job.labels if model is None else model.labels).items()},
        record=failed,
        cancelled=job.state in {_CANCELLED, "JOB_STATE_CANCELLING"},
        tuning_seconds=_taken(job),
        base_model=_root(job),
        duplicate=duplicate,
    )


def operation(job: Job, resource: str, *, last: Snapshot | None = None) -> Operation:
    """Return a job as a long-running operation; ``last`` is the newest point of its loss curve, if that is known."""
    found = state(job)
    failed = found is ModelState.FAILED
    return Operation(
        resource=resource,
        name=job.name,
        done=is_over(job),
        error=_error(job) if failed else None,
        progress=_progress(job, last),
        create_time=job.create_time,
        seconds=_taken(job),
    )


def _error(job: Job) -> str:
    said = "" if job.error is None else spoken(job.error.message)
    if job.state == _CANCELLED:
        return "the tuning was cancelled"
    return said or f"tuning failed with code {job.error.code if job.error else 'unknown'}"


def _taken(job: Job) -> float | None:
    """Return how many seconds a job that ended well has run, without its time in the queue."""
    if state(job) is not ModelState.READY or job.start_time is None or job.end_time is None:
        return None
    try:
        return moment(job.end_time) - moment(job.start_time)
    except ValueError:
        return None


def _root(job: Job) -> str | None:
    """Return the base model at the bottom."""
    name = job.base_model or (job.pre_tuned_model.base_model if job.pre_tuned_model else "")
    return base_name(name) or None


def snapshots(job: Job, points: Iterable[Point]) -> tuple[Snapshot, ...]:
    """Return a time series as a loss curve: by step, of several points of one step the last that was written.

    The service tells no epochs. They are reckoned from the steps, which run across the borders of epochs.
    """
    known: dict[int, Point] = {}
    for point in sorted(points, key=lambda point: point.wall_time or ""):
        if point.scalar is not None:
            known[point.step] = point
    return tuple(
        Snapshot(step, _epoch(job, step), None if point.scalar is None else point.scalar.value, point.wall_time)
        for step, point in sorted(known.items())
    )


def ended_since(job: Job, now: float, *, seconds: float) -> bool:
    """Tell whether a job ended within so many seconds of a time, either way: clocks differ."""
    try:
        return job.end_time is not None and abs(now - moment(job.end_time)) < seconds
    except ValueError:
        return False


def _epoch(job: Job, step: int) -> int:
    """Return how many epochs are over at a step; 0 where the job does not say how many steps and epochs it has."""
    return step * job.epochs // job.steps if job.steps and job.epochs else 0


def _progress(job: Job, last: Snapshot | None = None) -> Progress | None:
    """The job says how many steps there are; how many are done tells the loss curve, or that it ended well."""
    if job.steps is not None and state(job) is ModelState.READY:
        return Progress(completed_steps=job.steps, total_steps=job.steps, percent=100.0, last=last)
    if job.steps is None and last is None:
        return None
    done = None if last is None else last.step
    # Steps of the curve beyond those of the tuning would be counted otherwise; then they tell no share.
    told = done is not None and job.steps and done <= job.steps
    return Progress(done, job.steps, 100.0 * done / job.steps if told and done and job.steps else None, last)


def _spec(job: Job, model: Model | None) -> Spec:
    preference = job.preference_optimization_spec
    tuning = preference or job.supervised_tuning_spec
    spec: dict[str, Json] = {
        "displayName": job.tuned_model_display_name if model is None else model.display_name,
        "description": _description(job, model),
        "labels": theirs(job.labels if model is None else model.labels),
        "method": "supervised" if preference is None else _PREFERENCE,
    }
    if job.pre_tuned_model is not None and job.pre_tuned_model.tuned_model_name:
        spec["source"] = {"tunedModel": _source(job, job.pre_tuned_model.tuned_model_name)}
    elif job.base_model:
        spec["baseModel"] = base_name(job.base_model)
    if tuning is not None:
        spec["hyperparameters"] = _hyperparameters(tuning.hyper_parameters)
    if job.encryption_spec.kms_key_name:
        spec["encryptionKey"] = job.encryption_spec.kms_key_name
    if job.service_account:
        spec["serviceAccount"] = job.service_account
    return spec


def _description(job: Job, model: Model | None) -> str:
    """Return the description. Whether the service copies a job's to its model is not documented.

    So the job's counts for as long as nobody has changed the model, whatever the model says.
    """
    untouched = model is None or (model.update_time == model.create_time and not model.description)
    return job.description if untouched or model is None else model.description


def _source(job: Job, name: str) -> str:
    """Return what a job was tuned from as it was asked for: by our label, else the model without its project."""
    marked = job.labels.get(SOURCE)
    return f"tuningJobs/{marked}" if marked else parent_name(name) or name


def _hyperparameters(given: Hyperparameters) -> dict[str, Json]:
    values = {
        "epochCount": given.epoch_count,
        "learningRateMultiplier": given.learning_rate_multiplier,
        "adapterSize": _SIZES.get(given.adapter_size),
        "beta": given.beta,
    }
    return {name: value for name, value in values.items() if value is not None}
