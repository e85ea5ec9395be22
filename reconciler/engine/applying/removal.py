"""Deletions: last of all, former models before the current one, and never before the lockfile on disk allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial

from reconciler.core.lockfile import Entry, InstanceState
from reconciler.core.plan import Action, Kind
from reconciler.core.planning.disposal import REJECTED, RETAIN, disposal, forgotten_last
from reconciler.core.planning.judging import find, let_go
from reconciler.core.succession import remove
from reconciler.engine.applying import carry
from reconciler.engine.journal import Journal
from reconciler.engine.world import World
from reconciler.errors import Interrupted, LockHeld, TunectlError


def delete_all(world: World, journal: Journal, actions: Iterable[Action], pool: ThreadPoolExecutor) -> None:
    """Delete what the plan removes and what this run has replaced.

    What the lockfile says of who serves is written first: a crash in between leaves a former model, never a gap. A
    name whose former models cannot all be deleted keeps its entry, so that none is forgotten.
    """
    if journal.outcome.lost is not None:
        return
    journal.flush()
    everything = tuple(actions)
    planned = [action for action in everything if action.kind is Kind.DELETE]
    former = [action for action in planned if action.cleanup]
    known = {action.resource for action in planned}
    names = {action.name for action in everything}
    former += [action for action in (*_replaced(journal, names), *_refused(journal)) if action.resource not in known]
    _forget(journal, [action for action in former if action.kind is Kind.FORGET])
    former = [action for action in former if action.kind is Kind.DELETE]
    _delete(world, journal, former, pool)
    _delete(world, journal, [a for a in planned if not a.cleanup and a.name not in journal.outcome.failed], pool)
    last, left = forgotten_last(everything), {*journal.outcome.failed, *journal.outcome.skipped}
    whole = [a for a in everything if a.kind is Kind.FORGET and not a.cleanup and a.name in last - left]
    _forget(journal, whole if journal.outcome.lost is None else [])


def _replaced(journal: Journal, names: set[str]) -> list[Action]:
    """Return what follows from what this run has switched, for the names it was about: former models go.

    With ``lifecycle.deletion: retain`` those that served are forgotten and stay at the service.
    """
    found = []
    for name in sorted(names & journal.lockfile.models.keys()):
        entry = journal.lockfile.models[name]
        if entry.serves and name not in journal.outcome.failed:
            found += [
                disposal(name, instance, None, "was replaced", cleanup=True, keep=entry.deletion == RETAIN)
                for instance in entry.deposed
                if instance.state is not InstanceState.PENDING  # a mere intent, and what stands there may not be ours
            ]
    return found


def _refused(journal: Journal) -> list[Action]:
    """Return the deletions that follow from the gates of this run."""
    found = []
    for name, resource in sorted(journal.outcome.rejected.items()):
        entry = journal.entry(name)
        instance = None if entry is None else find(entry, resource)
        if instance is not None and instance.disposed:
            found.append(Action(name, Kind.DELETE, REJECTED, resource=resource, cleanup=True))
    return found


def _forget(journal: Journal, actions: list[Action]) -> None:
    for action in actions:
        journal.start(action)
        _drop(journal, action)


def _drop(journal: Journal, action: Action) -> None:
    """Record that a resource is deleted or forgotten."""
    record = let_go if action.cleanup else remove
    journal.change(action.name, partial(_without, record, action.resource or ""))
    journal.finish(action)


def _without(record: Callable[[Entry, str], Entry | None], resource: str, entry: Entry) -> Entry | None:
    return record(entry, resource)


def _delete(world: World, journal: Journal, actions: list[Action], pool: ThreadPoolExecutor) -> None:
    lost = journal.outcome.lost is not None
    if lost or world.stop.requested():
        for action in actions:
            journal.skip(action, "the lock was lost" if lost else "the run was stopped")
        return
    flying: dict[Future[None], Action] = {}
    for action in actions:
        journal.start(action)
        delete = partial(carry.delete, world.provider, action.resource or "")
        flying[pool.submit(carry.while_we_may, world, delete)] = action
    for future in as_completed(flying):
        action = flying[future]
        try:
            future.result()
        except LockHeld as error:
            journal.outcome.lost = error
            journal.skip(action, "the lock was lost")
        except Interrupted as error:
            journal.skip(action, error.message)
        except TunectlError as error:
            journal.fail(action, error.message, error.hint)
        else:
            _drop(journal, action)
