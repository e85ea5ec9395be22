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

from reconciler.core.lockfile import Lockfile
from reconciler.core.resource import Remote
from reconciler.core.text import sanitize
from reconciler.errors import LockfileError, LockHeld, StaleLockfile
from reconciler.ports.store import ABSENT, Absent, BlobStore, Loaded, Version
from reconciler.stores.codec import decode, encode
from reconciler.stores.lock import process_lock

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
    """

    def __init__(
        self,
        blob: BlobStore,
        *,
        remote: Remote,
        new_id: Callable[[], str],
        lock_path: Path | None = None,
        command: str = "tunectl",
    ) -> None:
        self._blob = blob
        self._remote = remote
        self._new_id = new_id
        self._lock_path = lock_path
        self._command = command
        self._threads = Lock()
        self._last: Loaded | None = None

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
                hint="point spec.provider back, or give the other remote a lockfile of its own (spec.lockfile)",
            )
        self._last = Loaded(lockfile, found.version)
        return self._last

    def save(self, lockfile: Lockfile, *, expect: Version | Absent) -> Loaded:
        """Write the lockfile with the next serial and a fresh write id, and return what is now stored.

        An answer that was lost is recognised by the write id: when the blob turns out to hold our own write, it
        succeeded.

        Raises:
            StaleLockfile: somebody else wrote it since.
            LockfileError: it descends from another lockfile than the stored one.
            StoreError: it could not be stored; what was there before still is.
        """
        stored = self._stored(expect)
        self._check_descent(lockfile, stored)
        written = replace(
            lockfile,
            lineage=lockfile.lineage or self._new_id(),
            serial=max(stored.serial, lockfile.serial) + 1,
            write_id=self._new_id(),
        )
        try:
            version = self._blob.write(encode(written), expect=expect)
        except StaleLockfile:
            found = self._blob.read()
            if found is None or decode(found.data, address=self.address).write_id != written.write_id:
                raise
            version = found.version
        self._last = Loaded(written, version)
        return self._last

    def hold(self, *, timeout: float) -> AbstractContextManager[None]:
        """Exclude every other writer while the context lasts, waiting up to ``timeout`` seconds for our turn.

        Raises:
            LockHeld: somebody else holds it still.
        """
        if self._lock_path is None:
            return self._hold_threads(timeout)
        return process_lock(self._lock_path, timeout=timeout, what=self.address, command=self._command)

    @contextmanager
    def _hold_threads(self, timeout: float) -> Iterator[None]:
        if not self._threads.acquire(timeout=max(timeout, 0.0)):
            raise LockHeld(f"{sanitize(self.address)}: locked by another run in this process")
        try:
            yield
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
