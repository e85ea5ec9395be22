"""Update masks of tunedModels.patch: what may be named, what its absence means, what may not change.

v1beta3 requires the mask. Elsewhere its absence means every populated field, and ``*`` a full replacement (AIP-134).
Output only fields are ignored wherever they stand; immutable ones may be repeated but not changed (AIP-203).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import invalid, violations
from reconciler.emulator.records import Model
from reconciler.emulator.schema import TUNED_MODEL, V1BETA3, Message
from reconciler.emulator.world import Call

MUTABLE = frozenset({"displayName", "description", "temperature", "topP", "topK", "readerProjectNumbers"})
_OUTPUT_ONLY = frozenset({"name", "state", "createTime", "updateTime"})
_HYPERPARAMETERS = "tuningTask.hyperparameters"
_TRAINING_DATA = "tuningTask.trainingData"


def read_mask(call: Call) -> frozenset[str]:
    """Return the paths to update, in lowerCamel.

    Raises:
        ApiError: INVALID_ARGUMENT, if the mask is missing where it is required, or names what does not exist.
    """
    text = call.query.get("updateMask", "")
    paths = [path.strip() for path in text.split(",") if path.strip()]
    if not paths:
        if call.version == V1BETA3:
            raise invalid("updateMask is required in v1beta3")
        return frozenset(_populated(call.body))
    if paths == ["*"]:
        return MUTABLE & TUNED_MODEL[call.version].by_name.keys() | frozenset(_populated(call.body))
    return frozenset(_resolve(path, TUNED_MODEL[call.version]) for path in paths)


def refuse_immutable(call: Call, paths: frozenset[str], current: Mapping[str, Any], model: Model) -> None:
    """Refuse a patch that would change what cannot change.

    Raises:
        ApiError: INVALID_ARGUMENT, naming the first such field in the reason.
    """
    for path in sorted(paths - MUTABLE - _OUTPUT_ONLY):
        for leaf, wanted in _leaves(path, call.body):
            if leaf.startswith(_TRAINING_DATA):
                _refuse_other_data(call, model)
            elif _immutable(leaf) and wanted != _lookup(current, leaf):
                raise invalid(f"{leaf} cannot be changed; tune a new model")


def _immutable(path: str) -> bool:
    return path in {"baseModel", "tunedModelSource.tunedModel"} or path.startswith(_HYPERPARAMETERS)


def _refuse_other_data(call: Call, model: Model) -> None:
    """Training data is never answered, so repeating it is the only way to leave it as it is."""
    data = _lookup(call.body, f"{_TRAINING_DATA}.examples.examples") or []
    given = [(item.get("textInput", ""), item.get("output", "")) for item in data]
    if given != call.store.pairs(model.seq):
        raise invalid(f"{_TRAINING_DATA} cannot be changed; tune a new model")


def _populated(body: Object) -> list[str]:
    return list(body)


def _resolve(path: str, message: Message) -> str:
    """Return a mask path in lowerCamel, refusing what the message does not have."""
    names = []
    below: Message | None = message
    for part in path.split("."):
        field = None if below is None else below.by_name.get(part)
        if field is None:
            text = f"Invalid field mask: {path} does not name a field of {message.name}."
            raise violations([("update_mask", text)], "Request contains an invalid argument.")
        names.append(field.name)
        below = None if field.repeated else field.message
    return ".".join(names)


def _leaves(path: str, body: Object) -> list[tuple[str, Any]]:
    """Return the values the body gives at or below a path; what the body leaves out is not asked for."""
    value = _lookup(body, path)
    if value is None:
        return []
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for name in value for leaf in _leaves(f"{path}.{name}", body)]


def _lookup(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
