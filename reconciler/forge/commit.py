"""Committing one file, the lockfile, and what belongs to it, on the condition that nobody else has touched it.

Head of the branch and content of the file are read in one query. ``createCommitOnBranch`` takes the commit only if the
branch is still there; if it is not, we look again, and go on only if the file is still what the run began with. The
service signs the commit, and no credential for git is on the machine.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from reconciler.core.text import clip, sanitize
from reconciler.errors import (
    FailedPrecondition,
    InvalidArgument,
    MalformedAnswer,
    NotFound,
    PermissionDenied,
    RemoteError,
    StaleLockfile,
    Unavailable,
    UsageError,
)
from reconciler.forge.body import blob_id
from reconciler.forge.client import Client

__all__ = ["Change", "Committed", "commit_file"]

_HEAD = """\
query($owner: String!, $name: String!, $branch: String!, $path: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $branch) { target { oid ... on Commit { file(path: $path) { oid } } } }
  }
}"""
_COMMIT = """\
mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}"""
_TRIES = 5
_PATH = re.compile(r"(?!/)(?:(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f\\]{1,200}(?:/(?!$)|$)){1,20}")
_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,200}")
_BLOB = re.compile(r"[0-9a-f]{40}|")


@dataclass(frozen=True, slots=True)
class Change:
    """A file as it should be. ``base`` is the git blob that the run began with, empty if there was no file.

    ``companions`` are files that change with it and never without it, by their paths; they go into the same commit.
    """

    branch: str
    path: str
    data: bytes
    base: str
    headline: str = "Record what tunectl applied"
    companions: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of it: ``commit`` is the new one's id, None if the branch had the content already."""

    commit: str | None
    tries: int


class _File(BaseModel):
    oid: str


class _Target(BaseModel):
    oid: str
    file: _File | None = None


class _Ref(BaseModel):
    target: _Target


class _Repository(BaseModel):
    ref: _Ref | None = None


class _Head(BaseModel):
    repository: _Repository | None = None


class _New(BaseModel):
    oid: str


class _Created(BaseModel):
    commit: _New


class _Answer(BaseModel):
    created: _Created = Field(alias="createCommitOnBranch")


def commit_file(client: Client, change: Change) -> Committed:
    """Commit a file to a branch, against the head that was looked at.

    Raises:
        StaleLockfile: somebody else changed the file since the run began; nothing was overwritten.
        RemoteError: see ``forge.faults``.
        UsageError: path, branch or base are none.
    """
    _check(change)
    ours = blob_id(change.data)
    doubt: RemoteError | None = None
    for attempt in range(1, _TRIES + 2):  # the last round only looks what became of the try before it
        head = _head(client, change)
        now = "" if head.file is None else head.file.oid
        if now == ours:  # nothing to do, or our own commit whose answer was lost
            return Committed(None if doubt is None else head.oid, attempt)
        if now != change.base:
            raise _touched(change, now)
        if doubt is not None and attempt > _TRIES:
            raise doubt
        try:
            return Committed(_commit(client, change, head.oid), attempt)
        except (FailedPrecondition, Unavailable, MalformedAnswer) as error:
            doubt = error
            client.pause(float(attempt))
    raise AssertionError("the last round returns or raises")


def _check(change: Change) -> None:
    for name, value, pattern in (
        *(("--path", path, _PATH) for path in (change.path, *(path for path, _ in change.companions))),
        ("--branch", change.branch, _BRANCH),
        ("--base", change.base, _BLOB),
    ):
        if not pattern.fullmatch(value):
            raise UsageError(f"{name}: {clip(sanitize(value), 120)!r} is none of a repository")


def _head(client: Client, change: Change) -> _Target:
    place = client.place
    what = f"read {sanitize(change.path)} on {sanitize(change.branch)}"
    variables = {
        "owner": place.owner,
        "name": place.name,
        "branch": f"refs/heads/{change.branch}",
        "path": change.path,
    }
    try:
        head = _Head.model_validate(client.graphql(what, _HEAD, variables))
    except ValidationError:
        raise MalformedAnswer(f"{what}: the answer has not the API's shape") from None
    if head.repository is None or head.repository.ref is None:
        raise NotFound(f"{what}: {place.repository} has no such branch, or the token may not see it")
    return head.repository.ref.target


def _commit(client: Client, change: Change, head: str) -> str:
    what = f"commit {sanitize(change.path)} to {sanitize(change.branch)}"
    files = ((change.path, change.data), *change.companions)
    additions = [{"path": path, "contents": base64.b64encode(data).decode("ascii")} for path, data in files]
    content = {
        "branch": {"repositoryNameWithOwner": client.place.repository, "branchName": change.branch},
        "expectedHeadOid": head,
        "message": {"headline": change.headline},
        "fileChanges": {"additions": additions},
    }
    try:
        answer = client.graphql(what, _COMMIT, {"input": content}, resend=False)
        return _Answer.model_validate(answer).created.commit.oid
    except ValidationError:
        raise MalformedAnswer(f"{what}: the answer has not the API's shape") from None
    except (PermissionDenied, InvalidArgument) as error:
        hint = (
            "give the job contents: write; a protected branch needs a ruleset that lets this app past, or keep the "
            "lockfile in a bucket"
        )
        raise type(error)(error.message, status=error.status, http_status=error.http_status, hint=hint) from error


def _touched(change: Change, now: str) -> StaleLockfile:
    was = change.base[:12] or "absent"
    return StaleLockfile(
        f"{sanitize(change.path)}: somebody else changed it on {sanitize(change.branch)} since this run began "
        f"(blob {was}, now {sanitize(now)[:12] or 'absent'}); it was not overwritten",
        hint="the run's artifact holds what was recorded; `tunectl lock rebuild` makes one of what the service has",
    )
