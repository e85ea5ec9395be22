"""What every workflow of ours keeps to, and linters of others that agree; mutations show that they would not always."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workflows_kit import FOLDER, INSTALL, ROOT, action, load

import reconciler.cli
from reconciler._version import __version__

TEMPLATES = Path(reconciler.cli.__file__).parent / "templates"
WORKFLOWS = sorted(FOLDER.glob("*.yml")) + sorted(TEMPLATES.glob("*.yml"))
PIN = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
UNTRUSTED_TRIGGERS = {"pull_request_target", "workflow_run", "issue_comment", "issues"}
ALLOWED = {
    ("plan.yml", "plan"): {"contents": "read", "pull-requests": "write", "id-token": "write"},
    ("apply.yml", "apply"): {"contents": "read", "id-token": "write"},
    ("apply.yml", "record"): {"contents": "write"},
    ("drift.yml", "drift"): {"contents": "read", "issues": "write", "id-token": "write"},
    ("release.yml", "build"): {"contents": "read"},
    ("release.yml", "test"): {"contents": "read"},
    ("release.yml", "publish"): {"id-token": "write", "attestations": "write"},
    ("ci.yml", "test"): {"contents": "read"},
    ("ci.yml", "demo"): {"contents": "read"},
}
every = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: f"{path.parent.name}/{path.name}")


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@every
def test_grants_nothing_at_the_top_and_the_least_to_each_job(path):
    workflow = load(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == ALLOWED[path.name, name]


@every
def test_pins_every_action_with_its_version(path):
    lines = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert PIN.fullmatch(line), line


@every
def test_starts_on_nothing_that_strangers_can_trigger_with_our_rights(path):
    assert not UNTRUSTED_TRIGGERS & set(load(path)["on"])


@every
def test_interpolates_nothing_into_scripts(path):
    for step in steps(load(path)):
        assert "${{" not in step.get("run", "")


@every
def test_leaves_no_credentials_in_the_checkout(path):
    checkouts = [step for step in steps(load(path)) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts, "each of ours checks something out"
    for step in checkouts:
        assert step["with"]["persist-credentials"] is False


@every
def test_every_job_ends_by_itself(path):
    for job in load(path)["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 350


def test_an_apply_that_waits_is_never_dropped():
    workflow = load(FOLDER / "apply.yml")
    assert workflow["concurrency"] == {"group": "tunectl-apply", "cancel-in-progress": False, "queue": "max"}
    assert workflow["jobs"]["apply"]["environment"] == "production"


def test_only_the_default_branch_applies():
    workflow = load(FOLDER / "apply.yml")
    assert workflow["on"]["push"] == {"branches": ["main"]}
    assert workflow["jobs"]["apply"]["if"] == "github.ref == 'refs/heads/main'"


def test_ci_runs_what_contributors_run():
    commands = [step["run"] for step in steps(load(FOLDER / "ci.yml")) if "run" in step]
    assert commands == ["./.ci/run", "make demo"]
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("name", ["plan.yml", "apply.yml", "drift.yml"])
def test_what_init_writes_differs_from_ours_in_the_installation_only(name):
    ours, theirs = load(FOLDER / name), load(TEMPLATES / name)
    installed = [step for step in steps(ours) if step.get("name") == INSTALL]
    assert {step["run"].count("pip install") for step in installed} == {2}
    assert "--require-hashes" in installed[0]["run"]
    for step in steps(theirs):
        if step.get("name") == INSTALL:
            assert step["run"].strip().endswith("tunectl==@VERSION@")
            step["run"] = installed[0]["run"]
    assert ours == theirs


def test_init_pins_the_version_that_wrote_it(tmp_path):
    command = [sys.executable, "-m", "reconciler", "init", "--workflows", str(tmp_path / "new")]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("plan.yml", "apply.yml", "drift.yml"):
        text = (tmp_path / "new" / ".github" / "workflows" / name).read_text()
        assert f"tunectl=={__version__}" in text
        assert "@VERSION@" not in text


def lint(folder):
    """Run both linters offline on a folder of workflows and return their exit codes and what they say."""
    bin_folder = Path(sys.executable).parent
    files = [str(path) for path in sorted(folder.glob("*.yml"))]
    commands = (
        [bin_folder / "zizmor", "--offline", "--persona", "pedantic", "--no-progress", *files],
        [bin_folder / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files],
    )
    ended = [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands]
    return [done.returncode for done in ended], "\n".join(done.stdout + done.stderr for done in ended)


def test_the_linters_find_nothing(tmp_path):
    """The persona of zizmor, and GitHub's own schema of workflows."""
    for folder in (FOLDER, TEMPLATES):
        copy = tmp_path / folder.name / ".github" / "workflows"
        copy.mkdir(parents=True)
        for path in folder.glob("*.yml"):
            shutil.copy(path, copy)
        codes, said = lint(copy)
        assert codes == [0, 0], said


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("persist-credentials: false", "fetch-depth: 1", "artipacked"),
        (re.compile(r"@[0-9a-f]{40} # v7\.0\.1"), "@v7", "unpinned-uses"),
        ("run: tunectl validate", 'run: echo "${{ github.event.pull_request.title }}"', "template-injection"),
        ("pull_request:", "pull_request_target:", "dangerous-triggers"),
        ("timeout-minutes: 15", "timeout-minutes: [15]", "timeout-minutes"),
    ],
)
def test_the_linters_would_go_red(tmp_path, old, new, finding):
    text = (FOLDER / "plan.yml").read_text()
    mutated = old.sub(new, text) if isinstance(old, re.Pattern) else text.replace(old, new)
    assert mutated != text
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "plan.yml").write_text(mutated)
    codes, said = lint(folder)
    assert any(codes)
    assert finding in said


