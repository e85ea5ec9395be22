"""The steps of plan.yml and apply.yml, run in bash on a copy of the example, and what they leave on the runner."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys

import pytest
from workflows_kit import ROOT, Job

from reconciler.emulator import Emulator, parse_fault, serve

FORK = {"github.event.pull_request.head.repo.full_name": "stranger/models", "github.repository": "team/models"}
OWN = {"github.event.pull_request.head.repo.full_name": "team/models", "github.repository": "team/models"}
IDENTITY = {"vars.TUNECTL_IDENTITY_PROVIDER": "projects/1/locations/global/workloadIdentityPools/p/providers/g"}
AUTH = "google-github-actions/auth"


@pytest.fixture
def checkout(tmp_path):
    """A git repository with the example in it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "tunectl.yaml", folder)
    shutil.copytree(ROOT / "manifests", folder / "manifests")
    commit(folder)
    return folder


def commit(folder):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], cwd=folder, check=True)
    subprocess.run([*git, "add", "."], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "models"], cwd=folder, check=True)


def plan(checkout, **contexts):
    return Job("plan.yml", "plan", checkout, contexts={**OWN, **contexts})


def apply(checkout, **contexts):
    return Job("apply.yml", "apply", checkout, contexts={"github.ref": "refs/heads/main", **contexts})


@pytest.fixture
def cloud():
    """A service on a port, and the repository variables and credentials that lead to it."""
    with Emulator(train_seconds=0, require_auth=True) as emulator, serve(emulator) as server:
        yield emulator, {**IDENTITY, "vars.TUNECTL_ENDPOINT": server.url}, {"TUNECTL_ACCESS_TOKEN": "token"}


def test_a_pull_request_without_a_cloud_identity_is_planned_on_the_emulator(checkout):
    job = plan(checkout)
    assert job.run() == 0
    assert "number-generator" in job.summary
    assert "2 to create" in job.summary
    assert "no cloud identity" in job.summary
    assert "Valid: 2 manifests" in job.output
    assert AUTH not in job.ran


@pytest.mark.parametrize(("whose", "signs_in"), [(OWN, True), (FORK, False)])
def test_only_our_own_pull_requests_get_credentials(checkout, cloud, whose, signs_in):
    emulator, variables, credentials = cloud
    job = plan(checkout, **variables, **whose)
    job.environ = credentials
    assert job.run() == 0
    assert (AUTH in job.ran) is signs_in
    assert bool(emulator.requests) is signs_in
    assert ("no cloud identity" in job.summary) is not signs_in


def test_a_plan_in_the_cloud_reads_only(checkout, cloud):
    emulator, variables, credentials = cloud
    job = plan(checkout, **variables)
    job.environ = credentials
    assert job.run() == 0
    assert {request.method for request in emulator.requests} == {"GET"}
    assert not (checkout / "tunectl.lock").exists()


def test_a_plan_that_fails_says_so_in_the_summary_and_at_the_place(checkout, cloud):
    _, variables, _ = cloud
    job = plan(checkout, **variables)  # and no credentials
    assert job.run() == 3
    assert "exit code 3" in job.summary
    assert "::error" in job.output


def test_a_bad_manifest_fails_before_anybody_signs_in(checkout, cloud):
    emulator, variables, _ = cloud
    manifest = checkout / "manifests" / "number-generator.yaml"
    manifest.write_text(manifest.read_text().replace("topK: 40", "topK: many"))
    job = plan(checkout, **variables)
    assert job.run() == 1
    assert "manifests/number-generator.yaml" in job.output
    assert AUTH not in job.ran
    assert emulator.requests == ()


def test_a_plan_over_a_limit_fails_with_the_plan_in_the_summary(checkout):
    project = checkout / "tunectl.yaml"
    project.write_text(project.read_text() + "  limits: {maxSteps: 1}\n")
    job = plan(checkout)
    assert job.run() == 5
    assert "number-generator" in job.summary
    assert "exit code 5" in job.summary


def test_a_merge_without_a_cloud_identity_applies_to_an_emulator_of_its_own(checkout):
    job = apply(checkout)
    assert job.run() == 0
    assert "2 to create" in job.summary
    assert "Applied: 2 created" in job.summary
    assert "no cloud identity" in job.summary
    assert AUTH not in job.ran
    assert not (checkout / "tunectl.lock").exists()


