"""Everything that decides about one wanted name, and the actions that follow from it. The deciding is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.core.lockfile import Entry, Instance
from reconciler.core.observation import Observation, Observed
from reconciler.core.plan import Action, Change, Kind
from reconciler.core.resource import Capabilities, Desired
from reconciler.core.revision import compatible


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that decides about one wanted name.

    ``identify`` gives the resource name of an attempt of the wanted revision; ``owner`` maps recorded resources to the
    name whose entry holds them; ``parent_resource`` is the parent's serving model, None while that is to change.
    ``orphans`` maps the resource name of a first attempt to the attempts that exist and that nothing records.
    ``pinned`` says that ``revision`` is what a rollback went back to, not what the manifest asks for.
    """

    desired: Desired
    entry: Entry | None
    revision: str
    observed: Observed
    capabilities: Capabilities
    identify: Callable[[int], str]
    owner: Mapping[str, str]
    parent_resource: str | None = None
    forced: bool = False
    orphans: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    pinned: bool = False

    def observation(self, instance: Instance | None) -> Observation | None:
        """Return what is seen of an instance."""
        return None if instance is None else self.observed.get(instance.resource)

    def fits(self, observation: Observation) -> bool:
        """Tell whether a live model could be the wanted one."""
        return compatible(self.desired, observation, parent_resource=self.parent_resource)

    def is_of(self, instance: Instance, observation: Observation) -> bool:
        """Tell whether the live model under an instance's id could be that instance."""
        made = Desired(name=self.desired.name, spec=instance.spec)
        return compatible(made, observation, parent_resource=self.parent_resource)

    def act(
        self,
        kind: Kind,
        reason: str,
        instance: Instance,
        *,
        previous: str | None = None,
        changes: tuple[Change, ...] = (),
        blocked_by: str | None = None,
    ) -> Action:
        """Return an action about a recorded instance."""
        return Action(
            name=self.desired.name,
            kind=kind,
            reason=reason,
            resource=instance.resource,
            previous=previous,
            revision=instance.revision,
            attempt=instance.attempt,
            changes=changes,
            dataset=self.desired.dataset,
            dataset_before=None if self.entry is None else self.entry.current.dataset,
            lifecycle=self.desired.lifecycle,
            gate=None if self.desired.gate is None else self.desired.gate.canonical,
            blocked_by=blocked_by,
        )
