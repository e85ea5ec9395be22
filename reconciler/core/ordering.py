"""Which names come first: a model tuned from another one needs it ready."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import TopologicalSorter

from reconciler.core.resource import Desired


def parents_first(desired: Iterable[Desired]) -> list[Desired]:
    """Return the manifests so that every one comes after the one it is tuned from.

    The order follows from the manifests alone, not from the order they are given in; those without a source come
    first, by name.

    Raises:
        graphlib.CycleError: if they form a cycle (the manifest reader refuses those with the path).
    """
    by_name = {manifest.name: manifest for manifest in sorted(desired, key=lambda item: item.name)}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in by_name:
        sorter.add(name)
    for name, manifest in by_name.items():
        if manifest.parent in by_name:
            sorter.add(name, manifest.parent)
    return [by_name[name] for name in sorter.static_order()]
