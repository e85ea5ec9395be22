"""The world of the model-based test: one service, one clock, one lockfile, and runs that end at any boundary.

The fleet is the reference model, too: it knows what is wanted, which models were paid for and which are somebody
else's, and it objects in the very moment in which a run does what must never be done.
"""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from reconciler.core.address import split_attempt
from reconciler.core.examples import digest_of
from reconciler.core.lease import GRACE, TTL, Holder
from reconciler.core.limits import Limits
from reconciler.core.lineage import Event, Record
from reconciler.core.lockfile import InstanceState, Lockfile
from reconciler.core.manifests import Manifests
from reconciler.core.past.chain import chain_of, verify
from reconciler.core.past.lineage_text import read_records, restore
from reconciler.core.permission import Permission, as_written, declared, unshared
from reconciler.core.plan import TRAINS
from reconciler.core.planning.build import Policy
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Desired, Example
from reconciler.core.upkeep.rebuild import Identity
from reconciler.engine.applying.apply import apply
from reconciler.engine.byhand.resume import wait_for_running
from reconciler.engine.byhand.rollback import consider, end_pin, switch
from reconciler.engine.lineage import RecordingStore
from reconciler.engine.looking.collection import survey_waste
from reconciler.engine.looking.preview import Preview, preview
from reconciler.engine.looking.rebuild import survey
from reconciler.engine.outcome import Outcome
from reconciler.engine.stop import Stop
from reconciler.engine.watch import Pace
from reconciler.engine.world import Options, World
from reconciler.errors import (
    FailedPrecondition,
    LockHeld,
    NotFound,
    QuotaExhausted,
    Refused,
    StaleLockfile,
    StoreError,
    Unavailable,
)
from reconciler.ports.lineage import LineageLog
from reconciler.ports.provider import CreateRequest
from reconciler.ports.store import BlobStore, Hold, LastingHold
from reconciler.stores.codec import decode
from reconciler.stores.lease import BlobLease
from reconciler.stores.lineage_log import BlobLineageLog, FileLineageLog
from reconciler.stores.local import LocalBlobStore
from reconciler.stores.lockfile import BlobLockfileStore
from reconciler.stores.memory import MemoryBlobStore
from reconciler.testing.fake_provider import CAPABILITIES, REMOTE, FakeProvider
from reconciler.testing.fakes import FakeClock, FakeEvidence

BASE, FOREIGN_BASE = "models/text-bison-001", "models/somebody-elses"
DIVERGED = "the loss diverged"
LONG = TTL + GRACE + 1
ROUNDS = 12
"""How many applies a fleet may need to come to rest."""


class Killed(BaseException):
    """The process is gone; nothing of it may be carried out any more, neither ``except`` nor ``finally``."""


class What(StrEnum):
    """What happens at a boundary between a run and the world."""

    KILL = "kill"
    LOSE = "lose the answer"
    QUOTA = "no quota"
    STOP = "stop"
    RUNNER = "another runner without the lock"
    LOCKED_RUNNER = "another runner that asks for the lock"
    ROBBER = "another runner after a long sleep"
    VANISH = "somebody deletes the model"
    SQUAT = "somebody takes the id"


RUNNERS = frozenset({What.RUNNER, What.LOCKED_RUNNER, What.ROBBER})


@dataclass(frozen=True)
class Trouble:
    """Something that happens when a run comes to a place for the ``nth`` time, before or after (``late``)."""

    what: What
    place: str
    nth: int = 1
    late: bool = False


@dataclass
class Place:
    """Where a lockfile lives: fresh store objects over the same bytes, and how it gets lost."""

    open_blob: Callable[[], BlobStore]
    lose: Callable[[], None]
    open_lease: Callable[[], BlobStore] | None = None
    lock_path: Path | None = None
    log: LineageLog = field(default_factory=lambda: BlobLineageLog(MemoryBlobStore(address="log")))


