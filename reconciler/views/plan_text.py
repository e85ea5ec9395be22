"""A plan for people: what will happen to which model and why, the totals at the end, nothing that scrolls them away.

Pure: a plan in, text out. Everything that others wrote is sanitised here and painted afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.core.forecast import total
from reconciler.core.gate import records_checks
from reconciler.core.plan import Action, Drift, Kind, Plan, Unmanaged
from reconciler.core.text import sanitize
from reconciler.errors import Problem
from reconciler.views.data import NO_SAMPLES, Samples, sample_lines
from reconciler.views.forecast_words import facts_of, totals_of, what_if_rows
from reconciler.views.paint import Paint, painter
from reconciler.views.rollback import pin_line
from reconciler.views.words import (
    DATASET,
    SYMBOLS,
    bullets,
    change_text,
    count,
    dataset_text,
    guard,
    is_paid,
    moved_dataset,
    outgoing_text,
    plan_line,
    remote_text,
    selection_text,
    steps_text,
    titled,
    unchanged_line,
    upload_text,
)

_STYLES = {
    Kind.CREATE: "green",
    Kind.UPDATE: "yellow",
    Kind.REPLACE: "magenta",
    Kind.DELETE: "red",
    Kind.BLOCKED: "bold red",
    Kind.REUSE: "green",
    Kind.FORGET: "yellow",
}
_INDENT = " " * 6
_SHOWN_DRIFT, _SHOWN_UNMANAGED, _SHOWN_WARNINGS, _SHOWN_PINNED = 50, 10, 50, 50
_NARROWEST = 24
_TRAINS = "  # needs a new training"


def render_plan(plan: Plan, *, color: bool = False, width: int = 100, samples: Samples = NO_SAMPLES) -> str:
    """Return the plan as text that ends with a line feed.

    Args:
        plan: the plan.
        samples: training rows to show, by name; only for who may see them.
        color: whether to use SGR codes; only for a terminal, and not with NO_COLOR.
        width: characters a line should keep to; values are cut for it, names and reasons are not.
    """
    paint = painter(color=color)
    blocks = [[paint(unchanged_line(plan), "bold")] if plan.empty else [_title(plan)]]
    blocks += [list(_action(action, paint, width, samples)) for action in plan.actions]
    blocks.append(_section("Not as the last apply left it:", _drift(plan.drift, width), paint, _SHOWN_DRIFT))
    blocks.append(_section("Left out (--only drift):", _left_out(plan), paint, _SHOWN_DRIFT))
    blocks.append(_section(_unmanaged_title(plan.unmanaged), _unmanaged(plan.unmanaged), paint, _SHOWN_UNMANAGED))
    blocks.append(_section("Pinned:", map(pin_line, plan.pinned), paint, _SHOWN_PINNED))
    blocks.append(_section("Warnings:", _warnings(plan.warnings), paint, _SHOWN_WARNINGS))
    refusals = (sanitize(str(violation)) for violation in plan.violations)
    blocks.append(_section("Apply would refuse this plan:", refusals, paint, None, "bold red"))
    blocks.append(_section("What if each were tuned anew:", iter(what_if_rows(plan.what_if)), paint, None))
    blocks.append([] if plan.empty else list(_totals(plan, paint)))
    return guard("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def render_action(action: Action, *, color: bool = False, width: int = 100) -> str:
    """Return one action as it stands in a plan."""
    return guard("\n".join(_action(action, painter(color=color), width, NO_SAMPLES)) + "\n")


def _title(plan: Plan) -> str:
    selected = f" (a selection: {selection_text(plan.scope)})" if plan.scope.partial else ""
    return f"{sanitize(plan.project)}: {count(len(plan.actions), 'action')} on {remote_text(plan.remote)}{selected}"


def _action(action: Action, paint: Paint, width: int, samples: Samples) -> Iterator[str]:
    symbol = f"{SYMBOLS[action.kind]:>3}"
    yield f"{paint(symbol, _STYLES.get(action.kind, 'blue'))} {paint(sanitize(action.name), 'bold')}  {_doing(action)}"
    yield f"{_INDENT}{sanitize(action.reason)}"
    yield from _facts(action, paint)
    if action.data is not None:
        yield from (f"{_INDENT}{line}" for line in sample_lines(samples.get(action.name, ()), paint, width))
    yield from _changes(action, paint, width)


def _doing(action: Action) -> str:
    """Return what is done to which resource."""
    resource = "" if action.resource is None else f" {sanitize(action.resource)}"
    if action.kind is Kind.REPLACE and action.previous is not None:
        return f"replace {sanitize(action.previous)} by{resource}"
    if action.kind is Kind.MOVE and action.previous_name is not None:
        return f"move from {sanitize(action.previous_name)}{resource}"
    return f"{action.kind.value}{resource}{', 0 steps' if action.kind is Kind.REUSE else ''}"


def _facts(action: Action, paint: Paint) -> Iterator[str]:
    facts = list(_succession(action))
    if action.dataset is not None:
        moved = moved_dataset(action)
        note = paint(_TRAINS, "magenta") if moved is not None and is_paid(action, moved) else ""
        facts.append(("dataset", dataset_text(action.dataset, action.dataset_before, action.data) + note))
    if (upload := upload_text(action)) is not None:
        facts.append(("upload", upload))
    if action.steps is not None:
        facts.append(("steps", steps_text(action.steps)))
    facts += facts_of(action.forecast)
    if action.depends_on:
        facts.append(("after", ", ".join(map(sanitize, action.depends_on))))
    if records_checks(action.gate) and action.kind is not Kind.UPDATE:  # what is patched serves already
        facts.append(("gate", "must pass before it serves"))
    if action.blocked_by is not None:
        facts.append(("blocked by", sanitize(action.blocked_by)))
    widest = max((len(name) for name, _ in facts), default=0)
    for name, text in facts:
        yield f"{_INDENT}{name:<{widest}}  {text}"


def _succession(action: Action) -> Iterator[tuple[str, str]]:
    """Yield in which order models take each other's place, and what goes besides."""
    if action.kind is Kind.REPLACE:
        yield "order", f"tune the new model, wait until it is ready, then {_afterwards(action)}"
    if action.outgoing:
        yield "also", outgoing_text(action)


