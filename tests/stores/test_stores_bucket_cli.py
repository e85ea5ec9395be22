"""Whole runs of the command line with the lockfile in a bucket of either service."""

import json
import os
import uuid
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from stores_bucket_kit import HASTY, SECRET, Fault, serving

from reconciler.cli.invocation import Invocation
from reconciler.cli.main import run
from reconciler.testing.fakes import FakeClock

KEY = "team/tunectl.lock"
MANIFEST = {
    "apiVersion": "tunectl/v1",
    "kind": "TunedModel",
    "metadata": {"name": "numbers"},
    "spec": {
        "baseModel": "models/text-bison-001",
        "dataset": {"path": "numbers.jsonl"},
        "hyperparameters": {"epochCount": 3, "batchSize": 2, "learningRate": 0.001},
    },
}


class Desk:
    """A checkout of the project: several share one bucket and nothing else but the emulator's world."""

    def __init__(self, root: Path, address: str, clock: FakeClock, capsys) -> None:
        self.root, self.clock, self.capsys = root, clock, capsys
        (root / "manifests").mkdir(parents=True)
        self.project(address)
        self.want()
        rows = ({"text_input": str(number), "output": str(number + 1)} for number in range(1, 16))
        (root / "manifests/numbers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def project(self, address: str) -> None:
        project = {
            "apiVersion": "tunectl/v1",
            "kind": "Project",
            "metadata": {"name": "demo"},
            "spec": {"lockfile": address},
        }
        (self.root / "tunectl.yaml").write_text(json.dumps(project))

    def want(self, **spec) -> None:
        document = {**MANIFEST, "spec": {**MANIFEST["spec"], **spec}}
        (self.root / "manifests/numbers.yaml").write_text(json.dumps(document))

    def run(self, *arguments: str, expect: int = 0, **environ: str) -> str:
        os.chdir(self.root)
        self.capsys.readouterr()
        code = run(arguments, invocation=Invocation(environ=environ, clock=self.clock))
        captured = self.capsys.readouterr()
        text = captured.out + captured.err
        assert code == expect, text
        assert SECRET not in text
        assert "Traceback" not in text
        return text


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def bucket(service):
    name = f"cli-{uuid.uuid4().hex[:12]}"
    service.make_bucket(name)
    return name


@pytest.fixture
def address(service, bucket):
    return f"{service.scheme}://{bucket}/{KEY}"


@pytest.fixture
def desk(tmp_path, address, clock, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("reconciler.stores.bucket_open.Patience", lambda: HASTY)
    return Desk(tmp_path / "desk", address, clock, capsys)


def lockfile(service, bucket):
    return json.loads(service.stored(bucket)[KEY])


def test_a_model_is_planned_tuned_and_recorded_in_the_bucket_alone(desk, service, bucket, address):
    assert "1 to create" in desk.run("plan")
    assert service.stored(bucket) == {}, "a plan writes nothing"
    assert "Applied: 1 created" in desk.run("apply", "-y")
    assert lockfile(service, bucket)["models"]["numbers"]["state"] == "ready"
    assert not list(desk.root.rglob("tunectl.lock"))
    assert not [key for key in service.stored(bucket) if ".probe-" in key]
    before = service.stored(bucket)[KEY]
    assert "No changes." in desk.run("apply", "-y")
    assert service.stored(bucket)[KEY] == before
    assert "No drift." in desk.run("drift")


def test_another_checkout_goes_on_from_the_bucket(desk, service, bucket, tmp_path, address, clock, capsys):
    desk.run("apply", "-y")
    world = desk.root / ".tunectl" / "emulator.db"
    other = Desk(tmp_path / "other", address, clock, capsys)
    (other.root / ".tunectl").mkdir()
    world.rename(other.root / ".tunectl" / "emulator.db")
    assert "No changes." in other.run("plan")
    other.want(temperature=0.5)
    assert "Applied: 0 created, 1 updated" in other.run("apply", "-y")
    assert lockfile(service, bucket)["models"]["numbers"]["spec"]["temperature"] == 0.5
    assert "Applied: 0 created, 0 updated, 0 replaced, 1 deleted" in other.run("destroy", "-y")
    assert lockfile(service, bucket)["models"] == {}


@pytest.mark.parametrize("skip", range(8))
def test_an_answer_lost_anywhere_in_an_apply_changes_nothing(desk, service, bucket, skip):
    service.front.faults.append(Fault("PUT", "lose", skip=skip))
    assert "Applied: 1 created" in desk.run("apply", "-y")
    assert lockfile(service, bucket)["models"]["numbers"]["state"] == "ready"
    assert "No changes." in desk.run("plan")


def test_a_bucket_that_does_not_exist_stops_the_plan(desk, service):
    desk.project(f"{service.scheme}://no-such-bucket/{KEY}")
    assert "HTTP 404 NoSuchBucket" in desk.run("plan", expect=1)


def test_a_bucket_that_refuses_us_is_a_matter_of_permission(desk, service):
    service.front.faults.append(Fault("GET", 403, times=99))
    assert "HTTP 403" in desk.run("plan", expect=3)


def test_a_bucket_that_ignores_conditions_stops_the_apply_before_anything_is_paid_for(desk, service, bucket):
    service.front.faults.append(Fault("PUT", "ignore", times=99))
    assert "ignores conditional writes" in desk.run("apply", "-y", expect=1)
    service.front.faults.clear()
    assert service.stored(bucket) == {}
    assert "1 to create" in desk.run("plan")


def test_the_address_may_come_from_the_environment_and_is_checked_there_too(desk, service, bucket, address):
    desk.project("tunectl.lock")
    desk.run("apply", "-y", TUNECTL_LOCKFILE=address)
    assert KEY in service.stored(bucket)
    assert "must be a path, gs://bucket/key" in desk.run("plan", expect=64, TUNECTL_LOCKFILE="az://bucket/key")


# --- workload identity federation ----------------------------------------------------------------------------------


class TokenService:
    """A security token service (RFC 8693): one subject token for one access token."""

    def __init__(self) -> None:
        self.asked = []

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        self.asked.append(parse_qs(body)["subject_token"])
        answer = {
            "access_token": SECRET,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 3600,
        }
        content = json.dumps(answer).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
        return [content]


@pytest.fixture
def federation(tmp_path, monkeypatch):
    """What a CI run has in its hands: a subject token in a file, and a file that says where to exchange it."""
    service = TokenService()
    subject = tmp_path / "subject.jwt"
    subject.write_text("subject-token")
    pool = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/ci"
    with serving(service) as url:
        account = {
            "type": "external_account",
            "audience": pool,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{url}/v1/token",
            "credential_source": {"file": str(subject)},
        }
        path = tmp_path / "federation.json"
        path.write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        yield service


def test_a_run_with_a_federated_identity_keeps_its_lockfile_in_cloud_storage(
    cloud_storage_service, federation, tmp_path, clock, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr("reconciler.stores.bucket_place._GOOGLE", cloud_storage_service.url)
    cloud_storage_service.front.faults.clear()
    cloud_storage_service.front.tokens.clear()
    cloud_storage_service.make_bucket("federated")
    monkeypatch.setattr(cloud_storage_service.fake, "token", SECRET)
    desk = Desk(tmp_path / "desk", f"gs://federated/{KEY}", clock, capsys)
    assert "Applied: 1 created" in desk.run("apply", "-y", TUNECTL_ACCESS_TOKEN="token-of-another-endpoint")
    assert lockfile(cloud_storage_service, "federated")["models"]["numbers"]["state"] == "ready"
    assert cloud_storage_service.front.tokens == {f"Bearer {SECRET}"}
    assert federation.asked == [["subject-token"]], "one exchange for the whole run"
    assert SECRET not in cloud_storage_service.stored("federated")[KEY].decode()


def test_without_any_credentials_a_run_on_cloud_storage_ends_with_the_way_to_log_in(
    cloud_storage_service, tmp_path, clock, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr("reconciler.stores.bucket_place._GOOGLE", cloud_storage_service.url)
    desk = Desk(tmp_path / "desk", f"gs://federated/{KEY}", clock, capsys)
    text = desk.run("plan", expect=3)
    assert "no credentials found for Google's APIs" in text
    assert "gcloud auth application-default login" in text


# --- what else is kept beside the lockfile, and what goes back and forth -------------------------------------------

LOG = f"{KEY}.lineage.jsonl"


def epochs(number):
    return {"hyperparameters": {**MANIFEST["spec"]["hyperparameters"], "epochCount": number}}


def records(service, bucket):
    return [json.loads(line) for line in service.stored(bucket)[LOG].splitlines()]


@pytest.fixture
def replaced(desk, service, bucket):
    """A name whose first model was kept when the second one took its place; both resources."""
    models = []
    for number in (3, 4):
        desk.want(**epochs(number), lifecycle={"retain": 1})
        desk.run("apply", "-y")
        models.append(lockfile(service, bucket)["models"]["numbers"]["resource"])
    return models


def test_the_lineage_is_an_object_beside_the_lockfile_and_holds_together(desk, service, bucket, replaced):
    first, second = replaced
    assert [(each["event"], each["resource"]) for each in records(service, bucket)] == [
        ("promoted", first),
        ("promoted", second),
    ]
    assert "unwritten" not in lockfile(service, bucket)
    assert "2 records of 1 name, every chain is whole." in desk.run("lineage", "verify")
    assert "in place of" in desk.run("history", "numbers")
    front = service.stored(bucket)[LOG].replace(b'"steps":23', b'"steps":99')
    service.plant(bucket, LOG, front)
    assert f"{LOG}:1: altered: numbers" in desk.run("lineage", "verify", expect=1)


def test_a_rollback_is_written_to_the_bucket_with_its_record_and_holds(desk, service, bucket, replaced):
    first, second = replaced
    assert "Rolled back: numbers serves" in desk.run("rollback", "numbers", "-y")
    entry = lockfile(service, bucket)["models"]["numbers"]
    assert (entry["resource"], entry["retained"][0]["resource"]) == (first, second)
    assert entry["pin"]
    assert records(service, bucket)[-1]["event"] == "rolled-back"
    assert "1 pinned by a rollback" in desk.run("plan")
    desk.run("rollback", "numbers", "--unpin", "-y")
    assert "Applied: 0 created" in desk.run("apply", "-y")
    assert lockfile(service, bucket)["models"]["numbers"]["resource"] == second
    assert "every chain is whole" in desk.run("lineage", "verify")


def test_what_nobody_needs_is_collected_and_its_end_recorded(desk, service, bucket, replaced):
    first, second = replaced
    desk.want(**epochs(4))
    assert f"delete {first}" in desk.run("gc", "--plan")
    desk.run("gc", "-y")
    entry = lockfile(service, bucket)["models"]["numbers"]
    assert (entry["resource"], entry["retained"]) == (second, [])
    assert (records(service, bucket)[-1]["event"], records(service, bucket)[-1]["resource"]) == ("deleted", first)
    assert "every chain is whole" in desk.run("lineage", "verify")
    assert "Nothing to remove" in desk.run("gc", "--plan")


@pytest.mark.parametrize("skip", range(5))
@pytest.mark.parametrize("command", ["rollback", "gc"])
def test_an_answer_lost_anywhere_in_it_changes_nothing(desk, service, bucket, replaced, command, skip):
    first, second = replaced
    if command == "gc":
        desk.want(**epochs(4))
    fault = Fault("PUT", "lose", skip=skip)
    service.front.faults.append(fault)
    desk.run(command, *(["numbers"] if command == "rollback" else []), "-y")
    assert fault.times == 0, "it was lost"
    serving = lockfile(service, bucket)["models"]["numbers"]["resource"]
    assert serving == (first if command == "rollback" else second)
    assert "every chain is whole" in desk.run("lineage", "verify")
    assert [each["event"] for each in records(service, bucket)][2:] == [
        "rolled-back" if command == "rollback" else "deleted"
    ]


def test_a_log_that_the_bucket_does_not_take_costs_a_warning_and_is_written_later(desk, service, bucket):
    desk.run("apply", "-y")
    log = service.stored(bucket)[LOG]
    service.front.faults.append(Fault("PUT", 403, times=99, path="lineage"))
    desk.want(temperature=0.5)
    assert "cannot be added to the lineage yet; the lockfile keeps it" in desk.run("apply", "-y")
    assert service.stored(bucket)[LOG] == log
    assert len(lockfile(service, bucket)["unwritten"]) == 1
    service.front.faults.clear()
    desk.run("apply", "-y")
    assert [each["event"] for each in records(service, bucket)] == ["promoted", "updated"]
    assert "unwritten" not in lockfile(service, bucket)


def test_chains_that_two_checkouts_wrote_with_lockfiles_of_their_own_are_joined_in_the_bucket(desk, service, bucket):
    desk.run("apply", "-y")
    shared = dict(service.stored(bucket))
    desk.want(temperature=0.5)
    desk.run("apply", "-y")
    theirs = records(service, bucket)[-1]
    service.plant(bucket, KEY, shared[KEY])
    service.plant(bucket, LOG, shared[LOG])
    desk.want(temperature=0.25)
    desk.clock.advance(5)
    desk.run("apply", "-y")
    service.plant(bucket, LOG, service.stored(bucket)[LOG] + json.dumps(theirs).encode() + b"\n")
    assert "forked" in desk.run("lineage", "verify", expect=1)
    assert "every chain is whole" in desk.run("lineage", "mend", "-y")
    merged = records(service, bucket)[-1]
    assert (merged["event"], merged["merges"]) == ("merged", [theirs["hash"]])
