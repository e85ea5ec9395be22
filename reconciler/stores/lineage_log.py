"""The log of lineage: a file that only grows, or a blob that is replaced by a longer one.

A crash may leave the beginning of a line at the end of the file. The lines that were to be added are in the lockfile
still, so the next writer knows what the beginning belongs to and puts the whole line in its place.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.core.text import sanitize
from reconciler.errors import StoreError
from reconciler.ports.store import ABSENT, BlobStore

_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MODE = 0o644


def log_address(lockfile: str) -> str:
    """Return where the log of a lockfile is: ``tunectl.lineage.jsonl`` beside ``tunectl.lock``."""
    return f"{lockfile.removesuffix('.lock')}.lineage.jsonl"


def addition(existing: bytes, lines: Sequence[bytes]) -> tuple[int, bytes]:
    """Return how many bytes of a log stay, and what is to follow them so that it holds these lines, each once."""
    whole = existing.rfind(b"\n") + 1
    torn = existing[whole:]
    known = set(existing[:whole].split(b"\n"))
    data = b"".join(line + b"\n" for line in lines if line not in known)
    if torn and not any(line.startswith(torn) for line in lines):
        return len(existing), (b"\n" + data if data else b"")  # not ours to take away; verify will name the line
    return whole, data


class BlobLineageLog:
    """The log in a blob store, where nothing can be appended to: each addition replaces it, by compare-and-swap."""

    def __init__(self, blob: BlobStore) -> None:
        self._blob = blob

    @property
    def address(self) -> str:
        """Where the log is, for messages."""
        return self._blob.address

    def read(self) -> bytes:
        """Return the whole log; empty if there is none. Raises StoreError if it cannot be read."""
        found = self._blob.read()
        return b"" if found is None else found.data

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines; see ``ports.lineage.LineageLog.append``."""
        found = self._blob.read()
        existing = b"" if found is None else found.data
        keep, data = addition(existing, lines)
        if data or keep < len(existing):
            self._blob.write(existing[:keep] + data, expect=ABSENT if found is None else found.version)


class FileLineageLog:
    """The log in a file, to which lines are appended; a symbolic link or anything but a file is refused.

    Args:
        path: the file. Missing parent folders are made by the first addition.
        address: how messages call the file; its path by default.
    """

    def __init__(self, path: Path, *, address: str | None = None) -> None:
        self._path = path
        self._address = str(path) if address is None else address

    @property
    def address(self) -> str:
        """Where the log is, for messages."""
        return self._address

    def read(self) -> bytes:
        """Return the whole log; empty if there is none. Raises StoreError if it cannot be read."""
        try:
            with self._opened(os.O_RDONLY) as descriptor:
                return _read(descriptor)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise self._error("read", error) from error

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines; see ``ports.lineage.LineageLog.append``."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                existing = _read(descriptor)
                keep, data = addition(existing, lines)
                if keep < len(existing):
                    os.ftruncate(descriptor, keep)
                _write_all(descriptor, data)
                os.fsync(descriptor)
            if not existing:
                self._keep_name()
        except OSError as error:
            raise self._error("written", error) from error

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        descriptor = os.open(self._path, flags | _OPEN, _MODE)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StoreError(
                    f"{sanitize(self._address)}: not a regular file", hint="move it away; it was not touched"
                )
            yield descriptor
        finally:
            os.close(descriptor)

    def _keep_name(self) -> None:
        """Make the name of a new file as safe as its content."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _error(self, what: str, error: OSError) -> StoreError:
        where = sanitize(self._address)
        if error.errno == errno.ELOOP:
            return StoreError(f"{where}: a symbolic link, which is not followed", hint="use the file itself")
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return StoreError(f"{where}: cannot be {what} ({reason})", hint="make the file and its folder writable")


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read()


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
