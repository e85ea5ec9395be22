"""What an ended tuning leads to: a failure that is recorded; a gate to pass, permissions to grant, a model that serves.

Coordinator's work: it decides and records, and queues for the workers what has to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from reconciler.core.event import Warned
from reconciler.core.gate import Gate
from reconciler.core.lockfile import Entry, InstanceState, amend
from reconciler.core.observation import Operation
from reconciler.core.plan import Action, Kind
from reconciler.core.planning.judging import accept, arrive, find, judged, reject
from reconciler.core.resource import Desired
from reconciler.core.succession import fail, remove
from reconciler.core.verdict import Verdict, describe, hopeless, proven
from reconciler.engine.applying import carry, sharing
from reconciler.engine.applying.gate import Examiner
from reconciler.engine.applying.schedule import Schedule
from reconciler.engine.journal import Journal
from reconciler.engine.judgement import Judgement, Subject, label_of
from reconciler.engine.watch import Running
from reconciler.engine.world import World
from reconciler.errors import Interrupted, LockHeld, Problem, ProblemsError, TunectlError

AGAIN = "apply judges it again; nothing is trained"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A tuning was asked to stop; ``error`` is why that could not be asked."""

    resource: str
    error: TunectlError | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """A model has its permissions; ``error`` is why it has not."""

    resource: str
    error: TunectlError | None = None


Work = tuple[Action, Callable[[], Judgement | Shared | Cancelled]]


class Arrivals:
    """The tunings that end in a run. Used from the coordinating thread only."""

    def __init__(
        self,
        world: World,
        journal: Journal,
        schedule: Schedule,
        desired: Mapping[str, Desired],
        examiner: Examiner,
    ) -> None:
        self._world = world
        self._journal = journal
        self._schedule = schedule
        self._desired = desired
        self._examiner = examiner
        self._work: list[Work] = []
        self._hopeless: dict[str, str] = {}
        self._spared: set[str] = set()

    def take(self) -> list[Work]:
        """Return what workers are to ask, and hold it no longer."""
        work, self._work = self._work, []
        return work

    def ended(self, action: Action, operation: Operation) -> None:
        """A tuning is over: let the model serve, have it judged, or record the failure and leave all else alone."""
        self._schedule.hasten(self._world.clock.now())
        resource = operation.resource
        given_up = self._hopeless.pop(resource, None)
        if operation.gone:
            self.fail(action, f"{resource} was deleted while it was tuning", "the next apply tunes it again")
        elif operation.error is not None or given_up is not None:
            message = operation.error or "" if given_up is None else f"stopped: {given_up}"
            self._journal.change(action.name, lambda entry: fail(entry, resource, message))
            hint = f"change the manifest, or buy another attempt: `tunectl apply --replace {action.name}`"
            self.fail(action, message, hint)
        else:
            self._ready(action, operation)

    def _ready(self, action: Action, operation: Operation) -> None:
        """A model is ready: it serves from now on, unless a gate or permissions are ahead."""
        resource = operation.resource
        entry = self._journal.entry(action.name)
        instance = None if entry is None else find(entry, resource)
        gated = not proven(self._gate(action), None if instance is None else instance.verdict)
        self._journal.change(action.name, partial(_arrived, operation, gated))
        self._journal.measure(action, operation)
        if gated:
            self.judge(action, resource)
        else:
            self.share(action, resource)

    def judge(self, action: Action, resource: str) -> None:
        """Have a model held to its gate."""
        gate = self._gate(action)
        assert gate is not None  # noqa: S101  without one everything is proven
        label = label_of(action.revision or "", action.attempt)
        subject = Subject(action.name, resource, gate, label, current=action.previous)
        self._work.append((action, partial(self._examiner.judge, subject)))

    def judged(self, action: Action, judgement: Judgement) -> None:
        """Act upon a verdict; without one the model stays what it is, ready and unproven."""
        match judgement.error:
            case None:
                assert judgement.verdict is not None  # noqa: S101  one of the two is there
                self._act_upon(action, judgement, judgement.verdict)
            case LockHeld() as error:
                self._journal.outcome.lost = error
                self._journal.skip(action, "the lock was lost")
            case Interrupted():
                self._journal.skip(action, "its gate was not evaluated: the run was stopped")
            case error:
                self.fail(action, f"its gate could not be evaluated: {told(error)}", error.hint or AGAIN)

    def share(self, action: Action, resource: str) -> None:
        """Let a model that may serve do so, as soon as those may use it who are to."""
        manifest = self._desired.get(action.name)
        if manifest is not None and sharing.is_shared(self._world, manifest):
            self._work.append((action, partial(_share, self._world, resource, manifest)))
        else:
            self._serve(action, resource)

    def shared(self, action: Action, shared: Shared) -> None:
        """Let a model serve that has its permissions; without them it stays as it is, and the next run goes on."""
        match shared.error:
            case None:
                self._serve(action, shared.resource)
            case LockHeld() as error:
                self._journal.outcome.lost = error
                self._journal.skip(action, "the lock was lost")
            case Interrupted() as error:
                self._journal.skip(action, error.message)
            case error:
                self.fail(action, told(error), error.hint)

    def give_up(self, running: Iterable[Running]) -> None:
        """Have every tuning stopped that is not worth paying for any longer; its end is recorded when it is seen."""
        if not self._world.provider.capabilities.cancels:
            return
        for tuning in running:
            operation, gate = tuning.operation, self._gate(tuning.action)
            if operation.resource in self._hopeless or operation.resource in self._spared:
                continue
            last = None if operation.progress is None else operation.progress.last
            why = hopeless(last, None if gate is None else gate.abort_if)
            if why is not None:
                self._hopeless[operation.resource] = why
                self._work.append((tuning.action, partial(_cancel, self._world, operation)))

    def cancelled(self, action: Action, asked: Cancelled) -> None:
        """A tuning was asked to stop; if that cannot be asked, it goes on, and so does the waiting."""
        if asked.error is None:
            return
        why = self._hopeless.pop(asked.resource, "")
        self._spared.add(asked.resource)
        if isinstance(asked.error, LockHeld):
            self._journal.outcome.lost = asked.error
        elif not isinstance(asked.error, Interrupted):
            message = f"{action.name}: cannot be stopped although {why}: {asked.error.message}"
            self._journal.report(Warned(Problem(None, message, asked.error.hint, severity="warning")))

    def fail(self, action: Action, message: str, hint: str | None) -> None:
        """Record that an action failed, and skip what depends on it."""
        self._journal.fail(action, message, hint)
        self.skip_dependents(action.name, "failed")

    def skip_dependents(self, name: str, fate: str) -> None:
        """Skip what depends on a name, and what depends on that; ``fate`` is what became of the name's model."""
        for dependent in self._schedule.failed(name):
            which = "the model it is for" if dependent.name == name else f"its source model {name}"
            self._journal.skip(dependent, f"{which} {fate}")
            self.skip_dependents(dependent.name, "was skipped")

    def _gate(self, action: Action) -> Gate | None:
        manifest = self._desired.get(action.name)
        return None if manifest is None else manifest.gate

    def _act_upon(self, action: Action, judgement: Judgement, verdict: Verdict) -> None:
        resource, gate = judgement.subject.resource, judgement.subject.gate
        self._journal.judge(action, judgement, verdict)
        self._journal.change(action.name, lambda entry: judged(entry, resource, gate, verdict))
        if verdict.passed:
            self.share(action, resource)
            return
        why = "; ".join(describe(check) for check in verdict.unmet[:_SHOWN])
        self._journal.change(action.name, lambda entry: reject(entry, resource, why))
        self.skip_dependents(action.name, "was rejected by its gate")

    def _serve(self, action: Action, resource: str) -> None:
        """Record that a model serves from now on; one that was taken back does already."""
        self._journal.change(action.name, partial(_serving, action, resource))
        self._journal.finish(action)
        self._schedule.succeeded(action.name)


