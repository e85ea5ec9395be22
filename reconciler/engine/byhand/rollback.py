"""``tunectl rollback``: looks, decides, and switches with one write of the lockfile. Nothing is trained or deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.manifests import Manifests
from reconciler.core.observation import ModelState
from reconciler.core.plan import Action, Kind
from reconciler.core.resource import Desired
from reconciler.core.revision import wanted_revisions
from reconciler.core.succession import unpin
from reconciler.core.upkeep.rollback import Rollback, find_target, roll_back
from reconciler.engine.checkpoint import Checkpoint
from reconciler.engine.journal import Journal
from reconciler.engine.looking.observe import observe
from reconciler.engine.world import World
from reconciler.errors import FailedPrecondition, NotFound
from reconciler.ports.provider import Provider
from reconciler.ports.store import Loaded


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rollback as it would be done, and the lockfile it was made from."""

    rollback: Rollback
    loaded: Loaded


def consider(
    load: Callable[[], Manifests], provider: Provider, loaded: Loaded, name: str, revision: str | None
) -> Proposal:
    """Return the switch of a recorded name to a former model; nothing is written.

    Looked at is only what the switch is about: the models of the name and of those it is tuned from. So it works while
    something else is in trouble.

    Args:
        load: reads the manifests; raises ProblemsError.
        provider: only read from.
        loaded: the lockfile, read under the lock.
        name: a recorded name.
        revision: see ``core.rollback.find_target``; None is what served last.

    Raises:
        FailedPrecondition: there is nothing to roll back to, or the target does not serve.
        NotFound: the target does not exist any more.
        UsageError: no former model is meant, or more than one.
        ProblemsError, RemoteError: manifests or remote cannot be read.
    """
    entry = loaded.lockfile.models[name]
    line = _line(name, load().desired)
    retain = line[name].lifecycle.retain
    target = find_target(name, entry, revision, retain=retain)
    _check_there(provider, name, target)
    recorded = _only(loaded.lockfile, line)
    seen = observe(provider, recorded)
    asked = wanted_revisions(line.values(), recorded, seen.models)[name].asked
    gone = seen.get(entry.current.resource) is None
    return Proposal(roll_back(name, entry, target, asked=asked, retain=retain, gone=gone), loaded)


def switch(world: World, proposal: Proposal) -> None:
    """Let the former model serve; the caller holds the lock.

    Raises:
        LockHeld, StaleLockfile: another run has taken its turn; nothing was changed.
        StoreError: the lockfile cannot be written; what served serves on.
    """
    rollback = proposal.rollback
    reason = f"rolled back from {short(rollback.source.resource)}"
    action = Action(
        name=rollback.name,
        kind=Kind.REUSE,
        reason=reason,
        resource=rollback.target.resource,
        previous=rollback.source.resource,
        revision=rollback.target.revision,
        attempt=rollback.target.attempt,
    )
    _write(world, proposal.loaded, action, lambda _: rollback.after)


def end_pin(world: World, loaded: Loaded, name: str) -> None:
    """Let the next apply do what the manifest asks for again. Raises as ``switch`` does."""
    current = loaded.lockfile.models[name].current
    action = Action(name, Kind.UPDATE, "the pin ends", resource=current.resource, revision=current.revision)
    _write(world, loaded, action, unpin)


def _write(world: World, loaded: Loaded, action: Action, step: Callable[[Entry], Entry]) -> None:
    """Take one step in one write, and tell about it."""
    book = Checkpoint(world.store, loaded, clock=world.clock, report=world.report)
    journal = Journal(book, clock=world.clock, report=world.report)
    journal.start(action)
    world.hold.check()
    journal.change(action.name, step)
    journal.flush()
    journal.finish(action)
    journal.close(signal_number=None)


def _line(name: str, desired: tuple[Desired, ...]) -> dict[str, Desired]:
    """Return the manifest of a name and those it is tuned from, one through the other.

    Raises:
        FailedPrecondition: the name has no manifest any more.
    """
    by_name = {manifest.name: manifest for manifest in desired}
    if name not in by_name:
        raise FailedPrecondition(
            f"{name}: has no manifest any more, so the next apply removes it whatever serves",
            hint="put the manifest back first",
        )
    found: dict[str, Desired] = {}
    step: str | None = name
    while step is not None:
        found[step] = by_name[step]
        step = by_name[step].parent
    return found


def _only(lockfile: Lockfile, names: dict[str, Desired]) -> Lockfile:
    return replace(lockfile, models={name: entry for name, entry in lockfile.models.items() if name in names})


def _check_there(provider: Provider, name: str, target: Instance) -> None:
    """Ask for the target itself, since a listing may lag.

    Raises:
        NotFound: it does not exist any more.
        FailedPrecondition: it is there but does not serve.
        PermissionDenied: it cannot be seen.
    """
    try:
        seen = provider.get(target.resource)
    except NotFound as error:
        raise NotFound(
            f"{name}: {target.resource} does not exist any more, so it cannot serve again; nothing was changed",
            status=error.status,
            http_status=error.http_status,
            hint=f"`tunectl show {name}` lists the other former models, for --to; `tunectl gc` ends the record of this",
        ) from error
    if seen.state is not ModelState.READY:
        raise FailedPrecondition(
            f"{name}: the service reports {target.resource} as {seen.state.value}; nothing was changed",
            hint=f"`tunectl show {name}` lists the other former models, for --to",
        )
