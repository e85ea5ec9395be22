"""Who we are, for those who have to wait for us. Knows the machine and the CI it runs on, and no place to write it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from typing import Any

from reconciler.core.lease import Holder

_LONGEST_PID = 1 << 31


def this_holder(command: str, environ: Mapping[str, str] = os.environ) -> Holder:
    """Return this process as a holder.

    Args:
        command: what it is doing, without option values.
        environ: where GitHub's runner says which run this is (GITHUB_SERVER_URL, _REPOSITORY, _RUN_ID and _SHA).
    """
    server, repository, run = (environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        user=_user(),
        command=command,
        run=f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None,
        commit=environ.get("GITHUB_SHA") or None,
    )


def holder_json(holder: Holder) -> dict[str, Any]:
    """Return a holder as a JSON object."""
    return {
        "host": holder.host,
        "pid": holder.pid,
        "user": holder.user,
        "command": holder.command,
        "run": holder.run,
        "commit": holder.commit,
    }


def holder_from_note(note: Mapping[str, Any]) -> Holder:
    """Return the holder that a note speaks of; what the note does not say, or says in another shape, is unknown."""
    pid = note.get("pid")
    return Holder(
        host=_word(note, "host") or "an unknown host",
        pid=pid if isinstance(pid, int) and 0 < pid < _LONGEST_PID else 0,
        user=_word(note, "user") or "an unknown user",
        command=_word(note, "command") or "an unknown command",
        run=_word(note, "run"),
        commit=_word(note, "commit"),
    )


def _word(note: Mapping[str, Any], key: str) -> str | None:
    value = note.get(key)
    return value if isinstance(value, str) and value else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in many containers
        return str(os.getuid())
