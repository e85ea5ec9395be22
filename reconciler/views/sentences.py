"""What an event says to people: at most a line or two, or nothing where another view speaks.

A plan and the end of a run have views of their own, so those events are silent here.
"""

from __future__ import annotations

from enum import IntEnum

from reconciler.core.event import (
    Accepted,
    Event,
    Failed,
    Finished,
    Judged,
    Progressed,
    Requested,
    Retried,
    Saved,
    Skipped,
    Started,
    Waiting,
    Warned,
)
from reconciler.core.text import sanitize
from reconciler.core.verdict import describe
from reconciler.views.paint import Paint
from reconciler.views.words import count, guard, seconds_text


class Weight(IntEnum):
    """How much somebody must want to know to be told: ``-q`` shows 2, the default 1, ``-v`` 0, ``-vv`` -1."""

    TRACE = -1
    DETAIL = 0
    NEWS = 1
    ALERT = 2

    @classmethod
    def least(cls, *, quiet: bool, verbose: int) -> Weight:
        """Return how much something must matter to be told; who asks for quiet gets it."""
        return cls.ALERT if quiet else cls(max(cls.NEWS - verbose, cls.TRACE))


_BEGINS = {
    "create": "creating",
    "update": "updating",
    "replace": "tuning a replacement",
    "delete": "deleting",
    "wait": "waiting for",
    "reuse": "reusing",
    "adopt": "adopting",
    "move": "moving",
    "forget": "forgetting",
}
_ENDS = {
    "create": "created",
    "update": "updated",
    "replace": "replaced by",
    "delete": "deleted",
    "wait": "waited for",
    "reuse": "reused",
    "adopt": "adopted",
    "move": "moved",
    "forget": "forgotten",
}


def sentence(event: Event, paint: Paint) -> tuple[Weight, str] | None:
    """Return what an event says and how much it matters, or None if it says nothing by itself."""
    said = _news(event) or _alert(event, paint) or _aside(event)
    return None if said is None else (said[0], guard(said[1]))


def progress_words(event: Progressed) -> str:
    """Return how far a tuning is: ``12/23 steps (52%), loss 0.42, about 3m 10s left``."""
    progress = event.progress
    parts = []
    if progress.completed_steps is not None:
        total = "" if progress.total_steps is None else f"/{progress.total_steps:,}"
        parts.append(f"{progress.completed_steps:,}{total} steps")
    if progress.percent is not None:
        parts.append(f"({progress.percent:.0f}%)" if parts else f"{progress.percent:.0f}%")
    rest = [" ".join(parts)] if parts else []
    if (loss := loss_words(event)) is not None:
        rest.append(f"loss {loss}")
    if event.eta is not None:
        rest.append(f"about {seconds_text(event.eta)} left")
    return ", ".join(rest) or "tuning"


def brief_words(event: Progressed) -> str:
    """Return how far a tuning is, for a narrow terminal: ``52%, loss 0.42, 3m 10s``."""
    progress = event.progress
    steps = None if progress.completed_steps is None else f"{progress.completed_steps:,} steps"
    loss = loss_words(event)
    parts = [
        steps if progress.percent is None else f"{progress.percent:.0f}%",
        None if loss is None else f"loss {loss}",
        None if event.eta is None else seconds_text(event.eta),
    ]
    return ", ".join(part for part in parts if part) or "tuning"


def loss_words(event: Progressed) -> str | None:
    """Return the mean loss last reported, to four significant digits."""
    last = event.progress.last
    return None if last is None or last.mean_loss is None else f"{last.mean_loss:.4g}"


def _news(event: Event) -> tuple[Weight, str] | None:
    match event:
        case Started(name, action, resource):
            words = _BEGINS.get(action, action)
            return Weight.NEWS, f"{sanitize(name)}: {sanitize(words)}{_after(resource)}"
        case Accepted(name, resource, _, total):
            steps = "" if total is None else f", {count(total, 'step')}"
            return Weight.NEWS, f"{sanitize(name)}: tuning has begun{steps} ({sanitize(resource)})"
        case Progressed():
            return Weight.NEWS, f"{sanitize(event.name)}: {progress_words(event)}"
        case Judged() if event.passed:
            said = "; ".join(describe(check) for check in event.checks)
            return Weight.NEWS, f"{sanitize(event.name)}: gate passed: {sanitize(said)}{_answers(event)}"
        case Finished(name, action, resource, seconds):
            words = _ENDS.get(action, action)
            took = "" if seconds is None else f" in {seconds_text(seconds)}"
            return Weight.NEWS, f"{sanitize(name)}: {sanitize(words)}{_after(resource)}{took}"
        case _:
            return None


def _alert(event: Event, paint: Paint) -> tuple[Weight, str] | None:
    match event:
        case Failed(name, action, message, hint):
            text = f"{sanitize(name)}: {paint(f'{sanitize(action)} failed:', 'bold red')} {sanitize(message)}"
            return Weight.ALERT, text if hint is None else f"{text}\n  hint: {sanitize(hint)}"
        case Judged() if not event.passed:
            unmet = "; ".join(describe(check) for check in event.checks if not check.passed)
            head = f"{sanitize(event.name)}: {paint('gate not met:', 'bold red')} {sanitize(unmet)}"
            return Weight.ALERT, head + _answers(event)
        case Skipped(name, action, reason):
            return Weight.ALERT, f"{sanitize(name)}: {sanitize(action)} not begun: {sanitize(reason)}"
        case Warned(problem):
            return Weight.ALERT, f"{paint('warning:', 'bold yellow')} {sanitize(str(problem))}"
        case _:
            return None


def _aside(event: Event) -> tuple[Weight, str] | None:
    match event:
        case Retried(request, reason, seconds, attempt):
            pause = f"once more in {seconds_text(seconds)} (after try {attempt})"
            return Weight.NEWS, f"{sanitize(request)}: {sanitize(reason)}; {pause}"
        case Waiting(running, seconds):
            return Weight.DETAIL, f"waiting for {count(running, 'tuning')}; next look in {seconds_text(seconds)}"
        case Requested(method, address, status, milliseconds, attempt, reason):
            end = f"no answer ({reason})" if status is None else str(status)
            again = f", try {attempt}" if attempt > 1 else ""
            return Weight.TRACE, f"{sanitize(method)} {sanitize(address)} {sanitize(end)} {milliseconds:.0f} ms{again}"
        case Saved(serial):
            return Weight.DETAIL, f"lockfile saved, serial {serial}"
        case _:
            return None


def _after(resource: str | None) -> str:
    return "" if resource is None else f" {sanitize(resource)}"


def _answers(event: Judged) -> str:
    return "" if event.answers is None else f"\n  answers: {sanitize(event.answers)}"
