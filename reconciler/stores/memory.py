"""A blob in memory: for tests and for runs that are to leave nothing behind."""

from __future__ import annotations

from itertools import count
from threading import Lock

from reconciler.errors import StaleLockfile
from reconciler.ports.store import Absent, Blob, Version


class MemoryBlobStore:
    """Bytes in this process, with a new version for every write."""

    def __init__(self, *, address: str = "memory") -> None:
        self._address = address
        self._blob: Blob | None = None
        self._versions = count(1)
        self._lock = Lock()

    @property
    def address(self) -> str:
        """Where this is, for messages."""
        return self._address

    def read(self) -> Blob | None:
        """Return what is stored, or None."""
        return self._blob

    def write(self, data: bytes, *, expect: Version | Absent) -> Version:
        """Replace the stored bytes if they still have the expected version, else raise StaleLockfile."""
        with self._lock:
            self._check(expect)
            self._blob = Blob(bytes(data), Version(str(next(self._versions))))
            return self._blob.version

    def delete(self, *, expect: Version) -> None:
        """Remove the stored bytes if they still have the expected version, else raise StaleLockfile."""
        with self._lock:
            self._check(expect)
            self._blob = None

    def _check(self, expect: Version | Absent) -> None:
        found = None if self._blob is None else self._blob.version
        if found != (expect if isinstance(expect, Version) else None):
            raise StaleLockfile(
                f"{self._address}: somebody else wrote it since it was read", hint="run the command again"
            )
