"""Operations: their life, their list, their cancellation, on all three versions."""

from __future__ import annotations

import pytest

VERSIONS = ["v1", "v1beta", "v1beta3"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_operation_runs_then_answers_the_model(api, clock, version):
    name = api.create()["name"]
    clock.advance(50)
    running = api.ok("GET", f"/{version}/{name}")
    assert "done" not in running
    assert 0 < running["metadata"]["completedPercent"] < 100
    assert running["metadata"]["completedSteps"] == len(running["metadata"]["snapshots"])
    clock.advance(50)
    done = api.ok("GET", f"/{version}/{name}")
    assert done["done"] is True
    assert "error" not in done
    assert done["metadata"]["completedPercent"] == 100
    response = dict(done["response"])
    response.pop("@type")
    assert response == api.get(version="v1beta")


@pytest.mark.parametrize(("made", "known"), [("v1beta3", False), ("v1beta", True)])
def test_the_answered_model_has_the_fields_of_the_type_it_names(api, clock, made, known):
    name = api.create(version=made)["name"]
    api.ok("PATCH", "tunedModels/m?updateMask=readerProjectNumbers", {"readerProjectNumbers": ["12"]})
    clock.advance(100)
    for version in VERSIONS:
        response = api.ok("GET", f"/{version}/{name}")["response"]
        assert response["@type"].startswith(f"type.googleapis.com/google.ai.generativelanguage.{made}.")
        assert ("readerProjectNumbers" in response) is known


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_lists_the_one_operation_that_made_it(api, version):
    operation = api.create()
    assert api.ok("GET", f"/{version}/tunedModels/m/operations") == {"operations": [operation]}
    assert api.ok("GET", f"/{version}/tunedModels/m/operations?filter=x&pageSize=5")["operations"] == [operation]


def test_an_operation_that_never_was_is_not_found(api):
    api.create()
    status = api.fails("GET", "/v1/tunedModels/m/operations/nothing")
    assert status == (404, "NOT_FOUND", "Operation tunedModels/m/operations/nothing does not exist.")
    assert api.fails("GET", "/v1/tunedModels/none/operations/nothing")[0] == 404


def test_an_operation_goes_with_its_model(api):
    name = api.create()["name"]
    api.ok("DELETE", "tunedModels/m")
    assert api.fails("GET", f"/v1/{name}")[0] == 404


@pytest.mark.parametrize("version", VERSIONS)
def test_cancelling_stops_the_training_for_good(api, clock, version):
    name = api.create()["name"]
    clock.advance(50)
    before = api.ok("GET", f"/v1/{name}")["metadata"]["completedSteps"]
    assert api.ok("POST", f"/{version}/{name}:cancel", b"") == {}
    clock.advance(1000)
    operation = api.ok("GET", f"/v1/{name}")
    assert operation["done"] is True
    assert operation["error"] == {"code": 1, "message": "The operation was cancelled."}
    assert operation["metadata"]["completedSteps"] == before
    assert "response" not in operation
    model = api.get()
    assert model["state"] == "FAILED"
    assert len(model["tuningTask"]["snapshots"]) == before


def test_cancelling_what_is_over_changes_nothing(api, clock):
    name = api.create()["name"]
    clock.advance(100)
    before = api.ok("GET", f"/v1/{name}")
    assert api.ok("POST", f"/v1/{name}:cancel", {}) == {}
    assert api.ok("GET", f"/v1/{name}") == before


def test_v1_cancels_by_model_because_a_published_client_asks_so(api, clock):
    name = api.create()["name"]
    assert api.ok("POST", "/v1/tunedModels/m:cancel") == {}
    assert api.ok("GET", f"/v1/{name}")["error"]["code"] == 1
    assert api.fails("POST", "/v1beta/tunedModels/m:cancel")[0] == 404


def test_only_a_writer_cancels(api, emulator):
    emulator.settings.accounts = {"reader": "reader@example.com"}
    name = api.create()["name"]
    api.ok(
        "POST",
        "tunedModels/m/permissions",
        {"granteeType": "USER", "emailAddress": "reader@example.com", "role": "READER"},
    )
    headers = {"authorization": "Bearer reader"}
    assert api.ok("GET", f"/v1/{name}", headers=headers)["name"] == name
    assert api.fails("POST", f"/v1/{name}:cancel", {}, headers=headers)[0] == 403


def test_an_expired_operation_is_gone_while_its_model_stays(api, emulator, clock):
    emulator.settings.operation_ttl = 60
    name = api.create()["name"]
    assert api.ok("GET", f"/v1/{name}")["name"] == name
    clock.advance(60)
    assert api.fails("GET", f"/v1/{name}")[0] == 404
    assert api.ok("GET", "tunedModels/m/operations") == {}
    assert api.get()["state"] == "CREATING"


def test_fields_leave_snapshots_out_of_a_poll(api, clock):
    name = api.create()["name"]
    clock.advance(50)
    answer = api.ok("GET", f"/v1/{name}?fields=done,error,metadata(completedPercent,totalSteps)")
    assert set(answer) == {"metadata"}
    assert set(answer["metadata"]) == {"completedPercent", "totalSteps"}
