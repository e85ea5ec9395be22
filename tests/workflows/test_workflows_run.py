"""The steps of plan.yml and apply.yml, run in bash on a copy of the example, and what they leave on the runner."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from fake_github import TOKEN, GitHub, blob, serving
from workflows_kit import ROOT, Action, Job

from reconciler._version import __version__
from reconciler.emulator import Emulator, parse_fault, serve

PULL = {"github.event_name": "pull_request", "github.repository": "team/models", "github.token": TOKEN}
FORK = {**PULL, "github.event.pull_request.head.repo.full_name": "stranger/models"}
OWN = {**PULL, "github.event.pull_request.head.repo.full_name": "team/models"}
QUEUE = {**PULL, "github.event_name": "merge_group"}
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


def event_of(contexts):
    """The event's file, as the runner writes it down."""
    if contexts.get("github.event_name") != "pull_request":
        return {}
    head = {"repo": {"full_name": contexts["github.event.pull_request.head.repo.full_name"]}}
    return {"pull_request": {"number": 7, "head": head}}


@pytest.fixture
def github():
    with serving(GitHub()) as github:
        yield github


def runner(github):
    """What the runner sets that leads to GitHub; the token is for the steps that ask for it."""
    return {key: value for key, value in github.environ.items() if key != "GITHUB_TOKEN"}


@pytest.fixture
def plan(checkout, github):
    """Make the job of plan.yml."""

    def make(_checkout=None, **contexts):
        contexts = {**OWN, **contexts}
        return Job("plan.yml", "plan", checkout, contexts=contexts, event=event_of(contexts), environ=runner(github))

    return make


def apply(checkout, **contexts):
    return Job("apply.yml", "apply", checkout, contexts={"github.ref": "refs/heads/main", **contexts})


@pytest.fixture
def cloud():
    """A service on a port, and the repository variables and credentials that lead to it."""
    with Emulator(train_seconds=0, require_auth=True) as emulator, serve(emulator) as server:
        yield emulator, {**IDENTITY, "vars.TUNECTL_ENDPOINT": server.url}, {"TUNECTL_ACCESS_TOKEN": "token"}


def test_a_pull_request_without_a_cloud_identity_is_planned_on_the_emulator(checkout, plan):
    job = plan(checkout)
    assert job.run() == 0
    assert "number-generator" in job.summary
    assert "2 to create" in job.summary
    assert "no cloud identity" in job.summary
    assert "Valid: 2 manifests" in job.output
    assert AUTH not in job.ran


@pytest.mark.parametrize(("whose", "signs_in"), [(OWN, True), (FORK, False)])
def test_only_our_own_pull_requests_get_credentials(checkout, cloud, whose, signs_in, plan):
    emulator, variables, credentials = cloud
    job = plan(checkout, **variables, **whose)
    job.environ |= credentials
    assert job.run() == 0
    assert (AUTH in job.ran) is signs_in
    assert bool(emulator.requests) is signs_in
    assert ("Validated only" in job.summary) is not signs_in


def test_a_plan_in_the_cloud_reads_only(checkout, cloud, plan):
    emulator, variables, credentials = cloud
    job = plan(checkout, **variables)
    job.environ |= credentials
    assert job.run() == 0
    assert {request.method for request in emulator.requests} == {"GET"}
    assert not (checkout / "tunectl.lock").exists()


def test_a_plan_that_fails_says_so_in_the_summary_and_at_the_place(checkout, cloud, plan):
    _, variables, _ = cloud
    job = plan(checkout, **variables)  # and no credentials
    assert job.run() == 3
    assert "exit code 3" in job.summary
    assert "::error" in job.output


def test_a_bad_manifest_fails_before_anybody_signs_in(checkout, cloud, plan):
    emulator, variables, _ = cloud
    manifest = checkout / "manifests" / "number-generator.yaml"
    manifest.write_text(manifest.read_text().replace("topK: 40", "topK: many"))
    job = plan(checkout, **variables)
    assert job.run() == 1
    assert "manifests/number-generator.yaml" in job.output
    assert AUTH not in job.ran
    assert emulator.requests == ()


