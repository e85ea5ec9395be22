"""Runs tunectl and kills it from within, at the n-th moment that matters: the portable twin of strace.

``python crash_hook.py MOMENT JOURNAL ARGUMENTS…``. A moment is the instant before an audited act (opening what is ours,
renaming, locking, connecting …), or before, in the middle of, or after one that is not audited (writing, flushing,
sending, receiving). Counting begins when the run first names its lock. MOMENT 0 kills never; the names of all moments
go to JOURNAL then. Nothing in the package knows of this.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

AUDITED = {"open", "os.rename", "os.remove", "os.mkdir", "fcntl.flock", "socket.connect", "os.chmod"}

aim = int(sys.argv[1])
journal = None if sys.argv[2] == "-" else Path(sys.argv[2])
names: list[str] = []
guard = threading.Lock()
begun = False


def moment(name: str) -> bool:
    """Count a moment; True if it is the one."""
    if not begun:
        return False
    with guard:
        names.append(name)
        return len(names) == aim


def pass_by(name: str) -> None:
    if moment(name):
        die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


def audit(event: str, arguments: tuple[object, ...]) -> None:
    global begun  # noqa: PLW0603  # a hook has no other memory
    if event not in AUDITED:
        return
    target = str(arguments[0]) if arguments else ""
    if event == "open" and "tunectl.lock" not in target and ".tunectl" not in target:
        return  # only read: the interpreter's own files, manifests, datasets
    if not begun and target.endswith(".tunectl/tunectl.lock.lock"):
        begun = True
    pass_by(event)


def around(function, name: str, *, halves: bool = False):
    """Make moments of an act: before, half done, done."""

    def wrapped(first, *rest, **options):
        pass_by(f"{name}, before")
        if halves and begun and moment(f"{name}, half done"):
            data = bytes(rest[0])
            function(first, data[: len(data) // 2])
            die()
        result = function(first, *rest, **options)
        pass_by(f"{name}, done")
        return result

    return wrapped


def install() -> None:
    os.write = around(os.write, "write", halves=True)
    os.fsync = around(os.fsync, "fsync")
    os.rename = around(os.rename, "rename")
    socket.socket.send = around(socket.socket.send, "send", halves=True)
    socket.socket.sendall = around(socket.socket.sendall, "send", halves=True)
    socket.socket.recv = around(socket.socket.recv, "receive")
    sys.addaudithook(audit)


if __name__ == "__main__":
    sys.argv = ["tunectl", *sys.argv[3:]]
    install()
    from reconciler.__main__ import main

    try:
        main()
    finally:
        begun = False
        if journal is not None:
            journal.write_text("\n".join(names), encoding="utf-8")
