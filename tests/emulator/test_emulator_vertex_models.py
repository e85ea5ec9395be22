"""What a tuning job makes: models, versions and endpoints; how they are changed and taken apart."""

from __future__ import annotations

import pytest
from vertex_kit import PLACE, counting, message, supervised

from reconciler.emulator import Fault


@pytest.fixture
def done(vertex):
    """A finished job with three checkpoints."""
    vertex.upload(counting())
    return vertex.tuned(labels={"team": "math"}, tunedModelDisplayName="numbers", description="counts")


@pytest.fixture
def model(done):
    return done["tunedModel"]["model"].partition("@")[0]


@pytest.fixture
def endpoints(done):
    return [checkpoint["endpoint"] for checkpoint in done["tunedModel"]["checkpoints"]]


def names(vertex, kind, text=""):
    return [found["name"] for found in vertex.ok("GET", kind, params={"filter": text}).get(kind, [])]


def test_labels_go_to_the_model_and_to_every_endpoint(vertex, model, endpoints):
    assert names(vertex, "models", "labels.team=math") == [model]
    assert sorted(names(vertex, "endpoints", "labels.team=math")) == sorted(endpoints)
    assert names(vertex, "models", "labels.team=art") == []
    assert names(vertex, "models", 'display_name="numbers"') == [model]


def test_a_model_knows_its_checkpoints_and_where_they_are_deployed(vertex, model, endpoints):
    found = vertex.ok("GET", model)
    assert (found["displayName"], found["description"], found["versionId"]) == ("numbers", "counts", "1")
    assert found["versionAliases"] == ["default"]
    assert [checkpoint["checkpointId"] for checkpoint in found["checkpoints"]] == ["1", "2", "3"]
    assert found["defaultCheckpointId"] == "3"
    assert [reference["endpoint"] for reference in found["deployedModels"]] == endpoints


@pytest.mark.parametrize("mask", ["displayName,description,labels", "display_name,description,labels", "*", None])
def test_what_the_mask_names_is_changed(vertex, model, endpoints, mask):
    query = {} if mask is None else {"updateMask": mask}
    new = {"displayName": "new", "description": "d", "labels": {"a": "b"}}
    for name in (model, endpoints[0]):
        changed = vertex.ok("PATCH", name, new, params=query)
        assert {key: changed[key] for key in new} == new
        assert vertex.ok("GET", name) == changed


def test_what_the_mask_names_and_the_body_leaves_out_is_cleared(vertex, model):
    changed = vertex.ok("PATCH", model, {}, params={"updateMask": "description,labels"})
    assert not {"description", "labels"} & changed.keys()
    assert changed["displayName"] == "numbers"


@pytest.mark.parametrize(
    ("body", "mask", "said"),
    [
        ({}, "displayName", "not set"),
        ({"displayName": "x" * 129}, "displayName", "129"),
        ({"labels": {"A": "b"}}, "labels", "'A'"),
        ({}, "colour", "colour"),
        ({"encryptionSpec": {"kmsKeyName": "k"}}, "encryptionSpec", "cannot be updated"),
    ],
)
def test_a_bad_patch_is_refused(vertex, model, body, mask, said):
    response = vertex.send("PATCH", model, body, params={"updateMask": mask})
    assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert said in response.text


def test_an_etag_of_before_is_refused(vertex, model):
    before = vertex.ok("GET", model)["etag"]
    vertex.clock.advance(1)
    vertex.ok("PATCH", model, {"description": "a"})
    assert vertex.fails("PATCH", model, {"description": "b", "etag": before})[:2] == (409, "ABORTED")
    vertex.ok("PATCH", model, {"description": "b", "etag": vertex.ok("GET", model)["etag"]})


def test_a_tuned_model_is_taken_apart_in_order(vertex, done, model, endpoints):
    assert vertex.fails("DELETE", model)[:2] == (400, "FAILED_PRECONDITION")
    assert vertex.fails("DELETE", endpoints[0])[:2] == (400, "FAILED_PRECONDITION")
    for index, endpoint in enumerate(endpoints):
        vertex.undeploy(endpoint)
        assert "deployedModels" not in vertex.ok("GET", endpoint)
        left = vertex.ok("GET", model).get("deployedModels", [])
        assert [reference["endpoint"] for reference in left] == endpoints[index + 1 :]
        operation = vertex.done(vertex.ok("DELETE", endpoint))
        assert operation["response"] == {"@type": "type.googleapis.com/google.protobuf.Empty"}
        assert vertex.fails("GET", endpoint)[0] == 404
    vertex.done(vertex.ok("DELETE", model))
    assert vertex.fails("GET", model)[:2] == (404, "NOT_FOUND")
    assert vertex.job(done) == done


