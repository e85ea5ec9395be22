"""The row prints of datasets that models were tuned on, by content digest: ``.tunectl/rows/``.

Each file is a head, 16 bytes a row in the order of the dataset, and a checksum; never a word of a row. They may be
deleted at any time: without them the old version is looked for in git, and without that only numbers are told. A file
that is broken, of another key or of another format is none, silently. All files together stay under 512 MiB (32
million rows), give or take a sixteenth; those that were used longest ago go first.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from threading import Lock, get_ident
from typing import BinaryIO, Final
from weakref import finalize

from reconciler import confined
from reconciler.core.resource import Dataset
from reconciler.dataset.prints import KEY, WIDTH, Printer
from reconciler.errors import TunectlError

__all__ = ["Distrusted", "RowShelf"]

MAGIC: Final = b"tunerow1"
LARGEST: Final = 512 * 1024 * 1024
_KEY_FILE = "key"
_BLOCK = WIDTH * 4096
_HEAD = len(MAGIC) + 8
_SUM = 16
_STALE = 3600.0
_SHARE = 16
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Distrusted(Exception):
    """A file of prints is not whole."""


class RowShelf:
    """Row prints on disk, to be used from any thread.

    ``root`` is the project's folder, ``folder`` the shelf's in it (``.tunectl/rows``); None keeps and finds nothing.
    """

    def __init__(self, root: Path, folder: str | None, *, largest: int = LARGEST) -> None:
        self._root = root
        self._folder = folder
        self._largest = largest
        self._unswept = largest
        self._counting = Lock()
        self._entering = Lock()
        self._standing: int | None = None

    @cached_property
    def printer(self) -> Printer:
        """What makes the prints of this project; for one run only if no key can be kept."""
        with suppress(OSError, TunectlError):
            return Printer(self._key())
        return Printer(os.urandom(KEY))

    def has(self, dataset: Dataset) -> bool:
        """Tell whether a dataset's prints are here, of this project's key and of the right number."""
        try:
            with self._open(_name(dataset)) as file:
                size = os.fstat(file.fileno()).st_size
                return size == _size(dataset) and file.read(_HEAD) == MAGIC + self.printer.check
        except (OSError, TunectlError):
            return False

    def prints(self, dataset: Dataset) -> Iterator[bytes]:
        """Yield the prints of a dataset's rows, in order.

        Raises:
            Distrusted: at the latest in the end, if they are not what was written.
        """
        try:
            with self._open(_name(dataset)) as file, suppress(OSError):
                os.utime(file.fileno())
                file.seek(_HEAD)
                yield from _read(file, dataset.examples)
                return
        except (OSError, TunectlError):
            pass
        raise Distrusted

    def keep(self, dataset: Dataset, prints: Iterable[bytes]) -> None:
        """Put a dataset's prints on the shelf; that they cannot be is no reason to fail.

        Whatever ``prints`` raises is passed on, and nothing is kept.
        """
        if self._folder is None or _size(dataset) > self._largest:
            return
        try:
            folder = self._enter()
        except (OSError, TunectlError):
            return
        temporary, there = _temporary(_name(dataset)), False
        try:
            with suppress(OSError):
                if self._write(folder, temporary, dataset, prints):
                    os.replace(temporary, _name(dataset), src_dir_fd=folder, dst_dir_fd=folder)
                    there = True
                    if self._due(_size(dataset)):
                        _make_room(folder, self._largest, sparing=_name(dataset))
        finally:
            if not there:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)

    def _due(self, size: int) -> bool:
        """Tell whether to look through the shelf: at first, and when a sixteenth of what it may hold has been added.

        To look after every file would take time that grows with the square of the models.
        """
        with self._counting:
            self._unswept += size
            due = self._unswept >= self._largest // _SHARE
            if due:
                self._unswept = 0
            return due

    def drop(self, dataset: Dataset) -> None:
        """Take a dataset's prints off the shelf, if they are there and can be taken."""
        with suppress(OSError, TunectlError):
            os.unlink(_name(dataset), dir_fd=self._enter())

    def _write(self, folder: int, name: str, dataset: Dataset, prints: Iterable[bytes]) -> bool:
        """Write a file of prints; False if there were not as many as the dataset has examples."""
        with os.fdopen(_create(folder, name), "wb", buffering=_BLOCK) as file:
            file.write(MAGIC + self.printer.check)
            total, count = _checksum(), 0
            for row in prints:
                file.write(row)
                total.update(row)
                count += 1
            file.write(total.digest())
        return count == dataset.examples

    def _key(self) -> bytes:
        _make_key(self._enter())
        with self._open(_KEY_FILE) as file:
            key = file.read(KEY + 1)
        if len(key) != KEY:
            raise TunectlError("the key is not whole")
        return key

    def _open(self, name: str) -> BinaryIO:
        descriptor = os.open(name, _READ, dir_fd=self._enter(make=False))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise TunectlError("is no file")
        return os.fdopen(descriptor, "rb", buffering=_BLOCK)

    def _enter(self, *, make: bool = True) -> int:
        """Return the shelf's folder, made if need be: opened once, and open as long as the shelf is there."""
        with self._entering:
            if self._standing is None:
                self._standing = self._found(make=make)
                finalize(self, os.close, self._standing)
            return self._standing

    def _found(self, *, make: bool) -> int:
        if self._folder is None:
            raise TunectlError("there is no shelf")
        if make:
            parent, name = os.path.split(self._folder)
            (self._root / parent).mkdir(exist_ok=True)
            outer = confined.open_folder(self._root, parent)
            try:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=outer)
            finally:
                os.close(outer)
        return confined.open_folder(self._root, self._folder)


