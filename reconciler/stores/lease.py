"""The lease of a lockfile, in a blob beside it: taken, renewed and given back by compare-and-swap alone.

It is never deleted, since stores cannot delete on a condition: a lease that is given back stays as ended. What a lease
means and which step follows is decided in ``core.lease``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from threading import Lock, Thread

from reconciler.core import lease as steps
from reconciler.core.event import Event, Retried
from reconciler.core.lease import Holder, Lease, Standing, lease_text
from reconciler.core.text import sanitize
from reconciler.errors import LockfileError, LockHeld, StaleLockfile, StoreError, TunectlError
from reconciler.ports.clock import Clock
from reconciler.ports.store import ABSENT, Absent, BlobStore, Version
from reconciler.stores.leasefile import decode_lease, encode_lease

_BEATS = 3
_TRIES = 3
_WAIT = "wait for it to end, let tunectl wait with --lock-timeout 5m, or look at `tunectl lock show`"


class BlobLease:
    """The lease in a blob, seen by one process.

    Args:
        blob: where it is kept.
        holder: who we are.
        new_id: makes ids that never repeat.
        clock: for the times in the lease, and for waiting.
        report: is told when we wait.
        ttl: seconds for which a lease holds without being renewed.
    """

    def __init__(
        self,
        blob: BlobStore,
        *,
        holder: Holder,
        new_id: Callable[[], str],
        clock: Clock,
        report: Callable[[Event], None] = lambda _: None,
        ttl: float = steps.TTL,
    ) -> None:
        self._blob = blob
        self._holder = holder
        self._new_id = new_id
        self._clock = clock
        self._report = report
        self._ttl = ttl

    def look(self) -> Lease | None:
        """Return the lease as it stands, or None if there never was one.

        Raises:
            LockfileError: what stands there is no lease.
            StoreError: it cannot be read.
        """
        return self._read()[0]

    def acquire(self, *, timeout: float, least_fence: Callable[[], int]) -> LeaseHold:
        """Take the lease, waiting up to ``timeout`` seconds for a holder that is not silent.

        Args:
            timeout: seconds; 0 tries once.
            least_fence: gives a fence beyond all that the lockfile has seen.

        Raises:
            LockHeld: somebody else holds it still.
            LockfileError: what stands there is no lease.
            StoreError: it cannot be reached.
        """
        began = self._clock.now()
        attempt = 0
        while True:
            hold = self._try(least_fence)
            if isinstance(hold, LeaseHold):
                return hold
            now = self._clock.now()
            left = timeout - (now - began)
            if left <= 0:
                raise LockHeld(f"{sanitize(self._blob.address)}: held by {lease_text(hold, now)}", hint=_WAIT)
            seconds = steps.pause_before(attempt, left=left)
            attempt += 1
            self._report(Retried(f"lock {self._blob.address}", f"held by {lease_text(hold, now)}", seconds, attempt))
            self._clock.sleep(seconds)

    def break_off(self, *, silent_for: float, confirmed: str | None, least_fence: Callable[[], int]) -> Lease | None:
        """End whatever lease stands there; see ``ports.store.LockfileStore.break_lock``."""
        while True:
            blob = self._blob.read()
            if blob is None:
                return None
            now = self._clock.now()
            try:
                found = decode_lease(blob.data, address=self._blob.address)
            except LockfileError:
                if confirmed not in {None, steps.UNREADABLE}:
                    raise
                found = Lease(self._new_id(), self._holder, least_fence(), since=now, renewed=now, ttl=self._ttl)
                self._write(steps.break_off(found, now, self._holder), blob.version)
                return None
            if steps.standing(found, now) is Standing.FREE:
                return None
            self._check_breakable(found, now, silent_for, confirmed)
            with suppress(StaleLockfile):  # it was renewed just now: judge it again
                self._write(steps.break_off(found, now, self._holder), blob.version)
                return found

    def _check_breakable(self, found: Lease, now: float, silent_for: float, confirmed: str | None) -> None:
        held = f"{sanitize(self._blob.address)}: held by {lease_text(found, now)}"
        if confirmed is not None and found.id != confirmed:
            raise LockHeld(f"{held}; that is not the one you were asked about", hint="look again")
        if steps.silent_for(found, now) < silent_for:
            raise LockHeld(f"{held}; not broken, for it was heard of within {silent_for:.0f} s", hint=_WAIT)

    def _try(self, least_fence: Callable[[], int]) -> LeaseHold | Lease:
        """Take the lease if it can be had; else return the one that stands in the way."""
        while True:
            former, version = self._read()
            now = self._clock.now()
            if former is not None and steps.standing(former, now) is Standing.HELD:
                return former
            mine = steps.take(
                former,
                own_id=self._new_id(),
                holder=self._holder,
                now=now,
                ttl=self._ttl,
                least_fence=least_fence(),
            )
            if mine is None:
                continue
            try:
                return LeaseHold(self._blob, mine, self._write(mine, version), former=former, clock=self._clock)
            except (StaleLockfile, StoreError) as error:
                # Somebody was faster, or it was ourselves and the answer was lost: what is stored tells.
                found, version = self._read()
                if isinstance(version, Version) and steps.is_ours(found, mine):
                    return LeaseHold(self._blob, mine, version, former=former, clock=self._clock)
                if isinstance(error, StoreError):
                    raise

    def _read(self) -> tuple[Lease | None, Version | Absent]:
        blob = self._blob.read()
        if blob is None:
            return None, ABSENT
        return decode_lease(blob.data, address=self._blob.address), blob.version

    def _write(self, lease: Lease, expect: Version | Absent) -> Version:
        return self._blob.write(encode_lease(lease), expect=expect)


class LeaseHold:
    """A lease that we hold, kept alive by a thread of its own between ``start`` and ``end``.

    ``former`` is the lease it took the place of.
    """

    def __init__(self, blob: BlobStore, mine: Lease, version: Version, *, former: Lease | None, clock: Clock) -> None:
        self._blob = blob
        self._mine = mine
        self._version = version
        self._clock = clock
        self._writing = Lock()
        self._lost: str | None = None
        self._over = Flag()
        self._heart = Thread(target=self._beat, name="lease", daemon=True)
        self.former = former

    @property
    def fence(self) -> int:
        """The fence that every write under this lease carries."""
        return self._mine.fence

    def check(self) -> None:
        """Return if the lease is ours still; if it ran out unnoticed, only after it was renewed.

        Raises:
            LockHeld: it is not, or the store cannot be asked.
        """
        if self._lost is None and self._clock.now() < steps.good_until(self._mine):
            return
        try:
            self.renew()
        except StoreError as error:
            raise self._gone(f"it ran out and cannot be renewed ({error.message})") from error

    def renew(self) -> None:
        """Give a sign of life.

        Raises:
            LockHeld: the lease is not ours any more.
            StoreError: the store cannot be asked; the lease holds until it runs out.
        """
        with self._writing:
            if self._lost is not None:
                raise self._gone(self._lost)
            if self._over.is_set():
                return
            mine = steps.renew(self._mine, self._clock.now())
            for _ in range(_TRIES):
                try:
                    self._version = self._blob.write(encode_lease(mine), expect=self._version)
                except StaleLockfile as error:
                    self._settle(error)
                    if self._mine.renewed >= mine.renewed:
                        return
                else:
                    self._mine = mine
                    return
            raise StoreError(f"{sanitize(self._blob.address)}: conflicts with nobody, {_TRIES} times over")

    def start(self) -> None:
        """Begin to renew the lease, three times within its ttl, until ``end``."""
        self._heart.start()

    def end(self) -> None:
        """Give the lease back, if it is ours still. If that cannot be written, it runs out by itself."""
        self._over.set()
        if self._heart.is_alive():
            self._heart.join()
        with self._writing, suppress(StoreError, LockfileError, LockHeld):
            for _ in range(_TRIES):  # after the first with the version of a write whose answer was lost
                if self._lost is not None:
                    return
                try:
                    self._blob.write(encode_lease(steps.release(self._mine, self._clock.now())), expect=self._version)
                except StaleLockfile as error:
                    self._settle(error)
                else:
                    return

    def _settle(self, error: StaleLockfile) -> None:
        """Our write met something else: an earlier write of ours whose answer was lost, or somebody who took over."""
        blob = self._blob.read()
        try:
            found = None if blob is None else decode_lease(blob.data, address=self._blob.address)
        except LockfileError:
            self._lost = "something else stands in its place"
        else:
            if blob is not None and found is not None and steps.is_ours(found, self._mine):
                self._mine, self._version = found, blob.version
                return
            self._lost = self._successor(found)
        raise self._gone(self._lost) from error

    def _successor(self, found: Lease | None) -> str:
        now = self._clock.now()
        if found is None:
            return "somebody removed it"
        if found.ended is not None and found.ended.broken_by is not None and found.id == self._mine.id:
            return f"it was broken by {steps.holder_text(found.ended.broken_by)} at {steps.stamp(found.ended.at)}"
        if found.ended is not None:
            return f"it ran out and was held since by {steps.holder_text(found.holder)}, who is through"
        return f"now held by {lease_text(found, now)}"

    def _gone(self, why: str) -> LockHeld:
        return LockHeld(
            f"{sanitize(self._blob.address)}: we hold the lease no longer: {why}",
            hint="what was begun goes on and is recorded by whoever applies next; run the command again",
        )

    def _beat(self) -> None:
        while not self._over.wait((self._mine.ttl or steps.TTL) / _BEATS):
            try:
                self.renew()
            except StoreError:
                continue  # there is time for more tries, and check() looks at the clock
            except TunectlError:
                return  # lost: check() says so
