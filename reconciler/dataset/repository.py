"""Former versions of a file, out of the git repository that the project lies in. Reads only, and reads objects only.

Nothing here runs a hook, a filter or a pager, asks for a password or fetches from a network: a plan over somebody's
pull request looks into this repository. Only plumbing commands are called (``rev-parse``, ``rev-list``, ``cat-file``),
with argument lists, literal paths and time limits.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reconciler.errors import TunectlError

__all__ = ["Blob", "Repository"]

_SECONDS = 15.0
_LARGEST = 2 * 1024**3
_BLOB = re.compile(rb"(?P<name>[0-9a-f]{40,64}) blob (?P<size>[0-9]{1,18})")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # before git 2.44 a partial clone would fetch what it lacks
    "LC_ALL": "C",
}


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content at a commit: its object name, and its size in bytes."""

    commit: str
    name: str
    size: int


class Repository:
    """The repository around a project's folder, if there is one; paths are relative to that folder."""

    def __init__(self, root: Path, *, seconds: float = _SECONDS) -> None:
        self._root = root
        self._seconds = seconds

    def resolve(self, revision: str) -> str:
        """Return the commit that a branch, tag or abbreviated name stands for.

        Raises:
            TunectlError: there is no git, no repository, or no such commit.
        """
        self._enter()
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        found = self._run(*asked, accept=(0, 1, 128)).decode("ascii", "replace").strip()
        if _COMMIT.fullmatch(found) is None:
            raise TunectlError(f"git knows no commit {revision}{self.shallow()}")
        return found

    def at(self, commit: str, path: str) -> Blob:
        """Return a file as it was at a commit.

        Raises:
            TunectlError: there was none, or the clone does not have it.
        """
        self._enter()
        blob = next(self._blobs([commit], path), None)
        if blob is None:
            raise TunectlError(f"there is no {path} at commit {commit[:12]}{self.shallow()}")
        return blob

    def former(self, path: str, *, most: int) -> tuple[Blob, ...]:
        """Return the versions of a file that the last commits left behind, newest first, each content once.

        Raises:
            TunectlError: no commit at hand holds the file.
        """
        self._enter()
        listed = self._run("rev-list", f"--max-count={most}", "HEAD", "--", path, accept=(0, 128))
        blobs = {blob.name: blob for blob in reversed(list(self._blobs(listed.decode("ascii").split(), path)))}
        if not blobs:
            raise TunectlError(f"no commit holds {path}{self.shallow()}")
        return tuple(reversed(blobs.values()))

    def open(self, blob: Blob) -> IO[bytes]:
        """Return a blob's content as an open file without a name; the caller closes it.

        Raises:
            TunectlError: it is too large, cannot be read, or there is no room for it.
        """
        if blob.size > _LARGEST:
            raise TunectlError(f"the version at commit {blob.commit[:12]} is larger than {_LARGEST // 1024**3} GiB")
        file = tempfile.TemporaryFile()  # noqa: SIM115  handed to the caller
        try:
            self._run("cat-file", "blob", blob.name, into=file)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _blobs(self, commits: Sequence[str], path: str) -> Iterator[Blob]:
        asked = "".join(f"{commit}:./{path}\n" for commit in commits).encode()
        if not asked:
            return
        told = self._run("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", given=asked)
        for commit, line in zip(commits, told.splitlines(), strict=False):
            match = _BLOB.fullmatch(line)
            if match is not None:
                yield Blob(commit, match["name"].decode(), int(match["size"]))

    def _enter(self) -> None:
        """Make sure that there is a repository that git will read.

        Raises:
            TunectlError: with why not.
        """
        self._run("rev-parse", "--git-dir")

    def shallow(self) -> str:
        """Return a note for messages if older commits are not here, nothing if they are."""
        shallow = self._run("rev-parse", "--is-shallow-repository").strip() == b"true"
        return " (the clone is shallow: git fetch --unshallow)" if shallow else ""

    def _run(
        self, *arguments: str, given: bytes = b"", into: IO[bytes] | None = None, accept: Iterable[int] = (0,)
    ) -> bytes:
        """Run git and return what it prints; what it complains about is not repeated, only what it comes to."""
        try:
            done = subprocess.run(  # noqa: S603  an argument list, no shell
                ["git", "-C", str(self._root), "--literal-pathspecs", *arguments],  # noqa: S607  the user's own git
                input=given,
                stdout=subprocess.PIPE if into is None else into,
                stderr=subprocess.PIPE,
                env={**os.environ, **_QUIET},
                timeout=self._seconds,
                check=False,
            )
        except FileNotFoundError as error:
            raise TunectlError("git is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise TunectlError(f"git gave no answer within {self._seconds:g} s") from error
        except OSError as error:
            raise TunectlError(f"git cannot be run: {os.strerror(error.errno or 0)}") from error
        if done.returncode not in accept:
            raise TunectlError(_complaint(done.stderr))
        return done.stdout or b""


def _complaint(said: bytes) -> str:
    if b"dubious ownership" in said:
        return "git refuses the repository, which belongs to somebody else (safe.directory)"
    if b"not a git repository" in said:
        return "the project is in no git repository"
    return "git cannot read the repository"
