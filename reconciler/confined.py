"""Paths that may not leave a folder: how they may be spelt, and how they are opened.

Manifests come in through pull requests, so a path in one is an attempt to read any file of the machine until shown
otherwise. Two lines of defence: ``resolve`` looks at the spelling alone, and ``open_file`` and ``open_folder`` walk
down from the root one component at a time with ``dir_fd`` and ``O_NOFOLLOW``, following a symbolic link by hand and
only while it stays inside. Nothing is checked first and opened later, so there is nothing to swap in between. A FIFO,
a socket or a device is refused and never waited for.

Only paths and descriptors live here: no content, no formats.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
from itertools import islice
from pathlib import Path

from reconciler.core.text import meant, sanitize
from reconciler.errors import TunectlError

__all__ = ["Opener", "open_file", "open_folder", "resolve"]

_MAX_COMPONENTS = 64
_MAX_LINKS = 16
_MAX_NAMES = 10_000
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_REFUSED = (
    (re.compile(r"^\s*$"), "is empty"),
    (re.compile(r"[\x00-\x1f\x7f]"), "holds a control character"),
    (re.compile(r"\\"), "holds a backslash"),
    (re.compile(r"://"), "is a URL, not a file of the project"),
    (re.compile(r"^[/~]"), "is not a relative path"),
    (re.compile(r"^[A-Za-z]:"), "starts with a drive letter"),
    (
        re.compile(r"(^|/)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ .]*(\.[^/]*)?(/|$)", re.IGNORECASE),
        "is the name of a device on Windows",
    ),
)
_SUSPECT = re.compile(
    "|".join(f"(?{'i' if each.flags & re.IGNORECASE else ''}:{each.pattern})" for each, _ in _REFUSED)
)
"""What any of them finds, in one look; most paths are good."""
_REASONS = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist: part of its path is a file, not a folder",
    errno.EACCES: "cannot be read: permission denied",
    errno.EPERM: "cannot be read: permission denied",
    errno.ENAMETOOLONG: "does not exist: the name is longer than the file system allows",
    errno.ELOOP: "changed into a symbolic link while it was being opened",
}


def resolve(folder: str, text: str) -> str:
    """Return a path the user wrote, relative to ``folder``, as a POSIX path relative to the root.

    Args:
        folder: where the path is relative to; itself relative to the root, ``""`` for the root.
        text: what the user wrote.

    Raises:
        TunectlError: the spelling is refused (absolute, ``~``, backslash, control character, drive letter, device
            name, URL) or leads out of the root. The message does not repeat the path.
    """
    complaint = _spelling(text)
    if complaint is not None:
        raise TunectlError(complaint, hint="write a path relative to this file, with '/'")
    path = posixpath.normpath(posixpath.join(folder, text))
    if path == ".." or path.startswith("../"):
        raise TunectlError("leaves the project's folder", hint="keep the file inside the project")
    return path


def open_file(root: Path, path: str) -> int:
    """Open a regular file for reading and return its descriptor, which the caller closes.

    Args:
        root: the folder that may not be left; trusted, and may itself be reached through links.
        path: relative to it; ``..`` and links are followed as long as they stay inside.

    Raises:
        TunectlError: it does not exist, cannot be read, leads out of the root, or is no regular file.
    """
    descriptor = _open(root, path)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise TunectlError("is a folder, not a file")


def open_folder(root: Path, path: str) -> int:
    """Open a folder, as ``open_file`` opens a file.

    Raises:
        TunectlError: as ``open_file``.
    """
    descriptor = _open(root, path)
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise TunectlError("is a file, not a folder")


class Opener:
    """Opens many files of one root; the folder it went into last stays open, so the way down is gone once a folder.

    It opens what ``open_file`` opens and refuses what that refuses. Used from one thread only, and closed by its owner.
    """

    __slots__ = ("_descriptor", "_folder", "_root")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = ""
        self._descriptor: int | None = None

    def open_file(self, path: str) -> int:
        """Open a regular file for reading and return its descriptor; raises as the function of this name does."""
        try:
            if self.status(path) is not None:
                descriptor = os.open(path.rpartition("/")[2], _FLAGS, dir_fd=self._descriptor)
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return descriptor
                os.close(descriptor)
        except OSError:
            pass  # the long way says what is wrong with it
        return open_file(self._root, path)

    def status(self, path: str) -> os.stat_result | None:
        """Return the status of a regular file, which is that of what ``open_file`` opens.

        None for everything else, a file behind a link among it: only opening it tells.
        """
        folder, _, name = path.rpartition("/")
        if name in {"", ".", ".."} or ".." in folder:
            return None
        try:
            if self._descriptor is None or folder != self._folder:
                self.close()
                self._descriptor = open_folder(self._root, folder or ".")
                self._folder = folder
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except (OSError, ValueError, TunectlError):
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def close(self) -> None:
        """Let go of the open folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _spelling(text: str) -> str | None:
    """Return what is wrong with the spelling of a path, if anything."""
    if text and _SUSPECT.search(text) is None:
        return None
    return next((complaint for refused, complaint in _REFUSED if refused.search(text)), None)


