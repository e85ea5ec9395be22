"""Where a model comes from: the model it was tuned from, and the base model at the root of both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from reconciler.core.lineage import Parent
from reconciler.core.lockfile import Instance, Lockfile
from reconciler.core.observation import Observation
from reconciler.core.resource import Spec


class Ancestry:
    """The parents of the models of one lockfile."""

    def __init__(self, recorded: Lockfile) -> None:
        self._recorded = recorded

    @cached_property
    def _instances(self) -> dict[str, tuple[str, Instance]]:
        return {i.resource: (name, i) for name, entry in self._recorded.models.items() for i in entry.instances()}

    def parent(self, spec: Spec, seen: Observation | None = None) -> Parent | None:
        """Return what a model was tuned from: as the service says, if it was asked, else as the lockfile has it now."""
        live = None if seen is None else _source(seen.spec).get("tunedModel")
        source = _source(spec)
        resource = live if isinstance(live, str) else source.get("tunedModel")
        entry = self._recorded.models.get(str(source.get("model")))
        if not isinstance(resource, str):
            resource = None if entry is None else entry.current.resource
        if resource is None:
            return None
        known = self._instances.get(resource)
        return Parent(resource) if known is None else Parent(resource, known[0], known[1].revision)

    def base_model(self, spec: Spec) -> str | None:
        """Return the base model at the root of a spec, through all its parents; None where one is not recorded."""
        passed: set[str] = set()
        while not isinstance(base := spec.get("baseModel"), str):
            parent = self.parent(spec)
            if parent is None or parent.resource not in self._instances or parent.resource in passed:
                return None
            passed.add(parent.resource)
            spec = self._instances[parent.resource][1].spec
        return base


def _source(spec: Spec) -> Mapping[str, object]:
    source = spec.get("source")
    return source if isinstance(source, Mapping) else {}
