"""create, get, list, patch and delete of tuned models."""

from __future__ import annotations

import re

import pytest
from emulator_kit import BISON, FLASH, tuned

VERSIONS = ["v1", "v1beta", "v1beta3"]


def test_a_create_answers_a_running_operation_even_if_training_takes_no_time(api, emulator):
    emulator.settings.train_seconds = 0
    operation = api.create()
    assert set(operation) == {"name", "metadata"}
    assert re.fullmatch(r"tunedModels/m/operations/[a-z0-9]{12}", operation["name"])
    assert api.get()["state"] == "ACTIVE"


def test_a_model_in_training_is_creating_and_its_update_time_stands_still(api, clock):
    api.create()
    clock.advance(50)
    model = api.get()
    assert model["state"] == "CREATING"
    assert model["updateTime"] == model["createTime"]
    assert "completeTime" not in model["tuningTask"]
    clock.advance(50)
    done = api.get()
    assert done["state"] == "ACTIVE"
    assert done["updateTime"] == done["tuningTask"]["completeTime"] > done["createTime"]


def test_a_fresh_model_looks_as_the_service_shows_one(api):
    api.ok("POST", "/v1beta3/tunedModels?tunedModelId=m", tuned(epochCount=3, batchSize=4, learningRate=0.001))
    model = api.get(version="v1beta3")
    assert list(model) == [
        *("name", "baseModel", "displayName", "state", "createTime", "updateTime", "tuningTask"),
        *("temperature", "topP", "topK"),
    ]
    assert list(model["tuningTask"]) == ["startTime", "hyperparameters"]
    assert (model["temperature"], model["topP"], model["topK"]) == (0.7, 0.95, 40)


@pytest.mark.parametrize("version", VERSIONS)
def test_training_data_is_never_answered(api, clock, version):
    operation = api.create(version=version)
    clock.advance(100)
    answers = [
        api.send("GET", f"/{version}/tunedModels/m").text,
        api.send("GET", f"/{version}/tunedModels").text,
        api.send("GET", f"/{version}/{operation['name']}").text,
        api.send("PATCH", f"/{version}/tunedModels/m?updateMask=description", {"description": "x"}).text,
    ]
    assert not any("trainingData" in text or "textInput" in text for text in answers)


@pytest.mark.parametrize(
    ("version", "count", "expected"),
    [
        ("v1beta3", 15, {"epochCount": 10, "batchSize": 16, "learningRate": 0.002}),
        ("v1beta3", 500, {"epochCount": 10, "batchSize": 64, "learningRate": 0.0002}),
        ("v1beta", 15, {"epochCount": 5, "batchSize": 4, "learningRate": 0.001}),
        ("v1beta", 500, {"epochCount": 5, "batchSize": 16, "learningRate": 0.0002}),
    ],
)
def test_hyperparameters_default_per_version_and_are_answered_resolved(api, version, count, expected):
    api.create(version=version, count=count)
    assert api.get(version=version)["tuningTask"]["hyperparameters"] == expected


def test_a_learning_rate_multiplier_is_answered_in_place_of_the_rate(api):
    api.create(learningRateMultiplier=0.5)
    assert api.get()["tuningTask"]["hyperparameters"]["learningRateMultiplier"] == 0.5
    assert "learningRate" not in api.get()["tuningTask"]["hyperparameters"]
    assert "learningRateMultiplier" not in api.get(version="v1beta3")["tuningTask"]["hyperparameters"]


def test_zero_is_kept_where_the_field_is_optional(api):
    api.create(temperature=0.0)
    assert api.get()["temperature"] == 0.0


def test_output_only_fields_of_a_create_are_ignored(api):
    api.create(name="tunedModels/other", state="FAILED", createTime="2001-01-01T00:00:00Z")
    model = api.get()
    assert (model["name"], model["state"]) == ("tunedModels/m", "CREATING")
    assert not model["createTime"].startswith("2001")


@pytest.mark.parametrize("model_id", ["a", "a1", "a-1", "a" * 40, "a" + "-" * 38 + "1"])
def test_ids_the_pattern_allows_are_taken(api, model_id):
    api.create(model_id)
    assert api.get(model_id)["name"] == f"tunedModels/{model_id}"


