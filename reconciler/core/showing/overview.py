"""Everything a report shows, as one value: every name with its models and its past, and what is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.lineage import Record
from reconciler.core.permission import Permission
from reconciler.core.plan import Drift, Pinned, Unmanaged
from reconciler.core.planning.tolerance import Tolerated
from reconciler.core.resource import Remote
from reconciler.core.showing.specimen import Specimen


@dataclass(frozen=True, slots=True)
class NameOverview:
    """One name of the project.

    ``specimens`` are its models, the current one first. ``records`` are the newest of its past, newest first, and
    ``more`` how many older ones there are. ``permissions`` is None unless they were asked for. ``pin`` is what a
    rollback keeps.
    """

    name: str
    specimens: tuple[Specimen, ...]
    records: tuple[Record, ...] = ()
    more: int = 0
    drift: tuple[Drift, ...] = ()
    permissions: tuple[Permission, ...] | None = None
    pin: Pinned | None = None

    @property
    def current(self) -> Specimen:
        """The model that serves, or the first one in the making."""
        return self.specimens[0]

    @property
    def troubled(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.drift) or any(each.missing or each.state in _TROUBLE for each in self.specimens)


@dataclass(frozen=True, slots=True)
class Overview:
    """A project at one moment; ``time`` is RFC 3339 in UTC.

    ``unread`` says why drift is not known: the manifests could not be read. ``losses`` whether the service reports
    any. ``coverage`` is the share of the remote models that is managed, in percent.
    """

    project: str
    remote: Remote
    time: str
    names: tuple[NameOverview, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    tolerated: tuple[Tolerated, ...] = ()
    coverage: float | None = None
    unread: str | None = None
    losses: bool = True

    @property
    def drift(self) -> tuple[Drift, ...]:
        """All drift, by name."""
        return tuple(drift for name in self.names for drift in name.drift)


_TROUBLE = frozenset({"failed", "rejected"})
