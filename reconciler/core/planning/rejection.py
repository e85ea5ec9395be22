"""What becomes of a wanted revision that a gate rejected: nothing, until the gate is another one."""

from __future__ import annotations

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.observation import ModelState
from reconciler.core.plan import Action, Kind
from reconciler.core.planning.case import Case
from reconciler.core.planning.comparison import patch
from reconciler.core.verdict import describe

_SHOWN = 3


def rejection(case: Case, entry: Entry, *, previous: str | None) -> tuple[Action, ...]:
    """Return what a plan does about the latest attempt of the wanted revision that was rejected, if there is one.

    Under the gate that rejected it, it is blocked. Under another one it is judged again, which trains nothing: a reuse
    of no steps. Without a gate it serves. If its model is gone, nothing can be judged, and buying it again is left to
    ``--replace``.
    """
    latest = _latest(case, entry)
    if latest is None:
        return ()
    gate = case.desired.gate
    seen = case.observation(latest)
    if gate is not None and gate.judges and latest.verdict is not None and latest.verdict.gate == gate.checks_digest:
        reason = f"attempt {latest.attempt} of this revision was rejected by its gate{_why(latest)}; "
        if latest.disposed:
            reason += "its model is not kept (onFail: delete), so no other gate can judge it; change the manifest, or "
        else:
            reason += "change the manifest or its gate, or "
        reason += f"buy another attempt: `tunectl apply --replace {case.desired.name}`"
        return (case.act(Kind.BLOCKED, reason, latest, previous=previous, blocked_by="rejected"),)
    if seen is None or seen.state is not ModelState.READY:
        gone = "was deleted (onFail: delete)" if latest.disposed else "is gone"
        reason = (
            f"the gate of attempt {latest.attempt} changed, but the rejected model {gone} and cannot be judged again; "
            f"buy another attempt: `tunectl apply --replace {case.desired.name}`"
        )
        return (case.act(Kind.BLOCKED, reason, latest, previous=previous, blocked_by="rejected"),)
    if gate is None or not gate.judges:
        reason = f"{short(latest.resource)} was rejected by a gate that is removed; nothing is bought"
    else:
        reason = f"the gate changed: {short(latest.resource)} was rejected and is judged again; nothing is bought"
    return (case.act(Kind.REUSE, reason, latest, previous=previous), *patch(case, latest, seen))


def _latest(case: Case, entry: Entry) -> Instance | None:
    rejected = [
        instance
        for instance in (entry.current, *entry.rejected)
        if instance.state is InstanceState.REJECTED and instance.revision == case.revision
    ]
    return max(rejected, key=lambda instance: instance.attempt, default=None)


def _why(instance: Instance) -> str:
    unmet = () if instance.verdict is None else instance.verdict.unmet
    return f": {'; '.join(describe(check) for check in unmet[:_SHOWN])}" if unmet else ""