@pytest.mark.parametrize("model_id", ["", "A", "1a", "-x", "x-", "a_b", "a" * 41, "a.b", "ä"])
def test_ids_the_pattern_forbids_are_refused(api, model_id):
    assert "does not match" in api.refused("POST", f"tunedModels?tunedModelId={model_id}", tuned())


@pytest.mark.parametrize(
    ("display_name", "stem"),
    [
        ("test_number_generator", "testnumbergenerator"),
        ("my display name 81", "my-display-name-81"),
        ("", "tuned-model"),
        ("123", "tuned-model"),
        ("Zahlen zählen", "zahlen-zhlen"),
        ("x" * 40, "x" * 27),
    ],
)
def test_ids_are_made_from_the_display_name_as_the_service_makes_them(api, display_name, stem):
    name = api.ok("POST", "tunedModels", tuned(displayName=display_name))["metadata"]["tunedModel"]
    match = re.fullmatch(r"tunedModels/([a-z][a-z0-9-]*)-([a-z0-9]{12})", name)
    assert match[1] == stem
    assert len(name) <= len("tunedModels/") + 40


def test_two_models_may_share_a_display_name(api):
    names = {api.ok("POST", "tunedModels", tuned())["metadata"]["tunedModel"] for _ in range(20)}
    assert len(names) == 20


def test_an_id_can_be_used_once(api):
    api.create(displayName="first")
    status = api.fails("POST", "tunedModels?tunedModelId=m", tuned(displayName="second"))
    assert status == (409, "ALREADY_EXISTS", "Tuned model tunedModels/m already exists.")
    assert api.get()["displayName"] == "first"


def test_a_deleted_id_is_free_again(api):
    first = api.create()
    api.ok("DELETE", "tunedModels/m")
    assert api.create()["metadata"]["tunedModel"] == first["metadata"]["tunedModel"]


def test_a_display_name_of_41_characters_gets_the_services_bare_answer(api):
    api.ok("POST", "tunedModels", tuned(displayName="ü" * 40))
    response = api.send("POST", "tunedModels", tuned(displayName="ü" * 41))
    message = "Request contains an invalid argument."
    assert response.json() == {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    assert response.headers["x-tunectl-emulator-reason"] == "displayName has 41 characters; at most 40"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"temperature": 1.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "NaN"}, "temperature"),
        ({"topP": 0}, "topP"),
        ({"topP": 1.01}, "topP"),
        ({"topK": 0}, "topK"),
        ({"epochCount": 0}, "epochCount"),
        ({"batchSize": -1}, "batchSize"),
        ({"learningRate": 0}, "learningRate"),
        ({"learningRate": "NaN"}, "learningRate"),
        ({"learningRate": "Infinity"}, "learningRate"),
        ({"learningRateMultiplier": -1}, "learningRateMultiplier"),
        ({"epochCount": 2**31 - 1}, "tuning steps"),
        ({"count": 0}, "is required"),
        ({"baseModel": ""}, "baseModel or tunedModelSource is required"),
        ({"readerProjectNumbers": ["0"]}, "readerProjectNumbers"),
    ],
)
def test_values_out_of_range_are_refused(api, fields, reason):
    assert reason in api.refused("POST", "tunedModels", tuned(**fields))
    assert api.names() == []


def test_an_example_without_output_is_refused(api):
    body = tuned()
    body["tuningTask"]["trainingData"]["examples"]["examples"][1] = {"textInput": "十"}
    assert "examples[1].output is required" in api.refused("POST", "tunedModels", body)


@pytest.mark.parametrize(
    ("base", "field", "length", "taken"),
    [
        (FLASH, "textInput", 40_000, True),
        (FLASH, "textInput", 40_001, False),
        (FLASH, "output", 5_000, True),
        (FLASH, "output", 5_001, False),
        (BISON, "output", 5_001, True),
    ],
)
def test_examples_may_be_as_long_as_the_base_model_says(api, base, field, length, taken):
    body = tuned(base=base)
    body["tuningTask"]["trainingData"]["examples"]["examples"][0][field] = "x" * length
    assert api.send("POST", "tunedModels", body).status_code == (200 if taken else 400)


