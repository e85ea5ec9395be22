"""The list filters of Vertex AI, as far as AIP-160 and the clients in use go.

``labels.team=math``, ``labels.tune-type:*``, ``state="JOB_STATE_FAILED" AND NOT displayName="x"``, and times compare.
AND binds less than OR, as AIP-160 has it. That the service honours a filter on tuning jobs is what its reference says;
it was not observed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator.problems import ApiError
from reconciler.emulator.schema import Message

Chosen = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[()]|<=|>=|!=|[=<>:]|[^\s()=<>:!"\']+)')
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LONGEST = 5_000
_DEPTH = 50


def parse_filter(text: str, message: Message) -> Chosen:
    """Return the predicate over an answer's message that a filter stands for; an empty one takes everything.

    Raises:
        ApiError: INVALID_ARGUMENT, if it cannot be read or names a field the message does not have.
    """
    if not text.strip():
        return lambda _: True
    if len(text) > _LONGEST:
        raise _refused("it is too long")
    return _Reader(_split(text), message).whole()


class _Reader:
    """Recursive descent: whole = any {AND any}; any = one {OR one}; one = [NOT|-] (comparison | "(" whole ")")."""

    def __init__(self, tokens: list[str], message: Message) -> None:
        self.tokens = tokens
        self.message = message
        self.position = 0
        self.depth = 0

    def whole(self) -> Chosen:
        chosen = self._conjunction()
        if self._peek():
            raise _refused(f"{self._peek()!r} was not expected")
        return chosen

    def _conjunction(self) -> Chosen:
        terms = [self._disjunction()]
        while self._peek() not in {"", ")"}:
            if self._peek() == "AND":
                self.position += 1
            terms.append(self._disjunction())
        return lambda value: all(term(value) for term in terms)

    def _disjunction(self) -> Chosen:
        terms = [self._term()]
        while self._peek() == "OR":
            self.position += 1
            terms.append(self._term())
        return lambda value: any(term(value) for term in terms)

    def _term(self) -> Chosen:
        token = self._next()
        if token == "NOT":  # noqa: S105 - a word of the filter's grammar
            term = self._term()
            return lambda value: not term(value)
        if token == "(":  # noqa: S105 - a token of the filter's grammar
            self.depth += 1
            if self.depth > _DEPTH:
                raise _refused("it is nested too deep")
            chosen = self._conjunction()
            if self._next() != ")":
                raise _refused("a bracket is not closed")
            return chosen
        if token.startswith("-") and len(token) > 1:
            chosen = self._comparison(token[1:])
            return lambda value: not chosen(value)
        return self._comparison(token)

    def _comparison(self, path: str) -> Chosen:
        sign, wanted = self._next(), self._next()
        if sign not in _COMPARE and sign != ":":
            raise _refused(f"{path!r} needs a comparison")
        if not wanted or wanted in {"(", ")"}:
            raise _refused(f"{path!r} is compared with nothing")
        names = self._resolve(path)
        return _has(names, _plain(wanted)) if sign == ":" else _compares(names, sign, wanted)

    def _resolve(self, path: str) -> list[str]:
        """Return a path in lowerCamel; what stands below a map is a key and stays as it is."""
        names: list[str] = []
        message: Message | None = self.message
        parts = path.split(".")
        for index, part in enumerate(parts):
            field = None if message is None else message.by_name.get(part)
            if field is None:
                raise _refused(f"{path!r} is no field")
            names.append(field.name)
            if field.kind == "map":
                return [*names, ".".join(parts[index + 1 :])] if index + 1 < len(parts) else names
            message = field.message
        return names

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self.position += 1
        return token


def _split(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _refused(f"it cannot be read from {text[position : position + 20]!r} on")
        tokens.append(match[1])
        position = match.end()
    return tokens


def _compares(names: list[str], sign: str, wanted: str) -> Chosen:
    compare, quoted = _COMPARE[sign], _plain(wanted)

    def chosen(value: Mapping[str, Any]) -> bool:
        found = _lookup(value, names)
        if found is None:
            return sign == "!="
        if isinstance(found, bool):
            return compare(str(found).lower(), quoted.lower())
        if isinstance(found, int | float):
            try:
                return compare(float(found), float(quoted))
            except ValueError:
                return False
        return not isinstance(found, Mapping | list) and compare(str(found), quoted)

    return chosen


def _has(names: list[str], wanted: str) -> Chosen:
    """``field:*`` asks whether it is there, ``map:key`` for a key, ``text:part`` for a part of the text."""

    def chosen(value: Mapping[str, Any]) -> bool:
        found = _lookup(value, names)
        if found is None or wanted == "*":
            return found is not None
        return wanted in found if isinstance(found, Mapping | list | str) else wanted == str(found)

    return chosen


def _lookup(value: Any, names: list[str]) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _plain(text: str) -> str:
    """Return a value without its quotes."""
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[:1] in {'"', "'"} else text


def _refused(why: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", f"Provided filter is not valid: {why}.", reason=f"filter: {why}")
