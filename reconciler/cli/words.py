"""Sentences that more than one command says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.engine.outcome import Outcome

_ALWAYS = (("create", "created"), ("update", "updated"), ("replace", "replaced"), ("delete", "deleted"))
_SOMETIMES = (
    ("wait", "waited for"),
    ("reuse", "reused"),
    ("adopt", "adopted"),
    ("move", "moved"),
    ("forget", "forgotten"),
    ("cleanup", "cleaned up"),
)


def waited_line(outcome: Outcome) -> str:
    """Return the last line of a wait."""
    parts = [f"{outcome.done['wait']} ready"]
    late = len(outcome.running) + len(outcome.late)
    counts = ((len(outcome.failed), "failed"), (len(outcome.skipped), "not begun"), (late, "still tuning"))
    parts += [f"{count} {word}" for count, word in counts if count]
    judge = f" apply judges by its gate: {', '.join(sorted(outcome.unjudged))}." if outcome.unjudged else ""
    share = f" apply shares before it serves: {', '.join(sorted(outcome.unshared))}." if outcome.unshared else ""
    return f"Waited: {', '.join(parts)}.{judge}{share}"


def outcome_line(outcome: Outcome) -> str:
    """Return the last line of an apply: what was done, and what was not."""
    parts = [f"{outcome.done[kind]} {word}" for kind, word in _ALWAYS]
    parts += [f"{outcome.done[kind]} {word}" for kind, word in _SOMETIMES if outcome.done[kind]]
    for count, word in (
        (len(outcome.failed), "failed"),
        (len(outcome.rejected), "rejected"),
        (len(outcome.blocked), "blocked"),
        (len(outcome.skipped), "not begun"),
        (len(outcome.running) + len(outcome.late), "still tuning"),
    ):
        if count:
            parts.append(f"{count} {word}")
    return f"Applied: {', '.join(parts)}."
