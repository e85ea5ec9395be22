"""``tunectl doctor``: one finding a check, the right way past, the right exit code, and never a credential."""

from __future__ import annotations

import json
import shutil
import subprocess

import httpx
import pytest

from reconciler.cli import checkup
from reconciler.emulator import Emulator, serve

CANARY = "ya29.canary-Zx8Cv7Bn6Ma5Sd4Fg3Hj2Kl1"
HOSTED = "https://generativelanguage.googleapis.com"
CHECKS = [
    "python",
    "project",
    "manifests",
    "lockfile",
    ".gitignore",
    "credentials",
    "service",
    "scopes",
    "quota project",
    "staging",
    "base models",
]


def examined(workshop, *arguments, expect=0, **environ):
    """The findings by check."""
    document = workshop.run("doctor", "--format", "json", *arguments, expect=expect, environ=environ).json()
    assert document["format"] == "tunectl.doctor/v1"
    assert document["ok"] is (expect == 0)
    assert [each["check"] for each in document["checks"]] == CHECKS
    return {each["check"]: each for each in document["checks"]}


@pytest.fixture
def port():
    """An emulator on a port, which asks for credentials like the hosted service."""
    with Emulator(require_auth=True, accounts={CANARY: "me@example.com"}) as emulator, serve(emulator) as server:
        yield emulator, server.url


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """A machine without application default credentials."""
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


def test_all_is_well_on_the_embedded_emulator(workshop):
    found = examined(workshop)
    assert {check for check, each in found.items() if each["state"] == "skipped"} >= {"credentials", "scopes"}
    assert found["manifests"]["text"] == "1 manifest, 15 examples"
    assert "does not exist yet" in found["lockfile"]["text"]
    assert "models/text-bison-001" in found["base models"]["text"]


def test_text_has_one_line_a_check_and_a_last_word(workshop):
    lines = workshop.run("doctor").out.splitlines()
    assert [line.split()[0] for line in lines if line[:1] not in {" ", ""}][:-1] == [
        "skipped" if check in {".gitignore", "credentials", "scopes", "quota project", "staging"} else "ok"
        for check in CHECKS
    ]
    assert lines[-1] == "All is well."


def test_counts_the_models_of_the_lockfile_and_the_service(workshop):
    workshop.apply()
    found = examined(workshop)
    assert found["lockfile"]["text"].endswith("1 model")
    assert found["service"]["text"].endswith("lists 1 tuned model")


def test_reads_and_never_writes(workshop):
    workshop.run("doctor")
    assert {method for method, _ in workshop.requests()} == {"GET"}
    assert [path for _, path in workshop.requests()] == ["tunedModels", "models"]
    assert not (workshop.root / "tunectl.lock").exists()


def test_a_broken_project_file_comes_first(workshop):
    workshop.write("tunectl.yaml", "kind: Project\nspec: {provider: {endpiont: x}}\n")
    found = examined(workshop, expect=1)
    assert found["project"]["state"] == "fail"
    assert "tunectl.yaml:2" in found["project"]["text"]
    assert {found[check]["state"] for check in CHECKS[2:]} == {"skipped"}


def test_bad_manifests_are_counted_and_do_not_hide_the_rest(workshop):
    workshop.want("other", temperature=7, topK=-1)
    found = examined(workshop, expect=1)
    assert "manifests/other.yaml" in found["manifests"]["text"]
    assert "(and 1 more)" in found["manifests"]["text"]
    assert found["manifests"]["mend"] == "tunectl validate"
    assert found["service"]["state"] == "ok"


@pytest.mark.parametrize("content", ["{", '{"format": "tunectl.lock/v9"}'])
def test_a_lockfile_that_cannot_be_read_fails(workshop, content):
    workshop.write("tunectl.lock", content)
    assert examined(workshop, expect=1)["lockfile"]["state"] == "fail"


def test_a_lockfile_of_another_remote_fails(workshop, port):
    workshop.apply()
    found = examined(workshop, "--endpoint", port[1], expect=1, TUNECTL_ACCESS_TOKEN=CANARY)
    assert "belongs to generativelanguage emulator" in found["lockfile"]["text"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(("ignored", "state"), [(".tunectl/\n", "ok"), ("*.pyc\n", "fail")])
def test_git_must_ignore_our_folder(workshop, ignored, state):
    subprocess.run(["git", "init", "-q"], check=True, cwd=workshop.root)
    workshop.write(".gitignore", ignored)
    found = examined(workshop, expect=0 if state == "ok" else 1)[".gitignore"]
    assert found["state"] == state
    assert found["mend"] == (None if state == "ok" else "echo .tunectl/ >> .gitignore")


def test_the_mend_of_gitignore_mends(workshop):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "init", "-q"], check=True, cwd=workshop.root)
    mend = examined(workshop, expect=1)[".gitignore"]["mend"]
    subprocess.run(["sh", "-c", mend], check=True, cwd=workshop.root)
    examined(workshop)


@pytest.mark.parametrize(
    ("variable", "kind"), [("TUNECTL_ACCESS_TOKEN", "a bearer token"), ("TUNECTL_API_KEY", "an API key")]
)
def test_says_which_credential_and_never_its_value(workshop, port, variable, kind):
    ended = workshop.run("doctor", "-vv", "--endpoint", port[1], environ={variable: CANARY})
    assert f"{kind}, from {variable}" in ended.out
    assert CANARY not in ended.text


def test_a_refused_token_ends_with_three(workshop, port):
    ended = workshop.run("doctor", "--endpoint", port[1], environ={"TUNECTL_ACCESS_TOKEN": "wrong"}, expect=3)
    assert "fail     service" in ended.out
    assert "mend:" in ended.out


