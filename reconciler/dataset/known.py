"""What earlier runs found out about large dataset files, so that a file that has not changed is not read again.

Kept in ``.tunectl/`` and worth nothing to anybody: paths, file status, digests, counts and the numbers of
repeated lines, never a word of a row. A cache that is broken, of another format or not to be had is none, silently.

An entry counts only while everything the file system says of the file (device, inode, size, both times) is as it was.
That alone would trust a file that was written, read and written again within one tick of the file system's clock with
its size unchanged; so nothing is kept of a file that was younger than two seconds when its reading began. Two seconds
is the coarsest tick there is (FAT). What is sent in a create is read and digested anew in any case.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from reconciler import confined
from reconciler.core.resource import Dataset
from reconciler.errors import TunectlError

__all__ = ["Known", "Question", "Stamp", "Verdict"]

FORMAT: Final = "tunectl.datasets/v2"
"""Also the version of the checks: a cached verdict is one of the rules of its time."""
SMALLEST: Final = 64 * 1024
"""Bytes; a smaller file is read as quickly as it is looked up."""
LARGEST: Final = 16 * 1024 * 1024
_MOST = 20_000
_SETTLED = 2_000_000_000

Question: TypeAlias = tuple[str, ...]
"""Path, columns and limits: whatever else decides what is said of a file."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of an open file; times in nanoseconds since the epoch."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, file: BinaryIO) -> Stamp:
        """Ask for the status of an open file."""
        found = os.fstat(file.fileno())
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A good dataset file: digest and number of its examples, and warnings by line."""

    dataset: Dataset
    warnings: tuple[tuple[int | None, str], ...] = ()


class Known:
    """The verdicts of this run, and those of earlier ones as far as they may be trusted.

    Within one run each file is read once, however many manifests name it. ``root`` is the project's folder, ``path``
    the cache file in it; without one nothing outlives the run. Used from one thread only.
    """

    def __init__(self, root: Path, path: str | None, *, now: Callable[[], int] = time.time_ns) -> None:
        self._root = root
        self._path = path
        self._now = now
        self._found: dict[Question, Verdict] = {}
        self._kept: dict[Question, tuple[Stamp, Verdict]] | None = None
        self._dirty = False

    def recall(self, question: Question) -> Verdict | None:
        """Return what this run has found out already."""
        return self._found.get(question)

    def look_up(self, question: Question, stamp: Stamp) -> Verdict | None:
        """Return what an earlier run found out about just this file, if it is worth a look."""
        if stamp.size < SMALLEST:
            return None
        stored, verdict = self._entries().get(question, (None, None))
        if stored != stamp or verdict is None:
            return None
        self._found[question] = verdict
        return verdict

    def begin(self) -> int:
        """Return the time at which a reading begins, for ``learn``."""
        return self._now()

    def learn(self, question: Question, verdict: Verdict, *, begun: int, before: Stamp, after: Stamp) -> None:
        """Remember a verdict for this run, and for later ones if the file stood still before and while it was read."""
        self._found[question] = verdict
        settled = max(before.modified, before.changed) + _SETTLED <= begun
        if settled and before == after and before.size >= SMALLEST:
            self._entries()[question] = (before, verdict)
            self._dirty = True

    def save(self) -> None:
        """Write what is new; a cache that cannot be written is no reason to fail."""
        if self._path is None or not self._dirty or self._kept is None:
            return
        kept = self._kept
        if len(kept) > _MOST:
            kept = {question: entry for question, entry in kept.items() if question in self._found}
        rows = [[question, astuple(stamp), *_written(verdict)] for question, (stamp, verdict) in kept.items()]
        with suppress(OSError, TunectlError):
            _replace(self._root, self._path, json.dumps({"format": FORMAT, "files": rows}).encode())
            self._dirty = False

    def _entries(self) -> dict[Question, tuple[Stamp, Verdict]]:
        if self._kept is None:
            self._kept = {}
            if self._path is not None:
                with suppress(OSError, TunectlError, ValueError, TypeError, KeyError, RecursionError):
                    self._kept = _parse(_read(self._root, self._path))
        return self._kept


def _written(verdict: Verdict) -> tuple[object, ...]:
    dataset = verdict.dataset
    return dataset.digest, dataset.examples, dataset.characters, verdict.warnings


def _parse(data: bytes) -> dict[Question, tuple[Stamp, Verdict]]:
    """Read a cache file; whatever is not as we write it raises, and then none of it is believed."""
    found = json.loads(data)
    if found["format"] != FORMAT:
        return {}
    entries: dict[Question, tuple[Stamp, Verdict]] = {}
    for question, stamp, digest, examples, characters, warnings in found["files"]:
        _expect(all(type(part) is str for part in question) and all(type(part) is int for part in stamp))
        _expect(type(digest) is str and type(examples) is int and type(characters) is int)
        _expect(all(type(line) in {int, type(None)} and type(text) is str for line, text in warnings))
        verdict = Verdict(Dataset(digest, examples, characters), tuple((line, text) for line, text in warnings))
        entries[tuple(question)] = (Stamp(*stamp), verdict)
    return entries


def _expect(holds: bool) -> None:
    if not holds:
        raise ValueError("not a cache of ours")


def _read(root: Path, path: str) -> bytes:
    with os.fdopen(confined.open_file(root, path), "rb") as file:
        data = file.read(LARGEST + 1)
    _expect(len(data) <= LARGEST)
    return data


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
