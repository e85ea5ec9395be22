"""tunedModels.operations: get, list, cancel, on every version.

Documented for v1; Google's own clients ask the version they created with, so all three answer. ``@type`` is always that
of the version that created the operation, which those clients insist on.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.emulator import paging
from reconciler.emulator.fields import wants
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.query import page_size
from reconciler.emulator.records import Model
from reconciler.emulator.scalars import SECOND
from reconciler.emulator.schema import V1, V1BETA
from reconciler.emulator.training import percent
from reconciler.emulator.views import describe_model
from reconciler.emulator.world import Call

_PAGE, _PAGE_LIMIT = 10, 1000


def get(call: Call) -> Object:
    """Return an operation, as far as it is now."""
    model = _found(call)
    return describe_operation(call, model, snapshots=wants(call.fields, "metadata", "snapshots"))


def list_page(call: Call) -> Object:
    """Return the operations of a model: the one that made it, or none."""
    page_size(call.query, default=_PAGE, limit=_PAGE_LIMIT)
    model = call.model()
    bound = ("operations", model.name, call.query.get("filter", ""))
    after = paging.read_token(call.query.get("pageToken"), *bound)
    if call.empty_page:
        return {"nextPageToken": paging.write_token(after, *bound)}
    if model.operation is None or _expired(call, model):
        return {}
    return {"operations": [describe_operation(call, model)]}


def check(call: Call) -> Model:
    """Return the model of the operation the path names, for a caller who may stop it."""
    _found(call)
    return call.model("WRITER")


def describe_operation(call: Call, model: Model, *, fresh: bool = False, snapshots: bool = True) -> Object:
    """Return the Operation message; ``done`` is absent while it runs, and a ``fresh`` one runs."""
    training = model.training
    assert training is not None  # noqa: S101 - only models that were trained here have operations
    package = f"type.googleapis.com/google.ai.generativelanguage.{V1BETA if model.version == V1 else model.version}"
    metadata: Object = {
        "@type": f"{package}.CreateTunedModelMetadata",
        "totalSteps": training.steps,
        "tunedModel": model.name,
    }
    answer: Object = {"name": f"{model.name}/operations/{model.operation}", "metadata": metadata}
    done = 0 if fresh else training.done_steps(call.now)
    if done:
        metadata["completedSteps"] = done
        metadata["completedPercent"] = percent(done, training.steps)
        if snapshots:
            metadata["snapshots"] = training.snapshots(done)
    if fresh or training.state(call.now) == "CREATING":
        return answer
    answer["done"] = True
    error = training.error(call.now)
    if error is not None:
        return {**answer, "error": error}
    # A message is read by the type it names, whatever version it was asked for on.
    model_answer = describe_model(replace(call, version=model.version), model, snapshots=True)
    return {**answer, "response": {"@type": f"{package}.TunedModel", **model_answer}}


def _found(call: Call) -> Model:
    model = call.model()
    if model.operation != call.path["operation"] or model.training is None or _expired(call, model):
        name = f"{model.name}/operations/{call.path['operation']}"
        raise ApiError("NOT_FOUND", f"Operation {name} does not exist.")
    return model


def _expired(call: Call, model: Model) -> bool:
    ttl = call.world.settings.operation_ttl
    return ttl is not None and call.now >= model.created + int(ttl * SECOND)
