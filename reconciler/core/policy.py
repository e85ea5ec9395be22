"""What a plan may not do: limits and protection, decided from the plan alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.limits import Limits
from reconciler.core.lockfile import Entry
from reconciler.core.plan import TRAINS, Action, Kind
from reconciler.errors import Violation


def violations(actions: Iterable[Action], entries: Mapping[str, Entry], limits: Limits) -> tuple[Violation, ...]:
    """Return every reason why a plan must not be applied: what, how much, the limit, and the flag that allows it.

    Deleting what was already replaced is part of a replacement that was approved before and counts as no deletion.
    """
    planned = tuple(actions)
    found = [
        Violation(
            f"{action.name}: is protected and would be {'deleted' if action.kind is Kind.DELETE else 'forgotten'}; "
            "first apply its manifest with lifecycle.protect: false, then remove it",
            rule="lifecycle.protect",
        )
        for action in planned
        if action.kind in {Kind.DELETE, Kind.FORGET}
        and not action.cleanup
        and action.name in entries
        and entries[action.name].protect
    ]
    deletes = sum(action.kind is Kind.DELETE and not action.cleanup for action in planned)
    replaces = sum(action.kind is Kind.REPLACE for action in planned)
    steps = sum(action.steps.most for action in planned if action.kind in TRAINS and action.steps is not None)
    for count, limit, noun, field, flag in (
        (deletes, limits.max_deletes, "deletion", "maxDeletes", "--allow-deletes"),
        (replaces, limits.max_replaces, "replacement", "maxReplaces", "--allow-replaces"),
        (steps, limits.max_steps, "tuning step", "maxSteps", "--allow-steps"),
    ):
        if limit is not None and count > limit:
            what = f"{count} {noun} is" if count == 1 else f"{count} {noun}s are"
            message = f"{what} over limits.{field} = {limit}; {flag} {count} allows exactly this plan"
            found.append(Violation(message, rule=f"limits.{field}"))
    if limits.max_steps is not None:
        found += [
            Violation(
                f"{action.name}: how many tuning steps it takes is not known, and limits.maxSteps = "
                f"{limits.max_steps}; set hyperparameters.epochCount and batchSize",
                rule="limits.maxSteps",
            )
            for action in planned
            if action.kind in TRAINS and action.steps is None and action.dataset is not None
        ]
    return tuple(found)
