"""What earlier runs found out about files, kept while the file system says that each is as it was.

A cache lives in ``.tunectl/`` and is worth nothing to anybody. One that is broken, of another format or not to be had
is none, silently. What is kept of a file is the business of whoever keeps it; it never holds a training row.

An entry counts only while device, inode, size and both times of its file are the same. That alone would trust a file
that was written, read and written again within one tick of the file system's clock with its size unchanged; so nothing
is kept of a file that was younger than two seconds when its reading began. Two seconds is the coarsest tick there is
(FAT). Nobody can put an entry in for somebody else: an inode and a change time cannot be chosen, nor come with a clone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from reconciler import confined
from reconciler.errors import TunectlError

__all__ = ["Kept", "Stamp"]

LARGEST: Final = 64 * 1024 * 1024
_MOST = 20_000
_SETTLED = 2_000_000_000


class Stamp(NamedTuple):
    """What the file system says of an open file; times in nanoseconds since the epoch."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, descriptor: int) -> Stamp:
        """Ask for the status of an open file."""
        return cls.by(os.fstat(descriptor))

    @classmethod
    def by(cls, found: os.stat_result) -> Stamp:
        """Take what the file system has said."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class Kept:
    """JSON values by key, each bound to the state of one file. Used from one thread only.

    ``root`` is the project's folder, ``path`` the cache file in it; without one nothing outlives the run. ``form`` is
    the name and version of what is kept: a value is one of the rules of its time.
    """

    def __init__(self, root: Path, path: str | None, *, form: str, now: Callable[[], int] = time.time_ns) -> None:
        self._root = root
        self._path = path
        self._form = form
        self._now = now
        self._entries: dict[str, list[Any]] | None = None
        self._used: set[str] = set()
        self._dirty = False

    def find(self, key: str, stamp: Stamp) -> Any:
        """Return what was kept under a key if its file is as it was, else None. It is as trusted as the cache file."""
        entry = self._all().get(key)
        if type(entry) is not list or len(entry) != 2 or entry[0] != list(stamp):  # noqa: PLR2004  stamp and value
            return None
        self._used.add(key)
        return entry[1]

    def begin(self) -> int:
        """Return the time at which a reading begins, for ``keep``."""
        return self._now()

    def keep(self, key: str, value: Any, *, begun: int, before: Stamp, after: Stamp) -> None:
        """Keep a value for later runs, if the file stood still before and while it was read."""
        settled = max(before.modified, before.changed) + _SETTLED <= begun
        if self._path is not None and settled and before == after:
            self._all()[key] = [list(before), value]
            self._used.add(key)
            self._dirty = True

    def save(self) -> None:
        """Write what is new; a cache that cannot be written is no reason to fail."""
        if self._path is None or not self._dirty or self._entries is None:
            return
        kept = self._entries
        if len(kept) > _MOST:
            kept = {key: entry for key, entry in kept.items() if key in self._used}
        with suppress(OSError, TunectlError):
            text = json.dumps({"format": self._form, "files": kept}, separators=(",", ":"))
            _replace(self._root, self._path, text.encode())
            self._dirty = False

    def _all(self) -> dict[str, list[Any]]:
        if self._entries is None:
            self._entries = {}
            if self._path is not None:
                with suppress(OSError, TunectlError, ValueError, TypeError, KeyError, RecursionError):
                    self._entries = _parse(_read(self._root, self._path), self._form)
        return self._entries


def _parse(data: bytes, form: str) -> dict[str, list[Any]]:
    found = json.loads(data)
    entries = found["files"] if found["format"] == form else {}
    return entries if type(entries) is dict else {}


def _read(root: Path, path: str) -> bytes:
    with os.fdopen(confined.open_file(root, path), "rb") as file:
        data = file.read(LARGEST + 1)
    return data if len(data) <= LARGEST else b"{}"


def _replace(root: Path, path: str, data: bytes) -> None:
    """Put a file in the place of another one in one step, in a folder that is made if need be, and never a link."""
    folder, name = os.path.split(path)
    (root / folder).mkdir(exist_ok=True)
    descriptor = confined.open_folder(root, folder)
    try:
        temporary = f"{name}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=descriptor), "wb") as file:
            file.write(data)
        os.replace(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    finally:
        os.close(descriptor)