def in_memory() -> Place:
    blobs = [MemoryBlobStore(), MemoryBlobStore(address="lease")]

    def lose() -> None:
        blobs[0] = MemoryBlobStore()

    return Place(lambda: blobs[0], lose, lambda: blobs[1])


def in_folder(folder: Path) -> Place:
    shutil.rmtree(folder, ignore_errors=True)
    path = folder / "tunectl.lock"

    def open_blob() -> LocalBlobStore:
        return LocalBlobStore(path, backup=folder / "backup")

    return Place(
        open_blob,
        lambda: path.unlink(missing_ok=True),
        lock_path=folder / "run" / "lock",
        log=FileLineageLog(folder / "log.jsonl"),
    )


@dataclass
class Run:
    """One process: it crosses boundaries to the world until it is through or dead."""

    fleet: Fleet
    troubles: tuple[Trouble, ...] = ()
    stop: Stop = field(default_factory=Stop)
    dead: bool = False
    crossed: Counter[tuple[str, bool]] = field(default_factory=Counter)
    met: set[What] = field(default_factory=set)
    paid: list[str] = field(default_factory=list)

    def cross(self, place: str, *, late: bool, resource: str = "") -> None:
        if self.dead:
            raise Killed
        self.crossed[place, late] += 1
        for trouble in self.troubles:
            if (trouble.place, trouble.late, trouble.nth) == (place, late, self.crossed[place, late]):
                self.met.add(trouble.what)
                self._meet(trouble.what, place, resource)

    def _meet(self, what: What, place: str, resource: str) -> None:
        if what is What.KILL:
            self.dead = True
            raise Killed
        if what is What.LOSE:
            raise (
                StoreError("the disk is full") if place in {"write", "log"} else Unavailable("the connection was lost")
            )
        if what is What.QUOTA and place == "create":
            raise QuotaExhausted("too many tunings", retry_after=30.0)
        if what is What.STOP:
            self.stop.request(15)
        elif what in RUNNERS:
            self.fleet.intrude(what)
        elif what is What.VANISH:
            self.fleet.vanish(resource)
        elif what is What.SQUAT and place == "create":
            self.fleet.squat(resource)

    # The clock of the process.

    def now(self) -> float:
        return self.fleet.clock.now()

    def sleep(self, seconds: float) -> None:
        self.cross("sleep", late=False)
        self.fleet.clock.sleep(seconds)
        self.cross("sleep", late=True)


class Disk:
    """The blob as one process sees it."""

    def __init__(self, run, blob, place="write"):
        self._run, self._blob, self._place = run, blob, place

    @property
    def address(self):
        return self._blob.address

    def read(self):
        self._run.cross("read", late=False)
        return self._blob.read()

    def write(self, data, *, expect):
        self._run.cross(self._place, late=False)
        version = self._blob.write(data, expect=expect)
        self._run.cross(self._place, late=True)
        return version

    def delete(self, *, expect):
        raise AssertionError("a run deletes its lockfile")


class Log:
    """The log of lineage as one process sees it."""

    def __init__(self, run, log):
        self._run, self._log, self.address, self.read = run, log, log.address, log.read

    def append(self, lines):
        self._run.cross("log", late=False)
        self._log.append(lines)
        self._run.cross("log", late=True)


