"""What a plan may not do: limits and protection, decided from the plan alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from reconciler.core.limits import Limits
from reconciler.core.lockfile import Entry
from reconciler.core.plan import TRAINS, Action, Kind
from reconciler.core.price import Money, plus, spell
from reconciler.errors import Violation


def violations(
    actions: Iterable[Action], entries: Mapping[str, Entry], limits: Limits, *, uncounted: str | None = None
) -> tuple[Violation, ...]:
    """Return every reason why a plan must not be applied: what, how much, the limit, and the flag that allows it.

    ``uncounted`` is why the service's steps cannot be known before a tuning runs; see ``Capabilities``.

    Deleting what was already replaced is part of a replacement that was approved before and counts as no deletion.
    Deleting what was kept on purpose, or what the lockfile does not record, is one.
    """
    planned = tuple(actions)
    found = list(_protected(planned, entries))
    removed = {action.name for action in planned if action.kind is Kind.DELETE and not action.cleanup}
    deletes = sum(_counts(action, entries.get(action.name), removed) for action in planned)
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
            found.append(Violation(message, limits.where.get(field), f"limits.{field}"))
    return (*found, *_uncountable(planned, limits, uncounted))


def _protected(actions: Iterable[Action], entries: Mapping[str, Entry]) -> Iterator[Violation]:
    for action in actions:
        leaves = action.kind in {Kind.DELETE, Kind.FORGET} and not action.cleanup
        if leaves and action.name in entries and entries[action.name].protect:
            yield Violation(
                f"{action.name}: is protected and would be {'deleted' if action.kind is Kind.DELETE else 'forgotten'}; "
                "first apply its manifest with lifecycle.protect: false, then remove it",
                rule="lifecycle.protect",
            )


def _uncountable(actions: Iterable[Action], limits: Limits, uncounted: str | None) -> Iterator[Violation]:
    """Yield the trainings whose steps nobody can hold to the limit."""
    if limits.max_steps is None:
        return
    mend = "set hyperparameters.epochCount and batchSize"
    if uncounted is not None:
        mend = f"{uncounted}; bound limits.maxCost or spec.policy's hyperparameters.epochCount in its place"
    for action in actions:
        if action.kind in TRAINS and action.steps is None and action.dataset is not None:
            yield Violation(
                f"{action.name}: how many tuning steps it takes is not known, and limits.maxSteps = "
                f"{limits.max_steps}; {mend}",
                limits.where.get("maxSteps"),
                "limits.maxSteps",
            )


def over_cost(actions: Iterable[Action], limits: Limits) -> Iterator[Violation]:
    """Yield why trainings cost too much by their forecasts, or may do so; what has no price is never taken for free."""
    limit = limits.max_cost
    if limit is None:
        return
    rule, said, where = "limits.maxCost", f"limits.maxCost = {limit}", limits.where.get("maxCost")
    spent = Decimal(0)
    for action in actions:
        if action.kind not in TRAINS or action.dataset is None:
            continue
        cost = None if action.forecast is None else action.forecast.cost
        if cost is None:
            why = (action.forecast.unpriced if action.forecast else None) or "the project has no prices"
            yield Violation(
                f"{action.name}: what it costs is not known ({why}), and {said}; see spec.prices", where, rule
            )
        elif cost.currency != limit.currency:
            message = f"{action.name}: is priced in {cost.currency}, and {said}; give both in one currency"
            yield Violation(message, where, rule)
        else:
            spent = plus(spent, cost.most)
    if spent > limit.amount:
        message = f"{Money(spent, limit.currency)} of training is over {said}"
        yield Violation(f"{message}; --allow-cost {spell(spent)} allows exactly this plan", where, rule)


def _counts(action: Action, entry: Entry | None, removed: set[str]) -> bool:
    """Tell whether an action is a deletion in the sense of ``limits.maxDeletes``; a whole name is one."""
    if action.kind is not Kind.DELETE:
        return False
    if not action.cleanup or entry is None:
        return True
    retained = {instance.resource for instance in entry.retained}
    recorded = {instance.resource for instance in entry.instances()}
    kept = action.resource in retained or action.resource not in recorded
    return kept and action.name not in removed
