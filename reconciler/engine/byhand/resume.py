"""``tunectl wait``: waits for running tunings and records their end. The rest (switching, deleting) is for apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.observation import Operation
from reconciler.core.plan import Action, Kind
from reconciler.core.planning.judging import arrive, awaits_gate, awaits_sharing
from reconciler.core.resource import Desired
from reconciler.core.revision import compatible
from reconciler.core.succession import fail
from reconciler.engine.checkpoint import Checkpoint
from reconciler.engine.journal import Journal
from reconciler.engine.outcome import Outcome
from reconciler.engine.watch import Running, Watch, recorded_operation
from reconciler.engine.world import Options, World
from reconciler.errors import LockfileError, LockHeld, NotFound, StoreError
from reconciler.ports.store import Loaded

_DAY = 86_400.0


def wait_for_running(
    world: World, loaded: Loaded, options: Options, *, chosen: Callable[[str], bool] = lambda _: True
) -> Outcome:
    """Wait for the recorded tunings that are not through; the caller holds the lock.

    Args:
        world: the ports; datasets are not read.
        loaded: the lockfile as read under the lock.
        options: pace and timeout in seconds (None: a day).
        chosen: which names to wait for.

    Raises:
        StoreError, LockfileError: what came of them cannot be recorded; the remote is as it was.
        RemoteError: they cannot be asked for.
    """
    book = Checkpoint(world.store, loaded, clock=world.clock, report=world.report)
    journal = Journal(book, clock=world.clock, report=world.report)
    watch = Watch(world.provider, clock=world.clock, report=world.report, pace=options.pace, noise=options.noise)
    deadline = world.clock.now() + (_DAY if options.timeout is None else options.timeout)
    for action, operation in _under_way(world, loaded, journal, chosen):
        watch.add(Running(action, operation, started=world.clock.now(), deadline=deadline))
    through = False
    try:
        _watch(world, watch, journal)
        through = True
    except LockHeld as error:
        journal.outcome.lost = error
    finally:
        journal.outcome.running.extend(running.action.name for running in watch.running())
        journal.outcome.stopped = world.stop.requested()
        _flush(journal, through=through)
        journal.close(signal_number=world.stop.signal_number)
    return journal.outcome


def _under_way(
    world: World, loaded: Loaded, journal: Journal, chosen: Callable[[str], bool]
) -> Iterator[tuple[Action, Operation]]:
    """Yield what is to be waited for; an intent whose id another model has is journalled as a failure."""
    for name, entry in sorted(loaded.lockfile.models.items()):
        instance = entry.in_making
        if instance is not None and chosen(name):
            action = Action(name, Kind.WAIT, "is still tuning", instance.resource, revision=instance.revision)
            journal.start(action)
            if is_taken(world, name, instance):
                hint = "apply plans the next attempt, which gets an id of its own"
                journal.fail(action, f"{instance.resource} is taken by another model", hint)
            else:
                yield action, recorded_operation(instance)


def _watch(world: World, watch: Watch, journal: Journal) -> None:
    """Look until nothing is left to wait for, or the run is to stop."""
    first = True
    while len(watch) and not world.stop.requested():
        if not first:
            watch.pause()
        first = False
        world.hold.check()
        for running, operation in watch.look():
            _record(journal, running.action, operation)
        journal.outcome.late.extend(running.action.name for running in watch.expired())


def is_taken(world: World, name: str, instance: Instance) -> bool:
    """Tell whether a mere intent's id turns out to be somebody else's model, which must never be recorded as ours."""
    if instance.state is not InstanceState.PENDING:
        return False
    try:
        live = world.provider.get(instance.resource)
    except NotFound:
        return False
    return not compatible(Desired(name=name, spec=instance.spec), live)


def _flush(journal: Journal, *, through: bool) -> None:
    """Save what is known, unless another run holds the lock by now.

    What the saving of a run that an error ended may run into does not take the place of that error.
    """
    if journal.outcome.lost is None:
        try:
            journal.flush()
        except LockHeld as error:
            journal.outcome.lost = error
        except (LockfileError, StoreError):
            if through:
                raise


def _record(journal: Journal, action: Action, operation: Operation) -> None:
    if operation.gone and _never_begun(journal, action):
        journal.skip(action, f"nothing runs under {operation.resource} yet; the next apply begins it")
    elif operation.gone:
        hint = "`tunectl plan` shows what apply will do about it"
        journal.fail(action, f"{operation.resource} does not exist (any more)", hint)
    elif operation.error is not None:
        message = operation.error
        journal.change(action.name, lambda entry: fail(entry, operation.resource, message))
        hint = f"change the manifest, or buy another attempt: `tunectl apply --replace {action.name}`"
        journal.fail(action, message, hint)
    else:
        instance = journal.instance(action)
        gated = instance is not None and awaits_gate(instance)
        shared = instance is not None and awaits_sharing(instance)
        if gated:
            journal.outcome.unjudged.append(action.name)
        if shared:
            journal.outcome.unshared.append(action.name)
        journal.change(action.name, partial(_ready, operation, gated or shared))
        journal.finish(action)


def _never_begun(journal: Journal, action: Action) -> bool:
    """Tell whether only the intent stands: the run that wrote it ended before the create was sent."""
    instance = journal.instance(action)
    return instance is not None and instance.state is InstanceState.PENDING


def _ready(operation: Operation, gated: bool, entry: Entry) -> Entry:
    """Record that a model is ready; a candidate stays a candidate until apply has judged it and switches to it."""
    return arrive(entry, operation.resource, gated=gated, create_time=operation.create_time)
