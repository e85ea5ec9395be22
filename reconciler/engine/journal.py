"""What a run has done: told as events, counted in the outcome, recorded in the lockfile. All three in one place."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.actual import actual_of
from reconciler.core.event import Failed, Finished, Judged, Measured, Skipped, Started, Summarised
from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.observation import Operation
from reconciler.core.plan import Action
from reconciler.core.verdict import Verdict
from reconciler.engine.checkpoint import Checkpoint
from reconciler.engine.judgement import Judgement
from reconciler.engine.outcome import Outcome
from reconciler.ports.clock import Clock
from reconciler.ports.reporter import Reporter

_SIGNALLED = 128


class Journal:
    """The record of one run. Used from the coordinating thread only."""

    def __init__(self, book: Checkpoint, *, clock: Clock, report: Reporter) -> None:
        self._book = book
        self._clock = clock
        self._begun: dict[tuple[str, str, str | None], float] = {}
        self.report = report
        self.outcome = Outcome()

    @property
    def lockfile(self) -> Lockfile:
        """The lockfile as changed so far."""
        return self._book.lockfile

    def entry(self, name: str) -> Entry | None:
        """Return what the lockfile records of a name."""
        return self._book.entry(name)

    def instance(self, action: Action) -> Instance | None:
        """Return what the lockfile records of an action's model."""
        entry = self.entry(action.name)
        if entry is None:
            return None
        return next((i for i in entry.instances() if i.resource == action.resource), None)

    def change(self, name: str, step: Callable[[Entry], Entry | None]) -> None:
        """Change one entry of the lockfile; None removes it. Raises what ``Checkpoint.change`` raises."""
        self._book.change_entry(name, step)

    def change_all(self, step: Callable[[Lockfile], Lockfile]) -> None:
        """Change the lockfile as a whole."""
        self._book.change(step)

    def flush(self) -> None:
        """Write what is not on disk yet."""
        self._book.flush()

    def started(self, action: Action) -> float:
        """Return when an action was begun in this run, in clock seconds."""
        return self._begun.get(_key(action), self._clock.now())

    def start(self, action: Action) -> None:
        """An action begins; beginning it again after waiting for quota says nothing new."""
        if _key(action) not in self._begun:
            self._begun[_key(action)] = self._clock.now()
            self.report(Started(action.name, action.kind.value, action.resource))

    def finish(self, action: Action) -> None:
        """An action is through. Deleting what was replaced is counted apart: the plan counts it as no deletion."""
        seconds = self._clock.now() - self.started(action)
        self.outcome.done["cleanup" if action.cleanup else action.kind.value] += 1
        self.report(Finished(action.name, action.kind.value, action.resource, seconds))

    def measure(self, action: Action, operation: Operation) -> None:
        """A tuning is over: note what it took, if anybody foresaw it."""
        instance, progress = self.instance(action), operation.progress
        if instance is None:
            return
        steps = instance.total_steps or (None if progress is None else progress.total_steps)
        took = actual_of(instance.forecast, steps=steps, seconds=operation.seconds)
        if took is not None:
            self.outcome.took[action.name] = took
            self.report(Measured(action.name, instance.resource, took))

    def fail(self, action: Action, message: str, hint: str | None) -> None:
        """An action failed; the rest goes on."""
        self.outcome.failed[action.name] = message
        self.report(Failed(action.name, action.kind.value, message, hint))

    def judge(self, action: Action, judgement: Judgement, verdict: Verdict) -> None:
        """A model was held to its gate; one that did not pass has ended its action."""
        resource = judgement.subject.resource
        if not verdict.passed:
            self.outcome.rejected[action.name] = resource
        self.report(Judged(action.name, resource, verdict.passed, verdict.checks, judgement.answers))

    def skip(self, action: Action, reason: str) -> None:
        """An action is not begun in this run."""
        self.outcome.skipped[action.name] = reason
        self.report(Skipped(action.name, action.kind.value, reason))

    def close(self, *, signal_number: int | None) -> None:
        """Tell as the last event how the run went; ``signal_number`` is what stopped it, if anything did."""
        outcome = self.outcome
        error = outcome.error()
        code = 0 if error is None else error.exit_code
        self.report(
            Summarised(
                done=dict(outcome.done),
                failed=len(outcome.failed),
                skipped=len(outcome.skipped) + len(outcome.blocked),
                running=len(outcome.running) + len(outcome.late),
                rejected=len(outcome.rejected),
                exit_code=code if signal_number is None else _SIGNALLED + signal_number,
            )
        )


def _key(action: Action) -> tuple[str, str, str | None]:
    return action.name, action.kind.value, action.resource
