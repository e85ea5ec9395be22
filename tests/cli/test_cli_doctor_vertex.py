"""``tunectl doctor`` on Vertex AI: what is missing, with the command that mends it; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from reconciler.emulator import Emulator, serve
from reconciler.providers.vertex.storage import Storage

if TYPE_CHECKING:
    from cli_kit import Workshop

CANARY = "ya29.canary-Vx8Cv7Bn6Ma5"
FLASH = {"baseModel": "gemini-2.5-flash", "hyperparameters": {"epochCount": 1}}
HOSTED = {"type": "vertex", "project": "mine", "location": "us-central1", "staging": "gs://staging/tunectl"}


@pytest.fixture
def vertex(workshop: Workshop) -> Workshop:
    workshop.project(provider={"type": "vertex", "staging": "gs://staging/tunectl"})
    workshop.want("numbers", **FLASH)
    return workshop


@pytest.fixture
def port() -> Iterator[tuple[Emulator, str]]:
    with Emulator(require_auth=True, accounts={CANARY: "me@example.com"}) as emulator, serve(emulator) as server:
        yield emulator, server.url


def examined(workshop: Workshop, *arguments: str, expect: int = 0, **environ: str) -> dict[str, dict[str, str]]:
    ended = workshop.run("doctor", "--format", "json", *arguments, expect=expect, environ=environ)
    assert CANARY not in ended.text
    return {each["check"]: each for each in ended.json()["checks"]}


def test_all_is_well_and_nothing_is_written(vertex: Workshop) -> None:
    found = examined(vertex)
    assert found["staging"]["text"] == "gs://staging can be written to"
    assert found["base models"]["text"].startswith("can be tuned: gemini-2.5-flash")
    assert {method for method, _ in vertex.requests()} == {"GET"}
    (asked,) = [request.path for request in vertex.emulator.requests if "storage" in request.path]
    assert asked == "/storage/v1/b/staging/iam/testPermissions"


def test_a_bucket_that_is_not_there_is_named_with_the_command_that_makes_it(vertex: Workshop) -> None:
    vertex.emulator.settings.buckets = frozenset({"another"})
    found = examined(vertex, expect=1)["staging"]
    assert found["text"] == "provider.staging: the bucket gs://staging does not exist"
    assert found["mend"] == "gcloud storage buckets create gs://staging --location=LOCATION"


def test_a_bucket_that_may_not_be_looked_at_ends_with_three(vertex: Workshop) -> None:
    vertex.fault("status,code=403,path=testPermissions")
    found = examined(vertex, expect=3)["staging"]
    assert found["state"] == "fail"
    assert "--role=roles/storage.objectUser" in found["mend"]


def test_a_permission_that_is_missing_is_named_with_the_role_that_has_it(
    vertex: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Storage, "held", lambda *_: frozenset({"storage.objects.get"}))
    found = examined(vertex, expect=3)["staging"]
    assert found["text"] == "gs://staging: the credentials lack storage.objects.create"
    assert found["mend"].startswith("gcloud storage buckets add-iam-policy-binding gs://staging --member=WHO --role=")


def test_a_project_without_a_staging_bucket_is_told_where_to_name_one(
    workshop: Workshop, port: tuple[Emulator, str]
) -> None:
    workshop.project(provider={key: value for key, value in HOSTED.items() if key != "staging"} | {"endpoint": port[1]})
    workshop.want("numbers", **FLASH)
    found = examined(workshop, expect=1, TUNECTL_ACCESS_TOKEN=CANARY)
    assert "provider.staging: is missing" in found["manifests"]["text"]
    assert found["staging"]["mend"] == "set spec.provider.staging to a place such as gs://bucket/prefix"


def test_an_api_that_is_not_enabled_is_told_with_the_command_that_enables_it(
    vertex: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
        error = {"code": 403, "status": "PERMISSION_DENIED", "message": "has not been used", "details": [detail]}
        return httpx.Response(403, json={"error": error})

    monkeypatch.setattr("reconciler.wiring.Session._in_process", lambda _: httpx.MockTransport(refuse))
    found = examined(vertex, expect=3)
    assert found["service"]["mend"] == "enable the API: gcloud services enable aiplatform.googleapis.com --project ID"
    assert "storage.googleapis.com" in found["staging"]["mend"]


@pytest.mark.parametrize(
    "said", ["The caller does not have permission", "Permission 'aiplatform.tuningJobs.list' denied"]
)
def test_a_role_that_is_missing_is_named_with_the_command_that_grants_it(
    workshop: Workshop, port: tuple[Emulator, str], said: str
) -> None:
    workshop.emulator, url = port
    workshop.project(provider={**HOSTED, "endpoint": url})
    workshop.want("numbers", **FLASH)
    workshop.fault(f"status,code=403,count=forever,path=tuningJobs,message={said}")
    found = examined(workshop, expect=3, TUNECTL_ACCESS_TOKEN=CANARY)["service"]
    assert found["mend"] == "gcloud projects add-iam-policy-binding mine --member=WHO --role=roles/aiplatform.viewer"


@pytest.mark.parametrize(
    ("said", "hinted"),
    [
        ("Permission 'aiplatform.tuningJobs.create' denied", True),
        ("Permission 'iam.serviceAccounts.actAs' denied", False),
    ],
)
def test_a_create_that_is_refused_names_our_role_only_where_it_mends(vertex: Workshop, said: str, hinted: bool) -> None:
    vertex.fault(f"status,code=403,count=forever,method=POST,path=tuningJobs,message={said}")
    told = vertex.run("apply", "-y", expect=4).err
    assert said in told
    assert ("--role=roles/aiplatform.user" in told) is hinted


def test_a_host_that_cannot_be_reached_is_named_as_it_was_asked(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host follows from the location, so a mistyped location is what to look for."""

    def refuse(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no such host", request=request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", refuse)
    workshop.project(provider={**HOSTED, "location": "us-central9", "endpoint": "https://aiplatform.googleapis.com"})
    workshop.want("numbers", **FLASH)
    found = examined(workshop, expect=1, TUNECTL_ACCESS_TOKEN=CANARY)
    assert "the connection to us-central9-aiplatform.googleapis.com could not be made" in found["service"]["text"]
    assert found["service"]["mend"] == "check the network and provider.location, then run the command again"
    assert "the connection to storage.googleapis.com could not be made" in found["staging"]["text"]
    assert found["staging"]["mend"] == "check the network, then run the command again"


