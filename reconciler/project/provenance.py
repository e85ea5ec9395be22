"""Where a change comes from: asked of git, and read from the variables of a CI runner.

Nothing here is needed for a change: whatever cannot be had (no git, no repository, a git that does not answer) is left
out of the record. No variable but those named below is looked at, and none of them is a credential.
"""

from __future__ import annotations

import getpass
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.core.provenance import Provenance
from reconciler.core.text import clip, sanitize

__all__ = ["read_provenance"]

_PATIENCE = 5.0
_LONGEST = 100
_NOBODY = frozenset({"", "none"})
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SERVER = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
_NUMBER = re.compile(r"\d{1,20}")


def read_provenance(root: Path, environ: Mapping[str, str], *, ours: Sequence[str] = ()) -> Provenance:
    """Return the commit of a project's folder, whether it was clean, and who or which CI run is at work.

    Args:
        root: the project's folder. Only what lies in it counts as clean or not.
        environ: TUNECTL_ACTOR, GITHUB_ACTOR, GITHUB_SHA and what makes the address of a run of GitHub Actions.
        ours: files in the folder that every apply writes, such as the lockfile.
    """
    commit, clean = _commit(root), None
    if commit is not None:
        clean = _clean(root, ours)
    elif _COMMIT.fullmatch(environ.get("GITHUB_SHA", "")):
        commit = environ["GITHUB_SHA"]
    return Provenance(commit=commit, clean=clean, actor=_actor(environ), run=_run_address(environ))


def _commit(root: Path) -> str | None:
    found = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    text = "" if found is None else found.strip()
    return text if _COMMIT.fullmatch(text) else None


def _clean(root: Path, ours: Sequence[str]) -> bool | None:
    others = [f":(exclude,literal){path}" for path in ours]
    found = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", *others)
    return None if found is None else not found.strip()


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, None if it cannot be asked. It is kept from running anything the repository names."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  an argument vector, no shell; the paths follow "--"
            command,
            cwd=root,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _actor(environ: Mapping[str, str]) -> str | None:
    """Return who is at work: as TUNECTL_ACTOR says, as the runner says, or by the name of the login."""
    named = environ.get("TUNECTL_ACTOR")
    if named is None:
        named = environ.get("GITHUB_ACTOR")
    if named is None:
        try:
            named = getpass.getuser()
        except (OSError, KeyError, ImportError):  # a user id without a name, as in many containers
            return None
    text = named.strip()
    return None if text.lower() in _NOBODY else clip(sanitize(text), _LONGEST)


def _run_address(environ: Mapping[str, str]) -> str | None:
    server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    number = environ.get("GITHUB_RUN_ID", "")
    if _SERVER.fullmatch(server) and _REPOSITORY.fullmatch(repository) and _NUMBER.fullmatch(number):
        return f"{server}/{repository}/actions/runs/{number}"
    return None
