"""YAML text to values, each with its place, in one bounded pass over the parser's events.

libyaml's composer recurses and takes the interpreter down with it on 30,000 open brackets; PyYAML's constructor lets a
kilobyte of aliases stand for gigabytes and the last of two equal keys win. So neither is used: events come from the C
parser, which keeps its state on the heap, and this module builds the values on a stack of its own, counting as it goes.

No schema lives here: any mapping will do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from reconciler.core.canonical import Json
from reconciler.errors import Location, Problem
from reconciler.manifest.places import Place, spell
from reconciler.manifest.scalars import plain

__all__ = ["MAX_BYTES", "Document", "parse"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
MAX_NODES = 50_000
MAX_ALIASES = 64
MAX_KEY = 256

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is left out of some platforms' wheels
_CORE = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_CORE}str"})
_PLAIN_TAGS = frozenset(f"{_CORE}{kind}" for kind in ("null", "bool", "int", "float"))
_COLLECTION_TAGS = frozenset({"!", f"{_CORE}map", f"{_CORE}seq"})


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and the tree of places beside it."""

    value: Json
    place: Place


def parse(data: bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """Read all documents of a file.

    Returns the documents up to the first thing that makes the rest unreadable, and every problem met on the way.
    Empty documents are left out. ``file`` is what the problems call the file.
    """
    if len(data) > MAX_BYTES:
        limit = f"{MAX_BYTES // 1024} KiB"
        return [], [Problem(Location(file), f"is larger than {limit}", "split it into several files")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [], [Problem(_position(file, data, error.start), "is not UTF-8 from here on", "save the file as UTF-8")]
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except _Unreadable as error:
        builder.problems.append(error.problem)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax(file, error, last_line=text.rstrip().count("\n") + 1))
    except yaml.reader.ReaderError as error:
        place = _position(file, text.encode(), error.position)
        builder.problems.append(Problem(place, "holds a character that YAML does not allow", "write it as an escape"))
    return builder.documents, builder.problems


class _Unreadable(Exception):
    """The rest of the file makes no sense any more, or is not worth the risk."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is still being filled; ``pending`` while the value of its last ``key`` is to come."""

    value: dict[str, Json] | list[Json]
    place: Place
    anchor: str | None
    nodes_before: int
    inside: dict[str | int, Place] = field(default_factory=dict)
    key: str = ""
    key_place: Place = field(default_factory=lambda: Place(1, 1))
    pending: bool = False


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Json
    inside: dict[str | int, Place] | None
    nodes: int


@dataclass(slots=True)
class _Builder:
    """Takes one event after the other and keeps count of what they cost."""

    file: str
    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    stack: list[_Frame] = field(default_factory=list)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    nodes: int = 0
    aliases: int = 0

    def take(self, event: Any) -> None:
        """Take the parser's next event."""
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def scalar(self, event: Any) -> None:
        """A word, a number, a quoted text: a key or a value."""
        self._count(event, 1)
        if self._wants_key():
            self._key(event)
            return
        value = self._scalar_value(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, None, 1)
        self._put(value, None, event)

    def open_mapping(self, event: Any) -> None:
        """``{``, or the first key of a block mapping."""
        self._open(event, {})

    def open_list(self, event: Any) -> None:
        """``[``, or the first ``-`` of a block list."""
        self._open(event, [])

    def close(self, _event: Any) -> None:
        """The end of a mapping or list: hand it to whatever is around it."""
        frame = self.stack.pop()
        frame.place.inside = frame.inside
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(frame.value, frame.inside, self.nodes - frame.nodes_before)
        if not self.stack:
            self.documents.append(Document(frame.value, frame.place))

    def alias(self, event: Any) -> None:
        """``*name``: the same value once more, counted in full."""
        if self._wants_key():
            self._stop(event, "an alias cannot be a key")
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._stop(event, f"more than {MAX_ALIASES} aliases", "write the values out, or use spec.defaults")
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            self._stop(event, "an alias must come after the whole value it repeats")
        self._count(event, anchored.nodes)
        self._put(anchored.value, anchored.inside, event)

    def start_document(self, _event: Any) -> None:
        """``---``: anchors do not reach across documents (YAML 1.2.2, section 7.1)."""
        self.anchors = {}

    def _open(self, event: Any, value: dict[str, Json] | list[Json]) -> None:
        self._count(event, 1)
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._stop(event, "unknown tag", "tunectl reads plain YAML; leave the tag out")
        if self._wants_key():
            self._stop(event, "a key must be a single word or text")
        if len(self.stack) >= MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        place = self._put(value, None, event)
        self.stack.append(_Frame(value, place, event.anchor, self.nodes - 1))

    def _wants_key(self) -> bool:
        return bool(self.stack) and not self.stack[-1].pending and isinstance(self.stack[-1].value, dict)

    def _key(self, event: Any) -> None:
        """Take a key as it is written; ``yes``, ``1`` and ``null`` are keys like any other."""
        key: str = event.value
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._stop(event, "unknown tag", "tunectl reads plain YAML; leave the tag out")
        if key == "<<" and event.implicit[0]:
            self._stop(event, "merge keys (<<) are not part of YAML 1.2", "use spec.defaults in tunectl.yaml")
        if len(key) > MAX_KEY:
            self._stop(event, f"a key of more than {MAX_KEY} characters")
        frame = self.stack[-1]
        frame.key, frame.pending = key, True
        frame.key_place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        first = frame.inside.get(key)
        if first is not None:
            lines = f"on lines {first.line} and {frame.key_place.line}"
            self.problems.append(Problem(self._at(event), f"{self._path()}: set twice, {lines}", "remove one of them"))

    def _put(self, value: Json, inside: dict[str | int, Place] | None, event: Any) -> Place:
        """Put a value where it belongs and return its place: its key, or itself in a list or alone."""
        mark = event.start_mark
        if not self.stack:
            place = Place(mark.line + 1, mark.column + 1, inside)
            if not isinstance(value, (dict, list)) and value is not None:
                self.documents.append(Document(value, place))
            return place
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            place = Place(mark.line + 1, mark.column + 1, inside)
            frame.inside[len(frame.value)] = place
            frame.value.append(value)
            return place
        frame.pending = False
        frame.key_place.inside = inside
        if frame.key not in frame.value:  # of two equal keys, already reported, the first one counts
            frame.value[frame.key] = value
            frame.inside[frame.key] = frame.key_place
        return frame.key_place

    def _scalar_value(self, event: Any) -> Json:
        if event.tag is None:
            return plain(event.value) if event.implicit[0] else event.value
        if event.tag in _TEXT_TAGS:
            return str(event.value)
        if event.tag not in _PLAIN_TAGS:
            self._stop(event, "unknown tag", "tunectl reads plain YAML; leave the tag out")
        return plain(event.value)

    def _count(self, event: Any, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES:,} values, aliases written out", "split the file")

    def _path(self) -> str:
        return spell(frame.key if isinstance(frame.value, dict) else len(frame.value) - 1 for frame in self.stack)

    def _at(self, event: Any) -> Location:
        return Location(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _stop(self, event: Any, message: str, hint: str | None = None) -> NoReturn:
        raise _Unreadable(Problem(self._at(event), message, hint))


_HANDLERS: dict[type[yaml.Event], Callable[[_Builder, Any], None]] = {
    yaml.ScalarEvent: _Builder.scalar,
    yaml.MappingStartEvent: _Builder.open_mapping,
    yaml.SequenceStartEvent: _Builder.open_list,
    yaml.MappingEndEvent: _Builder.close,
    yaml.SequenceEndEvent: _Builder.close,
    yaml.AliasEvent: _Builder.alias,
    yaml.DocumentStartEvent: _Builder.start_document,
}


_WAYS_PAST = (
    ("cannot start any token", "indent with spaces, not tabs; put text that starts with a special character in quotes"),
    ("expected key", "the keys of one mapping begin in one column: see where this line and those above it begin"),
    ("expected '-' indicator", "the items of one list begin in one column, each with '- '"),
    (
        "mapping values are not allowed",
        "put text that has ': ' in it in quotes; the keys of one mapping begin in one column",
    ),
    ("expected ',' or", "a bracket is still open: close it, or put a comma between its parts"),
    ("end of stream", "a quotation mark is still open: close it"),
)
"""What most often is behind a complaint of the parser that says so."""


def _syntax(file: str, error: yaml.MarkedYAMLError, *, last_line: int) -> Problem:
    """Translate the parser's own complaint, which names tokens but quotes nothing of the file."""
    message = f"broken YAML: {error.problem or error.context}"
    if error.context is not None and error.problem is not None and error.context_mark is not None:
        message += f", {error.context} that starts on line {error.context_mark.line + 1}"
    hint = next((way for sign, way in _WAYS_PAST if sign in (error.problem or "")), None)
    mark = error.problem_mark
    if mark is None or mark.line >= last_line:
        return Problem(Location(file, last_line), message, hint)
    return Problem(Location(file, mark.line + 1, mark.column + 1), message, hint)


def _position(file: str, data: bytes, offset: int) -> Location:
    """Return the place of a byte; columns count characters."""
    before = data[:offset]
    start = before.rfind(b"\n") + 1
    return Location(file, before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1)