def test_a_plan_over_a_limit_fails_with_the_plan_in_the_summary(checkout, plan):
    project = checkout / "tunectl.yaml"
    project.write_text(project.read_text() + "  limits: {maxSteps: 1}\n")
    job = plan(checkout)
    assert job.run() == 5
    assert "number-generator" in job.summary
    assert "Apply would refuse this plan" in job.summary


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
    job.environ |= credentials
    assert job.run() == 0
    assert "Applied: 2 created" in job.summary
    assert job.ran[-1] == "Keep the lockfile and the lineage beside it, whatever happened"
    assert len(json.loads((checkout / "tunectl.lock").read_text())["models"]) == 2
    assert len([r for r in emulator.requests if r.method == "POST"]) == 2
    assert job.contexts["steps.base.outputs.blob"] == ""
    assert (checkout / job.contexts["steps.base.outputs.lineage"]).read_text().count("\n") == 2

    commit(checkout)
    again = apply(checkout, **variables)
    again.environ |= credentials
    assert again.run() == 0
    assert len([r for r in emulator.requests if r.method == "POST"]) == 2
    assert len(again.contexts["steps.base.outputs.blob"]) == 40


def test_a_model_that_fails_turns_the_run_red_and_the_lockfile_is_kept(checkout, cloud):
    emulator, variables, credentials = cloud
    emulator.faults.add(parse_fault("fail,model=sentiment"))
    job = apply(checkout, **variables)
    job.environ |= credentials
    assert job.run() == 4
    assert "exit code 4" in job.summary
    assert "Applied: 1 created" in job.summary
    assert job.ran[-1] == "Keep the lockfile and the lineage beside it, whatever happened"


def test_nothing_is_applied_when_the_plan_is_refused(checkout, cloud):
    emulator, variables, credentials = cloud
    project = checkout / "tunectl.yaml"
    project.write_text(project.read_text() + "  limits: {maxSteps: 1}\n")
    job = apply(checkout, **variables)
    job.environ |= credentials
    assert job.run() == 5
    assert {request.method for request in emulator.requests} == {"GET"}


def test_a_lockfile_in_a_bucket_is_left_to_the_bucket(checkout, cloud):
    _, variables, credentials = cloud
    job = apply(checkout, **variables, **{"vars.TUNECTL_LOCKFILE": "gs://bucket/tunectl.lock"})
    job.environ |= credentials | {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}
    assert job.run() != 0  # there is no bucket here
    assert job.ran[-1] == "Plan and apply"


def test_the_plan_becomes_one_comment_that_is_kept_up_to_date(plan, github, checkout):
    assert plan().run() == 0
    (comment,) = github.comments
    assert comment.body.startswith("<!-- tunectl:plan -->\n**Plan: 2 to create")
    assert "no cloud identity" in comment.body
    assert plan().run() == 0
    assert github.seen("PATCH") == 0
    manifest = checkout / "manifests" / "number-generator.yaml"
    manifest.write_text(manifest.read_text().replace("epochCount: 3", "epochCount: 4"))
    github.comment("a review", author="ann")
    before = comment.body
    assert plan().run() == 0
    assert len(github.comments) == 2
    assert comment.body != before


def test_a_plan_that_fails_leaves_no_stale_plan_in_the_comment(plan, github, checkout):
    assert plan().run() == 0
    manifest = checkout / "manifests" / "number-generator.yaml"
    manifest.write_text(manifest.read_text().replace("topK: 40", "topK: many"))
    assert plan().run() == 1
    (comment,) = github.comments
    assert "failed with exit code 1" in comment.body
    assert "topK" in comment.body


def test_a_fork_is_validated_and_nothing_else(plan, github):
    job = plan(**FORK)
    assert job.run() == 0
    assert "Validated only" in job.summary
    assert "Plan" not in job.ran
    assert github.requests == []


def test_a_merge_queue_plans_and_comments_nowhere(plan, github):
    job = plan(**QUEUE)
    assert job.run() == 0
    assert "2 to create" in job.summary
    assert github.requests == []


