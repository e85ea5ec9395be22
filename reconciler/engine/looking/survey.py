"""Looks at a whole project for a report: one listing with loss curves, manifests, lineage. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from reconciler.core.lineage import Record
from reconciler.core.lockfile import Entry, Lockfile
from reconciler.core.manifests import Manifests
from reconciler.core.observation import Observed
from reconciler.core.past.chain import chain_of
from reconciler.core.planning.build import Policy
from reconciler.core.planning.tolerance import sift
from reconciler.core.scope import choose
from reconciler.core.showing.overview import NameOverview, Overview
from reconciler.core.showing.specimen import Specimen, last_records
from reconciler.core.upkeep.choice import models_of
from reconciler.engine.looking.audit import Audit, weigh, with_progress
from reconciler.engine.looking.observe import observe, observe_permissions
from reconciler.errors import ProblemsError
from reconciler.ports.provider import Provider
from reconciler.ports.store import LockfileStore

SHOWN_RECORDS = 12


def survey(
    load: Callable[[], Manifests],
    provider: Provider,
    store: LockfileStore,
    policy: Policy,
    records: Sequence[Record],
    *,
    now: float,
) -> Overview:
    """Return everything there is to show of a project.

    Args:
        load: reads the manifests; if they have problems, drift stays unknown and the rest is shown all the same.
        provider: only read from.
        store: only read from.
        policy: as for an audit of the whole project.
        records: those of the lineage, in the order of its log.
        now: seconds since the epoch.

    Raises:
        LockfileError, RemoteError: something could not be read.
    """
    recorded = store.load().lockfile
    losses = provider.capabilities.losses
    observed = with_progress(provider, recorded, observe(provider, recorded, snapshots=losses))
    audit, unread = None, None
    try:
        manifests = load()
    except ProblemsError as error:
        unread = f"the manifests have {error.message.removesuffix(' found')}"
    else:
        chosen = choose(policy.scope, manifests.desired)
        observed = observe_permissions(provider, manifests.desired, recorded, observed, chosen)
        audit = weigh(manifests, recorded, observed, provider, policy, now=now)
    return _overview(recorded, observed, audit, records, policy, unread=unread, losses=losses, now=now)


def _overview(
    recorded: Lockfile,
    observed: Observed,
    audit: Audit | None,
    records: Sequence[Record],
    policy: Policy,
    *,
    unread: str | None,
    losses: bool,
    now: float,
) -> Overview:
    drift, tolerated = sift(() if audit is None else audit.drift, policy.tolerances, now=now)
    pins = {} if audit is None else {pin.name: pin for pin in audit.pinned}
    told = last_records(records)
    names = []
    for name, entry in sorted(recorded.models.items()):
        chain = chain_of(entry.history.head, records) if entry.history is not None else []
        seen = observed.models.get(entry.current.resource)
        names.append(
            NameOverview(
                name,
                _specimens(name, entry, observed, told),
                records=tuple(chain[:SHOWN_RECORDS]),
                more=max(0, (0 if entry.history is None else entry.history.records) - SHOWN_RECORDS),
                drift=tuple(each for each in drift if each.name == name),
                permissions=None if seen is None else seen.permissions,
                pin=pins.get(name),
            )
        )
    return Overview(
        policy.project,
        recorded.remote,
        datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        names=tuple(names),
        unmanaged=() if audit is None else audit.unmanaged,
        tolerated=tuple(tolerated),
        coverage=None if audit is None else audit.coverage,
        unread=unread,
        losses=losses,
    )


def _specimens(name: str, entry: Entry, observed: Observed, told: dict[str, Record]) -> tuple[Specimen, ...]:
    return tuple(
        Specimen(each, observed.models.get(each.instance.resource), told.get(each.instance.resource))
        for each in models_of(name, entry)
    )
