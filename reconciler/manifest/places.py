"""Where each value of a YAML document stands: a tree beside the values, and its view by dotted path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.core.canonical import Json
from reconciler.errors import Location

_SPEC = "spec."
_DEFAULTS = "spec.defaults."


class Place:
    """Line and column, from 1, of a key (or of a list's item), and the places inside its value, if it has any."""

    __slots__ = ("_inside", "_written", "column", "line")

    def __init__(self, line: int, column: int, inside: dict[str | int, Place] | None = None) -> None:
        self.line = line
        self.column = column
        self._inside = inside
        self._written: Any = None

    @classmethod
    def of(cls, written: Any) -> Place:
        """Return the place that ``written`` wrote down; what is inside is looked at when somebody asks for it.

        Raises:
            ValueError, TypeError: it is none.
        """
        line, column, *inside = written
        if type(line) is not int or type(column) is not int or len(inside) > 1:
            raise ValueError("not the place of a value")
        place = cls(line, column)
        place._written = inside[0] if inside else None
        return place

    @property
    def inside(self) -> dict[str | int, Place] | None:
        """The places inside the value, by key or index."""
        if self._written is not None:
            pairs = enumerate(self._written) if isinstance(self._written, list) else self._written.items()
            self._inside = {step: Place.of(inner) for step, inner in pairs}
            self._written = None
        return self._inside

    @inside.setter
    def inside(self, places: dict[str | int, Place] | None) -> None:
        self._inside = places

    def written(self, value: Json) -> list[Any]:
        """Return the place as JSON, for ``of``; ``value`` is what stands there."""
        inside = self.inside
        if inside is None:
            return [self.line, self.column]
        if isinstance(value, list):
            return [self.line, self.column, [inside[index].written(item) for index, item in enumerate(value)]]
        assert isinstance(value, dict)  # noqa: S101  only lists and mappings have places inside
        return [self.line, self.column, {key: inside[key].written(item) for key, item in value.items()}]

    def find(self, steps: tuple[str | int, ...]) -> Place | None:
        """Return the place of the value that a path of keys and indices leads to, or None if nobody wrote it."""
        if self._written is not None:
            return self._found(steps)
        place: Place | None = self
        for step in steps:
            if place is None or place.inside is None:
                return None
            place = place.inside.get(step)
        return place

    def _found(self, steps: tuple[str | int, ...]) -> Place | None:
        """Find a place in what was written down, without making those on the way."""
        written: Any = [self.line, self.column, self._written]
        for step in steps:
            inside: Any = written[2] if len(written) > 2 else None  # noqa: PLR2004  line, column, inside
            in_list = type(inside) is list and type(step) is int and step < len(inside)
            if not (in_list or (type(inside) is dict and step in inside)):
                return None
            written = inside[step]
        return Place.of(written)


class Places(Mapping[str, Location]):
    """The places of one document by dotted path (``spec.hyperparameters.epochCount``; ``""`` is its start).

    Items of lists have their index as a step (``spec.permissions.0.role``). A value that comes from the project's
    defaults has its place in the project file, whose places are ``project``. Locations are made when somebody asks,
    because a plan over thousands of manifests asks for few.
    """

    __slots__ = ("_file", "_place", "_project")

    def __init__(self, file: str, place: Place, project: Mapping[str, Location] | None = None) -> None:
        self._file = file
        self._place = place
        self._project = {} if project is None else project  # no truth value: it would count every place

    def __getitem__(self, path: str) -> Location:
        place = _descend(self._place, path)
        if place is not None:
            return self._location(place)
        if path.startswith(_SPEC):
            return self._project[_DEFAULTS + path.removeprefix(_SPEC)]
        raise KeyError(path)

    def __iter__(self) -> Iterator[str]:
        own = list(_paths("", self._place))
        yield from own
        inherited = (_SPEC + path.removeprefix(_DEFAULTS) for path in self._project if path.startswith(_DEFAULTS))
        yield from set(inherited) - set(own)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def nearest(self, steps: tuple[str | int, ...]) -> Location:
        """Return the place of the value a path leads to, or of the closest thing around it that somebody wrote."""
        for end in range(len(steps), 0, -1):
            place = self._place.find(steps[:end])
            if place is not None:
                return self._location(place)
            inherited = self.get(".".join(str(step) for step in steps[:end]))
            if inherited is not None:
                return inherited
        return self._location(self._place)

    def _location(self, place: Place) -> Location:
        return Location(self._file, place.line, place.column)


def spell(steps: Iterable[str | int]) -> str:
    """Return a path as messages show it: ``spec.permissions[0].role``."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _descend(place: Place, path: str) -> Place | None:
    """Find a dotted path; keys may hold dots themselves (labels do), so the longest key that fits is tried first."""
    if not path:
        return place
    if place.inside is None:
        return None
    head, rest = path, ""
    while head:
        inner = place.inside.get(head) or (place.inside.get(int(head)) if head.isdecimal() else None)
        found = None if inner is None else _descend(inner, rest)
        if found is not None:
            return found
        head, _, tail = head.rpartition(".")
        rest = f"{tail}.{rest}" if rest else tail
    return None


def _paths(path: str, place: Place) -> Iterator[str]:
    yield path
    for step, inner in (place.inside or {}).items():
        yield from _paths(f"{path}.{step}" if path else str(step), inner)
