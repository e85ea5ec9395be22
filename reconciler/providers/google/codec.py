"""Between the core's values and the API's messages, both ways. Pure: no requests, no paths.

Written by the field list of TunedModel (v1beta3 and v1beta). What is sent is lowerCamel, floats in the shortest
spelling that is the same float32, no field that the spec does not set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.canonical import Json
from reconciler.core.observation import ModelState, Observation, Operation, Progress, Snapshot
from reconciler.core.planning.drift import seconds
from reconciler.core.resource import BaseModel, Example, Spec
from reconciler.errors import InvalidArgument
from reconciler.providers.faults import spoken
from reconciler.providers.google import spelling
from reconciler.providers.google.dialect import Dialect
from reconciler.providers.google.wire import BaseModelPage, TunedModel, WireOperation, WireSnapshot, WireTask

__all__ = [
    "base_models",
    "creation",
    "curve",
    "followed",
    "observation",
    "operation",
    "operation_of_model",
    "patch",
    "state",
]

_PLAIN: Final = ("displayName", "description", "baseModel", "temperature", "topP", "topK")
# TunedModel.State, by name and by number.
_STATES: Final[Mapping[str | int, ModelState]] = {
    "CREATING": ModelState.TUNING,
    1: ModelState.TUNING,
    "ACTIVE": ModelState.READY,
    2: ModelState.READY,
    "FAILED": ModelState.FAILED,
    3: ModelState.FAILED,
}
# v1beta lists PaLM's tunable models with the older method's name.
_TUNING_METHODS: Final = frozenset({"createTunedModel", "createTunedTextModel"})


def creation(spec: Spec, examples: Sequence[Example]) -> dict[str, Json]:
    """Return the TunedModel message that starts a tuning.

    Raises:
        InvalidArgument: an example has no output; the service would take it and the message would lose it.
    """
    body: dict[str, Json] = {path: spec[path] for path in _PLAIN if path in spec}
    source = spec.get("source")
    if isinstance(source, Mapping):
        body["tunedModelSource"] = {"tunedModel": source["tunedModel"]}
    task: dict[str, Json] = {"trainingData": {"examples": {"examples": [*_examples(examples)]}}}
    if hyperparameters := spec.get("hyperparameters"):
        task["hyperparameters"] = hyperparameters
    return {**body, "tuningTask": task}


def patch(fields: Mapping[str, Json], dialect: Dialect) -> tuple[str, dict[str, Json]]:
    """Return the field mask and the TunedModel message that change just these fields.

    A field that is masked and absent from the message is cleared (google.protobuf.FieldMask, "update operations").
    """
    mask = ",".join(sorted(fields))
    return mask, {
        path: spelling.field(path, value, dialect) for path, value in sorted(fields.items()) if value is not None
    }


def observation(model: TunedModel, *, snapshots: bool) -> Observation:
    """Return a tuned model in the core's words."""
    points = curve(model.tuning_task.snapshots) if snapshots and model.tuning_task else ()
    return Observation(
        resource=model.name,
        spec=_spec(model),
        state=state(model),
        create_time=model.create_time,
        update_time=model.update_time,
        progress=_reached(points),
        snapshots=points,
        tuning_seconds=_taken(model.tuning_task),
        base_model=model.root or None,
    )


def state(model: TunedModel) -> ModelState:
    """Return where a model is in its life."""
    return _STATES.get(model.state, ModelState.UNKNOWN)


def curve(points: Sequence[WireSnapshot]) -> tuple[Snapshot, ...]:
    """Return the loss curve, by step."""
    ordered = sorted(points, key=lambda point: point.step)
    return tuple(Snapshot(point.step, point.epoch, point.mean_loss, point.compute_time) for point in ordered)