def _afterwards(action: Action) -> str:
    """Return what becomes of a model that is replaced."""
    retain = 0 if action.lifecycle is None else action.lifecycle.retain
    return f"keep the old one (lifecycle.retain: {retain})" if retain else "let go of the old one"


def _changes(action: Action, paint: Paint, width: int) -> Iterator[str]:
    told = moved_dataset(action)
    changes = [change for change in action.changes if change is not told]
    paths = [f"{sanitize(change.path)}:" for change in changes]
    widest = max(map(len, paths), default=0)
    notes = [_TRAINS if is_paid(action, change) else "" for change in changes]
    taken = len(_INDENT) + widest + len("  -> ") + max(map(len, notes), default=0)
    room = max(_NARROWEST, (width - taken) // 2)
    for path, change, note in zip(paths, changes, notes, strict=True):
        before, after = change_text(change.before, change.after, limit=room)
        yield f"{_INDENT}{path:<{widest}} {paint(before, 'red')} -> {paint(after, 'green')}{paint(note, 'magenta')}"


def _drift(drifts: Sequence[Drift], width: int) -> Iterator[str]:
    for drift in drifts:
        yield drift_line(drift, width=width)


def _left_out(plan: Plan) -> Iterator[str]:
    for action in plan.left_out:
        yield left_out_line(action)


def left_out_line(action: Action) -> str:
    """Return something that a plan of drift alone does not do, on one line."""
    return f"{sanitize(action.name)}: {action.kind.value}: {sanitize(action.reason)}"


def drift_line(drift: Drift, *, width: int) -> str:
    """Return one thing that moved, on one line."""
    words = f"{sanitize(drift.name)}: {sanitize(drift.message)}"
    if drift.path is not None and drift.before != drift.after:
        before, after = change_text(drift.before, drift.after, limit=max(_NARROWEST, width // 3))
        told = drift.path == DATASET or drift.message.startswith(drift.path)
        words += f": {before} -> {after}" if told else f" ({sanitize(drift.path)}: {before} -> {after})"
    return words if drift.update_time is None else f"{words}, last changed {sanitize(drift.update_time)}"


def _unmanaged_title(models: Sequence[Unmanaged]) -> str:
    orphaned = sum(model.orphaned for model in models)
    ours = f", {orphaned:,} of them with an id like ours" if orphaned else ""
    return f"{count(len(models), 'remote model')} not managed here{ours}; never touched:"


def _unmanaged(models: Sequence[Unmanaged]) -> Iterator[str]:
    for model in sorted(models, key=lambda model: not model.orphaned):
        yield unmanaged_line(model)


def unmanaged_line(model: Unmanaged) -> str:
    """Return one model that nothing in the lockfile records, on one line."""
    kind = ", orphaned: made under a name like ours, recorded nowhere" if model.orphaned else ""
    return f"{titled(model.resource, model.display_name)}, {sanitize(model.state)}{kind}"


def _warnings(warnings: Sequence[Problem]) -> Iterator[str]:
    for warning in warnings:
        yield sanitize(str(warning))


def _section(title: str, lines: Iterator[str], paint: Paint, cap: int | None, style: str = "bold") -> list[str]:
    found = list(lines)
    shown = found if cap is None else bullets(found, cap=cap)
    return [paint(title, style), *(f"  {line}" for line in shown)] if found else []


def _totals(plan: Plan, paint: Paint) -> Iterator[str]:
    if plan.steps.most:
        yield f"Tuning steps to buy: {steps_text(plan.steps)}"
    yield from (f"{title}: {text}" for title, text in totals_of(total(plan.actions)))
    yield f"Plan digest: {plan.digest}"
    yield paint(plan_line(plan), "bold")