def test_dependabot_gets_a_plan_and_no_comment(plan, github):
    job = plan(**{"github.event.pull_request.user.login": "dependabot[bot]"})
    assert job.run() == 0
    assert "Plan" in job.ran
    assert github.requests == []


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        ({"status": 403, "body": {"message": "Resource not accessible by integration"}}, 3, "pull-requests"),
        ({"status": 422, "body": {"message": "Validation Failed"}}, 1, "Validation Failed"),
        ({"status": 403, "body": {"message": "rate limit"}, "headers": {"retry-after": "9999"}}, 1, "rate limit"),
    ],
)
def test_a_comment_that_is_refused_turns_the_run_red_and_says_why(plan, github, trouble, code, words):
    github.trouble("POST /repos", times=-1, **trouble)
    job = plan()
    assert job.run() == code
    assert words in job.output
    assert TOKEN not in job.output + job.summary


def test_a_short_limit_is_waited_out(plan, github):
    github.trouble("POST /repos", 429, {"message": "slow down"}, headers={"retry-after": "0"})
    assert plan().run() == 0
    assert len(github.comments) == 1


def test_the_comment_is_found_behind_pages_of_others(plan, github):
    for number in range(205):
        github.comment(f"chat {number}", author="ann")
    ours = github.comment("<!-- tunectl:plan -->\nold")
    assert plan().run() == 0
    assert "2 to create" in ours.body
    assert len(github.comments) == 206


def test_two_runs_at_once_leave_one_comment(plan, github):
    rivals = []

    def rival(line):
        if line.startswith("POST /repos") and not rivals:
            rivals.append(github.comment("<!-- tunectl:plan -->\nof another run"))

    github.before = rival
    assert plan().run() == 0
    assert len(github.visible()) == 1


@pytest.fixture
def record(checkout, github):
    """Run the job that commits the lockfile; return the job and its exit code."""
    lockfile = (ROOT / "tests" / "stores" / "golden" / "tunectl.lock").read_bytes()
    (checkout / "kept").mkdir()
    (checkout / "kept" / "tunectl.lock").write_bytes(lockfile)

    def run(*, base):
        contexts = {"needs.apply.outputs.base": base, "github.token": TOKEN}
        job = Job("apply.yml", "record", checkout, contexts=contexts, environ=runner(github))
        return job, job.run()

    return run


@pytest.mark.parametrize("before", [b"{}", None])
def test_the_lockfile_is_committed_against_the_head_that_was_looked_at(record, github, checkout, before):
    if before is not None:
        github.push("tunectl.lock", before)
    head = github.head
    job, code = record(base="" if before is None else blob(before))
    assert code == 0, job.output
    assert github.commits[-1]["given"]["expectedHeadOid"] == head
    assert github.files["tunectl.lock"] == (checkout / "kept" / "tunectl.lock").read_bytes()


def test_a_lockfile_that_somebody_else_changed_is_never_overwritten(record, github):
    github.push("tunectl.lock", b"theirs")
    job, code = record(base="a" * 40)
    assert code == 1
    assert github.files["tunectl.lock"] == b"theirs"
    assert "somebody else changed it" in job.output


def test_a_push_of_something_else_meanwhile_is_no_conflict(record, github):
    pushed = []

    def push(line):
        if "createCommitOnBranch" in line and not pushed:
            pushed.append(github.push("README.md", b"x"))

    github.before = push
    assert record(base="")[1] == 0
    assert github.commits[-1]["given"]["expectedHeadOid"] == pushed[0]


def test_what_is_no_lockfile_is_not_committed_as_one(record, github, checkout):
    (checkout / "kept" / "tunectl.lock").write_text("{}")
    job, code = record(base="")
    assert code == 1
    assert github.requests == []
    assert "tunectl.lock" in job.output


@pytest.fixture
def audit(checkout, github):
    """Make the job of drift.yml."""

    def make(**contexts):
        contexts = {"github.token": TOKEN, **contexts}
        return Job("drift.yml", "drift", checkout, contexts=contexts, environ=runner(github))

    return make


