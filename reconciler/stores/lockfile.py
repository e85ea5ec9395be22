"""The lockfile in a blob: who may write it, over what, and when two writers meet.

Knows serial, lineage, write id and remote; knows neither files nor buckets.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from reconciler.core.lease import Lease, lease_text, may_still_act
from reconciler.core.lockfile import Lockfile
from reconciler.core.resource import Remote
from reconciler.core.text import sanitize
from reconciler.errors import LockfileError, LockHeld, StaleLockfile
from reconciler.ports.store import ABSENT, Absent, BlobStore, Former, Hold, LastingHold, Loaded, Version
from reconciler.stores.codec import Blocks, decode, encode, is_damaged
from reconciler.stores.lease import BlobLease, LeaseHold
from reconciler.stores.lock import look_at, process_lock

if TYPE_CHECKING:
    from collections.abc import Iterator


class BlobLockfileStore:
    """The lockfile of one remote, kept in a blob store.

    Args:
        blob: where the bytes are.
        remote: the remote this project speaks to; a lockfile of another one is refused.
        new_id: makes ids that never repeat (``lambda: str(uuid.uuid4())``).
        lock_path: the file whose lock excludes other processes; None excludes other threads of this one only.
        command: what this process does, for those who wait for it; holds no option values.
        lease: excludes other machines too; then ``lock_path`` is not used.
    """

    def __init__(
        self,
        blob: BlobStore,
        *,
        remote: Remote,
        new_id: Callable[[], str],
        lock_path: Path | None = None,
        command: str = "tunectl",
        lease: BlobLease | None = None,
    ) -> None:
        self._blob = blob
        self._remote = remote
        self._new_id = new_id
        self._lock_path = lock_path
        self._command = command
        self._lease = lease
        self._hold: LeaseHold | None = None
        self._threads = Lock()
        self._last: Loaded | None = None
        self._blocks: Blocks = {}

    @property
    def address(self) -> str:
        """Where the lockfile is, for messages."""
        return self._blob.address

    def load(self) -> Loaded:
        """Read the lockfile; one that was never written is empty, with serial 0.

        Raises:
            LockfileError: broken, of a newer format, or of another remote.
            StoreError: it cannot be read at all.
        """
        found = self._blob.read()
        if found is None:
            self._last = Loaded(Lockfile(remote=self._remote), ABSENT)
            return self._last
        lockfile = decode(found.data, address=self.address)
        if lockfile.remote != self._remote:
            raise LockfileError(
                f"{sanitize(self.address)}: belongs to {_named(lockfile.remote)}, "
                f"but the project speaks to {_named(self._remote)}",
                hint="point spec.provider back, or give this remote a lockfile of its own "
                "(spec.lockfile or TUNECTL_LOCKFILE)",
            )
        self._last = Loaded(lockfile, found.version)
        return self._last

    def save(self, lockfile: Lockfile, *, expect: Version | Absent) -> Loaded:
        """Write the lockfile with the next serial and a fresh write id, and return what is now stored.

        An answer that was lost is recognised by the write id: when the blob turns out to hold our own write, it
        succeeded. Under a lease the lockfile takes the lease's fence.

        Raises:
            LockHeld: the lease we hold is not ours any more; nothing was written.
            StaleLockfile: somebody else wrote it since.
            LockfileError: it descends from another lockfile than the stored one.
            StoreError: it could not be stored; what was there before still is.
        """
        if self._hold is None:
            return self._save(lockfile, expect)
        self._hold.check()
        try:
            return self._save(replace(lockfile, fence=self._hold.fence), expect)
        except StaleLockfile:
            self._hold.renew()  # whoever wrote it may have taken over from us, and then that is what there is to say
            raise

    def hold(self, *, timeout: float) -> AbstractContextManager[Hold]:
        """Exclude every other writer while the context lasts, waiting up to ``timeout`` seconds for our turn.

        Raises:
            LockHeld: somebody else holds it still.
            LockfileError: what stands in the lease's place is none.
            StoreError: the lock cannot be reached.
        """
        if self._lease is not None:
            return self._hold_lease(self._lease, timeout)
        if self._lock_path is None:
            return self._hold_threads(timeout)
        return process_lock(self._lock_path, timeout=timeout, what=self.address, command=self._command)

    def holder(self) -> Lease | None:
        """Return the lock as it stands; see ``ports.store.LockfileStore.holder``."""
        if self._lease is not None:
            return self._lease.look()
        return None if self._lock_path is None else look_at(self._lock_path)

    def break_lock(self, *, silent_for: float, confirmed: str | None) -> Lease | None:
        """End somebody else's lease; see ``ports.store.LockfileStore.break_lock``."""
        if self._lease is not None:
            return self._lease.break_off(silent_for=silent_for, confirmed=confirmed, least_fence=self._next_fence)
        found = self.holder()
        if found is not None:
            raise LockHeld(
                f"{sanitize(self.address)}: locked by {lease_text(found, found.renewed)}; that process is alive, and "
                "its lock ends with it and no sooner",
                hint=f"wait, or end process {found.holder.pid}: what it has begun is found again by the next apply",
            )
        return None

    def former(self, *, replace_existing: bool) -> Former:
        """Return what a lockfile that begins anew would replace; see ``ports.store.LockfileStore.former``."""
        blob = self._blob.read()
        if blob is None or is_damaged(blob.data, address=self.address):
            return Former(blob, None)
        if not replace_existing:
            raise LockfileError(
                f"{sanitize(self.address)}: there is a lockfile, and it is not damaged; nothing was changed",
                hint="--replace-existing rebuilds it all the same and keeps this one in .tunectl/backup/",
            )
        try:
            return Former(blob, decode(blob.data, address=self.address))
        except LockfileError:  # of a newer format, or no lockfile at all: whoever asks has said that it may go
            return Former(blob, None)

    def start_over(self, lockfile: Lockfile, *, former: Former) -> Loaded:
        """Write a lockfile that does not descend from the stored one; see ``ports.store.LockfileStore.start_over``."""
        old = former.lockfile
        if old is None or old.remote != self._remote:
            old = Lockfile(remote=self._remote)
        if self._hold is not None:
            self._hold.check()
        fence = old.fence if self._hold is None else max(old.fence, self._hold.fence)
        begun = replace(lockfile, remote=self._remote, lineage=old.lineage, serial=old.serial, fence=fence)
        return self._put(begun, ABSENT if former.blob is None else former.blob.version)

    def _save(self, lockfile: Lockfile, expect: Version | Absent) -> Loaded:
        stored = self._stored(expect)
        self._check_descent(lockfile, stored)
        return self._put(replace(lockfile, serial=max(stored.serial, lockfile.serial)), expect)

    def _put(self, lockfile: Lockfile, expect: Version | Absent) -> Loaded:
        """Store a lockfile that may be stored, as the next serial."""
        written = replace(
            lockfile,
            lineage=lockfile.lineage or self._new_id(),
            serial=lockfile.serial + 1,
            write_id=self._new_id(),
        )
        try:
            version = self._blob.write(encode(written, self._blocks), expect=expect)
        except StaleLockfile:
            found = self._blob.read()
            if found is None or decode(found.data, address=self.address).write_id != written.write_id:
                raise
            version = found.version
        self._last = Loaded(written, version)
        return self._last

    @contextmanager
    def _hold_lease(self, lease: BlobLease, timeout: float) -> Iterator[LeaseHold]:
        hold = lease.acquire(timeout=timeout, least_fence=self._next_fence)
        self._hold = hold
        try:
            self._shut_out(hold)
            hold.start()
            yield hold
        finally:
            self._hold = None
            hold.end()

    def _shut_out(self, hold: LeaseHold) -> None:
        """Write our fence at once if a former holder may still be about to write: then its compare-and-swap fails.

        What cannot be read needs no fence: no holder can have read it either, so none has a version to expect.
        """
        while True:
            try:
                loaded = self.load()
            except LockfileError:
                return
            if not may_still_act(hold.former, loaded.lockfile.fence):
                return
            try:
                self.save(loaded.lockfile, expect=loaded.version)
            except StaleLockfile:
                continue  # that was its last write
            return

    def _next_fence(self) -> int:
        """Return a fence beyond the one that the lockfile has, as far as it can be read."""
        try:
            return self.load().lockfile.fence + 1
        except LockfileError:
            return 1

    @contextmanager
    def _hold_threads(self, timeout: float) -> Iterator[LastingHold]:
        if not self._threads.acquire(timeout=max(timeout, 0.0)):
            raise LockHeld(f"{sanitize(self.address)}: locked by another run in this process")
        try:
            yield LastingHold()
        finally:
            self._threads.release()

    def _stored(self, expect: Version | Absent) -> Lockfile:
        """Return the lockfile of the expected version, read again only if it is not the one we saw last."""
        last = self._last
        if last is None or last.version != expect:
            last = self.load()
        if last.version != expect:
            raise StaleLockfile(
                f"{sanitize(self.address)}: somebody else wrote it (serial {last.lockfile.serial}) since it was read",
                hint="run the command again",
            )
        return last.lockfile

    def _check_descent(self, lockfile: Lockfile, stored: Lockfile) -> None:
        where = sanitize(self.address)
        if lockfile.remote != self._remote:
            raise LockfileError(f"{where}: belongs to {_named(self._remote)}, not to {_named(lockfile.remote)}")
        if stored.lineage and lockfile.lineage != stored.lineage:
            raise LockfileError(
                f"{where}: holds the lineage {sanitize(stored.lineage)}, which {sanitize(lockfile.lineage) or 'none'} "
                "does not descend from; nothing was written",
                hint="move the stored lockfile away if the new one is to take its place",
            )
        if lockfile.fence < stored.fence:
            raise LockHeld(
                f"{where}: was written under the lease number {stored.fence}; ours has the older number "
                f"{lockfile.fence}, so nothing was written",
                hint="run the command again",
            )
        if lockfile.serial < stored.serial:
            raise LockfileError(
                f"{where}: has serial {stored.serial}; the older serial {lockfile.serial} was not written over it",
                hint="run the command again",
            )


def _named(remote: Remote) -> str:
    parts = [remote.type, remote.endpoint]
    parts += [] if remote.project is None else [f"project {remote.project}"]
    parts += [] if remote.location is None else [f"location {remote.location}"]
    return sanitize(" ".join(parts))