def test_the_action_has_few_inputs_and_passes_each_through_the_environment():
    document = action()
    assert len(document["inputs"]) <= 10
    assert list(document["outputs"]) == [
        "exit-code",
        "has-changes",
        "has-destroys",
        "plan-digest",
        "plan-file",
        "summary-file",
        "comment-id",
    ]
    steps = document["runs"]["steps"]
    passed = " ".join(str(value) for step in steps for value in step.get("env", {}).values())
    for name in document["inputs"]:
        assert f"inputs.{name} " in passed
    for step in steps:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        assert "GITHUB_ENV" not in step["run"]
        assert "GITHUB_PATH" not in step["run"]


def lint_action(folder):
    bin_folder = Path(sys.executable).parent
    file = str(folder / "action.yml")
    commands = (
        [bin_folder / "zizmor", "--offline", "--persona", "pedantic", "--no-progress", file],
        [bin_folder / "check-jsonschema", "--builtin-schema", "vendor.github-actions", file],
    )
    ended = [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands]
    return [done.returncode for done in ended], "\n".join(done.stdout + done.stderr for done in ended)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("", "", None),
        ("github action'", "github action ${{ inputs.command }}'", "template-injection"),
        ("run: |\n", 'run: |\n        echo "$INPUT_ID" >> "$GITHUB_ENV"\n', "github-env"),
        (
            "    - name: Install tunectl\n",
            "    - uses: actions/setup-python@v7\n    - name: Install\n",
            "unpinned-uses",
        ),
        ("using: composite", "using: compost", "compost"),
    ],
)
def test_the_action_passes_the_linters_which_would_go_red(tmp_path, old, new, finding):
    text = (ROOT / "action.yml").read_text()
    assert old in text
    (tmp_path / "action.yml").write_text(text.replace(old, new, 1) if old else text)
    codes, said = lint_action(tmp_path)
    assert any(codes) is (finding is not None), said
    assert finding is None or finding in said


def test_what_is_published_was_built_once_and_tested_as_built():
    jobs = load(FOLDER / "release.yml")["jobs"]
    assert jobs["test"]["needs"] == "build"
    assert set(jobs["publish"]["needs"]) == {"build", "test"}
    assert jobs["publish"]["environment"] == "pypi"
    builds = [name for name, job in jobs.items() for step in job["steps"] if "hatchling build" in step.get("run", "")]
    assert builds == ["build"]
    uses = [step["uses"].partition("@")[0] for step in jobs["publish"]["steps"]]
    assert uses == [
        "actions/download-artifact",
        "actions/attest-build-provenance",
        "pypa/gh-action-pypi-publish",
    ]
    assert "password" not in (FOLDER / "release.yml").read_text().replace("no password", "")


def test_the_audit_never_cancels_another():
    assert load(FOLDER / "drift.yml")["concurrency"]["cancel-in-progress"] is False
