"""Examples as the lines of Vertex AI's JSON Lines (GeminiExample and GeminiPreferenceExample of the API). Pure.

The bytes are a function of the examples alone: uploads are named by the examples' digest, so whoever changes what is
written here has to change that name, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.canonical import Json
from reconciler.core.resource import Context, Example
from reconciler.errors import InvalidArgument

__all__ = ["jsonl"]


def jsonl(examples: Iterable[Example]) -> Iterator[bytes]:
    """Yield a line for each example, with its line feed.

    Raises:
        InvalidArgument: an example that the service would not take, by its number from 1.
    """
    for number, example in enumerate(examples, start=1):
        if not example.output:
            raise InvalidArgument(f"the training data: example {number} has no output")
        try:
            yield json.dumps(_row(example), ensure_ascii=False).encode() + b"\n"
        except UnicodeEncodeError:
            # Not chained: it quotes the text, which is a training row.
            raise InvalidArgument(f"the training data: example {number} holds half of a surrogate pair") from None


def _row(example: Example) -> Mapping[str, Json]:
    context = example.context or Context()
    row: dict[str, Json] = {}
    if context.system is not None:
        row["systemInstruction"] = _said("system", context.system)
    asked = [_said(role, words) for role, words in (*context.turns, ("user", example.input))]
    if not context.completions:
        return {**row, "contents": [*asked, _said("model", example.output)]}
    answers: list[Json] = [
        {"score": score, "completion": _said("model", words)} for score, words in context.completions
    ]
    return {**row, "contents": asked, "completions": answers}


def _said(role: str, words: str) -> Mapping[str, Json]:
    return {"role": role, "parts": [{"text": words}]}
