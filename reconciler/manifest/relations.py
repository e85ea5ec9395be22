"""What manifests may not do to each other: share a name, want each other's names, tune from each other in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.resource import Desired
from reconciler.errors import Location, Problem
from reconciler.manifest.verdict import suggest

__all__ = ["check_relations"]


def check_relations(models: Sequence[Desired], *, complete: bool) -> Iterator[Problem]:
    """Yield what is wrong between manifests.

    ``complete`` is False when some documents could not be read; a parent that is missing then is no problem of its own.
    """
    by_name: dict[str, Desired] = {}
    for model in models:
        first = by_name.setdefault(model.name, model)
        if first is not model:
            message = f"metadata.name: '{model.name}' is already taken at {first.locate('metadata.name')}"
            yield Problem(model.locate("metadata.name"), message, "rename one of them")
    yield from _check_previous_names(models, by_name)
    yield from _check_parents(by_name, complete=complete)
    yield from _check_cycles(by_name)


def _check_previous_names(models: Sequence[Desired], by_name: Mapping[str, Desired]) -> Iterator[Problem]:
    claimed: dict[str, tuple[str, Location | None]] = {}
    for model in models:
        for index, former in enumerate(model.previous_names):
            place = model.locate(f"metadata.previousNames.{index}")
            if former in by_name and former != model.name:
                taken = by_name[former].locate("metadata.name")
                yield Problem(place, f"metadata.previousNames[{index}]: '{former}' is a manifest of its own at {taken}")
            name, first = claimed.setdefault(former, (model.name, place))
            if name != model.name:
                message = f"metadata.previousNames[{index}]: {name} was '{former}' as well, at {first}"
                yield Problem(place, message, "only one manifest can take a model over")


def _check_parents(by_name: Mapping[str, Desired], *, complete: bool) -> Iterator[Problem]:
    for model in by_name.values():
        if model.parent is not None and model.parent not in by_name:
            hint = suggest(model.parent, by_name)
            if complete or hint is not None:
                message = f"spec.source.model: there is no manifest '{model.parent}'"
                yield Problem(model.locate("spec.source.model"), message, hint)


def _check_cycles(by_name: Mapping[str, Desired]) -> Iterator[Problem]:
    done: set[str] = set()
    for start in by_name:
        path: list[str] = []
        name: str | None = start
        while name is not None and name in by_name and name not in done and name not in path:
            path.append(name)
            name = by_name[name].parent
        if name is not None and name in path:
            circle = path[path.index(name) :]
            message = f"spec.source.model: tunes from itself: {' -> '.join([*circle, name])}"
            yield Problem(by_name[name].locate("spec.source.model"), message, "start one of them from a base model")
        done.update(path)
