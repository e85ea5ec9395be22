"""Runs the programs of ``spec.policy.checks`` over the plan document; what they refuse becomes violations.

Only the project file names programs. They get the plan on standard input, an argument list and no shell, the project's
folder to work in, and of the environment what a program needs to run: no credential, and no file a runner reads.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from reconciler.core.rules import Check
from reconciler.core.text import clip, sanitize
from reconciler.errors import Violation

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV")
_READ = 16_384  # of what a check says, in bytes; its first line is shown
_SHOWN = 500


def run_checks(checks: Sequence[Check], document: bytes, root: Path, environ: Mapping[str, str]) -> Iterator[Violation]:
    """Yield a violation for each check that did not accept the plan; one that cannot be run did not.

    Args:
        checks: what to run, one after the other.
        document: the plan document, as ``plan --format json`` prints it.
        root: the project's folder.
        environ: the environment of this process.
    """
    kept = {name: environ[name] for name in _KEPT if name in environ}
    for index, check in enumerate(checks):
        complaint = _complaint(check, document, root, kept)
        if complaint is not None:
            name = sanitize(clip(Path(check.command[0]).name, _SHOWN))
            yield Violation(f"check {name}: {complaint}", check.location, f"policy.checks[{index}]")


def _complaint(check: Check, document: bytes, root: Path, environ: Mapping[str, str]) -> str | None:
    """Run one check; return why the plan is refused, or None.

    Its streams are files and not pipes, so that no check can block on one or fill our memory.
    """
    with tempfile.TemporaryFile() as plan, tempfile.TemporaryFile() as said:
        plan.write(document)
        plan.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603  the project file says what to run; no shell reads it
                check.command,
                stdin=plan,
                stdout=subprocess.DEVNULL,
                stderr=said,
                cwd=root,
                env=environ,
                start_new_session=True,
            )
        except OSError as error:
            return f"cannot be run ({os.strerror(error.errno or 0)})"
        try:
            status = process.wait(check.timeout)
        except subprocess.TimeoutExpired:
            return f"gave no verdict within {check.timeout:g} s"
        finally:
            _end(process)
        return None if status == 0 else _first_line(said) or f"ended with status {status} and said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the check and whatever it started; a group that is gone already needs no more."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _first_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read(_READ).decode("utf-8", "replace").splitlines()
    return sanitize(clip(next((line.strip() for line in lines if line.strip()), ""), _SHOWN))
