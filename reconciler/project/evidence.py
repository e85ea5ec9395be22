"""Answers and program output of gates as files under the project's state folder, readable by their owner only.

No verdict is made here, and nothing of what is kept is read again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.canonical import Json
from reconciler.core.text import clip, sanitize
from reconciler.errors import StoreError, TunectlError

__all__ = ["FileEvidence"]

LOG = "command.log"
_GLANCE = 0.1
"""Seconds between two looks at a program that runs."""
_SHOWN = 120
_WATCH = 'read -r _; kill -9 -"$1"'
"""Ends a group of processes when the other end of its standard input is closed, however we came to our end."""
_SEARCH_SECONDS = 10.0
"""Of computing, for all expressions of one check together; a thousand sound ones take some milliseconds."""
_SEARCH = """\
import json, re, signal, sys
signal.setitimer(signal.ITIMER_VIRTUAL, float(sys.argv[1]))
for expression, text in json.load(sys.stdin):
    print(int(re.search(expression, text.strip()) is not None), flush=True)
"""
"""Ended by the system when its time is over, wherever it is, also if nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class FileEvidence:
    """Folders below ``root``/``place``. Programs run in ``root``, with ``environ`` as their environment."""

    root: Path
    place: str
    environ: Mapping[str, str] = field(repr=False)
    search_seconds: float = _SEARCH_SECONDS

    def folder(self, name: str, label: str) -> FileFolder:
        """Return the folder of a model; nothing is made before something is kept."""
        return FileFolder(self.root, f"{self.place}/{name}/{label}", self.environ)

    def search(self, searches: Sequence[tuple[str, str]], *, stopped: Callable[[], bool]) -> Sequence[bool] | None:
        """Search in a process of its own: ``re`` holds the interpreter lock, so one of them could stop all threads."""
        command = [sys.executable, "-I", "-S", "-c", _SEARCH, str(self.search_seconds)]
        try:
            process = subprocess.Popen(  # noqa: S603  our own program; expressions reach it as data
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise TunectlError(f"nothing can be searched ({os.strerror(error.errno or 0)})") from error
        with process:
            printed = _talk(process, json.dumps(searches).encode("ascii"), stopped)
        if printed is None:
            return None
        if process.returncode not in {0, -signal.SIGVTALRM}:
            raise TunectlError(f"the search for regular expressions ended with status {process.returncode}")
        return [line == b"1" for line in printed.split()]


@dataclass(frozen=True, slots=True)
class FileFolder:
    """One folder of evidence; see ``ports.evidence.Folder``."""

    root: Path
    address: str
    environ: Mapping[str, str] = field(repr=False)

    def keep(self, name: str, rows: Sequence[Mapping[str, Json]]) -> None:
        """Write rows as JSON Lines, whole or not at all."""
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        target = self._made() / name
        draft = target.with_name(f".{name}.{os.getpid()}")
        try:
            with _private(draft) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(text.encode("utf-8", "backslashreplace"))
            draft.replace(target)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise _unkept(f"{self.address}/{name}", error) from error

    def run(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        timeout: float,
        stopped: Callable[[], bool],
    ) -> int | None:
        """Run a program in the project's folder; what it prints goes to a file beside the answers."""
        name = f"gate.command {sanitize(clip(Path(command[0]).name, _SHOWN))}"
        log = self._made() / LOG
        try:
            with _private(log) as output:
                return self._watched(command, environ, output, name, timeout=timeout, stopped=stopped)
        except OSError as error:
            raise _unkept(f"{self.address}/{LOG}", error) from error

    def _watched(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        output: int,
        name: str,
        *,
        timeout: float,
        stopped: Callable[[], bool],
    ) -> int | None:
        try:
            process = subprocess.Popen(  # noqa: S603  the manifest says what to run; no shell reads it
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.root,
                env={**self.environ, **environ, "TUNECTL_ANSWERS": str(self.root / self.address)},
                start_new_session=True,
            )
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise TunectlError(f"{name} cannot be run ({reason})", hint="it runs in the project's folder") from error
        with _outlived_by_none(process):
            status = _wait(process, timeout, stopped)
        if status is None and not stopped():
            raise TunectlError(f"{name} gave no verdict within {timeout:g} s", hint="set gate.commandTimeout")
        if status is not None and status < 0:
            raise TunectlError(f"{name} was killed by signal {-status}; see {self.address}/{LOG}")
        return status

    def _made(self) -> Path:
        folder = self.root / self.address
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unkept(self.address, error) from error
        return folder


@contextmanager
def _outlived_by_none(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a program and whatever it started, at the latest with this process, even if that is killed outright.

    A shell waits for the end of a pipe that only we hold, which the system closes with us. PR_SET_PDEATHSIG would reach
    the program alone and none of its children, and has to be set between fork and exec, where threads forbid it.
    """
    command = ["/bin/sh", "-c", _WATCH, "sh", str(process.pid)]
    watch = None
    try:
        with suppress(OSError):  # without a shell there is no watch, and a gate that is judged all the same
            watch = subprocess.Popen(  # noqa: S603  our own program
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        yield
    finally:
        if watch is not None:
            watch.kill()  # before the group is gone, whose number may then be another one's
            watch.wait()
            assert watch.stdin is not None  # noqa: S101  it is a pipe
            watch.stdin.close()
        _end(process)


@contextmanager
def _private(path: Path) -> Iterator[int]:
    """Open a file for writing, empty and its owner's only; a link is never followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _talk(process: subprocess.Popen[bytes], given: bytes, stopped: Callable[[], bool]) -> bytes | None:
    """Return what a process prints until it ends, or None when the run is to stop; it is over then in any case."""
    left: bytes | None = given  # what was begun is carried on without being given again
    try:
        while not stopped():
            try:
                return process.communicate(left, timeout=_GLANCE)[0]
            except subprocess.TimeoutExpired:
                left = None
        return None
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], timeout: float, stopped: Callable[[], bool]) -> int | None:
    """Return the exit status, or None when the time is over or the run is to stop."""
    deadline = time.monotonic() + timeout
    while not stopped():
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            return process.wait(min(_GLANCE, left))
        except subprocess.TimeoutExpired:
            continue
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it started; a group that is gone already needs no more."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _unkept(address: str, error: OSError) -> StoreError:
    reason = os.strerror(error.errno or 0)
    return StoreError(f"{address}: the answers cannot be kept ({reason})", hint="make room, or the folder writable")
