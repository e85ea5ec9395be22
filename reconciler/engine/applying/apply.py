"""Carries a plan out: intents first, then creates and patches side by side, then waiting, deletions last.

Nothing that serves is deleted before its successor is ready and the lockfile on disk says so. Whatever moment a run is
killed at, the next one looks at the same three values and carries on.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from reconciler.core.event import Planned, Skipped, Stopping
from reconciler.core.lockfile import InstanceState, Lockfile
from reconciler.core.plan import Action, Kind
from reconciler.core.planning.disposal import forgotten_last
from reconciler.engine.applying.gate import Examiner
from reconciler.engine.applying.intent import record_intents
from reconciler.engine.applying.removal import delete_all
from reconciler.engine.applying.training import Training
from reconciler.engine.checkpoint import Checkpoint
from reconciler.engine.journal import Journal
from reconciler.engine.looking.preview import Preview
from reconciler.engine.outcome import Outcome
from reconciler.engine.world import Options, World
from reconciler.errors import LockfileError, LockHeld, Refused, StoreError


def apply(world: World, shown: Preview, options: Options) -> Outcome:
    """Carry out a plan and return how it ended; the caller holds the lock.

    If the lock is lost on the way, nothing new is begun and nothing more is written: another run holds it by then.

    Raises:
        Refused: the plan has violations; nothing was done.
        LockHeld: the lock was lost before the first intent was recorded; nothing was done.
        LockfileError, StoreError: the lockfile cannot be written. Before the first intent nothing was done; later,
            whatever was begun is found again by the next run.
        RemoteError: running jobs cannot be asked for; they are recorded and go on.
    """
    plan = shown.plan
    if plan.violations:
        count = len(plan.violations)
        reasons = f"{count} reason{'s' if count != 1 else ''}"
        raise Refused(f"the plan is refused for {reasons}; nothing was applied", violations=plan.violations)
    book = Checkpoint(world.store, shown.loaded, clock=world.clock, report=world.report)
    journal = Journal(book, clock=world.clock, report=world.report)
    desired = {manifest.name: manifest for manifest in shown.desired}
    recorded = shown.loaded.lockfile.models.values()
    intended = frozenset(i.resource for e in recorded for i in e.instances() if i.state is InstanceState.PENDING)
    world.report(Planned(plan))
    journal.change_all(lambda lockfile: record_intents(lockfile, plan, desired, shown.observed))
    journal.flush()
    _settle_at_once(journal, plan.actions)
    through = False
    try:
        with (
            Examiner(world, parallelism=options.parallelism) as examiner,
            ThreadPoolExecutor(options.parallelism, thread_name_prefix="apply") as pool,
        ):
            Training(world, options, journal, plan, desired, examiner, intended=intended).run(pool)
            delete_all(world, journal, plan.actions, pool)
        through = True
    except LockHeld as error:
        journal.outcome.lost = error
    finally:
        _close(world, journal, through=through)
    return journal.outcome


def _settle_at_once(journal: Journal, actions: tuple[Action, ...]) -> None:
    """Report what needed no request: the intent write has done it, or it is blocked."""
    last = forgotten_last(actions)
    for action in actions:
        if action.kind is Kind.FORGET and not action.cleanup and action.name in last:
            continue
        if action.kind in {Kind.MOVE, Kind.FORGET}:
            journal.start(action)
            journal.finish(action)
        elif action.kind is Kind.BLOCKED:
            journal.outcome.blocked[action.name] = action
            journal.report(Skipped(action.name, action.kind.value, action.reason))


def _close(world: World, journal: Journal, *, through: bool) -> None:
    """Save what is known, if we still may, and tell how it went.

    A run that an error ended is not through, however little it had left to do, and what its saving may run into does
    not take the place of that error.
    """
    if world.stop.requested():
        world.report(Stopping({2: "SIGINT", 15: "SIGTERM"}.get(world.stop.signal_number or 0, "signal")))
    outcome = journal.outcome
    if outcome.lost is None:
        try:
            if outcome.complete and through:
                journal.change_all(_carried_out)
            journal.flush()
        except LockHeld as lost:
            outcome.lost = lost
        except (LockfileError, StoreError):
            if through:
                raise
    journal.close(signal_number=world.stop.signal_number)


def _carried_out(lockfile: Lockfile) -> Lockfile:
    """Return the lockfile with an approval that covers nothing any more but the fact that it was carried out.

    Who was killed after the last write and is run again finds nothing left to do, not a plan that nobody approved.
    """
    approval = lockfile.approval
    if approval is None or not approval.actions:
        return lockfile
    return replace(lockfile, approval=replace(approval, actions={}))