def operation(wire: WireOperation, resource: str) -> Operation:
    """Return a long-running operation in the core's words; done without an error is a ready model (AIP-151)."""
    known = wire.metadata
    last = max(curve(known.snapshots), key=lambda point: point.step, default=None)
    error = None
    if wire.error is not None:
        error = spoken(wire.error.message) or f"tuning failed with code {wire.error.code}"
    return Operation(
        resource=resource,
        name=wire.name or None,
        done=wire.done,
        error=error,
        progress=Progress(known.completed_steps, known.total_steps, known.completed_percent, last),
        create_time=wire.response.create_time if wire.response else None,
        seconds=_taken(wire.response.tuning_task) if wire.response else None,
    )


def operation_of_model(seen: Observation, name: str | None) -> Operation:
    """Return what a model's own state says of its tuning; the reason of a failure is not kept there."""
    failed = seen.state is ModelState.FAILED
    return Operation(
        resource=seen.resource,
        name=name,
        done=failed or seen.state is ModelState.READY,
        error="tuning failed; the service no longer says why" if failed else None,
        progress=seen.progress,
        create_time=seen.create_time,
        seconds=seen.tuning_seconds,
    )


def followed(asked: Operation, news: Operation) -> Operation:
    """Return the news of an operation with what only an earlier answer knew: a listing never tells the total."""
    before, now = asked.progress or Progress(), news.progress or asked.progress
    if now is not None:
        total = now.total_steps or before.total_steps
        percent = now.percent
        if percent is None and total and now.completed_steps is not None:
            percent = 100.0 * now.completed_steps / total
        now = replace(now, total_steps=total, percent=percent)
    return replace(news, name=asked.name, progress=now, create_time=news.create_time or asked.create_time)


def base_models(page: BaseModelPage) -> tuple[BaseModel, ...]:
    """Return the base models of a page."""
    return tuple(
        BaseModel(model.name, tunable=not _TUNING_METHODS.isdisjoint(model.supported_generation_methods))
        for model in page.models
    )


def _taken(task: WireTask | None) -> float | None:
    """Return how long a tuning took in seconds; None while it runs, or of times that cannot be."""
    if task is None or task.start_time is None or task.complete_time is None:
        return None
    try:
        span = seconds(task.complete_time) - seconds(task.start_time)
    except ValueError:
        return None
    return span if span > 0 else None


def _reached(points: tuple[Snapshot, ...]) -> Progress | None:
    return Progress(completed_steps=points[-1].step, last=points[-1]) if points else None


def _spec(model: TunedModel) -> Spec:
    """Return a model's spec in the layout of a manifest; texts are always there, optional numbers if they are set."""
    spec: dict[str, Json] = {"displayName": model.display_name, "description": model.description}
    if model.tuned_model_source is not None and model.tuned_model_source.tuned_model:
        spec["source"] = {"tunedModel": model.tuned_model_source.tuned_model}
    elif model.base_model:
        spec["baseModel"] = model.base_model
    task = model.tuning_task
    if task is not None and task.hyperparameters is not None:
        given = task.hyperparameters
        spec["hyperparameters"] = _set(
            epochCount=given.epoch_count,
            batchSize=given.batch_size,
            learningRate=spelling.rounded(given.learning_rate),
            learningRateMultiplier=spelling.rounded(given.learning_rate_multiplier),
        )
    spec.update(
        _set(temperature=spelling.rounded(model.temperature), topP=spelling.rounded(model.top_p), topK=model.top_k)
    )
    return spec


def _set(**values: float | None) -> dict[str, Json]:
    """Return what is set."""
    return {name: value for name, value in values.items() if value is not None}


def _examples(examples: Sequence[Example]) -> list[Json]:
    rows: list[Json] = []
    for number, example in enumerate(examples, start=1):
        if not example.output:
            raise InvalidArgument(f"tuningTask.trainingData: example {number} has no output")
        if example.context is not None:
            raise InvalidArgument(f"tuningTask.trainingData: example {number} is a conversation, not a pair of texts")
        rows.append({"textInput": example.input, "output": example.output})
    return rows
