"""A lockfile store that also writes down the past: what each write changes becomes records of lineage.

Whoever writes a lockfile goes through ``save``, so nothing can be done to a model without leaving a record, and none of
those who do it needs to know. Records and the change they tell of are one write: they stand in the lockfile
(``unwritten``) until they are in the log, so a kill at any moment loses none, and adding them once more adds nothing.

The log is secondary: what it cannot take now stays in the lockfile, is told as a warning, and is added by a later run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from reconciler.core.actual import actual_of
from reconciler.core.canonical import canonical_json
from reconciler.core.estimate import cost_json
from reconciler.core.event import Accepted, Event, Started, Waiting, Warned
from reconciler.core.lease import Lease
from reconciler.core.lineage import History, Record, summarise
from reconciler.core.lockfile import Instance, InstanceState, Lockfile
from reconciler.core.observation import Observation
from reconciler.core.past.chain import ends_of
from reconciler.core.past.chronicle import FINISHED, Happening, carried, happened, manifest_digest, stamped
from reconciler.core.past.forks import Fork, merge
from reconciler.core.past.lineage_text import link, record_document
from reconciler.core.planning.ancestry import Ancestry
from reconciler.core.provenance import Provenance
from reconciler.engine import PARALLEL_READS
from reconciler.errors import LockfileError, LockHeld, NotFound, Problem, RemoteError, StoreError
from reconciler.ports.clock import Clock
from reconciler.ports.lineage import LineageLog
from reconciler.ports.reporter import Reporter
from reconciler.ports.store import Absent, Former, Hold, Loaded, LockfileStore, Version

_DELETE = "delete"


class RecordingStore:
    """The lockfile's store, with a log beside it (``ports.store.LockfileStore``).

    Args:
        inner: the store that keeps the lockfile.
        log: where records end up.
        project: the project whose models they tell of.
        clock: the time that records carry.
        origin: who writes, and from which commit; asked only if there is something to record.
        look: asks the service for one model, with its loss curve; it may raise a RemoteError.
        report: hears of what the log could not take.
    """

    def __init__(
        self,
        inner: LockfileStore,
        log: LineageLog,
        *,
        project: str,
        clock: Clock,
        origin: Callable[[], Provenance],
        look: Callable[[str], Observation],
        report: Reporter,
    ) -> None:
        self._inner = inner
        self._log = log
        self._project = project
        self._clock = clock
        self._origin = origin
        self._look = look
        self._report = report
        self._last: Loaded | None = None
        self._operations: dict[str, str | None] = {}
        self._at_once: set[str] = set()
        self._asked_in_vain = False
        self._deleted: set[str] = set()
        self._written: set[str] = set()
        self._warned = False

    @property
    def address(self) -> str:
        """Where the lockfile is, for messages."""
        return self._inner.address

    def note(self, event: Event) -> None:
        """Take note of what the lockfile does not keep: operations that ended, and what is being deleted by us."""
        match event:
            case Accepted():
                self._operations[event.resource] = event.operation
                self._at_once.add(event.resource)
            case Waiting():
                self._at_once.clear()
            case Started(action=action, resource=str(resource)) if action == _DELETE:
                self._deleted.add(resource)
            case _:
                pass

    def load(self) -> Loaded:
        """Read the lockfile; see ``ports.store.LockfileStore.load``. The log is not read."""
        self._last = self._inner.load()
        return self._last

    def save(self, lockfile: Lockfile, *, expect: Version | Absent) -> Loaded:
        """Write the lockfile with the records of what it changes, then add them to the log; raises as the store."""
        before = self._last if self._last is not None and self._last.version == expect else self.load()
        if before.version != expect:
            return self._inner.save(lockfile, expect=expect)  # somebody else wrote it, as the store will say
        self._last = self._inner.save(self._told(before.lockfile, lockfile), expect=expect)
        self._write_down(self._last.lockfile)
        return self._last

    @contextmanager
    def hold(self, *, timeout: float) -> Iterator[Hold]:
        """Exclude every other writer; see ``ports.store.LockfileStore.hold``.

        At its end, what a former run left in the lockfile is in the log as well, whatever this run was for.
        """
        inner: AbstractContextManager[Hold] = self._inner.hold(timeout=timeout)
        with inner as hold:
            try:
                yield hold
            except Exception:
                self._settle()
                raise
            self._settle()

    def join(self, forks: Sequence[Fork], *, expect: Version | Absent) -> Loaded:
        """Write the records that join branches to their chains; see ``core.past.forks``. Raises as ``save`` does."""
        before = self._last if self._last is not None and self._last.version == expect else self.load()
        merged = merge(forks, before.lockfile, time=self._now(), provenance=self._origin())
        self._last = self._inner.save(merged, expect=expect)
        self._write_down(self._last.lockfile)
        return self._last

    def holder(self) -> Lease | None:
        """Return the lock as it stands; see ``ports.store.LockfileStore.holder``."""
        return self._inner.holder()

    def break_lock(self, *, silent_for: float, confirmed: str | None) -> Lease | None:
        """End somebody else's lease; see ``ports.store.LockfileStore.break_lock``."""
        return self._inner.break_lock(silent_for=silent_for, confirmed=confirmed)

    def former(self, *, replace_existing: bool) -> Former:
        """Return what a new lockfile would replace; see ``ports.store.LockfileStore.former``."""
        return self._inner.former(replace_existing=replace_existing)

    def start_over(self, lockfile: Lockfile, *, former: Former) -> Loaded:
        """Write a lockfile that begins anew; its chains go on from the former one's, else from the log's."""
        before = former.lockfile
        if before is None or before.remote != lockfile.remote:
            before = Lockfile(remote=lockfile.remote)
        self._last = self._inner.start_over(self._told(before, lockfile, rebuilt=True), former=former)
        self._settle()
        return self._last

    def _told(self, before: Lockfile, after: Lockfile, *, rebuilt: bool = False) -> Lockfile:
        """Return the lockfile with what it says of the past: new records, and the ends of their chains."""
        if not rebuilt:
            after = stamped(before, after, self._origin)
        after = carried(before, after)
        happenings = tuple(happened(before, after, deleted=self._deleted, rebuilt=rebuilt))
        left = tuple(document for document in before.unwritten if document["hash"] not in self._written)
        if happenings and not _tracked(after):
            after = _with_ends(after, self._ends())
        return self._recorded(before, replace(after, unwritten=left), happenings)

    def _ends(self) -> dict[str, tuple[History, ...]]:
        """Return the ends of the chains in the log, none of a log that cannot be read: the change must be recorded."""
        try:
            return ends_of(self._log.read())
        except StoreError:
            return {}

    def _recorded(self, before: Lockfile, after: Lockfile, happenings: Sequence[Happening]) -> Lockfile:
        if not happenings:
            return after
        finished = [h.instance.resource for h in happenings if h.event in FINISHED]
        seen = self._curves([resource for resource in finished if resource not in self._at_once])
        ancestry = Ancestry(replace(after, models={**before.models, **after.models}))
        models, departed, added = dict(after.models), dict(after.departed), list(after.unwritten)
        for happening in happenings:
            name = happening.name
            *others, end = departed.get(name, (None,)) if happening.left else (models[name].history,)
            record, end = link(self._record(happening, seen.get(happening.instance.resource), ancestry), end)
            added.append(record_document(record))
            if happening.left:
                departed[name] = (*(other for other in others if other is not None), end)
            else:
                models[name] = replace(models[name], history=end)
        return replace(after, models=models, departed=departed, unwritten=tuple(added))

    def _record(self, happening: Happening, seen: Observation | None, ancestry: Ancestry) -> Record:
        instance, now = happening.instance, self._origin()
        made = instance.provenance
        loss = None if seen is None else summarise(seen.snapshots)
        taken = None if seen is None else seen.tuning_seconds
        steps = instance.total_steps or _steps_shown(instance, seen)
        actual = actual_of(instance.forecast, steps=steps, seconds=taken)
        return Record(
            project=self._project,
            name=happening.name,
            event=happening.event,
            time=self._now(),
            resource=instance.resource,
            revision=instance.revision,
            attempt=instance.attempt,
            manifest=manifest_digest(instance),
            dataset=instance.dataset,
            base_model=ancestry.base_model(instance.spec),
            parent=ancestry.parent(instance.spec, seen),
            provenance=made or now,
            recorded_by=None if made in (None, now) else now,
            operation=instance.operation or self._operations.get(instance.resource),
            steps=steps,
            seconds=taken,
            loss=loss,
            predicted=None if actual is None else actual.forecast,
            cost=None if actual is None or actual.cost is None else cost_json(actual.cost),
            verdict=None if instance.verdict is None else instance.verdict.document,
            replaced=happening.replaced,
            former_name=happening.former_name,
            error=instance.error,
        )

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def _curves(self, resources: Sequence[str]) -> dict[str, Observation]:
        """Ask for each model that finished, once. A record without a curve is better than none, and late is worse.

        So one that was ready as soon as it was accepted, which has no curve to speak of, is not asked for, and a
        service that did not answer is not asked again in this run.
        """
        found: dict[str, Observation] = {}
        if self._asked_in_vain:
            return found
        with ThreadPoolExecutor(PARALLEL_READS, thread_name_prefix="lineage") as pool:
            for start in range(0, len(resources), PARALLEL_READS):
                some = resources[start : start + PARALLEL_READS]
                for resource, seen in zip(some, pool.map(self._look_at, some), strict=True):
                    if isinstance(seen, Observation):
                        found[resource] = seen
                    elif not isinstance(seen, NotFound):
                        self._asked_in_vain = True
                        return found  # the service cannot be asked now, and the lockfile waits to be written
        return found

    def _look_at(self, resource: str) -> Observation | RemoteError:
        try:
            return self._look(resource)
        except RemoteError as error:
            return error

    def _write_down(self, lockfile: Lockfile) -> bool:
        """Add to the log what the lockfile keeps for it; tell once if that cannot be done."""
        left = [document for document in lockfile.unwritten if document["hash"] not in self._written]
        if not left:
            return True
        try:
            self._log.append([canonical_json(document) for document in left])
        except (StoreError, LockfileError) as error:
            if not self._warned:
                self._warned = True
                message = f"what was done cannot be added to the lineage yet; the lockfile keeps it ({error.message})"
                self._report(Warned(Problem(None, message, error.hint, severity="warning")))
            return False
        self._written.update(str(document["hash"]) for document in left)
        return True

    def _settle(self) -> None:
        """Take out of the lockfile what is in the log. If that fails, the next run finds it there and knows it."""
        last = self._last
        if last is None or not last.lockfile.unwritten or not self._write_down(last.lockfile):
            return
        try:
            self._last = self._inner.save(replace(last.lockfile, unwritten=()), expect=last.version)
        except (LockHeld, LockfileError, StoreError):
            return


def _steps_shown(instance: Instance, seen: Observation | None) -> int | None:
    """Return how many steps the curve of a finished model has.

    The service says the number as it accepts the job; a run that was killed then has never written it down.
    """
    if seen is None or instance.state is not InstanceState.READY:
        return None
    return max((snapshot.step for snapshot in seen.snapshots), default=None)


def _tracked(lockfile: Lockfile) -> bool:
    """Tell whether the lockfile knows of any chain; one that was lost and made anew does not."""
    return bool(lockfile.departed) or any(entry.history is not None for entry in lockfile.models.values())


def _with_ends(lockfile: Lockfile, ends: Mapping[str, tuple[History, ...]]) -> Lockfile:
    """Return a lockfile that goes on with the chains of a log: each name with the latest of those it ended."""
    models = {
        name: replace(entry, history=ends[name][-1]) if name in ends else entry
        for name, entry in lockfile.models.items()
    }
    departed = {name: several[:-1] if name in models else several for name, several in ends.items()}
    return replace(lockfile, models=models, departed={name: several for name, several in departed.items() if several})