def test_a_merge_applies_in_the_cloud_and_keeps_the_lockfile(checkout, cloud):
    emulator, variables, credentials = cloud
    job = apply(checkout, **variables)
    job.environ = credentials
    assert job.run() == 0
    assert "Applied: 2 created" in job.summary
    assert job.ran[-1] == "Keep the lockfile, whatever happened"
    assert len(json.loads((checkout / "tunectl.lock").read_text())["models"]) == 2
    assert len([r for r in emulator.requests if r.method == "POST"]) == 2
    assert job.contexts["steps.base.outputs.blob"] == ""

    commit(checkout)
    again = apply(checkout, **variables)
    again.environ = credentials
    assert again.run() == 0
    assert len([r for r in emulator.requests if r.method == "POST"]) == 2
    assert len(again.contexts["steps.base.outputs.blob"]) == 40


def test_a_model_that_fails_turns_the_run_red_and_the_lockfile_is_kept(checkout, cloud):
    emulator, variables, credentials = cloud
    emulator.faults.add(parse_fault("fail,model=sentiment"))
    job = apply(checkout, **variables)
    job.environ = credentials
    assert job.run() == 4
    assert "exit code 4" in job.summary
    assert "Applied: 1 created" in job.summary
    assert job.ran[-1] == "Keep the lockfile, whatever happened"


def test_nothing_is_applied_when_the_plan_is_refused(checkout, cloud):
    emulator, variables, credentials = cloud
    project = checkout / "tunectl.yaml"
    project.write_text(project.read_text() + "  limits: {maxSteps: 1}\n")
    job = apply(checkout, **variables)
    job.environ = credentials
    assert job.run() == 5
    assert {request.method for request in emulator.requests} == {"GET"}


def test_a_lockfile_in_a_bucket_is_left_to_the_bucket(checkout, cloud):
    _, variables, credentials = cloud
    job = apply(checkout, **variables, **{"vars.TUNECTL_LOCKFILE": "gs://bucket/tunectl.lock"})
    job.environ = credentials | {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}
    assert job.run() != 0  # there is no bucket here
    assert job.ran[-1] == "Plan and apply"


GH = """\
#!{python}
import json, pathlib, sys
here = pathlib.Path({here!r})
answers = json.loads((here / "answers.json").read_text())
arguments = sys.argv[1:]
given = sys.stdin.read() if "--input" in arguments else ""
with (here / "calls.jsonl").open("a") as log:
    log.write(json.dumps([arguments, given]) + "\\n")
answer = next(value for key, value in answers.items() if arguments[1].startswith(key))
if answer is None:
    sys.exit("gh: Not Found (HTTP 404)")
print(answer)
"""


@pytest.fixture
def record(checkout):
    """Run the job that commits the lockfile, with a ``gh`` that plays GitHub; return the job and what it asked for."""
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed; GitHub's runners have it")
    (checkout / "lockfile").mkdir()
    (checkout / "lockfile" / "tunectl.lock").write_text('{"serial": 2}\n')

    def run(*, base, now):
        job = Job("apply.yml", "record", checkout, contexts={"needs.apply.outputs.base": base})
        answers = {
            "repos/team/models/git/ref/heads/main": "h" * 40,
            "repos/team/models/contents/tunectl.lock?ref=" + "h" * 40: now,
            "graphql": "c" * 40,
        }
        (job.temp / "answers.json").write_text(json.dumps(answers))
        job.tool("gh", GH.format(python=sys.executable, here=str(job.temp)))
        code = job.run()
        calls = [json.loads(line) for line in (job.temp / "calls.jsonl").read_text().splitlines()]
        return job, code, [json.loads(given) for arguments, given in calls if arguments[1] == "graphql"]

    return run


@pytest.mark.parametrize(("base", "now"), [("a" * 40, "a" * 40), ("", None)])
def test_the_lockfile_is_committed_against_the_head_that_was_looked_at(record, base, now):
    _, code, sent = record(base=base, now=now)
    assert code == 0
    (given,) = [request["variables"]["input"] for request in sent]
    assert given["expectedHeadOid"] == "h" * 40
    assert given["branch"] == {"repositoryNameWithOwner": "team/models", "branchName": "main"}
    (addition,) = given["fileChanges"]["additions"]
    assert addition["path"] == "tunectl.lock"
    assert base64.b64decode(addition["contents"]) == b'{"serial": 2}\n'


def test_a_lockfile_that_somebody_else_changed_is_never_overwritten(record):
    job, code, sent = record(base="a" * 40, now="b" * 40)
    assert code == 1
    assert sent == []
    assert "changed by somebody else" in job.summary


def test_a_lockfile_that_did_not_change_is_not_committed(record, checkout):
    blob = subprocess.run(
        ["git", "hash-object", "lockfile/tunectl.lock"], cwd=checkout, check=True, capture_output=True, text=True
    ).stdout.strip()
    _, code, sent = record(base=blob, now=blob)
    assert (code, sent) == (0, [])
