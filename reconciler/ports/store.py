"""The place a lockfile lives in: bytes with compare-and-swap, and the lockfile read from them.

``reconciler/testing/store_contract.py`` holds the tests that every blob store passes, the races with two clients.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from reconciler.core.lease import Lease
from reconciler.core.lockfile import Lockfile


class Absent:
    """The expectation that nothing is stored yet."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Version:
    """An opaque token for one stored state of a blob (a generation, an ETag, a content hash)."""

    token: str


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes and the version they had when they were read."""

    data: bytes
    version: Version


class BlobStore(Protocol):
    """Bytes under one key, changed by compare-and-swap only.

    ``write`` and ``delete`` must be atomic: a reader or a crash sees the old bytes or the new ones.
    """

    @property
    def address(self) -> str:
        """Where this is, for messages (a path relative to the project, or a URL)."""
        ...

    def read(self) -> Blob | None:
        """Return what is stored, or None.

        Raises:
            StoreError: it exists but cannot be read, or is not a plain object of ours (a symbolic link, a folder).
        """
        ...

    def write(self, data: bytes, *, expect: Version | Absent) -> Version:
        """Replace the stored bytes if they still have the expected version.

        Raises:
            StaleLockfile: they do not.
            StoreError: the bytes could not be stored; the old ones are still there.
        """
        ...

    def delete(self, *, expect: Version) -> None:
        """Remove the stored bytes if they still have the expected version.

        Raises:
            StaleLockfile: they do not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A lockfile as read, and the version to expect when it is written back (ABSENT if there was none)."""

    lockfile: Lockfile
    version: Version | Absent


@dataclass(frozen=True, slots=True)
class Former:
    """What a lockfile that begins anew replaces: the stored bytes, and the lockfile in them if they can be read."""

    blob: Blob | None
    lockfile: Lockfile | None


class Hold(Protocol):
    """Our turn to write, while it lasts."""

    def check(self) -> None:
        """Return if the turn is still ours; to be asked before anything that costs money or cannot be undone.

        Raises:
            LockHeld: it is not, or that cannot be known; the message says who holds it now.
        """
        ...


class LastingHold:
    """A hold that ends with its process and no sooner."""

    def check(self) -> None:
        """Return: as long as somebody can ask, the turn is ours."""


class LockfileStore(Protocol):
    """The lockfile, kept in a blob store."""

    @property
    def address(self) -> str:
        """Where the lockfile is, for messages."""
        ...

    def load(self) -> Loaded:
        """Read the lockfile; one that was never written is empty, with serial 0.

        Raises:
            LockfileError: broken, of a newer format, or of another remote.
        """
        ...

    def save(self, lockfile: Lockfile, *, expect: Version | Absent) -> Loaded:
        """Write the lockfile with the next serial and a fresh write id, and return what is now stored.

        Raises:
            StaleLockfile: somebody else wrote it since.
            StoreError: it could not be stored; what was there before still is.
        """
        ...

    def hold(self, *, timeout: float) -> AbstractContextManager[Hold]:
        """Exclude every other writer while the context lasts, waiting up to ``timeout`` seconds for our turn.

        Raises:
            LockHeld: somebody else holds it still.
            StoreError: the lock cannot be reached.
        """
        ...

    def holder(self) -> Lease | None:
        """Return the lock as it stands, also one that ended or expired; None if there never was one. Takes nothing.

        Raises:
            LockfileError: what stands there is no lease.
            StoreError: it cannot be read.
        """
        ...

    def break_lock(self, *, silent_for: float, confirmed: str | None) -> Lease | None:
        """End somebody else's lease, and return it as it was; None if nothing was held.

        Args:
            silent_for: seconds for which nothing must have been heard of its holder.
            confirmed: the id of the lease whose end was agreed to, or one of those in ``core.lease`` that no lease
                has; None agrees to any, and to what is no lease.

        Raises:
            LockHeld: a living process of this machine holds it, which ends with that process only; or its holder was
                heard of since; or another one holds it by now.
            StoreError: it cannot be written.
        """
        ...

    def former(self, *, replace_existing: bool) -> Former:
        """Return what a lockfile that begins anew would replace. One that is damaged may always be replaced.

        Raises:
            LockfileError: there is one that is not damaged, and ``replace_existing`` does not say that it may go.
            StoreError: it cannot be read.
        """
        ...

    def start_over(self, lockfile: Lockfile, *, former: Former) -> Loaded:
        """Write a lockfile that does not descend from the stored one, while the lock is held.

        The lineage and the serial of a former one that could be read go on.

        Raises:
            StaleLockfile: somebody else wrote it meanwhile.
            StoreError: it could not be stored; what was there before still is.
        """
        ...