def _open(root: Path, path: str) -> int:
    walk = _Walk(root, path)
    try:
        return walk.finish()
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or f"cannot be read: {os.strerror(error.errno or 0)}"
        raise TunectlError(reason) from error
    except ValueError as error:  # a NUL byte, or characters that no file name can hold
        raise TunectlError("does not exist: no file can have this name") from error
    finally:
        walk.close()


class _Walk:
    """One way down from the root: the open folders behind us, the components ahead."""

    __slots__ = ("_ahead", "_behind", "_links", "_root")

    def __init__(self, root: Path, path: str) -> None:
        self._root = root
        self._ahead = path.split("/")[::-1]
        self._behind: list[int] = []
        self._links = 0

    def finish(self) -> int:
        """Walk to the end and hand over the last descriptor."""
        self._behind.append(os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        while self._ahead:
            if len(self._ahead) + len(self._behind) > _MAX_COMPONENTS:
                raise TunectlError(f"is more than {_MAX_COMPONENTS} folders deep")
            self._step(self._ahead.pop())
        return self._behind.pop()

    def close(self) -> None:
        """Close whatever is still open."""
        while self._behind:
            os.close(self._behind.pop())

    def _step(self, name: str) -> None:
        if name in {"", "."}:
            return
        if name == "..":
            if len(self._behind) == 1:
                raise _outside()
            os.close(self._behind.pop())
            return
        here = self._behind[-1]
        try:
            mode = os.stat(name, dir_fd=here, follow_symlinks=False).st_mode
        except FileNotFoundError as error:
            raise TunectlError(_REASONS[errno.ENOENT], hint=_alike(name, here)) from error
        if stat.S_ISLNK(mode):
            self._follow(os.readlink(name, dir_fd=here))
            return
        _refuse_special(mode)  # before opening: opening a device can have effects
        self._behind.append(os.open(name, _FLAGS, dir_fd=here))
        _refuse_special(os.fstat(self._behind[-1]).st_mode)  # and after: what was opened is what counts

    def _follow(self, target: str) -> None:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise TunectlError(f"goes through more than {_MAX_LINKS} symbolic links")
        if target.startswith("/"):
            target = self._beneath(target)
            while len(self._behind) > 1:
                os.close(self._behind.pop())
        self._ahead.extend(target.split("/")[::-1])

    def _beneath(self, target: str) -> str:
        """Return an absolute link target relative to the root, spelt as given or with the root's own links resolved."""
        for root in (os.path.realpath(self._root), str(self._root.absolute())):
            if target == root or target.startswith(root.rstrip("/") + "/"):
                return target[len(root) :]
        raise _outside()


def _alike(name: str, folder: int) -> str | None:
    """Return the question whether another name in an open folder was meant, if one is like it."""
    with os.scandir(folder) as entries:
        close = meant(name, (entry.name for entry in islice(entries, _MAX_NAMES) if not entry.name.startswith(".")))
    return None if close is None else f"did you mean {sanitize(close)}?"


def _outside() -> TunectlError:
    return TunectlError(
        "leads out of the project's folder through a symbolic link", hint="copy the file into the project"
    )


def _refuse_special(mode: int) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise TunectlError("is neither a file nor a folder")
