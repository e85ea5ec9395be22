"""generateText, generateContent and streamGenerateContent, on tuned and base models.

Every answer is simulated and carries a header that says so. Sampling parameters are checked and have no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.answers import complete, count_tokens, shorten
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError, invalid
from reconciler.emulator.schema import FINISH_REASON
from reconciler.emulator.views import state_of
from reconciler.emulator.world import Call

_CANDIDATES = 8
_STOPS = 5
_TUNED_INPUT = 40_000
"""Characters a tuned model takes as input (Gemini API, model tuning guide)."""


def generate_text(call: Call) -> Object:
    """Answer a text prompt (TextService.GenerateText)."""
    prompt = (call.body.get("prompt") or {}).get("text", "")
    if not prompt:
        raise invalid("prompt.text is required")
    outputs = _answers(call, prompt, call.body, method="generateText", hottest=1.0)
    return {"candidates": [{"output": output} for output, _ in outputs]}


def generate_content(call: Call) -> Object:
    """Answer the last content of a conversation (GenerativeService.GenerateContent)."""
    config = call.body.get("generationConfig") or {}
    prompt = _prompt(call, config)
    outputs = _answers(call, prompt, config, method="generateContent", hottest=2.0)
    candidates = [_candidate(call, index, *output) for index, output in enumerate(outputs)]
    said = sum(count_tokens(text) for text, _ in outputs)
    asked = count_tokens(prompt)
    usage = {"promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said}
    return {"candidates": candidates, "usageMetadata": usage, "modelVersion": _target(call).rpartition("/")[2]}


def stream_generate_content(call: Call) -> list[Object]:
    """Answer like generateContent, as a stream of one message."""
    return [generate_content(call)]


def _target(call: Call) -> str:
    return f"tunedModels/{call.path['model']}" if "model" in call.path else f"models/{call.path['base']}"


def _answers(
    call: Call, prompt: str, options: Mapping[str, Any], *, method: str, hottest: float
) -> list[tuple[str, bool]]:
    count = options.get("candidateCount", 1)
    stops = options.get("stopSequences", [])
    limit = options.get("maxOutputTokens")
    if not 1 <= count <= _CANDIDATES:
        raise invalid(f"candidateCount is {count}; it must be 1 to {_CANDIDATES}")
    if len(stops) > _STOPS:
        raise invalid(f"{len(stops)} stopSequences; at most {_STOPS}")
    if limit is not None and limit < 1:
        raise invalid(f"maxOutputTokens is {limit}; it must be 1 or more")
    _check_sampling(options, hottest)
    said = _simulate(call, prompt, count, method)
    return [shorten(text, stops=stops, tokens=limit) for text in said]


def _simulate(call: Call, prompt: str, count: int, method: str) -> list[str]:
    if "model" not in call.path:
        base = call.world.base(_target(call))
        if base is None or method not in base.methods:
            raise _unsupported(call, method)
        return [f"(a simulated answer of {base.name} to {count_tokens(prompt)} words)"] * count
    model = call.model()
    if state_of(model, call.now) != "ACTIVE":
        raise ApiError("FAILED_PRECONDITION", f"Tuned model {model.name} is not active.")
    if len(prompt) > _TUNED_INPUT:
        raise invalid(f"the input has {len(prompt)} characters; tuned models take at most {_TUNED_INPUT}")
    outputs = complete(prompt, call.store.pairs(model.seq), count)
    wrong = model.training is not None and model.training.outcome == "wrong"
    return [text[::-1] + "?" for text in outputs] if wrong else outputs


def _prompt(call: Call, config: Mapping[str, Any]) -> str:
    contents = call.body.get("contents") or []
    if not contents:
        raise ApiError("INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified\n")
    if "model" in call.path:
        if config.get("responseMimeType", "text/plain") not in {"", "text/plain"}:
            raise ApiError("INVALID_ARGUMENT", f"Json mode is not enabled for {_target(call)}")
        if call.body.get("systemInstruction"):
            raise ApiError("INVALID_ARGUMENT", f"Developer instruction is not enabled for {_target(call)}")
    parts = [part for part in (contents[-1] or {}).get("parts") or [] if part]
    text = "".join(part.get("text", "") for part in parts)
    if not text:
        raise invalid("the last of contents has no text")
    return text


def _candidate(call: Call, index: int, text: str, cut: bool) -> Object:
    reason = "MAX_TOKENS" if cut else "STOP"
    candidate: Object = {
        "content": {"parts": [{"text": text}], "role": "model"},
        "finishReason": call.enum(FINISH_REASON.numbers, reason),
    }
    return {**candidate, "index": index} if index else candidate


def _check_sampling(options: Mapping[str, Any], hottest: float) -> None:
    temperature, top_p, top_k = (options.get(name) for name in ("temperature", "topP", "topK"))
    if temperature is not None and not 0 <= temperature <= hottest:
        raise invalid(f"temperature is {temperature}; it must be 0 to {hottest:g}")
    if top_p is not None and not 0 <= top_p <= 1:
        raise invalid(f"topP is {top_p}; it must be 0 to 1")
    if top_k is not None and top_k < 1:
        raise invalid(f"topK is {top_k}; it must be 1 or more")


def _unsupported(call: Call, method: str) -> ApiError:
    return ApiError(
        "NOT_FOUND",
        f"{_target(call)} is not found for API version {call.version}, or is not supported for {method}."
        " Call ListModels to see the list of available models and their supported methods.",
    )
