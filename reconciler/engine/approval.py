"""What was reviewed is what is applied: the digest of the plan at hand against the one that was approved."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.canonical import digest
from reconciler.core.lockfile import Lockfile
from reconciler.core.plan import Action, Kind, Plan, action_digest_value
from reconciler.errors import StalePlan


def check_approval(plan: Plan, recorded: Lockfile, expected: str, *, approved: Mapping[str, str] | None = None) -> None:
    """Refuse a plan that is not the approved one.

    The rest of an approved plan whose apply was interrupted is covered by the same approval: the lockfile remembers it
    together with the digest of each of its actions.

    Args:
        plan: the plan made just now.
        recorded: the lockfile it was made from.
        expected: the approved digest, ``sha256:…`` or its hex digits alone.
        approved: what the approved plan held, if that is known: a label by the digest of each action.

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
        listed = ", ".join(f"{action.kind.value} {action.name}" for action in strange[:5])
        raise StalePlan(
            f"the approved plan was begun, and this is not in it: {listed}",
            hint="review the new plan and approve its digest",
        )
    moved = "" if approved is None else _moved(plan, approved)
    raise StalePlan(
        f"the plan is not the approved one: approved {wanted}, now {plan.digest}{moved}",
        hint="manifests, data or the remote moved since; review `tunectl plan` and approve the new digest",
    )


def _moved(plan: Plan, approved: Mapping[str, str]) -> str:
    """Say what is new against the approved plan and what is not in it any more."""
    now = {digest(action_digest_value(a)): f"{a.kind.value} {a.name}" for a in plan.actions if a.kind is not Kind.WAIT}
    came = sorted(label for key, label in now.items() if key not in approved)
    went = sorted(label for key, label in approved.items() if key not in now)
    parts = [f"{word} {', '.join(labels[:5])}" for word, labels in (("now:", came), ("approved:", went)) if labels]
    return f" ({'; '.join(parts)})" if parts else " (the scope or the remote is another one)"


def _covered(action: Action, approved: Mapping[str, str], names: set[str]) -> bool:
    if action.kind in {Kind.WAIT, Kind.BLOCKED} or (action.cleanup and action.name in names):
        return True
    return digest(action_digest_value(action)) in approved
