"""A disk that forgets: what a power cut may leave of the calls that a program made, after the rules of POSIX.

Bytes are safe after the file's fsync, names after their folder's. Until then any of them may have reached the disk or
not, names in any combination, bytes up to any point.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, product
from typing import Any

Name = tuple[int, str]
"""A folder's inode and a name in it."""


@dataclass(frozen=True)
class Call:
    """One call that changes a disk. ``name`` is what it changes, ``target`` where a rename leads."""

    kind: str
    name: Name | None = None
    target: Name | None = None
    file: int = 0
    data: bytes = b""
    folder: int = 0


@dataclass
class Recorder:
    """Lets every call through and takes note of those that change the disk."""

    calls: list[Call] = field(default_factory=list)
    files: dict[int, int] = field(default_factory=dict)
    """Open descriptors of files that are written, to the number of the file."""

    fresh: Iterator[int] = field(default_factory=lambda: count(1))

    def install(self, monkeypatch: Any) -> None:
        for kind in ("open", "write", "fsync", "rename", "unlink", "close"):
            monkeypatch.setattr(os, kind, self._around(kind, getattr(os, kind)))

    def _around(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = real(*args, **kwargs)
            getattr(self, f"_{kind}")(result, *args, **kwargs)
            return result

        return call

    def _open(self, descriptor: int, path: Any, flags: int, *_: Any, dir_fd: int | None = None) -> None:
        if not flags & (os.O_WRONLY | os.O_RDWR) or dir_fd is None:
            return
        if flags & os.O_CREAT:
            number = -next(self.fresh)  # the system may give a new file the inode of one that is gone
            self.calls.append(Call("create", (os.fstat(dir_fd).st_ino, path), file=number))
        else:
            number = os.fstat(descriptor).st_ino
        self.files[descriptor] = number
        if flags & os.O_TRUNC:
            self.calls.append(Call("truncate", file=number))

    def _write(self, written: int, descriptor: int, data: Any) -> None:
        if descriptor in self.files:
            self.calls.append(Call("write", file=self.files[descriptor], data=bytes(data[:written])))

    def _fsync(self, _: None, descriptor: int) -> None:
        if descriptor in self.files:
            self.calls.append(Call("sync", file=self.files[descriptor]))
        else:
            self.calls.append(Call("sync folder", folder=os.fstat(descriptor).st_ino))

    def _rename(self, _: None, source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        names = (os.fstat(src_dir_fd).st_ino, source), (os.fstat(dst_dir_fd).st_ino, target)
        self.calls.append(Call("rename", *names))

    def _unlink(self, _: None, path: str, *, dir_fd: int) -> None:
        self.calls.append(Call("unlink", (os.fstat(dir_fd).st_ino, path)))

    def _close(self, _: None, descriptor: int) -> None:
        self.files.pop(descriptor, None)


@dataclass(frozen=True)
class Disk:
    """What is safe on a disk, and what was done since."""

    names: Mapping[Name, int]
    contents: Mapping[int, bytes]
    pending: tuple[Call, ...] = ()

    def after(self, call: Call) -> Disk:
        """Return the disk after one more call."""
        if call.kind == "sync":
            mine = [c for c in self.pending if c.file == call.file and c.kind in {"write", "truncate"}]
            rest = tuple(c for c in self.pending if c not in mine)
            return replace(self, contents={**self.contents, call.file: self._bytes(call.file, mine)}, pending=rest)
        if call.kind == "sync folder":
            mine = [c for c in self.pending if c.name is not None and c.name[0] == call.folder]
            return replace(self, names=self._named(mine), pending=tuple(c for c in self.pending if c not in mine))
        return replace(self, pending=(*self.pending, call))

    def survivors(self) -> Iterator[dict[Name, bytes]]:
        """Yield everything that a power cut may leave: each name that is there, and its bytes."""
        named = [c for c in self.pending if c.name is not None]
        files = sorted({c.file for c in self.pending if c.kind in {"write", "truncate"}})
        histories = [self._partial(number) for number in files]
        for kept in product([False, True], repeat=len(named)):
            names = self._named([call for call, there in zip(named, kept, strict=True) if there])
            for chosen in product(*histories):
                contents = {**self.contents, **dict(zip(files, chosen, strict=True))}
                yield {name: contents.get(number, b"") for name, number in names.items()}

    def _named(self, calls: list[Call]) -> dict[Name, int]:
        """Carry out changes of names; one that never reached the disk is missing, and what it made with it."""
        names = dict(self.names)
        numbers = {c.name: c.file for c in self.pending if c.kind == "create"}
        for call in calls:
            assert call.name is not None
            if call.kind == "create":
                names[call.name] = call.file
            elif call.kind == "unlink":
                names.pop(call.name, None)
            elif call.target is not None:
                number = names.pop(call.name, numbers.get(call.name))
                if number is not None:
                    names[call.target] = number
        return names

    def _partial(self, number: int) -> list[bytes]:
        """Return what may be left of a file's bytes: any number of its changes, the last one torn anywhere."""
        calls = [c for c in self.pending if c.file == number and c.kind in {"write", "truncate"}]
        found = []
        for done in range(len(calls) + 1):
            found.append(self._bytes(number, calls[:done]))
            if done < len(calls):
                data = calls[done].data
                torn = {len(data) // 4, len(data) // 2, len(data) - 1}
                found += [
                    self._bytes(number, [*calls[:done], replace(calls[done], data=data[:length])])
                    for length in sorted(torn)
                    if 0 < length < len(data)
                ]
        return found

    def _bytes(self, number: int, calls: list[Call]) -> bytes:
        content = self.contents.get(number, b"")
        for call in calls:
            content = b"" if call.kind == "truncate" else content + call.data
        return content
