"""What is wrong with a document, in our own words: pydantic's findings translated, and the alternatives checked.

A message is the path of the field and what it must be; the value is quoted, shortened and escaped, except where it is
training data or a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from reconciler.core.canonical import Json
from reconciler.core.text import did_you_mean, meant, sanitize
from reconciler.errors import Location, Problem
from reconciler.manifest.document import Part
from reconciler.manifest.places import Places, spell
from reconciler.manifest.shape import Steps, choices, choosing, expectation, homes, keys, part_at

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["alternatives", "findings", "in_order", "suggest"]

_LONGEST_QUOTE = 60
_PRIVATE = (("spec", "dataset", "examples"), ("spec", "gate", "prompts"))
_KINDS = ((bool, "true or false"), (str, "text"), ((int, float), "a number"), (Mapping, "a mapping"), (list, "a list"))


def findings(model: type[Part], error: ValidationError, places: Places) -> Iterator[Problem]:
    """Yield a problem for each thing pydantic found."""
    for detail in error.errors(include_url=False, include_context=True):
        yield _finding(model, detail, places)


def alternatives(model: type[Part], value: Json, places: Places, steps: Steps = ()) -> Iterator[Problem]:
    """Yield a problem for each part that sets several of its alternatives, or none of those it needs."""
    if type(value) is not dict and not isinstance(value, Mapping):
        return
    chosen = [key for key in model.alternatives if key in value]
    if len(chosen) > 1:
        yield Problem(
            places.nearest((*steps, chosen[-1])),
            f"{spell(steps)}: {' and '.join(chosen)} exclude each other",
            "keep one",
        )
    elif model.needs_one and not chosen:
        yield Problem(places.nearest(steps), f"{spell(steps)}: needs one of {', '.join(model.alternatives)}")
    for key, (part, listed) in choosing(model).items():
        inner = value.get(key)
        if inner is None:
            continue
        if not listed:
            yield from alternatives(part, inner, places, (*steps, key))
        elif isinstance(inner, list):
            for index, item in enumerate(inner):
                yield from alternatives(part, item, places, (*steps, key, index))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems sorted by place, each once; those without a place come first."""

    def key(problem: Problem) -> tuple[str, int, int, str]:
        place = problem.location or Location("")
        return place.file, place.line or 0, place.column or 0, problem.message

    return tuple(sorted(dict.fromkeys(problems), key=key))


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return "did you mean …?" for the closest of the known words, if one is close."""
    return did_you_mean(meant(word, known), otherwise="") or None


def _finding(model: type[Part], detail: ErrorDetails, places: Places) -> Problem:
    steps: Steps = detail["loc"]
    place, path = places.nearest(steps), spell(steps) or "the document"
    if detail["type"] == "extra_forbidden":
        return Problem(place, f"{path}: unknown key", _unknown(model, steps))
    if detail["type"] == "missing":
        return Problem(place, f"{path}: is missing")
    expect, value = expectation(model, steps), detail["input"]
    phrase = expect.phrase
    if detail["type"] in {"less_than_equal", "string_too_long"} and expect.ceiling is not None:
        phrase = expect.ceiling
    hint = "put it in quotes" if phrase == "text" and isinstance(value, (bool, int, float)) else None
    hint = "leave the key out if nothing is to be set" if value is None else hint
    words = choices(model, steps)
    if isinstance(value, str) and len(words) > 1:
        hint = suggest(value, words)
    return Problem(place, f"{path}: must be {phrase}, not {_shown(value, steps)}", hint)


def _unknown(model: type[Part], steps: Steps) -> str | None:
    """Return where a key that nobody knows here belongs, or what its writer may have meant."""
    word = str(steps[-1])
    here = part_at(model, steps[:-1])
    close = suggest(word, keys(here)) if here is not None else None
    if close is not None:
        return close
    home = next(homes(model, word), None)
    return f"it belongs under {home}" if home else None


def _shown(value: object, steps: Steps) -> str:
    """Return a value as a message may show it."""
    if value is None or value == []:
        return "null" if value is None else "an empty list"
    kind = next(name for types, name in _KINDS if isinstance(value, types))
    if kind in {"a mapping", "a list"} or any(steps[: len(path)] == path for path in _PRIVATE):
        return kind
    if isinstance(value, str):
        quoted = sanitize(json.dumps(value[:_LONGEST_QUOTE], ensure_ascii=False)[1:-1])
        return f"'{quoted}'" if len(value) <= _LONGEST_QUOTE else f"'{quoted}…' ({len(value):,} characters)"
    return json.dumps(value)