@pytest.mark.parametrize("base", ["models/nothing", "models/gemini-1.5-flash-latest", "models/text-bison-tuning-test"])
def test_only_tunable_base_models_can_be_tuned(api, base):
    status, name, message = api.fails("POST", "tunedModels", tuned(base=base))
    assert (status, name) == (404, "NOT_FOUND")
    assert message.startswith(f"{base} is not found for API version v1beta, or is not supported for createTunedModel.")


def test_the_quota_of_concurrent_tunings_is_free_again_when_one_ends(api, emulator, clock):
    emulator.settings.concurrent_tunings = 1
    api.create("one")
    said = "Resource has been exhausted (e.g. check quota)."
    assert api.fails("POST", "tunedModels?tunedModelId=two", tuned()) == (429, "RESOURCE_EXHAUSTED", said)
    assert api.fails("POST", "tunedModels?tunedModelId=one", tuned())[0] == 409
    clock.advance(100)
    api.create("two")
    api.ok("DELETE", "tunedModels/two")
    api.create("three")


def test_a_missing_model_gets_the_services_answer(api):
    api.create()
    assert api.ok("DELETE", "tunedModels/m") == {}
    said = "Tuned model tunedModels/m does not exist."
    for method, path in (
        ("GET", "tunedModels/m"),
        ("DELETE", "tunedModels/m"),
        ("PATCH", "tunedModels/m?updateMask=description"),
    ):
        assert api.fails(method, path, {} if method == "PATCH" else None) == (404, "NOT_FOUND", said)


def test_a_model_of_somebody_else_gets_the_services_answer(api, emulator):
    emulator.occupy("mymodel")
    said = "You do not have permission to access tuned model tunedModels/mymodel"
    assert api.fails("GET", "tunedModels/mymodel") == (403, "PERMISSION_DENIED", said)
    assert api.fails("DELETE", "tunedModels/mymodel")[0] == 403
    assert api.names() == []


@pytest.mark.parametrize(
    ("options", "create", "get", "listed"),
    [
        ({}, 403, 403, False),
        ({"refusal": 409}, 409, 403, False),
        ({"visible": True}, 409, 200, True),
    ],
)
def test_an_id_taken_by_somebody_else_is_refused(api, emulator, options, create, get, listed):
    emulator.occupy("m", **options)
    assert api.send("POST", "tunedModels?tunedModelId=m", tuned()).status_code == create
    assert api.send("GET", "tunedModels/m").status_code == get
    assert (api.names() == ["m"]) is listed
    assert api.fails("PATCH", "tunedModels/m?updateMask=description", {"description": "x"})[0] == 403


def test_reader_projects_are_numbers_in_text(api):
    api.create(readerProjectNumbers=[12, "34"])
    assert api.get()["readerProjectNumbers"] == ["12", "34"]
    assert "readerProjectNumbers" not in api.get(version="v1beta3")


def test_integer_enums_are_answered_on_demand(api, clock):
    api.create()
    path = "tunedModels/m?%24alt=json%3Benum-encoding%3Dint"
    assert api.ok("GET", path)["state"] == 1
    clock.advance(100)
    assert api.ok("GET", path)["state"] == 2
    assert api.ok("GET", "tunedModels?$alt=json;enum-encoding=int")["tunedModels"][0]["state"] == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1beta/nothing"),
        ("GET", "/v2/tunedModels"),
        ("PUT", "/v1beta/tunedModels/m"),
        ("GET", "/"),
        ("GET", ""),
        ("POST", "/v1beta/tunedModels/m:explode"),
        ("POST", "/v1/tunedModels/m:generateText"),
        ("POST", "/v1beta3/tunedModels/m:generateContent"),
        ("DELETE", "/v1beta/tunedModels/m/operations/x"),
        ("OPTIONS", "/v1beta/tunedModels"),
    ],
)
def test_a_path_that_is_no_method_is_not_found(api, method, path):
    api.create()
    response = api.client.request(method, path)
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "Method not found."