def test_drift_keeps_one_issue_open_until_it_is_gone(audit, github, checkout, cloud):
    emulator, variables, credentials = cloud
    job = apply(checkout, **variables)
    job.environ |= credentials
    assert job.run() == 0
    lockfile = json.loads((checkout / "tunectl.lock").read_text())
    resource = lockfile["models"]["number-generator"]["resource"]

    def look():
        job = audit(**variables)
        job.environ |= credentials
        return job.run()

    assert look() == 0
    assert github.issues == []
    change(emulator, resource, "changed by hand")
    assert look() == 2
    assert look() == 2
    (issue,) = github.issues
    assert issue.open
    assert "number-generator" in issue.body.replace("&#45;", "-")
    description = lockfile["models"]["number-generator"]["spec"]["description"]
    change(emulator, resource, description)
    assert look() == 0
    assert not issue.open


def change(emulator, resource, description):
    """Change a model as a person would."""
    import httpx  # noqa: PLC0415  # of this helper only

    with httpx.Client(transport=emulator.transport(), base_url="http://emulator") as client:
        headers = {"authorization": "Bearer token"}
        answer = client.patch(
            f"/v1beta/{resource}?updateMask=description", json={"description": description}, headers=headers
        )
        assert answer.status_code == 200, answer.text


def test_an_audit_that_cannot_look_opens_and_closes_nothing(audit, github, cloud):
    _, variables, _ = cloud
    github.issue("<!-- tunectl:drift -->\nold")
    job = audit(**variables)  # and no credentials
    assert job.run() == 3
    assert github.issues[0].open
    assert github.requests == []


def act(checkout, github, *, event=None, **inputs):
    """Run action.yml as a step would."""
    contexts = OWN if event is None else event
    inputs = {name.replace("_", "-"): value for name, value in inputs.items()}
    action = Action(checkout, inputs=inputs, token=TOKEN, event=event_of(contexts), environ=runner(github))
    action.environ["TUNECTL_ENDPOINT"] = "emulator"
    return action


def test_the_action_plans_comments_and_sets_its_outputs(checkout, github):
    action = act(checkout, github)
    assert action.run() == 0, action.output
    outputs = action.outputs
    assert {key: outputs[key] for key in ("exit-code", "has-changes", "has-destroys")} == {
        "exit-code": "0",
        "has-changes": "true",
        "has-destroys": "false",
    }
    assert outputs["comment-id"] == str(github.comments[0].id)
    assert outputs["plan-digest"] in github.comments[0].body
    assert json.loads(Path(outputs["plan-file"]).read_text())["digest"] == outputs["plan-digest"]
    assert "2 to create" in Path(outputs["summary-file"]).read_text()


def test_the_action_installs_from_its_own_checkout_with_hashes(checkout, github):
    action = act(checkout, github, command="validate")
    assert action.run() == 0
    first, second = action.installed
    assert "--require-hashes" in first
    for file in (word for word in first.split() if word.endswith(".txt")):
        text = Path(file).read_text()
        assert file.startswith(f"{ROOT}/requirements/")
        assert text.count("==") <= text.count("--hash=sha256:")
    assert second.endswith(f"--no-deps --no-build-isolation {ROOT}")
    pinned = {
        line.split("==")[0] for line in (ROOT / "requirements/runtime.txt").read_text().splitlines() if "==" in line
    }
    assert all(f"\n{name}==" in "\n" + (ROOT / "requirements/bucket.txt").read_text() for name in pinned)


def test_the_action_applies_the_saved_plan_and_no_other(checkout, github):
    first = act(checkout, github)
    assert first.run() == 0
    wrong = act(checkout, github, command="apply", expect_digest="sha256:" + "0" * 64)
    assert wrong.run() == 6
    assert wrong.outputs["exit-code"] == "6"
    right = act(checkout, github, command="apply", plan_file=first.outputs["plan-file"])
    assert right.run() == 0, right.output
    assert "Applied: 2 created" in right.summary
    assert right.outputs["plan-digest"] == first.outputs["plan-digest"]
    again = act(checkout, github)
    assert again.run() == 0
    assert again.outputs["has-changes"] == "false"


