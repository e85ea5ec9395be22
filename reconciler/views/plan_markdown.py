"""A plan for a pull-request comment or a job summary: one table, a fold for each model, never over the size limit.

GitHub refuses a comment of more than 65,536 characters and drops a job summary of more than 1 MiB as a whole. What is
too much is left out section by section, least important first, and its number is said; a line that creates, replaces or
deletes a model stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.core.datachange import RowSample
from reconciler.core.forecast import total
from reconciler.core.gate import records_checks
from reconciler.core.plan import Action, Kind, Plan
from reconciler.views.data import NO_SAMPLES, Samples, sample_items
from reconciler.views.escape import code, prose
from reconciler.views.forecast_words import facts_of, totals_of, variant_cells
from reconciler.views.plan_text import drift_line, left_out_line, unmanaged_line
from reconciler.views.rollback import pin_line
from reconciler.views.words import (
    SYMBOLS,
    bullets,
    change_text,
    count,
    dataset_text,
    is_paid,
    moved_dataset,
    outgoing_text,
    plan_line,
    remote_text,
    selection_text,
    steps_text,
    unchanged_line,
    upload_text,
)

LIMIT = 59_000
"""Bytes of UTF-8: a comment's 60,000, less what is put around the page when it is posted. GitHub's own limit lies above
that, whether it counts bytes or characters."""

_WEIGHTY = (Kind.DELETE, Kind.REPLACE, Kind.CREATE)
_VALUE, _REASON, _WIDE = 200, 240, 600
_LISTED, _REASONS = 100, 10
_NOTE = 300
_TABLE = "\n| | Model | Resource | Why | Steps |\n| :-: | --- | --- | --- | --: |\n"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the page that stays or goes as a whole: rank 0 always stays, then the lower rank first."""

    rank: int
    text: str
    noun: str = ""


def render_markdown(plan: Plan, *, limit: int = LIMIT, samples: Samples = NO_SAMPLES) -> str:
    """Return the plan as GitHub-flavoured Markdown of at most ``limit`` bytes of UTF-8.

    ``samples`` are training rows to show, by name; only if somebody asked for them.
    """
    pieces = list(_pieces(plan, samples))
    must = sum(_size(piece) for piece in pieces if piece.rank == 0)
    return _fit(pieces, limit) if must + _NOTE <= limit else _compact(plan, limit)


def _pieces(plan: Plan, samples: Samples) -> Iterator[_Piece]:
    yield _Piece(0, _head(plan))
    yield from (_Piece(0, f"\n**Apply would refuse this plan:** {prose(str(why))}\n") for why in plan.violations)
    if plan.actions:
        yield _Piece(0, _TABLE)
        yield from (_Piece(0 if action.kind in _WEIGHTY else 2, _row(action), "row") for action in plan.actions)
    for action in plan.actions:
        facts = list(_facts(action, samples.get(action.name, ())))
        if facts:
            yield _Piece(1 if action.kind in _WEIGHTY else 4, _details(_title(action), "".join(facts)), "detail")
    if plan.what_if:
        yield _Piece(1, _details(f"What if each were tuned anew ({len(plan.what_if):,})", _what_if(plan)), "section")
    drift = [prose(drift_line(drift, width=_WIDE)) for drift in plan.drift]
    yield from _list(3, "Not as the last apply left it", drift)
    left_out = [prose(left_out_line(action), limit=_REASON) for action in plan.left_out]
    yield from _list(3, "Left out (--only drift)", left_out)
    yield from _list(3, "Pinned", [prose(pin_line(pin)) for pin in plan.pinned])
    yield from _list(3, "Warnings", [prose(str(warning)) for warning in plan.warnings])
    models = [prose(unmanaged_line(model)) for model in plan.unmanaged]
    yield from _list(5, "Remote models that are not managed here, and never touched", models)


def _head(plan: Plan) -> str:
    title = unchanged_line(plan) if plan.empty else plan_line(plan)
    selected = f"A selection: {selection_text(plan.scope)}.\n" if plan.scope.partial else ""
    steps = f"Tuning steps to buy: **{steps_text(plan.steps)}**\n" if plan.steps.most else ""
    taken = [f"{title}: **{prose(text, limit=_REASON)}**\n" for title, text in totals_of(total(plan.actions))]
    facts = (f"Project {code(plan.project)} on {code(remote_text(plan.remote))}\n", selected, steps, *taken)
    lines = "".join(f"\n{fact}" for fact in facts if fact)
    return f"**{title}**\n{lines}\nPlan digest: `{plan.digest}`\n"