def _name(dataset: Dataset) -> str:
    return dataset.digest.removeprefix("sha256:")


def _checksum() -> blake2b:
    return blake2b(digest_size=_SUM)


def _temporary(name: str) -> str:
    return f"{name}.{os.getpid()}.{get_ident()}"


def _create(folder: int, name: str) -> int:
    """Open a new file for writing; one that a killed run left under this name goes."""
    try:
        return os.open(name, _CREATE, 0o600, dir_fd=folder)
    except FileExistsError:
        os.unlink(name, dir_fd=folder)
        return os.open(name, _CREATE, 0o600, dir_fd=folder)


def _make_key(folder: int) -> None:
    """Put a key there, whole from the start, unless there is one."""
    temporary = _temporary(_KEY_FILE)
    with os.fdopen(os.open(temporary, _CREATE, 0o600, dir_fd=folder), "wb") as file:
        file.write(os.urandom(KEY))
    try:
        with suppress(FileExistsError):
            os.link(temporary, _KEY_FILE, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.unlink(temporary, dir_fd=folder)


def _size(dataset: Dataset) -> int:
    return _HEAD + WIDTH * dataset.examples + _SUM


def _read(file: BinaryIO, count: int) -> Iterator[bytes]:
    """Yield the rows of a file that is open behind its head; raises Distrusted if the checksum is another one."""
    total = _checksum()
    left = count * WIDTH
    while left:
        block = file.read(min(left, _BLOCK))
        if not block or len(block) % WIDTH:
            raise Distrusted
        total.update(block)
        left -= len(block)
        for start in range(0, len(block), WIDTH):
            yield block[start : start + WIDTH]
    if file.read(_SUM + 1) != total.digest():
        raise Distrusted


def _make_room(folder: int, largest: int, *, sparing: str) -> None:
    """Delete what killed runs left half written, and what was used longest ago until the rest is small enough."""
    with os.scandir(folder) as found:
        files = [(entry.stat(follow_symlinks=False), entry.name) for entry in found if entry.name != _KEY_FILE]
    for status, name in files:
        if "." in name and time.time() - status.st_mtime > _STALE:
            os.unlink(name, dir_fd=folder)
    files = [(status, name) for status, name in files if "." not in name]
    taken = sum(status.st_size for status, _ in files)
    for status, name in sorted(files, key=lambda file: file[0].st_mtime_ns):
        if taken <= largest:
            return
        if name != sparing:
            os.unlink(name, dir_fd=folder)
            taken -= status.st_size
