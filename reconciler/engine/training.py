"""Creates, patches and the waiting for what they start.

Worker threads send requests; this, the coordinator, alone decides and records. One failure does not stop independent
work; what depends on it is skipped and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

from reconciler.core.event import Accepted, Retried
from reconciler.core.lockfile import Entry, InstanceState, amend, fail, promote, remove
from reconciler.core.observation import Operation
from reconciler.core.plan import Action, Kind, Plan
from reconciler.core.resource import Desired
from reconciler.core.revision import source_of
from reconciler.engine import carry, sharing
from reconciler.engine.journal import Journal
from reconciler.engine.schedule import Schedule
from reconciler.engine.watch import Running, Watch, recorded_operation
from reconciler.engine.world import Options, World
from reconciler.errors import (
    Interrupted,
    LockHeld,
    MalformedAnswer,
    ProblemsError,
    QuotaExhausted,
    RemoteError,
    TunectlError,
    Unavailable,
)
from reconciler.ports.provider import Origin

_DAY = 86_400.0
_SERVER_ERROR = 500


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
        self._looked = True
        self._unshared: list[tuple[Action, Operation]] = []
        self._sharing: dict[Future[Operation | None], Operation] = {}
        self._watch = Watch(
            world.provider, clock=world.clock, report=world.report, pace=options.pace, noise=options.noise
        )

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Send everything as it becomes possible and wait for it, until all is through, late, or to be stopped.

        It stops by itself when the lock is lost; what was sent by then goes on, and the next run finds it.
        """
        flying: dict[Future[Operation | None], Action] = {}
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

    def _carry_on(self, pool: ThreadPoolExecutor, flying: dict[Future[Operation | None], Action]) -> None:
        for action in self._actions:
            if action.kind in {Kind.WAIT, Kind.REUSE}:
                self._resume(action)
        landed: SimpleQueue[Future[Operation | None]] = SimpleQueue()
        while True:
            if not self._halted():
                for action in self._schedule.take(self._world.clock.now()):
                    future = pool.submit(self._request(action))
                    flying[future] = action
                    future.add_done_callback(landed.put)
                for action, operation in self._take_unshared():
                    future = pool.submit(self._share, action, operation)
                    flying[future] = action
                    self._sharing[future] = operation
                    future.add_done_callback(landed.put)
            if flying:  # futures.wait would look at all that fly whenever one lands
                future = landed.get()
                self._land(flying.pop(future), future)
            elif not self._wait_on():
                break

    def _let_land(self, flying: dict[Future[Operation | None], Action]) -> None:
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
                if operation is not None:
                    self._await(action, operation)

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
        self._world.hold.check()
        if len(self._watch):
            for running, operation in self._watch.look():
                self._ended(running.action, operation)
            self._give_up_on_late()
        return True

    def _resume(self, action: Action) -> None:
        """Take up what is tuning already, or serves already."""
        self._journal.start(action)
        instance = self._journal.instance(action)
        if instance is None or (instance.state is InstanceState.READY and action.kind is Kind.REUSE):
            self._become_ready(action, Operation(action.resource or "", done=True))
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

    def _land(self, action: Action, future: Future[Operation | None]) -> None:
        """Record how a request ended."""
        shared = self._sharing.pop(future, None)
        waited = self._schedule.landed(action)
        try:
            operation = future.result()
        except LockHeld as error:
            self._journal.outcome.lost = error
            self._journal.skip(action, "the lock was lost")
        except Interrupted as error:
            self._journal.skip(action, error.message)
        except QuotaExhausted as error:
            self._wait_for_quota(action, error, again=waited)
        except TunectlError as error:
            self._fail(action, _told(error), error.hint)
            if shared is None and action.kind is not Kind.UPDATE and not _may_have_happened(error):
                self._withdraw(action)
        else:
            if shared is not None:
                self._switch(action, shared)
            elif operation is None:
                self._journal.change(action.name, partial(_patch, action, self._desired[action.name]))
                self._journal.finish(action)
            else:
                if waited:
                    self._schedule.widen(self._world.clock.now())
                self._accept(action, operation)

    def _wait_for_quota(self, action: Action, error: QuotaExhausted, *, again: bool) -> None:
        """There is no quota for another tuning just now: try again later, or as soon as a running one ends."""
        now = self._world.clock.now()
        over = now - self._journal.started(action) >= self._patience(action)
        if action.kind is Kind.UPDATE or not self._options.wait or over:
            # The intent stays: the next apply begins it, and should it have got through after all, that finds it.
            self._fail(action, error.message, error.hint or "apply again when there is quota")
            return
        seconds = error.retry_after or self._options.pace.longest
        self._schedule.defer(action, until=now + seconds, again=again)
        if not self._halted():
            self._world.report(Retried(f"create {action.resource}", f"waiting for quota: {error.message}", seconds, 1))

    def _accept(self, action: Action, operation: Operation) -> None:
        total = None if operation.progress is None else operation.progress.total_steps
        if not operation.done:
            self._await(action, operation)
        self._journal.report(Accepted(action.name, operation.resource, operation.name, total))
        self._journal.change(action.name, partial(_accepted, operation))
        if operation.done:
            self._ended(action, operation)

    def _await(self, action: Action, operation: Operation) -> None:
        deadline = self._world.clock.now() + self._patience(action)
        self._watch.add(Running(action, operation, started=self._journal.started(action), deadline=deadline))

    def _patience(self, action: Action) -> float:
        """Return for how many seconds an action is waited for."""
        limit = _DAY if action.lifecycle is None else action.lifecycle.timeout
        return limit if self._options.timeout is None else min(limit, self._options.timeout)

    def _ended(self, action: Action, operation: Operation) -> None:
        """A tuning is over: switch to the new model, or record the failure and leave the serving one alone."""
        self._schedule.hasten(self._world.clock.now())
        resource = operation.resource
        if operation.gone:
            self._fail(action, f"{resource} was deleted while it was tuning", "the next apply tunes it again")
        elif operation.error is not None:
            self._journal.change(action.name, lambda entry: fail(entry, resource, operation.error or ""))
            hint = f"change the manifest, or buy another attempt with --replace {action.name}"
            self._fail(action, operation.error, hint)
        else:
            self._become_ready(action, operation)

    def _become_ready(self, action: Action, operation: Operation) -> None:
        """A model is there: it serves as soon as those may use it who are to."""
        if sharing.is_shared(self._world, self._desired[action.name]):
            self._unshared.append((action, operation))
        else:
            self._switch(action, operation)

    def _take_unshared(self) -> list[tuple[Action, Operation]]:
        taken, self._unshared = self._unshared, []
        return taken

    def _share(self, action: Action, operation: Operation) -> None:
        sharing.share(self._world, operation.resource, self._desired[action.name])

    def _switch(self, action: Action, operation: Operation) -> None:
        """Let a model serve from now on; one that was taken back does already."""
        instance = self._journal.instance(action)
        if instance is not None and not (instance.state is InstanceState.READY and action.kind is Kind.REUSE):
            retain = 0 if action.lifecycle is None else action.lifecycle.retain
            self._journal.change(action.name, partial(_ready, action, operation, retain))
            self._journal.measure(action, operation)
        self._journal.finish(action)
        self._schedule.succeeded(action.name)

    def _withdraw(self, action: Action) -> None:
        """Nothing was created: take the intent back, so that whatever stands under the id is never held for ours."""
        self._journal.change(action.name, lambda entry: remove(entry, action.resource or ""))

    def _fail(self, action: Action, message: str, hint: str | None) -> None:
        self._journal.fail(action, message, hint)
        self._skip_dependents(action.name, f"{action.name} failed")

    def _skip_dependents(self, name: str, why: str) -> None:
        for dependent in self._schedule.failed(name):
            self._journal.skip(dependent, why)
            self._skip_dependents(dependent.name, f"{dependent.name} was skipped")

    def _give_up_on_late(self) -> None:
        for running in self._watch.expired():
            name = running.action.name
            self._journal.outcome.late.append(name)
            self._skip_dependents(name, f"{name} is still tuning")

    def _abandon(self) -> None:
        """Say of everything that was not begun why, and of everything that runs that it does."""
        self._journal.outcome.running.extend(running.action.name for running in self._watch.running())
        stopped, lost = self._world.stop.requested(), self._journal.outcome.lost is not None
        self._journal.outcome.stopped = stopped
        why = "what it needs is still tuning, and --no-wait was given"
        if stopped or lost:
            why = "the lock was lost" if lost else "the run was stopped"
        for action in (*self._schedule.left(), *(action for action, _ in self._unshared)):
            self._journal.skip(action, why)


