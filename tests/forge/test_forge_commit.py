"""The lockfile gets back by compare-and-swap: it is committed once, or not at all."""

from __future__ import annotations

import subprocess

import pytest
from fake_github import TOKEN, blob

from reconciler.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, StaleLockfile, UsageError
from reconciler.forge.body import blob_id
from reconciler.forge.commit import Change, commit_file

OLD, NEW = b'{"serial": 1}\n', b'{"serial": 2}\n'


def commit(client, *, base=OLD, data=NEW, **more):
    change = {"branch": "main", "path": "tunectl.lock", "base": "" if base is None else blob(base), **more}
    return commit_file(client, Change(data=data, **change))


@pytest.fixture
def github(github):
    github.push("tunectl.lock", OLD)
    github.commits.clear()
    return github


def test_a_blob_is_named_as_git_names_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(NEW)
    named = subprocess.run(["git", "hash-object", str(path)], check=True, capture_output=True, text=True)
    assert blob_id(NEW) == named.stdout.strip()


def test_the_commit_holds_the_lockfile_alone_and_names_the_head_that_was_looked_at(github, client):
    head = github.head
    done = commit(client)
    assert (done.commit, done.tries) == (github.head, 1)
    (made,) = github.commits
    assert made["given"]["expectedHeadOid"] == head
    assert made["given"]["branch"] == {"repositoryNameWithOwner": "team/models", "branchName": "main"}
    assert set(made["given"]["fileChanges"]) == {"additions"}
    assert github.files == {"tunectl.lock": NEW}


def test_what_belongs_to_the_lockfile_goes_into_the_same_commit(github, client):
    commit(client, companions=(("tunectl.lineage.jsonl", b"{}\n"),))
    assert len(github.commits) == 1
    assert github.files == {"tunectl.lock": NEW, "tunectl.lineage.jsonl": b"{}\n"}


def test_a_companion_outside_of_the_repository_is_refused(client):
    with pytest.raises(UsageError, match="--path"):
        commit(client, companions=(("../elsewhere", b""),))


def test_the_first_lockfile_is_committed_where_there_was_none(github, client):
    github.files.clear()
    assert commit(client, base=None).commit == github.head


def test_what_has_not_changed_is_not_committed(github, client):
    assert commit(client, data=OLD).commit is None
    assert github.commits == []


def test_a_push_of_something_else_in_between_is_no_conflict(github, client):
    pushes = []

    def push(line):
        if "createCommitOnBranch" in line and len(pushes) < 2:
            pushes.append(github.push("README.md", str(len(pushes)).encode()))

    github.before = push
    done = commit(client)
    assert done.tries == 3
    assert github.files["tunectl.lock"] == NEW
    assert github.commits[-1]["given"]["expectedHeadOid"] == pushes[-1]


@pytest.mark.parametrize("moment", ["before", "between"])
def test_a_lockfile_that_somebody_else_changed_is_never_overwritten(github, client, moment):
    theirs = b'{"serial": 9}\n'

    def push(line):
        if "createCommitOnBranch" in line and github.files["tunectl.lock"] != theirs:
            github.push("tunectl.lock", theirs)

    if moment == "before":
        github.push("tunectl.lock", theirs)
    else:
        github.before = push
    with pytest.raises(StaleLockfile, match="somebody else changed it on main") as caught:
        commit(client)
    assert github.files["tunectl.lock"] == theirs
    assert "artifact" in str(caught.value.hint)


@pytest.mark.parametrize(("base", "there"), [(OLD, None), (None, OLD)])
def test_a_lockfile_that_came_or_went_was_changed_too(github, client, base, there):
    github.files.clear()
    if there is not None:
        github.push("tunectl.lock", there)
    with pytest.raises(StaleLockfile, match="absent"):
        commit(client, base=base)


def test_a_commit_whose_answer_was_lost_is_found(github, client):
    github.trouble("createCommitOnBranch", done=True)
    done = commit(client)
    assert (done.commit, done.tries) == (github.head, 2)
    assert len(github.commits) == 1


def test_a_commit_whose_answer_was_lost_at_the_last_try_is_found(github, client):
    github.trouble("createCommitOnBranch", 502, b"", times=4)
    github.trouble("createCommitOnBranch", done=True)
    assert commit(client).commit == github.head
    assert len(github.commits) == 1


def test_a_branch_that_never_stands_still_ends_the_run(github, client):
    count = iter(range(100))

    def push(line):
        if "createCommitOnBranch" in line:
            github.push("README.md", str(next(count)).encode())

    github.before = push
    with pytest.raises(FailedPrecondition, match="Expected branch to point to"):
        commit(client)
    assert github.seen("createCommitOnBranch") == 5
    assert github.files["tunectl.lock"] == OLD


def test_a_protected_branch_is_told_as_one(github, client):
    github.protected = True
    with pytest.raises(InvalidArgument, match="Changes must be made through a pull request") as caught:
        commit(client)
    assert "ruleset" in str(caught.value.hint)


def test_a_token_that_may_only_read_is_told_what_it_lacks(github, client):
    github.read_only = {TOKEN}
    with pytest.raises(PermissionDenied) as caught:
        commit(client)
    assert "contents: write" in str(caught.value.hint)


def test_a_branch_that_does_not_exist_is_named(client):
    with pytest.raises(NotFound, match=r"tunectl\.lock on gone"):
        commit(client, branch="gone")


@pytest.mark.parametrize(
    "more",
    [
        {"path": "/etc/passwd"},
        {"path": "../x"},
        {"path": "a/../b"},
        {"path": "a//b"},
        {"path": ""},
        {"path": "a/"},
        {"path": "a\nb"},
        {"branch": "a b"},
        {"branch": "x\x1b"},
        {"base": None, "branch": ""},
    ],
)
def test_what_is_no_path_or_branch_is_refused_before_anything_is_sent(github, client, more):
    with pytest.raises(UsageError, match=r"--(path|branch)"):
        commit(client, **more)
    assert github.requests == []


def test_what_is_no_blob_is_refused(client):
    with pytest.raises(UsageError, match="--base"):
        commit_file(client, Change("main", "tunectl.lock", NEW, "HEAD"))
