"""Which fields differ, field by field. Only what the manifest sets is ever compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.canonical import Json, plain
from reconciler.core.plan import Change
from reconciler.core.resource import Capabilities, Spec

_ABSENT = object()


def field_changes(
    before: Spec, after: Spec, *, capabilities: Capabilities, ignore: Iterable[str] = ()
) -> tuple[Change, ...]:
    """Return the fields of ``after`` that ``before`` does not have or has with another value, sorted by path.

    Args:
        before: what is there, with every value the service resolved.
        after: what the manifest sets; a field it does not set is not managed and never differs.
        capabilities: says what changing each field costs; a field the provider does not keep never differs.
        ignore: paths, or heads of paths, that are left out.
    """
    if all(key in before and before[key] == wanted for key, wanted in after.items()):
        return ()  # so it is with most fields of most models, and it takes no copy to see
    managed = _restrict(before, after)
    if managed == after:
        return ()
    ignored = tuple(ignore)
    changes = []
    for path in sorted(_differing(managed, after)):
        dotted = ".".join(path)
        effect = capabilities.effect(dotted)
        old, new = _lookup(managed, path), _lookup(after, path)
        if effect is None or ignores(ignored, dotted) or old == new or (old is None and _is_empty(new)):
            continue
        changes.append(Change(f"spec.{dotted}", old, new, effect.value))
    return tuple(changes)


def ignores(ignore: Iterable[str], path: str) -> bool:
    """Tell whether a dotted path, or a head of it, is among the ignored ones."""
    return any(path == head or path.startswith(f"{head}.") for head in ignore)


def _is_empty(value: Json) -> bool:
    """proto3 JSON leaves an empty text out, so an absent one and an empty one are the same; so with mappings, lists."""
    return value is not None and isinstance(value, str | Mapping | Sequence) and not value


def _restrict(value: Mapping[str, Json], template: Mapping[str, Json]) -> dict[str, Json]:
    """Keep the keys of a mapping that the template has, level by level."""
    kept: dict[str, Json] = {}
    for key, wanted in template.items():
        if key in value:
            found = value[key]
            nested = isinstance(found, Mapping) and isinstance(wanted, Mapping)
            kept[key] = _restrict(found, wanted) if nested else found  # type: ignore[arg-type]  # narrowed by nested
    return kept


def _differing(before: Mapping[str, Json], after: Mapping[str, Json]) -> set[tuple[str, ...]]:
    """Return the paths at which two mappings differ; a list counts as one value."""
    from deepdiff import DeepDiff  # noqa: PLC0415  # 0.1 s to import, and most plans have nothing to compare

    tree = DeepDiff(plain(before), plain(after), view="tree")
    paths: set[tuple[str, ...]] = set()
    for levels in tree.values():
        for level in levels:
            steps = level.path(output_format="list")
            cut = next((index for index, step in enumerate(steps) if not isinstance(step, str)), len(steps))
            paths.update(_leaves(tuple(steps[:cut]), _find(after, steps[:cut])))
    return paths


def _leaves(path: tuple[str, ...], value: object) -> Iterable[tuple[str, ...]]:
    """A mapping that appeared as a whole counts field by field."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves((*path, key), item)
    else:
        yield path


def _find(value: object, path: Iterable[str]) -> object:
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return _ABSENT
        value = value[key]
    return value


def _lookup(value: Json, path: tuple[str, ...]) -> Json:
    found = _find(value, path)
    return None if found is _ABSENT else found  # type: ignore[return-value]  # a Json value came out of a Json value