class Wire:
    """The service as one process sees it."""

    def __init__(self, run):
        self._run, self._fleet, self._service = run, run.fleet, run.fleet.service
        self.remote, self.capabilities, self.normalize = REMOTE, CAPABILITIES, self._service.normalize

    def observe(self, *, snapshots=False):
        lagging = self._fleet.lagging
        return self._send("observe", "", lambda: [o for o in self._service.observe() if o.resource not in lagging])

    def get(self, resource, *, operation=None, snapshots=False):
        look = partial(self._service.get, resource, operation=operation, snapshots=snapshots)
        return self._send("get", resource, look)

    def base_models(self):
        return self._send("base_models", "", self._service.base_models)

    def create(self, request):
        return self._send("create", request.resource, lambda: self._fleet.sell(self._run, request))

    def generate(self, resource, prompt, *, candidates=1):
        return self._send("generate", resource, lambda: self._service.generate(resource, prompt, candidates=candidates))

    def update(self, resource, fields):
        return self._send("update", resource, lambda: self._fleet.patch(resource, fields))

    def delete(self, resource):
        return self._send("delete", resource, lambda: self._fleet.delete(resource))

    def permissions(self, resource):
        return self._send("permissions", resource, lambda: self._service.permissions(resource))

    def grant(self, resource, permission):
        return self._send("grant", resource, lambda: self._fleet.grant(resource, permission))

    def revoke(self, resource, permission):
        return self._send("revoke", resource, lambda: self._fleet.revoke(resource, permission))

    def poll(self, operations):
        return self._send("poll", "", lambda: self._service.poll(operations))

    def _send(self, method, resource, work):
        self._run.cross(method, late=False, resource=resource)
        answer = work()
        self._run.cross(method, late=True, resource=resource)
        return answer


