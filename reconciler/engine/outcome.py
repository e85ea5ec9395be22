"""How a run ended, action by action, and what that means for its exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reconciler.core.actual import Actual
from reconciler.core.plan import Action
from reconciler.errors import GateNotMet, LockHeld, PartialFailure, TunectlError, WaitTimedOut


@dataclass(slots=True)
class Outcome:
    """A tally of one run, filled while it goes on; the coordinator alone writes it.

    ``rejected`` maps names to the resource that their gate refused in this run, ``blocked`` holds what was refused
    before. ``unjudged`` are names whose model is ready and has yet to pass its gate,
    ``unshared`` those whose model has yet to get its permissions.
    ``lost`` is why the lock is not ours any more, if that is so: then nothing new was begun, and nothing recorded.
    ``took`` is what trainings that had a forecast came to, by name.
    """

    done: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, Action] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    unjudged: list[str] = field(default_factory=list)
    unshared: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    took: dict[str, Actual] = field(default_factory=dict)
    stopped: bool = False
    lost: LockHeld | None = None

    @property
    def complete(self) -> bool:
        """Whether everything that was planned is through."""
        ended = not (self.failed or self.skipped or self.rejected)
        return ended and not (self.late or self.running or self.stopped or self.lost)

    @property
    def touched(self) -> bool:
        """Whether there was anything to do at all."""
        return bool(self.done) or not self.complete or bool(self.blocked)

    def error(self) -> TunectlError | None:
        """Return the error the command ends with, or None; a failure weighs more than a gate or a wait that ended.

        The loss of the lock weighs most, since it says that what else happened is not recorded.
        """
        if self.lost is not None:
            return self.lost
        broken = sorted({*self.failed, *(name for name, a in self.blocked.items() if a.blocked_by != "rejected")})
        if broken:
            count = f"{len(broken)} model{'s' if len(broken) != 1 else ''}"
            return PartialFailure(
                f"{count} failed: {_listed(broken)}; everything else is applied and recorded",
                hint="`tunectl plan` shows what is left and how to go on",
            )
        held = sorted(name for name, action in self.blocked.items() if action.depends_on)
        rejected = sorted({*self.blocked, *self.rejected}.difference(held))
        if rejected or held:
            causes = (("rejected by their gate", rejected), ("held up by their source", held))
            said = "; ".join(f"{cause}: {_listed(names)}" for cause, names in causes if names)
            shown = rejected[0] if len(rejected) == 1 else "NAME"
            return GateNotMet(
                f"{said}; nothing that serves was replaced",
                hint=f"`tunectl show {shown}` has the verdict; a change of the gate judges again, training nothing",
            )
        if self.late:
            return WaitTimedOut(
                f"still tuning after the wait: {_listed(sorted(self.late))}; training goes on",
                hint="`tunectl wait` resumes waiting, `tunectl apply` finishes the rest",
            )
        return None


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