def test_the_action_reports_a_failure_in_the_comment_and_the_outputs(checkout, github):
    (checkout / "manifests" / "number-generator.yaml").write_text("kind: [")
    action = act(checkout, github)
    assert action.run() == 1
    assert action.outputs["exit-code"] == "1"
    assert action.outputs["plan-file"] == ""
    assert "failed with exit code 1" in github.comments[0].body


@pytest.mark.parametrize(("event", "comment"), [(FORK, "true"), (QUEUE, "true"), (OWN, "false")])
def test_the_action_comments_only_where_it_may_and_is_asked_to(checkout, github, event, comment):
    action = act(checkout, github, event=event, comment=comment)
    assert action.run() == 0
    assert github.requests == []
    assert action.outputs["comment-id"] == ""


HOSTILE_INPUTS = ["$(touch owned)", "`touch owned`", "; touch owned", "--auto-approve", "'\"\n", "${{ secrets.X }}"]


@pytest.mark.parametrize("text", HOSTILE_INPUTS)
@pytest.mark.parametrize(
    "name", ["command", "config", "working-directory", "plan-file", "expect-digest", "comment", "id"]
)
def test_no_input_of_the_action_is_run(checkout, github, name, text):
    inputs = {"command": "apply" if name in {"plan-file", "expect-digest"} else "plan", name: text}
    action = act(checkout, github, **{key.replace("-", "_"): value for key, value in inputs.items()})
    assert action.run() != 0
    assert not list(checkout.rglob("owned"))
    assert not (checkout / ".tunectl" / "tunectl.lock").exists()
    assert "Traceback" not in action.output


def test_the_token_is_in_no_output_of_any_step(plan, audit, checkout, github):
    jobs = [plan(), audit(), act(checkout, github), act(checkout, github, command="drift")]
    for job in jobs:
        job.run()
    github.trouble("graphql", 401, {"message": "Bad credentials"}, times=-1)
    jobs += [plan(), act(checkout, github)]
    assert [job.run() for job in jobs[-2:]] == [3, 3]
    texts = [job.output + job.summary for job in jobs]
    texts += [post.body for post in github.comments]
    for path in (checkout, jobs[0].temp):
        texts += [file.read_bytes().decode("utf-8", "replace") for file in path.rglob("*") if file.is_file()]
    canaries = (TOKEN, base64.b64encode(TOKEN.encode()).decode(), TOKEN[4:16])
    assert not [canary for canary in canaries for text in texts if canary in text]


@pytest.fixture
def release(tmp_path):
    """Make a job of release.yml on a checkout of what is released."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "reconciler", folder / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    commit(folder)

    def make(name, tag):
        return Job("release.yml", name, folder, environ={"GITHUB_REF_NAME": tag})

    return make


def test_a_tag_is_built_into_one_wheel_that_holds_the_package(release):
    job = release("build", f"v{__version__}")
    assert job.run() == 0, job.output
    built = {path.name for path in (job.checkout / "dist").iterdir()}
    wheel = f"tunectl-{__version__}-py3-none-any.whl"
    assert built == {wheel, f"tunectl-{__version__}.tar.gz"}
    assert all(name in job.summary for name in built)
    names = zipfile.ZipFile(job.checkout / "dist" / wheel).namelist()
    assert "reconciler/cli/templates/drift.yml" in names
    assert all(name.startswith(("reconciler/", "tunectl-")) for name in names)
    assert job.installed == ["-m pip install --disable-pip-version-check --require-hashes -r requirements/build.txt"]


def test_a_tag_that_is_not_the_version_is_not_built(release):
    job = release("build", "v9.9.9")
    assert job.run() == 1
    assert f"v{__version__}" in job.output
    assert not (job.checkout / "dist").exists()


def test_the_wheel_is_used_before_it_is_published(release):
    job = release("test", f"v{__version__}")
    assert job.run() == 0, job.output
    assert "--no-deps dist/" in job.installed[-1]
    assert "No changes" in job.output