def test_an_undeploy_names_what_is_deployed(vertex, endpoints):
    undeploy = f"{endpoints[0]}:undeployModel"
    assert vertex.fails("POST", undeploy, {"deployedModelId": "1"})[:2] == (404, "NOT_FOUND")
    assert vertex.violations("POST", undeploy, {}).keys() == {"deployed_model_id"}


def test_operations_take_their_time(vertex, endpoints, emulator, clock):
    emulator.settings.operation_seconds = 5
    (deployed,) = vertex.ok("GET", endpoints[0])["deployedModels"]
    operation = vertex.ok("POST", f"{endpoints[0]}:undeployModel", {"deployedModelId": deployed["id"]})
    clock.advance(4)
    waited = vertex.ok("POST", f"{operation['name']}:wait", params={"timeout": "10s"})
    assert "done" not in waited
    assert vertex.ok("GET", endpoints[0])["deployedModels"]
    clock.advance(1)
    found = vertex.ok("GET", operation["name"])
    assert found["done"] is True
    assert found["metadata"]["@type"].endswith("v1.UndeployModelOperationMetadata")
    assert found["metadata"]["genericMetadata"]["updateTime"] > operation["metadata"]["genericMetadata"]["updateTime"]
    assert found["response"]["@type"] == "type.googleapis.com/google.cloud.aiplatform.v1.UndeployModelResponse"
    assert "deployedModels" not in vertex.ok("GET", endpoints[0])


def test_an_operation_speaks_the_version_that_started_it(vertex, endpoints):
    (deployed,) = vertex.ok("GET", endpoints[0])["deployedModels"]
    body = {"deployedModelId": deployed["id"]}
    operation = vertex.ok("POST", f"/v1beta1/{endpoints[0]}:undeployModel", body)
    assert ".v1beta1." in vertex.ok("GET", f"/v1/{operation['name']}")["response"]["@type"]


def test_operations_are_found_under_what_they_are_about_listed_and_forgotten(vertex, endpoints):
    vertex.undeploy(endpoints[0])
    operation = vertex.ok("DELETE", endpoints[0])
    number = operation["name"].rpartition("/")[2]
    assert vertex.ok("GET", f"operations/{number}")["done"] is True
    assert vertex.fails("GET", f"{endpoints[1]}/operations/{number}")[0] == 404
    assert len(vertex.ok("GET", "operations")["operations"]) == 2
    assert vertex.ok("DELETE", operation["name"]) == {}
    assert vertex.fails("GET", operation["name"])[0] == 404
    assert [
        found["name"] for found in vertex.ok("GET", "operations", params={"filter": "done=true"})["operations"]
    ] != []


def test_a_delete_right_after_an_undeploy_may_still_fail(vertex, model, endpoints, emulator, clock):
    emulator.settings.undeploy_lag = 30
    for endpoint in endpoints:
        vertex.undeploy(endpoint)
    refused = (400, "FAILED_PRECONDITION")
    assert vertex.fails("DELETE", endpoints[0])[:2] == vertex.fails("DELETE", model)[:2] == refused
    clock.advance(30)
    vertex.done(vertex.ok("DELETE", endpoints[0]))
    vertex.done(vertex.ok("DELETE", model))


