"""Which names come first: a model tuned from another one needs it ready."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import TopologicalSorter

from reconciler.core.resource import Desired


def parents_first(desired: Iterable[Desired]) -> list[Desired]:
    """Return the manifests so that every one comes after the one it is tuned from; names break ties.

    Raises:
        graphlib.CycleError: if they form a cycle (the manifest reader refuses those with the path).
    """
    by_name = {manifest.name: manifest for manifest in sorted(desired, key=lambda item: item.name)}
    sorter = TopologicalSorter(
        {name: [manifest.parent] if manifest.parent else [] for name, manifest in by_name.items()}
    )
    return [by_name[name] for name in sorter.static_order() if name in by_name]
