"""How a run ended, for a job summary or a comment: what became of every action, or why there is no plan to show.

An error report has the same form as the page that was asked for, so whoever reads the file reads why it is not the
other one. Never over the size limit; what did not end well stands first and is the last to be left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.actual import Actual
from reconciler.core.event import Event, Failed, Finished, Judged, Measured, Planned, Skipped, Summarised
from reconciler.core.plan import Plan
from reconciler.core.verdict import describe
from reconciler.errors import Problem
from reconciler.views.escape import code, prose
from reconciler.views.forecast_words import took_words
from reconciler.views.plan_markdown import LIMIT
from reconciler.views.words import count, plan_line, unchanged_line

__all__ = ["Account", "render_failure", "render_run"]

_PAST = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "forget": "forgotten"}
_PAST |= {"wait": "waited for", "reuse": "reused", "adopt": "adopted", "move": "moved"}
_WEIGHTY = ("delete", "replace", "create")
_NOTE = 200
_REASON, _PROBLEM = 400, 1_000
_TABLE = "\n| Model | Action | End |\n| --- | --- | --- |\n"


@dataclass(slots=True)
class Account:
    """A reporter that remembers what a run came to; calling it with an event is all it takes."""

    plan: Plan | None = None
    ended: list[Finished | Failed | Skipped | Judged] = field(default_factory=list)
    summary: Summarised | None = None
    took: dict[str, Actual] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        match event:
            case Planned():
                self.plan = event.plan
            case Finished() | Failed() | Skipped():
                self.ended.append(event)
            case Judged(passed=False):
                self.ended.append(event)
            case Summarised():
                self.summary = event
            case Measured():
                self.took[event.resource] = event.actual
            case _:
                pass

    @property
    def failures(self) -> tuple[Problem, ...]:
        """What failed, and what was rejected, a problem each."""
        return tuple(
            Problem(None, f"{event.name}: {event.action}: {event.message}", event.hint)
            for event in self.ended
            if isinstance(event, Failed)
        ) + tuple(
            Problem(None, f"{event.name}: gate not met: {_unmet(event)}")
            for event in self.ended
            if isinstance(event, Judged)
        )


def render_run(account: Account, *, limit: int = LIMIT) -> str:
    """Return what was applied as GitHub-flavoured Markdown of at most ``limit`` bytes of UTF-8."""
    head = f"**{_headline(account)}**\n"
    if account.plan is not None:
        head += f"\n{plan_line(account.plan)} Plan digest: `{account.plan.digest}`\n"
    if not account.ended:
        return head
    rows = [_row(event, account.took) for event in sorted(account.ended, key=_weight)]
    return _filled(f"{head}{_TABLE}", rows, "row", limit)


def render_failure(
    command: str,
    problems: Sequence[Problem],
    *,
    exit_code: int,
    account: Account | None = None,
    limit: int = LIMIT,
) -> str:
    """Return why a command failed, as Markdown of at most ``limit`` bytes of UTF-8.

    Args:
        command: what failed (``tunectl plan``).
        problems: every reason, the first one first.
        exit_code: what it ended with.
        account: what it had done until then, if it does anything.
        limit: in bytes.
    """
    head = f"**{prose(command)} failed with exit code {exit_code}.**\n\n"
    if account is None or not account.ended:
        return _filled(head, list(_reasons(problems)), "problem", limit)
    half = limit // 2
    run = render_run(account, limit=half)
    return f"{_filled(head, list(_reasons(problems)), 'problem', limit - half - 1)}\n{run}"


def _reasons(problems: Iterable[Problem]) -> Iterator[str]:
    for problem in problems:
        place = "" if problem.location is None else f"{code(str(problem.location))}: "
        hint = "" if problem.hint is None else f"; {prose(problem.hint, limit=_PROBLEM)}"
        yield f"* {problem.severity}: {place}{prose(problem.message, limit=_PROBLEM)}{hint}\n"


def _headline(account: Account) -> str:
    done = Counter(event.action for event in account.ended if isinstance(event, Finished))
    words = {kind: f"{done[kind]} {_PAST.get(kind, kind)}" for kind in done}
    parts = [words[kind] for kind in _PAST if kind in words] + [words[kind] for kind in words if kind not in _PAST]
    for number, word in (
        (sum(isinstance(event, Failed) for event in account.ended), "failed"),
        (sum(isinstance(event, Judged) for event in account.ended), "rejected"),
        (sum(isinstance(event, Skipped) for event in account.ended), "not begun"),
        (0 if account.summary is None else account.summary.running, "still tuning"),
    ):
        if number:
            parts.append(f"{number} {word}")
    if parts:
        return f"Applied: {', '.join(parts)}."
    return "Nothing was applied." if account.plan is None or not account.plan.empty else unchanged_line(account.plan)


def _unmet(event: Judged) -> str:
    return "; ".join(describe(check) for check in event.checks if not check.passed)


def _weight(event: Finished | Failed | Skipped | Judged) -> tuple[int, str]:
    """Return where a row stands: what failed, what was not begun, what costs or deletes, the rest."""
    match event:
        case Failed() | Judged():
            return 0, event.name
        case Skipped():
            return 1, event.name
        case Finished():
            return 2 if event.action in _WEIGHTY else 3, event.name


def _row(event: Finished | Failed | Skipped | Judged, took: Mapping[str, Actual]) -> str:
    action = "gate" if isinstance(event, Judged) else event.action
    match event:
        case Judged():
            end = f"**rejected**: {prose(_unmet(event), limit=_REASON)}"
        case Failed():
            hint = "" if event.hint is None else f"; {event.hint}"
            end = f"**failed**: {prose(event.message + hint, limit=_REASON)}"
        case Skipped():
            end = f"not begun: {prose(event.reason, limit=_REASON)}"
        case _:
            end = "done" if event.resource is None else f"done: {code(event.resource)}"
            actual = None if event.action == "delete" else took.get(event.resource or "")
            if actual is not None:
                end += f", took {prose(took_words(actual), limit=_REASON)}"
    return f"| {code(event.name)} | {prose(action)} | {end} |\n"


def _filled(head: str, lines: Sequence[str], noun: str, limit: int) -> str:
    """Return the head and as many lines as fit, and how many did not."""
    room = limit - len(head.encode()) - _NOTE
    shown = 0
    while shown < len(lines) and len(lines[shown].encode()) <= room:
        room -= len(lines[shown].encode())
        shown += 1
    rest = f"\nand {count(len(lines) - shown, f'more {noun}')}; the log has all of them\n" if shown < len(lines) else ""
    return head + "".join(lines[:shown]) + rest
