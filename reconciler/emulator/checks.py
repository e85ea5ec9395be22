"""The rules of single values on a tuned model: lengths, ranges, what is required, what is filled in.

Ranges and defaults are those of the published protos. Where a rule is the service's own and not written down there
(40 characters of a display name), the recorded answer is given word for word: it names no field, a header does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator.catalogue import Base
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import invalid
from reconciler.emulator.schema import V1BETA3
from reconciler.emulator.training import total_steps

DISPLAY_NAME_LIMIT = 40
MAX_STEPS = 100_000
"""Steps of the longest training the emulator simulates; the service publishes no limit."""

_READER_PROJECTS = 1000

_MANY = 500
"""Examples from which the larger default batch and the smaller default rate apply; the service keeps its figure."""


def model_fields(body: Mapping[str, Any]) -> None:
    """Check the mutable fields that are there.

    Raises:
        ApiError: INVALID_ARGUMENT, at the first value out of range.
    """
    name = body.get("displayName", "")
    if len(name) > DISPLAY_NAME_LIMIT:
        raise invalid(f"displayName has {len(name)} characters; at most {DISPLAY_NAME_LIMIT}")
    _within(body, "temperature", lambda value: 0 <= value <= 1, "0 to 1")
    _within(body, "topP", lambda value: 0 < value <= 1, "above 0, up to 1")
    _within(body, "topK", lambda value: value >= 1, "1 or more")
    projects = body.get("readerProjectNumbers", [])
    if len(projects) > _READER_PROJECTS or any(number < 1 for number in projects):
        raise invalid("readerProjectNumbers are positive numbers of projects")


def examples(task: Mapping[str, Any], base: Base) -> list[tuple[str, str]]:
    """Return the training examples of a tuning task as pairs of input and output.

    Raises:
        ApiError: INVALID_ARGUMENT, if there are none, one has no output, or one is too long for the base model.
    """
    data = (task.get("trainingData") or {}).get("examples") or {}
    pairs = [(item.get("textInput", ""), item.get("output", "")) for item in data.get("examples", [])]
    if not pairs:
        raise invalid("tuningTask.trainingData.examples.examples is required")
    for index, (text, output) in enumerate(pairs):
        place = f"tuningTask.trainingData.examples.examples[{index}]"
        if not output:
            raise invalid(f"{place}.output is required")
        _short_enough(f"{place}.textInput", text, base.input_characters)
        _short_enough(f"{place}.output", output, base.output_characters)
    return pairs


def hyperparameters(given: Mapping[str, Any], count: int, version: str) -> Object:
    """Return the hyperparameters with the version's defaults filled in for ``count`` examples.

    Raises:
        ApiError: INVALID_ARGUMENT, if one is out of range.
    """
    for name in ("epochCount", "batchSize"):
        _within(given, name, lambda value: value >= 1, "1 or more")
    for name in ("learningRate", "learningRateMultiplier"):
        _within(given, name, lambda value: 0 < value < float("inf"), "above 0")
    many = count >= _MANY
    old = version == V1BETA3
    epochs, batches, rates = (10, (16, 64), (0.002, 0.0002)) if old else (5, (4, 16), (0.001, 0.0002))
    resolved: Object = {
        "epochCount": given.get("epochCount", epochs),
        "batchSize": given.get("batchSize", batches[many]),
    }
    if "learningRateMultiplier" in given:
        resolved["learningRateMultiplier"] = given["learningRateMultiplier"]
    else:
        resolved["learningRate"] = given.get("learningRate", rates[many])
    steps = total_steps(count, resolved["epochCount"], resolved["batchSize"])
    if steps > MAX_STEPS:
        raise invalid(f"{steps} tuning steps; the emulator simulates at most {MAX_STEPS}")
    return resolved


def _within(body: Mapping[str, Any], name: str, good: Callable[[float], bool], said: str) -> None:
    value = body.get(name)
    if value is not None and not good(value):
        raise invalid(f"{name} is {value}; it must be {said}")


def _short_enough(place: str, text: str, limit: int | None) -> None:
    if limit is not None and len(text) > limit:
        raise invalid(f"{place} has {len(text)} characters; at most {limit}")
