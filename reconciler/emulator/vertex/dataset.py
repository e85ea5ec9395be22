"""Reading a tuning job's datasets from Cloud Storage as the service does: rows checked, examples and tokens counted.

The shape of a row is the published one (contents with roles and parts, a system instruction, completions with scores
for preferences). The number of tokens is an estimate, a token for every four characters; the real tokenizer is not
here. A row that is too long is left out and counted, a row that is wrong fails the job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.parsing import bind
from reconciler.emulator.problems import ApiError
from reconciler.emulator.schema import Field, Message
from reconciler.emulator.vertex.catalogue import (
    MAX_EXAMPLES,
    MAX_TOKENS,
    MAX_VALIDATION,
    VALIDATION_SHARE,
    VALIDATION_SHARE_FROM,
)
from reconciler.emulator.vertex.schema import API, CONTENT, V1

READ = Callable[[str, str], bytes | None]
"""Reads an object by bucket and name; None if there is none."""

_URI = re.compile(r"gs://([^/]+)/(.+)")
_INVALID, _MISSING = 3, 5
_SAID = 10
_CONTENTS = Field("contents", "message", repeated=True, message=CONTENT)
_SUPERVISED = Message(
    "GeminiExample",
    (
        _CONTENTS,
        Field("systemInstruction", "message", message=CONTENT),
        *(Field(name, "any") for name in ("tools", "toolConfig", "generationConfig", "labels", "safetySettings")),
    ),
)
_COMPLETION = Message("Completion", (Field("score", "float"), Field("completion", "message", message=CONTENT)))
_PREFERENCE = Message(
    "GeminiPreferenceExample",
    (
        _CONTENTS,
        Field("completions", "message", repeated=True, message=_COMPLETION),
        Field("systemInstruction", "message", message=CONTENT),
    ),
)


class BadData(Exception):
    """A dataset that a job fails on: a gRPC number and a message."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Example:
    """One row that is right: what is asked and answered, its tokens, its messages, and the scores of a preference."""

    pair: tuple[str, str]
    asked: int
    answered: int
    messages: Sequence[Mapping[str, Any]]
    scores: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows that take part, and the numbers (from 1) of those that are too long, each with its tokens."""

    examples: Sequence[Example]
    dropped: Sequence[tuple[int, int]] = ()

    @property
    def tokens(self) -> int:
        """Tokens of one pass over the data."""
        return sum(example.asked + example.answered for example in self.examples)


def read_datasets(read: READ, spec: Mapping[str, Any], *, preference: bool) -> Dataset:
    """Read the training dataset of a tuning spec, and check its validation dataset.

    Raises:
        BadData: if an object is missing, a row is wrong, nothing is left to train on, or there is too much.
    """
    training = _read(read, spec["trainingDatasetUri"], preference=preference)
    if len(training.examples) > MAX_EXAMPLES:
        raise BadData(
            _INVALID, f"The training dataset has {len(training.examples)} examples; the limit is {MAX_EXAMPLES}."
        )
    uri = spec.get("validationDatasetUri")
    if uri:
        _check_share(len(training.examples), len(_read(read, uri, preference=preference).examples))
    return training


def count_tokens(text: str) -> int:
    """Return the estimated tokens of a text: one for every four characters begun."""
    return -(-len(text) // 4)


def _check_share(training: int, validation: int) -> None:
    share = int(training * VALIDATION_SHARE)
    limit = min(MAX_VALIDATION, share) if training > VALIDATION_SHARE_FROM else MAX_VALIDATION
    if validation > limit:
        raise BadData(
            _INVALID,
            f"The validation dataset has {validation} examples; with {training} to train on, the limit is {limit}.",
        )


def _read(read: READ, uri: str, *, preference: bool) -> Dataset:
    match = _URI.fullmatch(uri)
    data = None if match is None else read(match[1], match[2])
    if data is None:
        raise BadData(_MISSING, f"The dataset {uri} does not exist, or the service agent may not read it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadData(_INVALID, f"The dataset {uri} is not UTF-8.") from None
    examples, dropped, wrong = [], [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            example = _preference(_bound(line, _PREFERENCE)) if preference else _supervised(_bound(line, _SUPERVISED))
        except BadRow as error:
            wrong.append(f"Row: {number}. {error}")
            continue
        tokens = example.asked + example.answered
        if tokens > MAX_TOKENS:
            dropped.append((number, tokens))
        else:
            examples.append(example)
    if wrong:
        more = f" (and {len(wrong) - _SAID} more)" if len(wrong) > _SAID else ""
        raise BadData(_INVALID, f"Invalid dataset {uri}: {' '.join(wrong[:_SAID])}{more}")
    if not examples:
        raise BadData(_INVALID, f"The dataset {uri} has no examples to use.")
    return Dataset(examples, dropped)


class BadRow(ValueError):
    """What is wrong with a row."""


def _bound(line: str, message: Message) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadRow("The row is not a JSON object.")
    try:
        return bind(message, value, package=V1, api=API)
    except ApiError as error:
        raise BadRow(error.message.replace("\n", " ")) from None


def _supervised(row: Mapping[str, Any]) -> Example:
    contents = _conversation(row)
    if len(contents) < 2 or contents[-1]["role"] != "model":  # noqa: PLR2004 - a question and its answer
        raise BadRow("contents must hold at least one user message and end with one of the model.")
    answer = _text(contents[-1])
    asked = _system_tokens(row) + sum(count_tokens(_text(content)) for content in contents[:-1])
    return Example((_question(contents[:-1]), answer), asked, count_tokens(answer), contents)


def _preference(row: Mapping[str, Any]) -> Example:
    contents = _conversation(row)
    completions = row.get("completions") or []
    if contents[-1]["role"] != "user":
        raise BadRow("contents must end with a message of the user.")
    if len(completions) != 2:  # noqa: PLR2004 - one preferred, one not
        raise BadRow(f"completions must hold two entries, not {len(completions)}.")
    scores = [completion.get("score", 0.0) for completion in completions]
    if scores[0] == scores[1]:
        raise BadRow("the two completions need different scores.")
    answers = [_completion(completion.get("completion") or {}) for completion in completions]
    best = answers[scores.index(max(scores))]
    asked = _system_tokens(row) + sum(count_tokens(_text(content)) for content in contents)
    return Example((_question(contents), best), asked, sum(map(count_tokens, answers)), contents, scores)


def _completion(content: Mapping[str, Any]) -> str:
    if content.get("role") != "model":
        raise BadRow("a completion must be a message of the model.")
    _check_parts(content)
    return _text(content)


def _conversation(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    contents = row.get("contents") or []
    if not contents:
        raise BadRow("contents is empty.")
    for content in contents:
        if content.get("role") not in {"user", "model"}:
            raise BadRow(f"role {content.get('role', '')!r} is not valid; use user or model.")
        _check_parts(content)
    if contents[0]["role"] != "user":
        raise BadRow("contents must begin with a message of the user.")
    return list(contents)


def _check_parts(content: Mapping[str, Any]) -> None:
    parts = content.get("parts") or []
    if not parts or any(not part for part in parts):
        raise BadRow("a message needs at least one part, and no part may be empty.")


def _question(contents: Sequence[Mapping[str, Any]]) -> str:
    return next((_text(content) for content in reversed(contents) if content["role"] == "user"), "")


def _system_tokens(row: Mapping[str, Any]) -> int:
    instruction = row.get("systemInstruction")
    if instruction is None:
        return 0
    _check_parts(instruction)
    return count_tokens(_text(instruction))


def _text(content: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", []))
