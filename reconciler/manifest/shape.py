"""Questions about the document models: which keys, which parts, which phrase belongs to a field.

Everything here looks at classes, never at what a user wrote.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from reconciler.manifest.document import Part
from reconciler.manifest.kinds import Expect

Steps = tuple[str | int, ...]


@cache
def keys(model: type[Part]) -> Mapping[str, Any]:
    """Return the keys of a part as the user writes them, each with its type."""
    return {
        field.alias or name: Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        for name, field in model.model_fields.items()
    }


@cache
def parts(model: type[Part]) -> Mapping[str, tuple[type[Part], bool]]:
    """Return the keys that hold a part, or (``True``) a list of parts."""
    found = {}
    for key, annotation in keys(model).items():
        inner, _ = unwrap(annotation)
        if isinstance(inner, type) and issubclass(inner, Part):
            found[key] = (inner, False)
        elif get_origin(inner) is list:
            item, _ = unwrap(get_args(inner)[0])
            if isinstance(item, type) and issubclass(item, Part):
                found[key] = (item, True)
    return found


@cache
def choosing(model: type[Part]) -> Mapping[str, tuple[type[Part], bool]]:
    """Return those of the parts that have alternatives, or hold a part that has."""
    return {key: (part, listed) for key, (part, listed) in parts(model).items() if part.alternatives or choosing(part)}


def unwrap(annotation: Any) -> tuple[Any, Expect | None]:
    """Take ``Annotated`` and ``| None`` off a type; return what is left and the phrase that was found on the way."""
    expect: Expect | None = None
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *extras = get_args(annotation)
            expect = next((extra for extra in extras if isinstance(extra, Expect)), expect)
        elif origin in {Union, types.UnionType}:
            annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
        else:
            return annotation, expect


def part_at(model: type[Part], steps: Steps) -> type[Part] | None:
    """Return the part that a path of keys leads to, or None if there is something else."""
    inner, _ = _at(model, steps)
    return inner if isinstance(inner, type) and issubclass(inner, Part) else None


def expectation(model: type[Part], steps: Steps) -> Expect:
    """Return how a message says what belongs at a path."""
    inner, expect = _at(model, steps)
    if expect is not None:
        return expect
    origin = get_origin(inner)
    if origin is Literal:
        return Expect(_either([_spelt(value) for value in get_args(inner)]))
    return Expect("a list" if origin is list else "a mapping")


def choices(model: type[Part], steps: Steps) -> tuple[str, ...]:
    """Return the words one of which belongs at a path; none if anything else does."""
    inner, _ = _at(model, steps)
    return tuple(map(_spelt, get_args(inner))) if get_origin(inner) is Literal else ()


def homes(model: type[Part], key: str) -> Iterator[str]:
    """Yield the dotted paths of all parts, lists left out, that know a key."""
    if key in keys(model):
        yield ""
    for name, (inner, listed) in parts(model).items():
        if not listed:
            for home in homes(inner, key):
                yield f"{name}.{home}" if home else name


def _at(annotation: Any, steps: Sequence[str | int]) -> tuple[Any, Expect | None]:
    inner, expect = unwrap(annotation)
    for step in steps:
        if isinstance(inner, type) and issubclass(inner, Part):
            inner, expect = unwrap(keys(inner).get(str(step), object))
        elif get_origin(inner) is list:
            inner, expect = unwrap(get_args(inner)[0])
        elif get_origin(inner) is dict:
            inner, expect = unwrap(get_args(inner)[1])
    return inner, expect


def _either(choices: Sequence[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _spelt(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
