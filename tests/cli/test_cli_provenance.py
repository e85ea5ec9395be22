"""Where a change comes from: git and CI are asked, and nothing depends on an answer."""

from __future__ import annotations

import subprocess
from dataclasses import astuple

import pytest

from reconciler.core.provenance import Provenance
from reconciler.project import provenance
from reconciler.project.provenance import read_provenance

CI = {
    "GITHUB_ACTOR": "ada",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "team/models",
    "GITHUB_RUN_ID": "42",
    "GITHUB_TOKEN": "ghs_canary",
    "TUNECTL_API_KEY": "canary",
}


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "-q")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "manifest.yaml").write_text("a\n")
    (tmp_path / "project" / "tunectl.lock").write_text("{}\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path / "project"


def state(folder):
    found = read_provenance(folder, {}, ours=("tunectl.lock", ".tunectl"))
    return found.commit, found.clean


def test_the_commit_and_that_nothing_was_changed_since(repository):
    assert state(repository) == (git(repository, "rev-parse", "HEAD"), True)


def test_a_file_that_differs_from_the_commit_is_told(repository):
    (repository / "manifest.yaml").write_text("b\n")
    assert state(repository)[1] is False


def test_a_file_that_git_does_not_know_is_told(repository):
    (repository / "new.yaml").write_text("b\n")
    assert state(repository)[1] is False


def test_what_every_apply_writes_and_what_lies_elsewhere_does_not_count(repository):
    (repository / "tunectl.lock").write_text("{1}\n")
    (repository / ".tunectl").mkdir()
    (repository / ".tunectl" / "x").write_text("x")
    (repository.parent / "elsewhere").write_text("x")
    assert state(repository)[1] is True


def test_a_detached_head_and_a_shallow_clone_have_a_commit(repository, tmp_path):
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "--detach")
    assert state(repository) == (head, True)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository.parent}", "shallow")
    assert state(tmp_path / "shallow" / "project") == (head, True)


def test_a_repository_without_a_commit_has_none(tmp_path):
    git(tmp_path, "init", "-q")
    assert state(tmp_path) == (None, None)


def test_no_repository_and_no_git_are_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert state(tmp_path) == (None, None)
    monkeypatch.setenv("PATH", "/nowhere")
    assert state(tmp_path) == (None, None)


def test_a_git_that_does_not_answer_is_not_waited_for(repository, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(provenance, "_PATIENCE", 0.05)
    assert state(repository) == (None, None)


def test_nothing_that_the_repository_names_is_run(repository, tmp_path):
    """A file system monitor is a program that git status would start."""
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(hook))
    assert state(repository)[1] is True
    assert not (tmp_path / "ran").exists()


def test_a_ci_run_is_named_by_its_address_and_its_actor(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_provenance(tmp_path, CI) == Provenance(
        commit="a" * 40, clean=None, actor="ada", run="https://github.com/team/models/actions/runs/42"
    )


def test_no_credential_of_the_environment_gets_into_it(tmp_path):
    assert "canary" not in str(astuple(read_provenance(tmp_path, CI)))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GITHUB_SERVER_URL", "https://user:secret@github.com"),
        ("GITHUB_SERVER_URL", "javascript:alert(1)"),
        ("GITHUB_REPOSITORY", "team/models/../../x"),
        ("GITHUB_RUN_ID", "42\n::error::x"),
    ],
)
def test_an_address_that_is_none_is_left_out(tmp_path, variable, value):
    assert read_provenance(tmp_path, CI | {variable: value}).run is None


@pytest.mark.parametrize(
    ("environ", "actor"),
    [
        ({"TUNECTL_ACTOR": "team-search", "GITHUB_ACTOR": "ada"}, "team-search"),
        ({"TUNECTL_ACTOR": "none", "GITHUB_ACTOR": "ada"}, None),
        ({"TUNECTL_ACTOR": ""}, None),
        ({"GITHUB_ACTOR": "ada"}, "ada"),
        ({"GITHUB_ACTOR": "a\x1b[31m"}, "a\\x1b[31m"),
    ],
)
def test_who_is_named_is_up_to_the_user(tmp_path, environ, actor):
    assert read_provenance(tmp_path, environ).actor == actor


def test_without_any_variable_it_is_the_name_of_the_login(tmp_path, monkeypatch):
    monkeypatch.setenv("LOGNAME", "grace")
    assert read_provenance(tmp_path, {}).actor == "grace"
