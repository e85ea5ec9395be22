"""``tunectl cancel``: stops a tuning that is paid for, and records its end once the service has seen to it."""

from __future__ import annotations

from reconciler.core.observation import Operation
from reconciler.core.plan import Action, Kind
from reconciler.core.succession import fail
from reconciler.engine.byhand.resume import is_taken
from reconciler.engine.checkpoint import Checkpoint
from reconciler.engine.journal import Journal
from reconciler.engine.outcome import Outcome
from reconciler.engine.watch import Running, Watch, recorded_operation
from reconciler.engine.world import Options, World
from reconciler.errors import FailedPrecondition
from reconciler.ports.store import Loaded

PATIENCE = 60.0
"""Seconds for which the end of a cancelled tuning is waited for; later, any other run records it."""

BY_HAND = "cancelled by hand"


def running_tuning(world: World, loaded: Loaded, name: str) -> Operation:
    """Return what is being tuned under a name, as it stands now. Sends nothing but reads.

    Raises:
        FailedPrecondition: nothing is being tuned there, or the service cannot stop it.
        RemoteError: that cannot be asked.
    """
    instance = loaded.lockfile.models[name].in_making
    if instance is None:
        raise FailedPrecondition(
            f"{name}: nothing is being tuned", hint="`tunectl status` shows the state of all models"
        )
    if is_taken(world, name, instance):
        raise FailedPrecondition(f"{name}: {instance.resource} is another model, not one of ours")
    if not world.provider.capabilities.cancels:
        raise FailedPrecondition(f"{name}: this service cannot stop a tuning", hint="let it end, or delete the model")
    (news,) = world.provider.poll([recorded_operation(instance)])
    if news.gone:
        raise FailedPrecondition(f"{name}: {instance.resource} is not there; nothing runs", hint="apply begins it")
    if news.done:
        raise FailedPrecondition(f"{name}: the tuning is over already", hint="`tunectl apply` records its end")
    return news


def cancel_tuning(world: World, loaded: Loaded, name: str, operation: Operation, options: Options) -> Outcome:
    """Stop a tuning and wait for its end, which is recorded as a failure; the caller holds the lock.

    Raises:
        FailedPrecondition: it came to its end before it could be stopped; nothing is recorded.
        RemoteError: it cannot be asked to stop, or asked after.
        StoreError, LockfileError: its end cannot be recorded; the next run does.
    """
    book = Checkpoint(world.store, loaded, clock=world.clock, report=world.report)
    journal = Journal(book, clock=world.clock, report=world.report)
    watch = Watch(world.provider, clock=world.clock, report=world.report, pace=options.pace, noise=options.noise)
    resource = operation.resource
    action = Action(name, Kind.WAIT, BY_HAND, resource)
    world.hold.check()
    world.provider.cancel(operation)
    now = world.clock.now()
    patience = PATIENCE if options.timeout is None else options.timeout
    watch.add(Running(action, operation, started=now, deadline=now + patience))
    while len(watch) and not world.stop.requested():
        for _, ended in watch.look():
            if not ended.gone and ended.error is None:
                raise FailedPrecondition(
                    f"{name}: the tuning was over before it could be stopped", hint="`tunectl apply` goes on with it"
                )
            journal.change(name, lambda entry: fail(entry, resource, _told(operation)))
            journal.outcome.done["cancel"] += 1
        if watch.expired():
            journal.outcome.late.append(name)
        elif len(watch):
            watch.pause()
    journal.outcome.running.extend(running.action.name for running in watch.running())
    journal.outcome.stopped = world.stop.requested()
    journal.flush()
    return journal.outcome


def _told(operation: Operation) -> str:
    """Return what the lockfile says of the end: that it was wanted, and how much was bought by then."""
    progress = operation.progress
    if progress is None or progress.completed_steps is None:
        return BY_HAND
    total = "" if progress.total_steps is None else f" of {progress.total_steps:,}"
    return f"{BY_HAND} at step {progress.completed_steps:,}{total}"
