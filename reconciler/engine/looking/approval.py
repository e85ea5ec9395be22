"""What was reviewed is what is applied: the digest of the plan at hand against the one that was approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.canonical import digest
from reconciler.core.lockfile import Lockfile
from reconciler.core.plan import Action, Kind, Plan, action_digest_value
from reconciler.errors import StalePlan


def check_approval(plan: Plan, recorded: Lockfile, expected: str) -> None:
    """Refuse a plan that is not the approved one.

    The rest of an approved plan whose apply was interrupted is covered by the same approval: the lockfile remembers it
    together with the digest of each of its actions. What is left of one that was carried out is nothing at all.

    Args:
        plan: the plan made just now.
        recorded: the lockfile it was made from.
        expected: the approved digest, ``sha256:…`` or its hex digits alone.

    Raises:
        StalePlan: something moved since the approval; the message says what can be known of it.
    """
    wanted = expected if expected.startswith("sha256:") else f"sha256:{expected}"
    if plan.digest == wanted:
        return
    approval = recorded.approval
    if approval is not None and approval.digest == wanted:
        names = set(approval.actions.values())
        strange = [action for action in plan.actions if not _covered(action, approval.actions, names)]
        if not strange:
            return
        raise StalePlan(
            f"the approved plan was begun, and the rest of it is not what would be applied now: approved {wanted}",
            details=tuple(f"not in it: {action.kind.value} {action.name}, {action.reason}" for action in strange),
            hint="review `tunectl plan` and approve the new digest",
        )
    raise StalePlan(
        f"the plan is not the approved one: approved {wanted}, now {plan.digest}",
        hint="manifests, data or the remote moved since; review `tunectl plan` and approve the new digest",
    )


def _covered(action: Action, approved: Mapping[str, str], names: set[str]) -> bool:
    if action.kind in {Kind.WAIT, Kind.BLOCKED} or (action.cleanup and action.name in names):
        return True
    if action.kind is Kind.FORGET and digest(action_digest_value(replace(action, kind=Kind.DELETE))) in approved:
        return True  # the deletion was carried out, and the run ended before it was recorded
    return digest(action_digest_value(action)) in approved