def _row(action: Action) -> str:
    cells = (
        f"`{SYMBOLS[action.kind]}`",
        code(action.name),
        "" if action.resource is None else code(action.resource),
        f"{action.kind.value}: {prose(action.reason, limit=_REASON)}",
        "" if action.steps is None else steps_text(action.steps),
    )
    return f"| {' | '.join(cells)} |\n"


def _title(action: Action) -> str:
    return f"{code(SYMBOLS[action.kind])} {action.kind.value} {code(action.name)}"


def _facts(action: Action, rows: Sequence[RowSample]) -> Iterator[str]:
    """Yield what a row does not show, as Markdown."""
    told = moved_dataset(action)
    changes = [change for change in action.changes if change is not told]
    if changes:
        yield "| Field | Before | After | |\n| --- | --- | --- | --- |\n"
        for change in changes:
            before, after = change_text(change.before, change.after, limit=_VALUE)
            note = "needs a new training" if is_paid(action, change) else ""
            yield f"| {code(change.path)} | {code(before)} | {code(after)} | {note} |\n"
        yield "\n"
    yield from _data_facts(action, rows)
    for word, text in facts_of(action.forecast):
        yield f"* {word}: {prose(text, limit=_REASON)}\n"
    if action.previous is not None:
        yield f"* takes the place of {code(action.previous)} once it is ready\n"
    if action.outgoing:
        yield f"* {prose(outgoing_text(action), limit=_REASON)}\n"
    if action.previous_name is not None:
        yield f"* was called {code(action.previous_name)}\n"
    if action.depends_on:
        yield f"* after {', '.join(map(code, action.depends_on))}\n"
    if records_checks(action.gate):
        yield "* must pass its gate before it serves\n"


def _data_facts(action: Action, rows: Sequence[RowSample]) -> Iterator[str]:
    if action.dataset is not None:
        moved = moved_dataset(action)
        note = "; needs a new training" if moved is not None and is_paid(action, moved) else ""
        yield f"* dataset: {prose(dataset_text(action.dataset, action.dataset_before, action.data) + note)}\n"
        yield from sample_items(rows)
    if (upload := upload_text(action)) is not None:
        yield f"* upload: {prose(upload)}\n"


def _what_if(plan: Plan) -> str:
    rows = [
        f"| {' | '.join(prose(cell, limit=_VALUE) for cell in variant_cells(variant))} |\n" for variant in plan.what_if
    ]
    return f"| Model | What if | Steps | Time | Cost |\n| --- | --- | --: | --- | --- |\n{''.join(rows)}"


def _list(rank: int, title: str, lines: Sequence[str]) -> Iterator[_Piece]:
    if lines:
        items = "".join(f"* {line}\n" for line in bullets(lines, cap=_LISTED))
        yield _Piece(rank, _details(f"{title} ({len(lines):,})", items), "section")


def _details(title: str, body: str) -> str:
    return f"\n<details><summary>{title}</summary>\n\n{body}\n</details>\n"


def _size(piece: _Piece) -> int:
    return len(piece.text.encode())


def _fit(pieces: Sequence[_Piece], limit: int) -> str:
    """Keep what must stay, then what still fits, most important first; say how much did not."""
    room = limit - _NOTE
    kept = set()
    for index in sorted(range(len(pieces)), key=lambda index: pieces[index].rank):
        size = _size(pieces[index])
        if size <= room:
            kept.add(index)
            room -= size
    dropped = Counter(piece.noun for index, piece in enumerate(pieces) if index not in kept)
    text = "".join(piece.text for index, piece in enumerate(pieces) if index in kept)
    if not dropped:
        return text
    left_out = ", ".join(count(number, noun) for noun, number in sorted(dropped.items()))
    return f"{text}\nLeft out to keep this short: {left_out}. `tunectl plan` shows all of it.\n"


def _compact(plan: Plan, limit: int) -> str:
    """Return names only, deletes first, for a plan whose table alone is too long."""
    text = _head(plan)
    for reason in bullets(map(str, plan.violations), cap=_REASONS):
        text += f"\n**Apply would refuse this plan:** {prose(reason, limit=_REASON)}\n"
    room = limit - len(text.encode()) - _NOTE
    for kind in _WEIGHTY:
        names = [code(action.name, limit=63) for action in plan.actions if action.kind is kind]
        shown = 0
        while shown < len(names) and len(names[shown].encode()) + 2 <= room:
            room -= len(names[shown].encode()) + 2
            shown += 1
        if names:
            rest = f" and {len(names) - shown:,} more" if shown < len(names) else ""
            text += f"\n`{SYMBOLS[kind]}` {kind.value}: {', '.join(names[:shown])}{rest}\n"
    return f"{text}\nThis plan is too long for a table. `tunectl plan` shows all of it.\n"