@dataclass
class Fleet:
    """The service, the lockfile's place, what is wanted, and the ledger of what was paid for.

    ``ours`` are the models that exist and that a run of ours made, ``made`` the revisions of all that ever did by the
    ids of first attempts; ``allowed`` are further attempts that somebody asked
    for by name; ``forgiven`` are models whose record was lost with a lockfile.
    """

    place: Place
    clock: FakeClock = field(default_factory=FakeClock)
    wish: dict[str, Desired] = field(default_factory=dict)
    former: dict[str, Desired] = field(default_factory=dict)
    ledger: Counter[str] = field(default_factory=Counter)
    ours: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)
    forgiven: set[str] = field(default_factory=set)
    vanished: set[str] = field(default_factory=set)
    foreign: dict[str, dict[str, object]] = field(default_factory=dict)
    lagging: set[str] = field(default_factory=set)
    doomed: bool = False
    newest: tuple[str, int] = ("", 0)
    lost: bool = False

    def __post_init__(self) -> None:
        self.service = FakeProvider(self.clock)
        self._ids = itertools.count(1)

    # What the owner of the manifests does.

    def want(self, name: str, manifest: Desired) -> None:
        self.wish[name] = self.former[name] = replace(manifest, name=name)

    def drop(self, name: str) -> None:
        """Take away a manifest, and those that could not stand without it."""
        for child in [m.name for m in self.wish.values() if m.parent == name]:
            self.drop(child)
        del self.wish[name]

    def rename(self, old: str, new: str, *, declared: bool) -> None:
        manifest = self.wish.pop(old)
        self.want(new, replace(manifest, previous_names=(old,) if declared else ()))
        for child in [m for m in self.wish.values() if m.parent == old]:
            self.want(child.name, replace(child, spec={**child.spec, "source": {"model": new}}))

    def validation(self, name: str) -> list[Example]:
        return []

    def objects(self, name: str) -> tuple[None, None]:
        return None, None

    def examples(self, name: str) -> list[Example]:
        digest = self.wish[name].dataset.digest
        return next(examples for examples in DATA if digest_of(examples) == digest)

    # What the service and other people do.

    def sell(self, run: Run, request):
        """A paid create. It is paid in vain while another attempt of the same revision stands.

        An attempt that another name records was renamed along with its manifest: a new manifest of the old name gets a
        model of its own. And a later attempt whose record was lost with the lockfile while the listing lags behind is
        known to nobody; the first attempt is guessed by its id and meets itself.
        """
        resource = request.resource
        self.service.doom = {resource: DIVERGED} if self.doomed else {}
        owner = self.lockfile.resources()
        standing = [
            other
            for other in self.ours
            if other != resource and _first(other) == _first(resource) and not self._failed(other)
            if owner.get(other, owner.get(resource)) == owner.get(resource)
            if other not in self.forgiven & self.lagging
        ]
        # Somebody may have taken the id that was asked for; the next one then stands for it.
        asked_for = any(_first(other) == _first(resource) and not self.ledger[other] for other in self.allowed)
        assert not standing or resource in self.allowed or asked_for, f"{resource} is bought although {standing} stands"
        operation = self.service.create(request)
        self.service.losses[resource] = (2.0, 0.5 if passes(request.examples) else 1.5)
        self.ledger[resource] += 1
        self.ours.add(resource)
        self.made[_first(resource)] = request.origin.revision
        run.paid.append(resource)
        self.doomed = False
        return operation

    def patch(self, resource, fields):
        assert resource not in self.foreign, f"{resource} is somebody else's and is patched"
        return self.service.update(resource, fields)

    def delete(self, resource):
        assert resource not in self.foreign, f"{resource} is somebody else's and is deleted"
        for name, entry in self.lockfile.models.items():
            serves = entry.current.resource == resource and entry.current.state is InstanceState.READY
            assert not (serves and name in self.wish), f"{resource} serves {name} and is deleted"
        self.service.delete(resource)
        self.ours.discard(resource)

    def vanish(self, resource: str) -> None:
        """Somebody deletes a model of ours: this one, or the first there is."""
        found = resource if resource in self.ours else min(self.ours, default="")
        if found:
            del self.service.models[found]
            self.ours.discard(found)
            self.vanished.add(found)

    def squat(self, resource: str) -> None:
        """Somebody else creates a model under an id that we are about to use."""
        recorded = [i for e in self.lockfile.models.values() for i in e.instances() if i.resource == resource]
        if resource not in self.service.models and all(i.state is InstanceState.PENDING for i in recorded):
            self.plant(resource)

    def grant(self, resource: str, permission: Permission) -> None:
        assert resource in self.ours, f"{resource} is somebody else's and was shared"
        self.service.grant(resource, permission)

    def revoke(self, resource: str, permission: Permission) -> None:
        assert resource in self.ours, f"{resource} is somebody else's and was taken from its users"
        self.service.revoke(resource, permission)

    def plant(self, resource: str) -> None:
        spec = {"displayName": "theirs", "baseModel": FOREIGN_BASE}
        self._create_foreign(resource, spec)
        self.foreign[resource] = dict(spec)

    def _create_foreign(self, resource: str, spec: dict[str, object]) -> None:
        self.service.doom = {}
        self.service.create(CreateRequest(resource, spec, DATA[0]))

    def lose_lockfile(self) -> None:
        self.forgiven |= self.ours
        self.newest = ("", 0)
        self.lost = True
        self.place.lose()

    # Runs.

    def store(self, run: Run) -> RecordingStore:
        def new_id() -> str:
            return f"id-{next(self._ids)}"

        lease = None
        if self.place.open_lease is not None:
            holder = Holder("host", 7, "ada", "tunectl apply")
            lease = BlobLease(Disk(run, self.place.open_lease(), "lease"), holder=holder, new_id=new_id, clock=run)
        blob = Disk(run, self.place.open_blob())
        inner = BlobLockfileStore(blob, remote=REMOTE, new_id=new_id, lease=lease, lock_path=self.place.lock_path)
        return RecordingStore(
            inner,
            Log(run, self.place.log),
            project="demo",
            clock=run,
            origin=lambda: Provenance(actor="ada"),
            look=Wire(run).get,
            report=lambda _: None,
        )

    def preview(self, run: Run, store: RecordingStore, replaced: frozenset[str] = frozenset()) -> Preview:
        policy = Policy("demo", CAPABILITIES, Limits(None, None, None), replace=replaced)
        shown = preview(lambda: Manifests(tuple(self.wish.values())), Wire(run), store, policy)
        bought = (a for a in shown.plan.actions if a.kind in TRAINS and a.name in replaced)
        self.allowed.update(action.resource or "" for action in bought)
        return shown

    def carry_out(self, run: Run, store: RecordingStore, shown: Preview, hold: Hold, *, wait: bool) -> Outcome:
        return apply(self.world(run, store, hold), shown, self.options(wait=wait))

    def apply(
        self,
        run: Run,
        *,
        locked: bool,
        wait: bool = True,
        patience: float = 10 * LONG,
        replaced: frozenset[str] = frozenset(),
    ) -> Outcome | None:
        """Plan and apply in one process, and live through what may come of it."""

        def work() -> Outcome:
            store = self.store(run)
            with self._turn(store, locked, patience) as hold:
                return self.carry_out(run, store, self.preview(run, store, replaced), hold, wait=wait)

        outcome = self.survive(run, work)
        self._check_gates(run)
        return outcome

    def _check_gates(self, run: Run) -> None:
        """What a run has bought serves only if it passes the gate of its manifest."""
        for name, entry in self.lockfile.models.items():
            current = entry.current
            if (
                current.resource in run.paid
                and current.state is InstanceState.READY
                and self.wish[name].gate is not None
            ):
                assert passes(self.service.models[current.resource].examples), f"{name} serves and has not passed"

    def wait(self, run: Run) -> Outcome | None:
        def work() -> Outcome:
            store = self.store(run)
            with store.hold(timeout=10 * LONG) as hold:
                return wait_for_running(self.world(run, store, hold), store.load(), self.options())

        return self.survive(run, work)

    def roll_back(self, run: Run, name: str, *, unpin: bool = False) -> bool:
        """Go back to what served last, or end the pin; tell whether that was done."""

        def work() -> Outcome | None:
            store = self.store(run)
            with store.hold(timeout=10 * LONG) as hold:
                loaded = store.load()
                world = self.world(run, store, hold)
                if unpin:
                    end_pin(world, loaded, name)
                    return Outcome()
                try:
                    proposal = consider(lambda: Manifests(tuple(self.wish.values())), Wire(run), loaded, name, None)
                except (FailedPrecondition, NotFound):
                    return None  # nothing to go back to, or it is gone
                switch(world, proposal)
                return Outcome()

        return self.survive(run, work) is not None

    def collect(self, run: Run, *, orphans: bool) -> Outcome | None:
        """Remove what nobody needs. Nothing that an apply would have kept is bought because of it."""

        def work() -> Outcome:
            store = self.store(run)
            with store.hold(timeout=10 * LONG) as hold:
                policy = Policy("demo", CAPABILITIES, Limits(None, None, None))
                manifests = Manifests(tuple(self.wish.values()))
                shown = survey_waste(
                    lambda: manifests, Wire(run), store.load(), self.place.log, policy, orphans=orphans
                )
                if shown.plan.violations:
                    raise Refused("nothing is recorded")
                return self.carry_out(run, store, shown, hold, wait=True)

        return self.survive(run, work)

    def to_be_bought(self) -> set[str]:
        """The names that an apply would train for now."""
        run = Run(self)
        return {action.name for action in self.preview(run, self.store(run)).plan.actions if action.kind in TRAINS}

    def intrude(self, what: What) -> None:
        """Another runner plans and applies while the first one is under way."""
        if what is What.ROBBER:
            self.clock.advance(LONG)
        other = Run(self)
        try:
            self.apply(other, locked=what is not What.RUNNER, patience=0)
        except LockHeld:
            assert what is not What.RUNNER
            assert not other.paid

    def rebuild(self) -> None:
        """``tunectl lock rebuild`` after the lockfile was lost."""
        run = Run(self)
        store = self.store(run)
        with store.hold(timeout=10 * LONG):
            identity = Identity(REMOTE, "demo", CAPABILITIES)
            rebuilt = survey(lambda: Manifests(tuple(self.wish.values())), Wire(run), identity)
            store.start_over(rebuilt.lockfile, former=store.former(replace_existing=True))

    def survive(self, run: Run, work: Callable[[], Outcome]) -> Outcome | None:
        """Return how a run ended, None for one that was cut short by something that it met."""
        try:
            return work()
        except Refused:
            assert not run.paid
        except Killed:
            assert What.KILL in run.met
        except (StaleLockfile, LockHeld):
            if not run.met & RUNNERS:
                raise
        except (StoreError, Unavailable):
            assert What.LOSE in run.met
        return None

    def world(self, run: Run, store: RecordingStore, hold: Hold) -> World:
        return World(Wire(run), store, self, run, store.note, run.stop, hold, evidence=FakeEvidence())

    @staticmethod
    def options(*, wait: bool = True) -> Options:
        return Options(parallelism=1, wait=wait, pace=Pace(first=5.0), noise=lambda: 0.5)

    @staticmethod
    def _turn(store: RecordingStore, locked: bool, patience: float) -> AbstractContextManager[Hold]:
        return store.hold(timeout=patience) if locked else nullcontext(LastingHold())

    # What has to be so.

    @property
    def lockfile(self) -> Lockfile:
        """The lockfile as stored, past every run."""
        blob = self.place.open_blob().read()
        return Lockfile(REMOTE) if blob is None else decode(blob.data, address="the lockfile")

    def check(self) -> None:
        """What is so at any moment."""
        lockfile = self.lockfile
        lineage, serial = self.newest
        assert lockfile.serial >= serial
        assert lineage in {"", lockfile.lineage}
        self.newest = (lockfile.lineage, lockfile.serial)
        for resource, spec in self.foreign.items():
            assert self.service.models[resource].spec == spec, f"{resource} is somebody else's and was changed"
        self._check_past(lockfile)
        lost = self.ours - lockfile.resources().keys() - self.forgiven
        assert not lost, f"{sorted(lost)} were paid for and are recorded nowhere"
        for name, entry in lockfile.models.items():
            for instance in entry.instances():
                known = self.service.models.get(instance.resource)
                refused = instance.state is InstanceState.REJECTED and known is not None
                assert not (refused and passes(known.examples)), f"{name} was rejected and passes its gate"

    def _check_past(self, lockfile: Lockfile) -> None:
        """Every chain is whole, and gone through from its beginning it tells what serves now, each thing once."""
        ends = {name: entry.history for name, entry in lockfile.models.items() if entry.history is not None}
        if not ends and not lockfile.departed:
            return  # a lockfile that was lost finds its chains with the first thing that happens
        log = self.place.log.read()
        assert verify(log, lockfile, project="demo").breaks == ()
        records = [*read_records(log.split(b"\n")), *map(restore, lockfile.unwritten)]
        for name, end in ends.items():
            current = lockfile.models[name].current
            serving = _replayed(reversed(chain_of(end.head, records)), once=not self.lost)
            assert current.state is not InstanceState.READY or serving == current.resource, name

    def settle(self) -> None:
        """Let all trouble end, and apply until nothing is left to do; then the remote is what is wanted."""
        self.lagging.clear()
        self.doomed = False
        for name in [name for name, entry in self.lockfile.models.items() if entry.pin is not None]:
            assert self.roll_back(Run(self), name, unpin=True)
        self.apply(Run(self), locked=True)
        for name, manifest in list(self.wish.items()):
            self.want(name, replace(manifest, gate=None))  # what was rejected serves now, and is not bought again
        absent = self.lockfile.models.keys() - self.wish.keys()
        if not self._come_to_rest():
            for name in sorted(absent):
                self._restore(name)
            assert self._come_to_rest(), "the plan stays refused"
            for name in sorted(absent):
                if name in self.wish:  # and did not go along with its parent
                    self.drop(name)
            assert self._come_to_rest(), "the plan stays refused"
        self._tidy()
        self.check()
        assert self.lockfile.unwritten == ()
        self._check_end()

    def _tidy(self) -> None:
        """Any run that holds the lock leaves no record in the lockfile alone, also one with nothing to do."""
        store = self.store(Run(self))
        with store.hold(timeout=10 * LONG):
            store.load()

    def _come_to_rest(self) -> bool:
        """Apply until the plan is empty; what failed is bought again by name. False if the plan is refused."""
        for _ in range(ROUNDS):
            run = Run(self)
            shown = self.preview(run, self.store(run))
            if shown.plan.violations:
                return False
            if shown.plan.empty:
                return True
            blocked = frozenset(a.name for a in shown.plan.actions if a.blocked_by)
            outcome = self.apply(run, locked=True, replaced=blocked)
            assert outcome is not None
        raise AssertionError(f"still not at rest after {ROUNDS} applies: {shown.plan.actions}")

    def _restore(self, name: str) -> None:
        """Bring back a manifest whose absence is refused, without its protection and its gate."""
        manifest = self.former[name]
        if manifest.parent is not None and manifest.parent not in self.wish:
            manifest = replace(
                manifest, spec={k: v for k, v in manifest.spec.items() if k != "source"} | {"baseModel": BASE}
            )
        self.want(name, replace(manifest, lifecycle=replace(manifest.lifecycle, protect=False), gate=None))

    def _check_end(self) -> None:
        recorded = self.lockfile
        assert recorded.models.keys() == self.wish.keys()
        there = {i.resource for entry in recorded.models.values() for i in entry.instances() if not i.disposed}
        assert there <= self.ours | self.vanished
        assert self.service.models.keys() == self.ours | self.foreign.keys()
        for name, manifest in self.wish.items():
            entry = recorded.models[name]
            model = self.service.models[entry.current.resource]
            assert entry.current.state is InstanceState.READY
            assert not self._failed(entry.current.resource)
            left = (entry.candidate, *entry.deposed)
            assert left == (None,), f"{name} has models that nobody wants"
            assert model.examples == tuple(self.examples(name)), f"{name} was tuned on other data"
            wanted = {key: value for key, value in unshared(manifest.spec).items() if key != "source"}
            assert {**model.spec, **wanted} == model.spec, f"{name} is not as wanted: {model.spec}, not {wanted}"
            shared = declared(manifest.spec)
            roles = as_written(self.service.permissions(entry.current.resource))
            assert shared is None or roles == as_written(shared), f"{name} is shared with {roles}, not {shared}"
            if manifest.parent is not None:
                # A child follows its parent's revision; another model of the same one retrains no child.
                parent = recorded.models[manifest.parent].current.revision
                assert self.made[_first(model.spec["source"]["tunedModel"])] == parent, f"{name} has another parent"

    def _failed(self, resource: str) -> bool:
        model = self.service.models[resource]
        return model.error is not None and self.clock.now() >= model.ends


def passes(examples: Iterable[Example]) -> bool:
    """Tell whether a model of these examples passes every gate of the stories."""
    return tuple(examples) == tuple(DATA[0])


DATA = tuple([Example(str(n), str(n + step)) for n in range(15)] for step in range(1, 4))


def _replayed(records: Iterable[Record], *, once: bool) -> str | None:
    """Return what serves after all this; after a lockfile was lost, a model that is found may be told of once more."""
    serving = None
    for record in records:
        if record.event in {Event.PROMOTED, Event.ROLLED_BACK, Event.ADOPTED, Event.REBUILT}:
            assert record.resource != serving or not once, f"{record} is told twice"
            serving = record.resource
        elif record.event in {Event.DELETED, Event.GONE, Event.FORGOTTEN} and record.resource == serving:
            serving = None
    return serving


def _first(resource: str) -> str:
    return split_attempt(resource)[0]
