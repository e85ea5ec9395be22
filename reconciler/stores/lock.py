"""One process at a time: a lock that dies with its holder, and a note beside it that says who that is.

The lock is the operating system's, on a file of its own that nothing ever replaces. The note only serves the message
of those who have to wait: it may be old or forged, so nothing is decided by it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.core.lease import Holder, Lease, holder_text, stamp
from reconciler.core.text import sanitize
from reconciler.errors import LockHeld, StoreError
from reconciler.ports.store import LastingHold
from reconciler.stores.holder import holder_from_note, holder_json, this_holder

_NOTE_LIMIT = 4096
_HINTS = {
    errno.EACCES: "give this user the right to write the folder .tunectl; plan, drift and status need no lock",
    errno.EROFS: "the file system is read-only; plan, drift and status need no lock",
}
_LEAST_PATIENCE = 0.1  # somebody who looks at the lock holds a part of it for an instant, and is no reason to give up


@contextmanager
def process_lock(
    path: Path, *, timeout: float, what: str, command: str, now: Callable[[], float] = time.time
) -> Iterator[LastingHold]:
    """Hold the lock file at ``path`` while the context lasts.

    Args:
        path: a file of its own; it is made if missing and stays.
        timeout: seconds to wait for our turn; with 0 a tenth of a second.
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
        lock.acquire(timeout=max(timeout, _LEAST_PATIENCE))
    except filelock.Timeout as error:
        raise LockHeld(
            f"{sanitize(what)}: locked by {_holder(path)}",
            hint="wait for it to end, or let tunectl wait with --lock-timeout 5m",
        ) from error
    except OSError as error:
        raise _unusable(path, error) from error
    note = _note(path)
    try:
        with suppress(OSError):
            _write_note(note, this_holder(command), now())
        yield LastingHold()
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def look_at(path: Path) -> Lease | None:
    """Return who holds the lock file at ``path``, as far as the note tells, or None if nobody does. Takes nothing.

    Raises:
        StoreError: the lock file cannot be looked at.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        note = _read_note(_note(path)) or {}
        since = _seconds(note.get("since"))
        return Lease("process", holder_from_note(note), fence=0, since=since, renewed=since, ttl=None)
    except OSError as error:
        raise _unusable(path, error) from error
    finally:
        os.close(descriptor)
    return None


def _unusable(path: Path, error: OSError) -> StoreError:
    shown = sanitize(str(path))
    if error.errno == errno.ELOOP:
        return StoreError(f"{shown}: a symbolic link, which is not followed", hint="remove it")
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return StoreError(f"{shown}: the lock file cannot be opened ({reason})", hint=_HINTS.get(error.errno or 0))


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.holder")


def _write_note(note: Path, holder: Holder, since: float) -> None:
    written = holder_json(holder) | {"since": stamp(since)}
    temporary = note.with_name(f"{note.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(written, file)
    temporary.replace(note)


def _holder(path: Path) -> str:
    """Say who holds the lock, as far as the note tells."""
    note = _read_note(_note(path))
    if note is None:
        return "another tunectl"
    return f"{holder_text(holder_from_note(note))}, since {stamp(_seconds(note.get('since')))}"


def _seconds(since: object) -> float:
    try:
        return datetime.fromisoformat(str(since)).timestamp()
    except (ValueError, OverflowError, OSError):
        return float("nan")


def _read_note(path: Path) -> dict[str, Any] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = json.loads(file.read(_NOTE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