def test_missing_default_credentials_are_named_once_with_the_login_that_mends_it(workshop, nobody):
    found = examined(workshop, "--endpoint", HOSTED, expect=3)
    assert found["credentials"]["state"] == "fail"
    assert "gcloud auth application-default login --scopes=" in found["credentials"]["mend"]
    assert found["service"] == {
        "check": "service",
        "state": "skipped",
        "text": "the credentials come first",
        "mend": None,
    }
    assert found["quota project"]["state"] == "skipped"


def test_a_broken_credentials_file_fails_without_its_content(workshop, nobody, monkeypatch):
    path = workshop.write("key.json", json.dumps({"type": "service_account", "private_key": CANARY}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    ended = workshop.run("doctor", "--endpoint", HOSTED, expect=3)
    assert "lacks what its type needs" in ended.out
    assert CANARY not in ended.text


def test_default_credentials_are_told_by_where_they_come_from(workshop, nobody, monkeypatch):
    user = {"type": "authorized_user", "client_id": "a", "client_secret": CANARY, "refresh_token": CANARY}
    path = workshop.write("user.json", json.dumps(user | {"quota_project_id": "billed"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", _refuse)
    named = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    ended = workshop.run("doctor", "--endpoint", HOSTED, "--format", "json", expect=1, environ=named)
    found = {each["check"]: each for each in ended.json()["checks"]}
    assert found["credentials"]["text"].endswith("the file that GOOGLE_APPLICATION_CREDENTIALS names")
    assert found["quota project"]["text"] == "billed, named by the credentials"
    assert found["service"]["state"] == "fail"
    assert CANARY not in ended.text


def _refuse(_, request):
    raise httpx.ConnectError("no network in tests", request=request)


def test_an_endpoint_nobody_listens_on_fails_with_one(workshop):
    found = examined(workshop, "--endpoint", "http://127.0.0.1:1", expect=1)
    assert found["service"]["state"] == "fail"
    assert found["base models"]["state"] == "skipped"


def test_asks_once_and_says_what_is_refused(workshop):
    """A doctor that tries five times keeps the waiting room full."""
    began = workshop.clock.now()
    found = examined(workshop, "--endpoint", "http://127.0.0.1:1", expect=1)
    assert workshop.clock.now() == began, "no pause, so no second try"
    assert "the connection to 127.0.0.1:1 could not be made" in found["service"]["text"]
    assert "refused" in found["service"]["text"]


def test_too_few_scopes_are_told_apart_from_other_refusals(workshop, port):
    emulator, url = port
    workshop.emulator = emulator
    workshop.fault("status,code=403,count=forever,message=Request had insufficient authentication scopes.")
    found = examined(workshop, "--endpoint", url, expect=3, TUNECTL_ACCESS_TOKEN=CANARY)
    assert found["scopes"]["state"] == "fail"
    assert found["scopes"]["mend"].startswith("gcloud auth application-default login --scopes=")


def test_a_missing_quota_project_is_named(workshop, port):
    emulator, url = port
    emulator.settings.require_quota_project = True
    found = examined(workshop, "--endpoint", url, expect=3, TUNECTL_ACCESS_TOKEN=CANARY)
    assert found["quota project"]["state"] == "fail"
    assert "TUNECTL_PROJECT=PROJECT_ID" in found["quota project"]["mend"]
    found = examined(workshop, "--endpoint", url, TUNECTL_ACCESS_TOKEN=CANARY, TUNECTL_PROJECT="mine")
    assert found["quota project"]["text"] == "mine"


def test_a_service_without_tunable_base_models_is_told_honestly(workshop):
    workshop.emulator.settings.retired = frozenset(
        base["name"]
        for base in httpx.Client(transport=workshop.emulator.transport())
        .get("http://x/v1beta/models?pageSize=1000")
        .json()["models"]
    )
    found = examined(workshop, expect=1)["base models"]
    assert "none since May 2025" in found["text"]
    assert "emulator" in found["mend"]


def test_warnings_of_manifests_are_counted(workshop):
    rows = [{"text_input": "1", "output": "2"}, {"text_input": "1", "output": "3"}] * 10
    workshop.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    found = examined(workshop)["manifests"]
    assert "warning" in found["text"]


def test_an_old_python_is_named(workshop, monkeypatch):
    monkeypatch.setattr(checkup, "_OLDEST", (4, 0))
    found = examined(workshop, expect=1)["python"]
    assert (found["state"], found["mend"]) == ("fail", "install a newer Python")


def test_without_git_nothing_is_said_of_ignoring(workshop, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert examined(workshop)[".gitignore"]["text"] == "git is not installed"


def test_a_git_that_hangs_is_left_alone(workshop, monkeypatch):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 10)

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/git")
    monkeypatch.setattr(checkup.subprocess, "run", hang)
    assert examined(workshop)[".gitignore"]["text"] == "git gave no answer"


def test_base_models_that_cannot_be_listed_are_a_failure_of_their_own(workshop):
    workshop.fault("status,code=500,path=/models,count=forever")
    found = examined(workshop, expect=1)
    assert (found["service"]["state"], found["base models"]["state"]) == ("ok", "fail")


def test_colours_only_for_a_terminal(workshop, monkeypatch):
    assert "\x1b" not in workshop.run("doctor").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert "\x1b[32mok" in workshop.run("doctor").out
    assert "\x1b" not in workshop.run("doctor", environ={"NO_COLOR": "1"}).out
