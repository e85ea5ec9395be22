"""What to do about one name, given what is wanted, recorded and observed.

The decisions, from top to bottom; the first row that fits is taken:

=====================================  ==========================================  =================================
recorded                               observed                                    decision
=====================================  ==========================================  =================================
nothing                                our derived id, compatible                  reuse (0 steps), and update
nothing                                our derived id, failed                      blocked
nothing                                our derived id, something else              create, next attempt
nothing                                no such id                                  create
wanted revision pending or tuning      not there (404)                             create or replace, same id
wanted revision pending                something else under the id                 forget it; create or replace, next
                                                                                   attempt
wanted revision pending or tuning      there                                       wait (and update)
wanted revision serves                 there                                       update what differs, or nothing
wanted revision serves                 there, failed                               blocked
wanted revision serves                 there, tuning                               wait
wanted revision serves                 not there (404)                             create anew
wanted revision failed                 whatever                                    blocked
wanted revision rejected               there, and the gate is another one          reuse (0 steps): judged again
wanted revision rejected               otherwise                                   blocked
wanted revision retained or deposed    there, not failed                           reuse (0 steps), and update
another revision serves                there                                       replace, or as where nothing is
another revision serves                not there (404)                             create, or as where nothing is
another revision, never ready          whatever                                    create, or as where nothing is
=====================================  ==========================================  =================================

"As where nothing is": our derived id may be live although nothing records it; of several attempts the best is taken,
one that is ready before one that is tuning before one that failed. Whatever is decided, what was replaced before
(deposed) is deleted, and so is what is in the making but no longer wanted.

Of the models that are retained, more than ``lifecycle.retain`` are let go of as well.

``--replace NAME`` skips the rows that keep, reuse or block, and asks for the next attempt, past ids that are held by
what we may not see; a tuning of the wanted revision that is already under way is waited for, never bought twice, and
the reason says that the request has to be made again.

The wanted revision is what the manifest asks for, unless a rollback has pinned another one (``core.revision``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.observation import ModelState
from reconciler.core.plan import TRAINS, Action, Change, Kind
from reconciler.core.planning.case import Case
from reconciler.core.planning.comparison import listed, patch, replacing_changes
from reconciler.core.planning.disposal import clean_up, disposal, letting_go, outgoing
from reconciler.core.planning.judging import awaits_sharing
from reconciler.core.planning.obtaining import buy, obtain
from reconciler.core.planning.rejection import rejection
from reconciler.core.resource import Effect
from reconciler.core.verdict import proven

__all__ = ["Case", "decide", "disposal", "in_making"]


def decide(case: Case) -> tuple[Action, ...]:
    """Return the actions for one wanted name, in the order in which they are to happen; see the module's table.

    Raises:
        TunectlError: every id of the wanted revision is taken.
    """
    entry = case.entry
    if entry is None:
        return tuple(obtain(case, Kind.CREATE, "does not exist"))
    making = in_making(entry)
    superseded = making
    if making is not None and making.revision == case.revision:
        actions, superseded = tuple(_resume(case, entry, making)), None
    elif entry.serves and entry.current.revision == case.revision and not case.forced:
        actions = tuple(_keep(case, entry))
    else:
        actions = tuple(_end_pin(case, entry, _renew(case, entry)))
    reused = frozenset(action.resource for action in actions if action.kind is Kind.REUSE and action.resource)
    rid = tuple(clean_up(case, entry, superseded, reused=reused))
    named = frozenset(action.resource for action in rid if action.resource)
    return (*(replace(each, outgoing=outgoing(case, entry, each, named=named)) for each in actions), *rid)


def in_making(entry: Entry) -> Instance | None:
    """Return the instance that is to serve but does not yet: a candidate, or a first create that is not through."""
    if entry.candidate is not None:
        return entry.candidate
    return entry.in_making


def _keep(case: Case, entry: Entry) -> Iterator[Action]:
    """The wanted revision serves: patch what differs."""
    observation = case.observation(entry.current)
    if observation is None:
        yield from obtain(case, Kind.CREATE, "is gone from the remote", former=entry.current)
    elif observation.state is ModelState.FAILED:
        reason = f"{short(entry.current.resource)} is reported as failed; --replace {case.desired.name} tunes it anew"
        yield case.act(Kind.BLOCKED, reason, entry.current, blocked_by="failed")
    elif observation.state is ModelState.TUNING:
        yield case.act(Kind.WAIT, "is tuning again", entry.current)
    else:
        yield from patch(case, entry.current, observation, recorded=True)


def _resume(case: Case, entry: Entry, making: Instance) -> Iterator[Action]:
    """The wanted revision is in the making: take it up where the last run left it."""
    previous = None if making is entry.current else _served_by(case, entry)
    kind = Kind.CREATE if previous is None else Kind.REPLACE
    observation = case.observation(making)
    pending = making.state is InstanceState.PENDING
    if observation is None:
        reason = "was about to be created when the last run ended" if pending else "vanished before it could serve"
        changes = replacing_changes(case, entry)
        yield buy(case, case.act(kind, reason, making, previous=previous, changes=changes))
    elif pending and not case.is_of(making, observation):
        yield from obtain(case, kind, "the recorded id is taken by another model", previous=previous)
        yield letting_go(case.desired.name, making, "was about to be created", cleanup=True)
    else:
        end = {
            ModelState.READY: f"is ready; apply {_next_step(case, making, previous)}",
            ModelState.FAILED: "has failed; apply records it",
        }.get(observation.state, "is still tuning")
        later = f"; {_put_off(case, observation.state)}" if case.forced else ""
        yield case.act(Kind.WAIT, f"{end}{later}", making, previous=previous)
        if observation.state is not ModelState.FAILED:
            yield from patch(case, making, observation, recorded=True)


def _put_off(case: Case, state: ModelState) -> str:
    """Return what becomes of ``--replace`` while an attempt of the very revision is on its way: nothing yet."""
    name = case.desired.name
    past = "ask again afterwards"
    if state not in {ModelState.READY, ModelState.FAILED}:
        past += f", or stop this one first: `tunectl cancel {name}`"
    return f"--replace {name} buys nothing while this attempt of the same revision is on its way: {past}"


def _next_step(case: Case, making: Instance, previous: str | None) -> str:
    if not proven(case.desired.gate, making.verdict):
        return "judges it by its gate"
    if previous is None:
        return "shares it before it serves" if awaits_sharing(making) else "records it"
    return "switches to it"


def _renew(case: Case, entry: Entry) -> Iterator[Action]:
    """Another revision is wanted than the one that serves, or a fresh attempt of the same."""
    previous = _served_by(case, entry)
    if not case.forced:
        tried = _tried(case, entry, previous)
        if tried:
            yield from tried
            return
        former = _former(case, entry)
        if former is not None:
            first = "" if proven(case.desired.gate, former.verdict) else "; it serves once it has passed the gate"
            reason = f"this revision was tuned before and still exists; nothing is bought{first}"
            yield case.act(Kind.REUSE, reason, former, previous=previous)
            yield from patch(case, former, case.observed.models[former.resource])
            return
    changes = replacing_changes(case, entry)
    kind = Kind.CREATE if previous is None else Kind.REPLACE
    yield from obtain(case, kind, _why(case, changes), previous=previous, changes=changes)


def _end_pin(case: Case, entry: Entry, actions: Iterable[Action]) -> Iterator[Action]:
    """Say of what takes the place of a pinned model that the pin ends with it."""
    for action in actions:
        if entry.pin is not None and action.kind in {*TRAINS, Kind.REUSE}:
            gone = case.observation(entry.current) is None
            why = "the model that the rollback pinned is gone" if gone else "the pin of the rollback ends"
            yield replace(action, reason=f"{action.reason}; {why}")
        else:
            yield action


def _why(case: Case, changes: tuple[Change, ...]) -> str:
    if case.forced:
        return "a fresh attempt was asked for (--replace)"
    fixed = [change for change in changes if change.effect == Effect.REPLACE]
    if fixed:
        return f"cannot change in place: {listed(fixed)}"
    if case.desired.parent:
        return f"its source model {case.desired.parent} is replaced"
    return "another revision is wanted"


def _tried(case: Case, entry: Entry, previous: str | None) -> tuple[Action, ...]:
    """Return what becomes of a revision that failed or was rejected: it is not bought again by itself.

    What can be judged again is; else what became of its latest attempt is said.
    """
    rejected = rejection(case, entry, previous=previous)
    if rejected and rejected[0].kind is Kind.REUSE:
        return rejected
    tried = (*entry.failed, entry.current)
    failed = [i for i in tried if i.state is InstanceState.FAILED and i.revision == case.revision]
    latest = max(failed, key=lambda instance: instance.attempt, default=None)
    if latest is None or (rejected and rejected[0].attempt > latest.attempt):
        return rejected
    why = f": {latest.error}" if latest.error else ""
    way_past = f"buy another attempt: `tunectl apply --replace {case.desired.name}`"
    if _loosened(case, latest):
        way_past = f"gate.abortIf is another one now, but what has ended cannot go on; {way_past}"
    else:
        way_past = f"change the manifest, or {way_past}"
    reason = f"attempt {latest.attempt} of this revision failed{why}; {way_past}"
    return (case.act(Kind.BLOCKED, reason, latest, blocked_by="failed"),)


def _loosened(case: Case, failed: Instance) -> bool:
    """Tell whether the limit on a running tuning is another one than when an attempt was bought."""
    wanted = None if case.desired.gate is None else case.desired.gate.canonical.get("abortIf")
    before = None if failed.gate is None else failed.gate.get("abortIf")
    return before is not None and before != wanted


def _former(case: Case, entry: Entry) -> Instance | None:
    """Return a model of the wanted revision that was kept, or that was replaced and is not deleted yet."""
    for instance in (*entry.retained, *entry.deposed):
        observation = case.observation(instance)
        if instance.revision != case.revision or observation is None or observation.state is ModelState.FAILED:
            continue
        if instance.state is not InstanceState.PENDING or case.is_of(instance, observation):
            return instance
    return None


def _served_by(case: Case, entry: Entry) -> str | None:
    """Return the model that serves and is to be replaced, if there is one."""
    return entry.current.resource if entry.serves and case.observation(entry.current) is not None else None
