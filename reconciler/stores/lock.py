"""One process at a time: a lock that dies with its holder, and a note beside it that says who that is.

The lock is the operating system's, on a file of its own that nothing ever replaces. The note only serves the message
of those who have to wait: it may be old or forged, so nothing is decided by it.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler.core.text import clip, sanitize
from reconciler.errors import LockHeld, StoreError

_NOTE_LIMIT = 4096


@contextmanager
def process_lock(
    path: Path, *, timeout: float, what: str, command: str, now: Callable[[], float] = time.time
) -> Iterator[None]:
    """Hold the lock file at ``path`` while the context lasts.

    Args:
        path: a file of its own; it is made if missing and stays.
        timeout: seconds to wait for our turn; 0 tries once.
        what: the thing the lock guards, for messages.
        command: what this process is doing, for the messages of others; holds no option values.
        now: seconds since the epoch.

    Raises:
        LockHeld: another process (or thread) holds it still.
        StoreError: the lock file cannot be opened, or is a symbolic link.
    """
    import filelock  # noqa: PLC0415  # 57 ms that only the commands that write need to pay

    lock = filelock.FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=max(timeout, 0.0))
    except filelock.Timeout as error:
        raise LockHeld(
            f"{sanitize(what)}: locked by {_holder(path)}",
            hint="wait for it to end, or let tunectl wait with --lock-timeout 5m",
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise StoreError(f"{sanitize(str(path))}: the lock file cannot be opened ({reason})") from error
    note = _note(path)
    try:
        with suppress(OSError):
            _write_note(note, command, now())
        yield
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


def _write_note(note: Path, command: str, since: float) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": _user(),
        "command": command,
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since)),
    }
    temporary = note.with_name(f"{note.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(holder, file)
    temporary.replace(note)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in many containers
        return str(os.getuid())


def _holder(path: Path) -> str:
    """Say who holds the lock, as far as the note tells."""
    note = _read_note(_note(path))
    if note is None:
        return "another tunectl"
    command, user, host, since = (_word(note, key) for key in ("command", "user", "host", "since"))
    pid = note.get("pid")
    process = f", process {pid}" if isinstance(pid, int) and 0 < pid < 1 << 31 else ""
    return f"{command} of {user} on {host}{process}, since {since}"


def _word(note: dict[str, Any], key: str) -> str:
    value = note.get(key)
    return clip(sanitize(value), 80) if isinstance(value, str) and value else f"an unknown {key}"


def _read_note(path: Path) -> dict[str, Any] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = json.loads(file.read(_NOTE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