def told(error: TunectlError) -> str:
    """Return an error in one line; a report of many problems only counts them by itself."""
    if isinstance(error, ProblemsError):
        return "; ".join(map(str, error.problems[:_SHOWN]))
    return error.message


def _cancel(world: World, operation: Operation) -> Cancelled:
    """Ask for a tuning to be stopped; what keeps us from that is returned, never raised."""
    try:
        carry.while_we_may(world, partial(world.provider.cancel, operation))
    except TunectlError as error:
        return Cancelled(operation.resource, error)
    return Cancelled(operation.resource)


def _share(world: World, resource: str, manifest: Desired) -> Shared:
    """Grant what a manifest declares; what keeps us from that is returned, never raised."""
    try:
        sharing.share(world, resource, manifest)
    except TunectlError as error:
        return Shared(resource, error)
    return Shared(resource)


def _arrived(operation: Operation, gated: bool, entry: Entry) -> Entry:
    """Record that a model is there; without a gate ahead, its state changes only when it serves."""
    instance = find(entry, operation.resource)
    if gated or instance is None:
        return arrive(entry, operation.resource, gated=gated, create_time=operation.create_time)
    return amend(entry, replace(instance, create_time=operation.create_time or instance.create_time))


def _serving(action: Action, resource: str, entry: Entry) -> Entry:
    """Record that a model serves from now on; a former one that is gone takes up no place."""
    former = entry.current
    if action.kind is Kind.REUSE and former.resource == resource and former.state is InstanceState.READY:
        return entry  # it was taken back when the intent was written
    if action.previous is None and former.state is InstanceState.READY and former.resource != resource:
        entry = remove(entry, former.resource) or entry
    return accept(entry, resource, retain=0 if action.lifecycle is None else action.lifecycle.retain)
