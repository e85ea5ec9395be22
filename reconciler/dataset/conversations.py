"""Rows that are conversations: chat-style ``messages``, and Vertex AI's own ``contents``.

The last message of the user is an example's input, the model's after it its output; what stood before is its context.
So a conversation of two messages is the example that a row with input and output is. What a row holds and we do not
understand is a flaw, never left out in silence: another file would be trained on than the one that was written.

Flaws name the place in a row (``messages[2].content``), never what stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, TypeAlias

from reconciler.core.resource import Context
from reconciler.dataset.files import Flaw

__all__ = ["is_conversation", "read_conversation"]

_Turns: TypeAlias = list[tuple[str, str]]
_CHAT: Final = {"user": "user", "assistant": "model", "model": "model"}
_VERTEX: Final = {"user": "user", "model": "model"}
_ROW: Final = frozenset({"systemInstruction", "system_instruction", "contents", "completions"})
_CALLS: Final = ("tools", "tool_choice", "functions", "function_call", "parallel_tool_calls")
_ELSEWHERE: Final = "rows of any kind can be given as an object of their own: dataset.uri"
_COMPARED: Final = 2


class _Amiss(Exception):
    """What is wrong with a row, and the way past."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def is_conversation(row: Mapping[str, Any]) -> bool:
    """Tell whether an object has the keys of a conversation."""
    return "messages" in row or "contents" in row


def read_conversation(row: Mapping[str, Any], line: int) -> tuple[int, str, str, Context | None] | Flaw:
    """Return a conversation as line, input, output and context, or what is wrong with it."""
    try:
        if "messages" in row:
            return (line, *_of_messages(row))
        return (line, *_of_contents(row))
    except _Amiss as error:
        return Flaw(line, error.message, hint=error.hint)


def _of_messages(row: Mapping[str, Any]) -> tuple[str, str, Context | None]:
    """Read ``{"messages": [{"role": …, "content": …}]}``; columns beside it do not count, but what calls tools does."""
    if "contents" in row:
        raise _Amiss("has both messages and contents")
    _refuse([key for key in _CALLS if row.get(key)])
    system, turns = None, []
    for number, message in enumerate(_list(row["messages"], "messages")):
        place = f"messages[{number}]"
        fields = _object(message, place)
        _refuse([f"{place}.{key}" for key in fields if key not in {"role", "content"}])
        words = _text(fields.get("content"), f"{place}.content")
        if fields.get("role") == "system":
            if number:
                raise _Amiss(f"{place} is a system instruction, which can only come first")
            system = words
        else:
            turns.append((_role(fields.get("role"), place, _CHAT), words))
    return _ended(turns, system, "messages")


def _of_contents(row: Mapping[str, Any]) -> tuple[str, str, Context | None]:
    """Read a GeminiExample or a GeminiPreferenceExample of Vertex AI, as far as it is text."""
    _refuse([key for key in row if key not in _ROW])
    turns = [
        (_role(_object(content, place).get("role"), place, _VERTEX), _parts(content, place))
        for place, content in ((f"contents[{at}]", each) for at, each in enumerate(_list(row["contents"], "contents")))
    ]
    given = [key for key in ("systemInstruction", "system_instruction") if row.get(key) is not None]
    if len(given) > 1:
        raise _Amiss(f"has both {' and '.join(given)}")
    system = _parts(row[given[0]], given[0]) if given else None
    if "completions" not in row:
        return _ended(turns, system, "contents")
    return _compared(turns, system, _list(row["completions"], "completions"))


def _ended(turns: _Turns, system: str | None, key: str) -> tuple[str, str, Context | None]:
    """Return a conversation that ends with a question and its answer."""
    if turns[:1] and turns[0][0] != "user":
        raise _Amiss(f"{key} must begin with a message of the user")
    if [role for role, _ in turns[-2:]] != ["user", "model"]:
        raise _Amiss(f"{key} must end with a message of the user and the model's answer to it")
    (_, text), (_, output) = turns[-2:]
    earlier = tuple(turns[:-2])
    return text, output, Context(system, earlier) if system is not None or earlier else None


def _compared(turns: _Turns, system: str | None, given: Sequence[Any]) -> tuple[str, str, Context]:
    """Return a conversation that ends with a question and two answers to compare."""
    if not turns or turns[0][0] != "user" or turns[-1][0] != "user":
        raise _Amiss("contents must begin and, before completions, end with a message of the user")
    if len(given) != _COMPARED:
        raise _Amiss(f"completions must be two, not {len(given)}")
    scored = tuple(_completion(each, f"completions[{number}]") for number, each in enumerate(given))
    if scored[0][0] == scored[1][0]:
        raise _Amiss("the two completions have the same score")
    _, best = max(scored)
    return turns[-1][1], best, Context(system, tuple(turns[:-1]), scored)


def _completion(given: Any, place: str) -> tuple[float, str]:
    fields = _object(given, place)
    _refuse([f"{place}.{key}" for key in fields if key not in {"score", "completion"}])
    score = fields.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not isfinite(score):
        raise _Amiss(f"{place}.score must be a number")
    content = _object(fields.get("completion"), f"{place}.completion")
    if content.get("role", "model") != "model":
        raise _Amiss(f"{place}.completion must be a message of the model")
    return float(score), _parts(content, f"{place}.completion")


def _parts(content: Any, place: str) -> str:
    """Return the words of a message; several parts of text are one text."""
    fields = _object(content, place)
    _refuse([f"{place}.{key}" for key in fields if key not in {"role", "parts"}])
    words = []
    for number, part in enumerate(_list(fields.get("parts"), f"{place}.parts")):
        inner = f"{place}.parts[{number}]"
        _refuse([f"{inner}.{key}" for key in _object(part, inner) if key != "text"])
        words.append(_text(part.get("text"), f"{inner}.text"))
    return "".join(words)


def _refuse(places: Sequence[str]) -> None:
    if places:
        raise _Amiss(f"{places[0].encode('ascii', 'backslashreplace').decode()[:80]} is not understood", _ELSEWHERE)


def _role(value: Any, place: str, known: Mapping[str, str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise _Amiss(f"{place}.role must be one of {', '.join(known)}")
    return known[value]


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Amiss(f"{place} must be an object")
    return value


def _list(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, list) or not value:
        raise _Amiss(f"{place} must be a list that is not empty")
    return value


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise _Amiss(f"{place} must be text")
    if not value or value.isspace():
        raise _Amiss(f"{place} is empty")
    return value
