"""Partial responses: the ``fields`` parameter, e.g. ``tunedModels(name,tuningTask/hyperparameters),nextPageToken``.

A selection is a tree of names; an empty subtree means everything below. Names are checked against the answer's
message and may be spelt either way; ``*`` stands for every field.
"""

from __future__ import annotations

import re
from typing import Any

from reconciler.emulator.problems import violations
from reconciler.emulator.schema import Message

Selection = dict[str, "Selection"]

_TOKEN = re.compile(r"\s*([A-Za-z0-9_@*-]+|[(),/.])")
_DEPTH = 30


def parse_selection(text: str, message: Message) -> Selection:
    """Read a ``fields`` value for an answer of the given message.

    Raises:
        ApiError: INVALID_ARGUMENT, if it cannot be read or names a field the answer does not have.
    """
    tokens = _split(text)
    selection = _Reader(text, tokens).list(0)
    return _resolve(selection, message, "")


def select(value: Any, selection: Selection) -> Any:
    """Return the selected part of an answer; lists are selected item by item."""
    if not selection:
        return value
    if isinstance(value, list):
        return [select(item, selection) for item in value]
    if not isinstance(value, dict):
        return value
    picked = {}
    for name, item in value.items():
        below = selection.get(name, selection.get("*"))
        if below is not None:
            picked[name] = select(item, below)
    return picked


def wants(selection: Selection | None, *path: str) -> bool:
    """Tell whether anything at or below a path is selected, so that nobody computes what is thrown away."""
    for name in path:
        if not selection:
            return True
        below = selection.get(name, selection.get("*"))
        if below is None:
            return False
        selection = below
    return True


def _split(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _refused(text)
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Reader:
    """Recursive descent over: list = path {"," path}; path = name {("/" | ".") name} ["(" list ")"]."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self.text = text
        self.tokens = tokens
        self.position = 0

    def list(self, depth: int) -> Selection:
        if depth > _DEPTH:
            raise _refused(self.text[:80])
        found: Selection = {}
        while True:
            self._path(found, depth)
            following = self._next()
            if following == ",":
                continue
            if following != (")" if depth else ""):
                raise _refused(self.text)
            return found

    def _path(self, into: Selection, depth: int) -> None:
        names = [self._name()]
        while self._peek() in {"/", "."}:
            self.position += 1
            names.append(self._name())
        below: Selection = {}
        if self._peek() == "(":
            self.position += 1
            below = self.list(depth + 1)
        for name in reversed(names[1:]):
            below = {name: below}
        _merge(into, names[0], below)

    def _name(self) -> str:
        token = self._next()
        if token in {"", "(", ")", ",", "/", "."}:
            raise _refused(self.text)
        return token

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self.position += 1
        return token


def _merge(into: Selection, name: str, below: Selection) -> None:
    """Add a path to a selection; whoever asked for all of a field keeps all of it."""
    if name not in into:
        into[name] = below
    elif not into[name] or not below:
        into[name] = {}
    else:
        for child, rest in below.items():
            _merge(into[name], child, rest)


def _resolve(selection: Selection, message: Message | None, path: str) -> Selection:
    """Turn names into the spelling of the answer, refusing those it does not have."""
    if message is None:
        return selection
    resolved: Selection = {}
    for name, below in selection.items():
        here = f"{path}.{name}" if path else name
        if name == "*":
            resolved["*"] = below
            continue
        field = message.by_name.get(name)
        if field is None or (below and field.kind not in {"message", "any"}):
            raise _refused(here)
        _merge(resolved, field.name, _resolve(below, field.message, here))
    return resolved


def _refused(path: str) -> Exception:
    text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    return violations([(path, text)], "Request contains an invalid argument.")
