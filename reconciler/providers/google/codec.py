"""Between the core's values and the API's messages, both ways. Pure: no requests, no paths.

Written by the field list of TunedModel (v1beta3 and v1beta). What is sent is lowerCamel, floats in the shortest
spelling that is the same float32, no field that the spec does not set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from reconciler.core import canonical
from reconciler.core.canonical import Json
from reconciler.core.observation import ModelState, Observation, Operation, Progress, Snapshot
from reconciler.core.resource import BaseModel, Example, Spec
from reconciler.errors import InvalidArgument
from reconciler.providers.faults import spoken
from reconciler.providers.google.dialect import Dialect
from reconciler.providers.google.wire import BaseModelPage, TunedModel, WireOperation, WireSnapshot

__all__ = [
    "base_models",
    "creation",
    "curve",
    "followed",
    "normalized",
    "observation",
    "operation",
    "operation_of_model",
    "patch",
    "state",
]

_FLOATS: Final = frozenset({"temperature", "topP"})
_INTEGERS: Final = frozenset({"topK"})
_HYPER_FLOATS: Final = frozenset({"learningRate", "learningRateMultiplier"})
_HYPER_INTEGERS: Final = frozenset({"epochCount", "batchSize"})
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

_float32 = lru_cache(maxsize=4096)(canonical.float32)


def normalized(spec: Spec, dialect: Dialect) -> Spec:
    """Return a spec in the service's spelling: prefixed names, float32 numbers, integers.

    A field that the API does not have stays as it is; the planner refuses it by the capabilities.

    Raises:
        InvalidArgument: a number that the API's types cannot hold, or a hyperparameter this version does not have.
    """
    return {path: _normal(path, value, dialect) for path, value in spec.items()}


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
    return mask, {path: _normal(path, value, dialect) for path, value in sorted(fields.items()) if value is not None}


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
            learningRate=_rounded(given.learning_rate),
            learningRateMultiplier=_rounded(given.learning_rate_multiplier),
        )
    spec.update(_set(temperature=_rounded(model.temperature), topP=_rounded(model.top_p), topK=model.top_k))
    return spec


def _set(**values: float | None) -> dict[str, Json]:
    """Return what is set."""
    return {name: value for name, value in values.items() if value is not None}


def _rounded(number: float | None) -> float | None:
    """Return a number in its float32 spelling; one too large for float32 is nothing we ever sent and stays."""
    if number is None:
        return None
    try:
        return _float32(number)
    except OverflowError:
        return number


def _examples(examples: Sequence[Example]) -> list[Json]:
    rows: list[Json] = []
    for number, example in enumerate(examples, start=1):
        if not example.output:
            raise InvalidArgument(f"tuningTask.trainingData: example {number} has no output")
        rows.append({"textInput": example.input, "output": example.output})
    return rows


def _normal(path: str, value: Json, dialect: Dialect) -> Json:
    """Return one field of a spec in the service's spelling."""
    if path in _FLOATS:
        return _float(path, value)
    if path in _INTEGERS:
        return _integer(path, value)
    if path == "baseModel" and isinstance(value, str):
        return _prefixed("models/", value)
    if path == "source" and isinstance(value, Mapping) and isinstance(parent := value.get("tunedModel"), str):
        return {**value, "tunedModel": _prefixed("tunedModels/", parent)}
    if path == "hyperparameters" and isinstance(value, Mapping):
        return _hyperparameters(value, dialect)
    return value


def _hyperparameters(given: Mapping[str, Json], dialect: Dialect) -> dict[str, Json]:
    if "learningRateMultiplier" in given and not dialect.learning_rate_multiplier:
        raise InvalidArgument(
            f"hyperparameters.learningRateMultiplier: {dialect.version} does not have this field",
            hint="set provider.apiVersion to v1beta, or give learningRate",
        )
    if given.keys() >= _HYPER_FLOATS:
        # A protobuf oneof: the service would keep the last of the two and say nothing.
        raise InvalidArgument(
            "hyperparameters: learningRate and learningRateMultiplier exclude each other", hint="give one of them"
        )
    return {name: _hyperparameter(name, value) for name, value in given.items()}


def _hyperparameter(name: str, value: Json) -> Json:
    path = f"hyperparameters.{name}"
    if name in _HYPER_FLOATS:
        return _float(path, value)
    return _integer(path, value) if name in _HYPER_INTEGERS else value


_Limit: Final = 2**31


def _integer(path: str, value: Json) -> int:
    number = _number(path, value)
    if not number.is_integer() or not -_Limit <= number < _Limit:
        raise InvalidArgument(f"{path}: {value} is no 32-bit integer")
    return int(number)


def _float(path: str, value: Json) -> float:
    number = _number(path, value)
    try:
        return _float32(number)
    except OverflowError:
        raise InvalidArgument(f"{path}: {value} is beyond float32, which ends at 3.4e38") from None


def _number(path: str, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgument(f"{path}: a number is needed here, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number - number != 0:
        raise InvalidArgument(f"{path}: a finite number is needed here")
    return number


def _prefixed(prefix: str, name: str) -> str:
    return name if name.startswith(prefix) else f"{prefix}{name}"