def test_versions_are_listed_and_deleted_one_by_one(vertex, done, model, endpoints):
    second = vertex.tuned(preTunedModel={"tunedModelName": model}, supervisedTuningSpec=supervised(epochCount=1))
    listed = vertex.ok("GET", f"{model}:listVersions")["models"]
    assert [(found["name"], found.get("versionAliases")) for found in listed] == [
        *((f"{model}@2", ["default"]), (f"{model}@1", None))
    ]
    delete = f"{model}@2:deleteVersion"
    assert vertex.fails("DELETE", delete)[:2] == (400, "FAILED_PRECONDITION")
    vertex.undeploy(second["tunedModel"]["endpoint"])
    vertex.done(vertex.ok("DELETE", delete))
    assert vertex.ok("GET", model)["versionId"] == "1"
    assert vertex.fails("GET", f"{model}@2")[0] == 404
    assert "only one" in vertex.fails("DELETE", f"{model}@1:deleteVersion")[2]
    assert vertex.violations("DELETE", f"{model}:deleteVersion", None).keys() == {"name"}


def test_aliases_move_between_versions(vertex, model):
    vertex.tuned(preTunedModel={"tunedModelName": model})
    merge = f"{model}@1:mergeVersionAliases"
    changed = vertex.ok("POST", merge, {"versionAliases": ["golden", "default"]})
    assert changed["versionAliases"] == ["golden", "default"]
    assert vertex.ok("GET", model)["versionId"] == "1"
    assert vertex.ok("GET", f"{model}@golden")["versionId"] == "1"
    assert "versionAliases" not in vertex.ok("GET", f"{model}@2")
    assert vertex.ok("POST", merge, {"versionAliases": ["-golden"]})["versionAliases"] == ["default"]
    assert vertex.violations("POST", merge, {"versionAliases": ["Not One"]}).keys() == {"version_aliases"}
    assert vertex.fails("POST", merge, {"versionAliases": ["-default"]})[0] == 400


def test_somebody_may_delete_a_model_or_an_endpoint(vertex, model, endpoints, emulator):
    emulator.faults.add(Fault("vanish", method="GET", path="endpoints"))
    assert vertex.fails("GET", endpoints[0])[0] == 404
    assert len(vertex.ok("GET", model)["deployedModels"]) == 2
    assert emulator.remove(model) is True
    assert emulator.remove(model) is False
    assert emulator.remove(endpoints[0]) is False
    assert vertex.send("DELETE", f"/_emulator/models/{endpoints[1]}").status_code == 200
    assert vertex.send("DELETE", f"/_emulator/models/{endpoints[1]}").status_code == 404
    assert vertex.send("DELETE", f"/_emulator/models/{PLACE}/tuningJobs/1").status_code == 404
    asked = {"contents": [message("user", "1")]}
    assert vertex.fails("POST", f"{endpoints[2]}:generateContent", asked)[0] == 404


def test_what_is_lost_meanwhile_stops_no_operation(vertex, model, endpoints, emulator, clock):
    """Endpoints and models that somebody deletes while an operation runs on them are no error of the operation."""
    emulator.settings.operation_seconds = 5
    (deployed,) = vertex.ok("GET", endpoints[0])["deployedModels"]
    undeploy = f"{endpoints[0]}:undeployModel"
    running = [vertex.ok("POST", undeploy, {"deployedModelId": deployed["id"]}) for _ in range(2)]
    assert vertex.ok("DELETE", running[1]["name"]) == {}
    clock.advance(4)
    emulator.remove(endpoints[0])
    emulator.remove(model)
    (kept,) = vertex.ok("GET", endpoints[1])["deployedModels"]
    running.append(vertex.ok("POST", f"{endpoints[1]}:undeployModel", {"deployedModelId": kept["id"]}))
    clock.advance(10)
    for operation in running:
        vertex.done(operation)
    assert "deployedModels" not in vertex.ok("GET", endpoints[1])
    twice = [vertex.ok("DELETE", endpoints[1]) for _ in range(2)]
    clock.advance(10)
    for operation in twice:
        vertex.done(operation)


def test_a_model_may_be_deleted_twice_before_the_first_delete_is_through(vertex, model, endpoints, emulator, clock):
    second = vertex.tuned(preTunedModel={"tunedModelName": model}, supervisedTuningSpec=supervised(epochCount=1))
    for endpoint in (*endpoints, second["tunedModel"]["endpoint"]):
        vertex.undeploy(endpoint)
    emulator.settings.operation_seconds = 5
    running = [vertex.ok("DELETE", name) for name in (f"{model}@1:deleteVersion", model, model)]
    emulator.remove(model)
    clock.advance(10)
    for operation in running:
        vertex.done(operation)
