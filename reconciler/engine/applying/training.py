"""Creates, patches and the waiting for what they start.

Worker threads send requests; this, the coordinator, alone decides and records. One failure does not stop independent
work; what depends on it is skipped and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial
from queue import Empty, SimpleQueue

from reconciler.core.event import Accepted, Retried
from reconciler.core.lockfile import UNFINISHED, Entry, InstanceState
from reconciler.core.observation import Operation
from reconciler.core.plan import Action, Kind, Plan
from reconciler.core.planning.judging import find
from reconciler.core.resource import Desired
from reconciler.core.revision import source_of
from reconciler.core.succession import remove
from reconciler.engine.applying import carry, sharing
from reconciler.engine.applying.arrival import Arrivals, Cancelled, Shared, told
from reconciler.engine.applying.gate import Examiner
from reconciler.engine.applying.record import accepted, patched
from reconciler.engine.applying.schedule import Schedule
from reconciler.engine.journal import Journal
from reconciler.engine.judgement import Judgement
from reconciler.engine.watch import Running, Watch, recorded_operation
from reconciler.engine.world import Options, World
from reconciler.errors import (
    Interrupted,
    LockHeld,
    QuotaExhausted,
    TunectlError,
)
from reconciler.ports.provider import Origin

Landing = Operation | Judgement | Shared | Cancelled | None
"""What a worker comes back with: a tuning that was begun, what became of a model, or nothing from a patch."""

_DAY = 86_400.0
_SERVER_ERROR = 500
_GLANCE = 0.5
"""Seconds for which a long evaluation is waited for before it is asked whether the tunings are due for a look."""


class Training:
    """The part of a run that trains and patches. Used once, from one thread.

    ``intended`` are the resources that an earlier run has meant to create, and may have.
    """

    def __init__(
        self,
        world: World,
        options: Options,
        journal: Journal,
        plan: Plan,
        desired: Mapping[str, Desired],
        examiner: Examiner,
        *,
        intended: frozenset[str] = frozenset(),
    ) -> None:
        self._world = world
        self._options = options
        self._journal = journal
        self._project = plan.project
        self._actions = plan.actions
        self._desired = desired
        self._intended = intended
        self._schedule = Schedule(plan.actions)
        self._arrivals = Arrivals(world, journal, self._schedule, desired, examiner)
        self._looked = True
        self._watch = Watch(
            world.provider, clock=world.clock, report=world.report, pace=options.pace, noise=options.noise
        )

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Send everything as it becomes possible and wait for it, until all is through, late, or to be stopped.

        It stops by itself when the lock is lost; what was sent by then goes on, and the next run finds it.
        """
        flying: dict[Future[Landing], Action] = {}
        try:
            self._carry_on(pool, flying)
        except LockHeld as error:
            self._journal.outcome.lost = error
            self._let_land(flying)
        except BaseException:
            for future in flying:
                future.cancel()  # the run ends here, so what still stands in the queue is not sent
            raise
        self._abandon()

    def _carry_on(self, pool: ThreadPoolExecutor, flying: dict[Future[Landing], Action]) -> None:
        for action in self._actions:
            if action.kind in {Kind.WAIT, Kind.REUSE}:
                self._resume(action)
        landed: SimpleQueue[Future[Landing]] = SimpleQueue()
        while True:
            if not self._halted():
                requests = [(a, self._request(a)) for a in self._schedule.take(self._world.clock.now())]
                for action, work in (*requests, *self._arrivals.take()):
                    future: Future[Landing] = pool.submit(work)
                    flying[future] = action
                    future.add_done_callback(landed.put)
            if flying:  # futures.wait would look at all that fly whenever one lands
                self._land_next(flying, landed)
            elif not self._wait_on():
                break

    def _land_next(self, flying: dict[Future[Landing], Action], landed: SimpleQueue[Future[Landing]]) -> None:
        """Take the next future that lands; while that takes long, look after the tunings that run."""
        while True:
            try:
                future = landed.get(timeout=_GLANCE if len(self._watch) else None)
            except Empty:
                if self._watch.due and not self._halted():
                    self._look()
            else:
                self._land(flying.pop(future), future)
                return

    def _let_land(self, flying: dict[Future[Landing], Action]) -> None:
        """The lock is lost: tell what became of the requests that were sent or queued, and record nothing."""
        for future in as_completed(flying):
            action = flying[future]
            try:
                operation = future.result()
            except (LockHeld, Interrupted):
                self._journal.skip(action, "the lock was lost")
            except TunectlError as error:
                self._journal.fail(action, error.message, error.hint)
            else:
                if isinstance(operation, Operation):
                    self._await(action, operation)
                elif isinstance(operation, Judgement | Shared):
                    self._journal.skip(action, "the lock was lost")

    def _halted(self) -> bool:
        """Tell whether nothing new is to be begun."""
        return self._world.stop.requested() or self._journal.outcome.lost is not None

    def _wait_on(self) -> bool:
        """Pause and look again; False when there is nothing to wait for, or no wish to."""
        if self._halted() or not self._options.wait:
            return False
        if not len(self._watch) and not self._schedule.deferred:
            return False
        if self._looked:
            self._watch.pause()
        self._looked = True
        if self._world.stop.requested():
            return False
        self._look()
        return True

    def _look(self) -> None:
        """Ask after everything that runs, and act upon the news."""
        self._world.hold.check()
        if len(self._watch):
            for running, operation in self._watch.look():
                self._arrivals.ended(running.action, operation)
            self._arrivals.give_up(self._watch.running())
            self._give_up_on_late()

    def _resume(self, action: Action) -> None:
        """Take up what is tuning already, or serves already."""
        self._journal.start(action)
        entry = self._journal.entry(action.name)
        instance = None if entry is None else find(entry, action.resource or "")
        if instance is None or (entry is not None and _is_taken_back(action, entry)):
            self._arrivals.share(action, action.resource or "")
        elif action.kind is Kind.REUSE and instance.state not in UNFINISHED:
            self._arrivals.judge(action, instance.resource)
        else:
            self._await(action, recorded_operation(instance))
            self._looked = False  # what was begun earlier may be over: look before the first pause

    def _request(self, action: Action) -> Callable[[], Operation | None]:
        """Return an action's request as a call for a worker; what it needs to know is read here."""
        self._journal.start(action)
        if action.kind is Kind.UPDATE:
            return partial(sharing.update, self._world, action)
        desired = self._desired[action.name]
        parent = self._journal.entry(desired.parent) if desired.parent else None
        create = partial(
            carry.create,
            self._world.provider,
            self._world.datasets,
            action,
            desired,
            parent_resource=None if parent is None else source_of(desired, action.revision or "", parent).resource,
            origin=Origin(
                self._project,
                action.name,
                action.revision or "",
                action.attempt,
                repeated=action.resource in self._intended,
            ),
        )
        return partial(carry.while_we_may, self._world, create)

    def _land(self, action: Action, future: Future[Landing]) -> None:
        """Record how a request ended."""
        waited = self._schedule.landed(action)
        try:
            landing = future.result()
        except LockHeld as error:
            self._journal.outcome.lost = error
            self._journal.skip(action, "the lock was lost")
        except Interrupted as error:
            self._journal.skip(action, error.message)
        except QuotaExhausted as error:
            self._wait_for_quota(action, error, again=waited)
        except TunectlError as error:
            self._arrivals.fail(action, told(error), error.hint)
            if action.kind is not Kind.UPDATE and not carry.may_have_happened(error):
                self._withdraw(action)
        else:
            if waited:
                self._schedule.widen(self._world.clock.now())
            self._record(action, landing)

    def _record(self, action: Action, landing: Landing) -> None:
        """Record what a worker came back with."""
        match landing:
            case Judgement():
                self._arrivals.judged(action, landing)
            case Shared():
                self._arrivals.shared(action, landing)
            case Cancelled():
                self._arrivals.cancelled(action, landing)
            case Operation():
                self._accept(action, landing)
            case None:
                self._journal.change(action.name, partial(patched, action, self._desired[action.name]))
                self._journal.finish(action)

    def _wait_for_quota(self, action: Action, error: QuotaExhausted, *, again: bool) -> None:
        """There is no quota for another tuning just now: try again later, or as soon as a running one ends."""
        now = self._world.clock.now()
        over = now - self._journal.started(action) >= self._patience(action)
        if action.kind is Kind.UPDATE or not self._options.wait or over:
            # The intent stays: the next apply begins it, and should it have got through after all, that finds it.
            self._arrivals.fail(action, error.message, error.hint or "apply again when there is quota")
            return
        seconds = error.retry_after or self._options.pace.longest * self._schedule.pause
        self._schedule.defer(action, until=now + seconds, again=again)
        if not self._halted():
            what = f"create {action.resource}"
            reason = f"waiting for quota: {error.message.removeprefix(f'{what}: ')}"
            self._world.report(Retried(what, reason, seconds, 1))

    def _accept(self, action: Action, operation: Operation) -> None:
        total = None if operation.progress is None else operation.progress.total_steps
        if not operation.done:
            self._await(action, operation)
        self._journal.report(Accepted(action.name, operation.resource, operation.name, total))
        self._journal.change(action.name, partial(accepted, operation))
        if operation.done:
            self._arrivals.ended(action, operation)

    def _await(self, action: Action, operation: Operation) -> None:
        deadline = self._world.clock.now() + self._patience(action)
        self._watch.add(Running(action, operation, started=self._journal.started(action), deadline=deadline))

    def _patience(self, action: Action) -> float:
        """Return for how many seconds an action is waited for."""
        limit = _DAY if action.lifecycle is None else action.lifecycle.timeout
        return limit if self._options.timeout is None else min(limit, self._options.timeout)

    def _withdraw(self, action: Action) -> None:
        """Nothing was created: take the intent back, so that whatever stands under the id is never held for ours."""
        self._journal.change(action.name, lambda entry: remove(entry, action.resource or ""))

    def _give_up_on_late(self) -> None:
        for running in self._watch.expired():
            name = running.action.name
            self._journal.outcome.late.append(name)
            self._arrivals.skip_dependents(name, "is still tuning")

    def _abandon(self) -> None:
        """Say of everything that was not begun why, and of everything that runs that it does."""
        self._journal.outcome.running.extend(running.action.name for running in self._watch.running())
        stopped, lost = self._world.stop.requested(), self._journal.outcome.lost is not None
        self._journal.outcome.stopped = stopped
        why = "what it needs is still tuning, and --no-wait was given"
        if stopped or lost:
            why = "the lock was lost" if lost else "the run was stopped"
        for action in self._schedule.left():
            self._journal.skip(action, why)
        for action, _ in self._arrivals.take():
            self._journal.skip(action, why)


def _is_taken_back(action: Action, entry: Entry) -> bool:
    """Tell whether writing the intent was all there was to do: a former model serves again."""
    current = entry.current
    return action.kind is Kind.REUSE and current.state is InstanceState.READY and current.resource == action.resource
