"""How a run is started: plainly, under a hook that kills it from within, or under strace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOOK = Path(__file__).with_name("crash_hook.py")
ON_FILES = "openat,read,write,fsync,close,rename,renameat,unlink,unlinkat,mkdir,mkdirat,flock,fchmod,ftruncate"
ON_SOCKETS = "socket,connect,sendto,recvfrom"
PATIENCE = 60.0
_LINE = re.compile(r"(?P<thread>\d+) +(?P<name>[a-z0-9_]+)\(")
_OURS = (
    "",
    "tunectl.lock",
    ".tunectl.lock.new",
    ".tunectl",
    ".tunectl/tunectl.lock.lock",
    ".tunectl/tunectl.lock.lock.holder",
    ".tunectl/tunectl.lock.lock.holder.new",
    ".tunectl/backup",
    ".tunectl/backup/tunectl.lock",
    ".tunectl/backup/.tunectl.lock.new",
)


@dataclass(frozen=True, slots=True)
class Child:
    """How one run ended."""

    code: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        return self.code == -9


def strace() -> str | None:
    """Return where strace is, if it is."""
    return shutil.which("strace") if sys.platform == "linux" else None


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child: none of the variables that tunectl reads, but those given."""
    prefixes = ("TUNECTL_", "GOOGLE_", "GITHUB_", "PYTEST_", "COVERAGE_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}
    for name in ("CI", "NO_COLOR"):
        kept.pop(name, None)
    return {**kept, **extra}


def start(command: Sequence[str], *, cwd: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a run; its output is read when it is waited for."""
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes], *, patience: float = PATIENCE) -> Child:
    """Wait for a run's end, so many seconds at most; one that does not end is killed, and its waiting is the error."""
    with process:
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Child(process.returncode, out.decode(), err.decode())


def plain(*arguments: str) -> list[str]:
    """The command line as users have it."""
    return [sys.executable, "-m", "reconciler", *arguments]


def hooked(moment: int, journal: Path | None, *arguments: str) -> list[str]:
    """The same, killed from within at a moment (from 1); 0 kills never and writes the moments' names to a file."""
    return [sys.executable, str(HOOK), str(moment), "-" if journal is None else str(journal), *arguments]


def recorded(calls: str, log: Path, root: Path, *arguments: str) -> list[str]:
    """The same under strace, which writes down all calls of a kind."""
    return [*_strace(calls, root), "-o", str(log), *plain(*arguments)]


def injected(call: str, ordinal: int, root: Path, *arguments: str) -> list[str]:
    """The same under strace, killed as it enters a system call for the n-th time within one thread."""
    kill = ("-e", f"inject={call}:signal=SIGKILL:when={ordinal}")
    return [*_strace(call, root), *kill, "-o", os.devnull, *plain(*arguments)]


def _strace(calls: str, root: Path) -> list[str]:
    """Begin a command line of strace: calls on files count only where they are about our own files."""
    command = [strace() or "strace", "-f", "-qq", "-e", f"trace={calls}", "-e", "signal=none"]
    if set(calls.split(",")) <= set(ON_FILES.split(",")):
        command += [word for place in _OURS for word in ("-P", str(root / place))]
    return command


def system_calls(log: str) -> list[tuple[str, int]]:
    """Return every system call with its number within its thread, which is how strace counts."""
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, int], None] = {}
    for line in log.splitlines():
        match = _LINE.match(line)
        if match is not None:
            counts[match["thread"], match["name"]] += 1
            found[match["name"], counts[match["thread"], match["name"]]] = None
    return list(found)