def _may_have_happened(error: TunectlError) -> bool:
    """Tell whether a create may have been carried out although it ended with this error; then its intent must stay."""
    if isinstance(error, Unavailable | MalformedAnswer):
        return True
    if isinstance(error, RemoteError) and error.doubtful:
        return True  # this try was refused, an earlier one went unanswered
    return type(error) is RemoteError and (error.http_status or _SERVER_ERROR) >= _SERVER_ERROR


def _told(error: TunectlError) -> str:
    """Return an error in one line; a report of many problems only counts them by itself."""
    if isinstance(error, ProblemsError):
        return "; ".join(map(str, error.problems[:3]))
    return error.message


def _patch(action: Action, desired: Desired, entry: Entry) -> Entry:
    """Record the spec as it stands after a patch."""
    instance = next((i for i in entry.instances() if i.resource == action.resource), None)
    if instance is None:
        return entry
    merged = carry.mended_spec(instance.spec, action) if action.heals else carry.merged_spec(instance.spec, desired)
    return amend(entry, replace(instance, spec=merged))


def _accepted(operation: Operation, entry: Entry) -> Entry:
    """Record that the service has taken the job."""
    instance = next(i for i in entry.instances() if i.resource == operation.resource)
    total = None if operation.progress is None else operation.progress.total_steps
    return amend(
        entry,
        replace(
            instance,
            state=InstanceState.TUNING,
            operation=operation.name,
            total_steps=total,
            create_time=operation.create_time or instance.create_time,
        ),
    )


def _ready(action: Action, operation: Operation, retain: int, entry: Entry) -> Entry:
    """Record that a model is ready and serves from now on; a former one that is gone takes up no place."""
    former = entry.current
    if action.previous is None and former.state is InstanceState.READY and former.resource != operation.resource:
        entry = remove(entry, former.resource) or entry
    instance = next((i for i in entry.instances() if i.resource == operation.resource), None)
    if instance is not None:
        entry = amend(entry, replace(instance, create_time=operation.create_time or instance.create_time))
    return promote(entry, operation.resource, retain=retain)