def test_a_bucket_is_made_where_the_tunings_are(workshop: Workshop, port: tuple[Emulator, str]) -> None:
    port[0].settings.buckets = frozenset({"another"})
    workshop.project(provider={**HOSTED, "endpoint": port[1]})
    workshop.want("numbers", **FLASH)
    found = examined(workshop, expect=1, TUNECTL_ACCESS_TOKEN=CANARY)["staging"]
    assert found["mend"] == "gcloud storage buckets create gs://staging --location=us-central1"


def test_nothing_is_tuned_in_a_place_called_global(workshop: Workshop) -> None:
    workshop.project(provider={**HOSTED, "location": "global", "endpoint": "https://aiplatform.googleapis.com"})
    workshop.want("numbers", **FLASH)
    said = workshop.fails(1, "validate")
    assert "provider.location: Gemini models are tuned in no 'global' place" in said
    assert "hint: name a region, such as us-central1" in said


def test_a_key_is_no_credential_here(workshop: Workshop, port: tuple[Emulator, str]) -> None:
    workshop.project(provider={**HOSTED, "endpoint": port[1]})
    workshop.want("numbers", **FLASH)
    found = examined(workshop, expect=3, TUNECTL_API_KEY=CANARY)
    assert found["credentials"]["state"] == "skipped"
    assert found["service"]["state"] == "fail"
    found = examined(workshop, TUNECTL_ACCESS_TOKEN=CANARY)
    assert found["credentials"]["text"] == "a bearer token, from TUNECTL_ACCESS_TOKEN"
    assert {each["state"] for each in found.values()} <= {"ok", "skipped"}


def test_missing_default_credentials_are_mended_by_a_plain_login(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(workshop.root / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    workshop.project(provider={**HOSTED, "endpoint": "https://aiplatform.googleapis.com"})
    workshop.want("numbers", **FLASH)
    found = examined(workshop, expect=3)
    assert found["credentials"]["mend"] == "gcloud auth application-default login ; or set TUNECTL_ACCESS_TOKEN"


def test_a_plan_is_told_the_same_login_and_nothing_of_keys(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(workshop.root / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    workshop.project(provider={**HOSTED, "endpoint": "https://aiplatform.googleapis.com"})
    workshop.want("numbers", **FLASH)
    said = workshop.fails(3, "plan", environ={"TUNECTL_API_KEY": CANARY})
    assert "run: gcloud auth application-default login ; or set TUNECTL_ACCESS_TOKEN\n" in said


def test_a_plan_with_too_few_scopes_is_told_the_login_that_has_them(vertex: Workshop) -> None:
    vertex.fault("status,code=403,count=forever,message=Request had insufficient authentication scopes.")
    said = vertex.fails(3, "plan")
    assert "hint: log in again: gcloud auth application-default login\n" in said


def test_too_few_scopes_are_told_by_the_one_that_is_needed(workshop: Workshop, port: tuple[Emulator, str]) -> None:
    workshop.emulator, url = port
    workshop.project(provider={**HOSTED, "endpoint": url})
    workshop.want("numbers", **FLASH)
    workshop.fault("status,code=403,count=forever,message=Request had insufficient authentication scopes.")
    found = examined(workshop, expect=3, TUNECTL_ACCESS_TOKEN=CANARY)["scopes"]
    assert found["text"] == "too few; tuning needs https://www.googleapis.com/auth/cloud-platform"
    assert found["mend"] == "gcloud auth application-default login"


def test_a_base_model_nobody_knows_is_left_to_the_service(vertex: Workshop) -> None:
    vertex.want("other", **{**FLASH, "baseModel": "gemini-9.9-flash"})
    assert examined(vertex)["base models"]["text"].startswith("gemini-9.9-flash: not among those known to be tunable")


def test_another_cloud_storage_is_sent_no_credentials(workshop: Workshop, port: tuple[Emulator, str]) -> None:
    """STORAGE_EMULATOR_HOST takes the bucket elsewhere: to a server that asks for nothing and is told nothing."""
    workshop.project(provider={**HOSTED, "endpoint": port[1]})
    workshop.want("numbers", **FLASH)
    with Emulator() as other, serve(other) as server:
        host = server.url.removeprefix("http://")
        for address in (server.url, host):
            found = examined(workshop, TUNECTL_ACCESS_TOKEN=CANARY, STORAGE_EMULATOR_HOST=address)
            assert found["staging"]["state"] == "ok"
        assert len(other.requests) == 2
    assert not any("storage" in request.path for request in port[0].requests)
    said = workshop.run("doctor", expect=1, environ={"STORAGE_EMULATOR_HOST": "http://elsewhere.example"}).text
    assert "STORAGE_EMULATOR_HOST" in said
