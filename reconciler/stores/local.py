"""A blob in a file: replaced as a whole or not at all, whatever kills the process or fills the disk.

Every change happens under an advisory lock on the folder: it leaves no file behind, dies with its holder, and makes
"compare" and "swap" one step for all processes of this machine. The new bytes go to a file of a fixed name beside the
old one, are fsynced, renamed over it, and the folder is fsynced. What a killed process left under that name is removed
by the next write. Only POSIX systems are supported.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.core.text import sanitize
from reconciler.errors import StaleLockfile, StoreError
from reconciler.ports.store import Absent, Blob, Version

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL
_NO_LINK = os.O_NOFOLLOW
_MODE = 0o644
_HINTS = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some of your disk quota",
    errno.EROFS: "the file system is read-only; point spec.lockfile at a place that can be written",
    errno.EACCES: "give this user the right to write the file's folder",
    errno.EPERM: "give this user the right to write the file's folder",
}


class LocalBlobStore:
    """Bytes in one file, changed by compare-and-swap.

    Args:
        path: the file. Missing parent folders are made by the first write.
        backup: a folder that keeps the previous content under the file's name; None keeps none.
        address: how messages call the file; its path by default.
    """

    def __init__(self, path: Path, *, backup: Path | None = None, address: str | None = None) -> None:
        self._path = path
        self._backup = backup
        self._address = str(path) if address is None else address

    @property
    def address(self) -> str:
        """Where this is, for messages."""
        return self._address

    def read(self) -> Blob | None:
        """Return what is stored, or None.

        Raises:
            StoreError: it cannot be read, or is a symbolic link, a folder, a pipe.
        """
        try:
            found = self._open(None)
        except OSError as error:
            raise self._error("be read", error) from error
        return None if found is None else found[0]

    def write(self, data: bytes, *, expect: Version | Absent) -> Version:
        """Replace the stored bytes if they still have the expected version.

        The file keeps its mode; a new one is 0644 within the umask.

        Raises:
            StaleLockfile: they do not.
            StoreError: they could not be stored; the old ones are still there.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self._path.parent) as folder:
                old = self._expect(expect, folder)
                self._keep(old)
                _replace(folder, self._path.name, data, None if old is None else old[1])
        except OSError as error:
            raise self._error("be written", error) from error
        return _version(data)

    def delete(self, *, expect: Version) -> None:
        """Remove the file if its content still has the expected version.

        Raises:
            StaleLockfile: it has not.
            StoreError: it could not be removed.
        """
        try:
            with _locked(self._path.parent) as folder:
                self._keep(self._expect(expect, folder))
                os.unlink(self._path.name, dir_fd=folder)
                os.fsync(folder)
        except FileNotFoundError as error:
            raise self._stale() from error
        except OSError as error:
            raise self._error("be removed", error) from error

    def _expect(self, expect: Version | Absent, folder: int) -> tuple[Blob, int] | None:
        found = self._open(folder)
        if (None if found is None else found[0].version) != (expect if isinstance(expect, Version) else None):
            raise self._stale()
        return found

    def _open(self, folder: int | None) -> tuple[Blob, int] | None:
        """Return the content and the mode, without following a link or waiting for the other end of a pipe."""
        target = self._path if folder is None else self._path.name
        try:
            descriptor = os.open(target, _READ, dir_fd=folder)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise StoreError(f"{self._shown}: not a regular file", hint="move it away; it was not touched")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read()
        finally:
            os.close(descriptor)
        return Blob(data, _version(data)), stat.S_IMODE(status.st_mode) & 0o777

    def _keep(self, old: tuple[Blob, int] | None) -> None:
        """Keep the previous content, if that is possible.

        A backup that cannot be written must not keep the outcome of a paid job from being recorded. A folder that is
        a link leads nobody knows where, and gets none.
        """
        if self._backup is None or old is None:
            return
        with suppress(OSError):
            self._backup.mkdir(parents=True, exist_ok=True)
            with _locked(self._backup, _NO_LINK) as folder:
                _replace(folder, self._path.name, old[0].data, None)

    @property
    def _shown(self) -> str:
        return sanitize(self._address)

    def _stale(self) -> StaleLockfile:
        return StaleLockfile(f"{self._shown}: somebody else wrote it since it was read", hint="run the command again")

    def _error(self, what: str, error: OSError) -> StoreError:
        if error.errno == errno.ELOOP:
            return StoreError(f"{self._shown}: a symbolic link, which is not followed", hint="use the file itself")
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return StoreError(f"{self._shown}: cannot {what} ({reason}); the old content is still there", hint=_hint(error))


def _hint(error: OSError) -> str | None:
    return _HINTS.get(error.errno or 0)


def _version(data: bytes) -> Version:
    return Version(hashlib.sha256(data).hexdigest())


@contextmanager
def _locked(folder: Path, flags: int = 0) -> Iterator[int]:
    """Hold the advisory lock of a folder and give its descriptor; with ``_NO_LINK`` the folder may be no link."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _replace(folder: int, name: str, data: bytes, mode: int | None) -> None:
    """Replace a file in a locked folder; a failure leaves the old one and nothing else."""
    temporary = f".{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    descriptor = os.open(temporary, _CREATE, _MODE, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            _write_all(descriptor, data)
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
