"""generateContent, streamGenerateContent and countTokens on endpoints and on the publisher's models.

Every answer is simulated and carries a header that says so: a tuned model answers from its training examples. Tokens
are an estimate. Sampling parameters are checked and have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.answers import complete, shorten
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.scalars import timestamp
from reconciler.emulator.vertex.catalogue import find_base
from reconciler.emulator.vertex.dataset import count_tokens
from reconciler.emulator.vertex.finding import find_endpoint, missing
from reconciler.emulator.vertex.names import number_from
from reconciler.emulator.vertex.records import Job, Model
from reconciler.emulator.vertex.schema import FINISH_REASON
from reconciler.emulator.world import Call

_CANDIDATES, _STOPS = 8, 5
_RANGES = (("temperature", 0.0, 2.0), ("topP", 0.0, 1.0), ("topK", 1.0, 1_000_000.0), ("maxOutputTokens", 1, 2**31))


def generate(call: Call) -> Object:
    """Answer the last content of a conversation."""
    prompt = _prompt(call)
    config = call.body.get("generationConfig") or {}
    count, stops = config.get("candidateCount", 1), config.get("stopSequences", [])
    _check(config, count, stops)
    said, model = _simulate(call, prompt, count)
    outputs = [shorten(text, stops=stops, tokens=config.get("maxOutputTokens")) for text in said]
    asked = _asked(call)
    answered = sum(count_tokens(text) for text, _ in outputs)
    usage = {"promptTokenCount": asked, "candidatesTokenCount": answered, "totalTokenCount": asked + answered}
    return {
        "candidates": [_candidate(call, index, *output) for index, output in enumerate(outputs)],
        "usageMetadata": usage,
        "modelVersion": model,
        "createTime": timestamp(call.now),
        "responseId": number_from("response", prompt, call.now),
    }


def stream(call: Call) -> list[Object]:
    """Answer like generateContent, as a stream of one message."""
    return [generate(call)]


def count(call: Call) -> Object:
    """Estimate the tokens of a request: one for every four characters of each text."""
    if not call.body.get("contents"):
        raise ApiError("INVALID_ARGUMENT", "Unable to submit request because it must have at least one contents field.")
    _check_target(call)
    tokens = _asked(call)
    letters = sum(len("".join(text.split())) for text in _texts(call))
    return {
        "totalTokens": tokens,
        "totalBillableCharacters": letters,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
    }


def refuse_model(call: Call) -> Object:
    """Refuse a model of the registry, which answers through its endpoint alone (the service's own words)."""
    name = f"projects/{call.path['project']}/locations/{call.path['location']}/models/{call.path['model']}"
    raise ApiError(
        "INVALID_ARGUMENT",
        f"The model name {name} is malformed and it should be in form of"
        " projects/{project}/locations/{location}/publishers/google/models/{model}",
    )


def _simulate(call: Call, prompt: str, count: int) -> tuple[list[str], str]:
    """Return the answers and the name of the model that gives them."""
    if "endpoint" not in call.path:
        name = _check_target(call)
        return [f"(a simulated answer of {name} to {count_tokens(prompt)} tokens)"] * count, name
    endpoint = find_endpoint(call)
    if not endpoint.deployed:
        raise ApiError("FAILED_PRECONDITION", f"Endpoint {endpoint.name} has no deployed model.")
    job = _job_of(call, str(endpoint.deployed[0]["model"]))
    outputs = complete(prompt, call.world.shelf.pairs(job.name), count)
    if job.outcome == "wrong":
        outputs = [text[::-1] + "?" for text in outputs]
    return outputs, job.base


def _job_of(call: Call, name: str) -> Job:
    """Return the job that has made a version of a model."""
    model_name, _, wanted = name.partition("@")
    _, project, _, location, _, number = model_name.split("/")
    model = call.world.shelf.find(Model, project, location, number)
    version = None if model is None else model.version(wanted)
    if version is None:
        raise missing(f"Model {name}")
    _, project, _, location, _, number = version.job.split("/")
    job = call.world.shelf.find(Job, project, location, number)
    assert job is not None  # noqa: S101 - jobs are never deleted
    return job


def _check_target(call: Call) -> str:
    if "endpoint" in call.path:
        return find_endpoint(call).name
    base = find_base(call.path["base"])
    if base is None or base.name in call.world.settings.retired:
        named = f"publishers/google/models/{call.path['base']}"
        raise ApiError(
            "NOT_FOUND",
            f"Publisher Model `{named}` was not found or your project does not have access to it."
            " Please ensure you are using a valid model version.",
        )
    return base.name


def _prompt(call: Call) -> str:
    contents = call.body.get("contents") or []
    if not contents:
        raise ApiError("INVALID_ARGUMENT", "Unable to submit request because it must have at least one contents field.")
    for content in contents:
        if content.get("role") not in {"user", "model", "function"}:
            raise ApiError("INVALID_ARGUMENT", "Please use a valid role: user, model.")
    text = "".join(part.get("text", "") for part in contents[-1].get("parts") or [])
    if not text:
        raise ApiError("INVALID_ARGUMENT", "Unable to submit request because it must include at least one parts field.")
    return text


def _texts(call: Call) -> list[str]:
    instruction = call.body.get("systemInstruction")
    contents = [*call.body.get("contents", []), *([instruction] if instruction else [])]
    return [part.get("text", "") for content in contents for part in content.get("parts") or []]


def _asked(call: Call) -> int:
    return sum(count_tokens(text) for text in _texts(call))


def _candidate(call: Call, index: int, text: str, cut: bool) -> Object:
    reason = call.enum(FINISH_REASON.numbers, "MAX_TOKENS" if cut else "STOP")
    candidate: Object = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": reason}
    return {**candidate, "index": index} if index else candidate


def _check(config: Mapping[str, Any], count: int, stops: list[str]) -> None:
    problems = [
        f"{name} is {config[name]}; it must be {low:g} to {high:g}"
        for name, low, high in _RANGES
        if name in config and not low <= config[name] <= high
    ]
    if not 1 <= count <= _CANDIDATES:
        problems.append(f"candidateCount is {count}; it must be 1 to {_CANDIDATES}")
    if len(stops) > _STOPS:
        problems.append(f"{len(stops)} stopSequences; at most {_STOPS}")
    if problems:
        raise ApiError("INVALID_ARGUMENT", f"Unable to submit request because {problems[0]}.", reason=problems[0])
