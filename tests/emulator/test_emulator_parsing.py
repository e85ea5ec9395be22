"""Bodies are read as leniently as the service reads them, and no more."""

from __future__ import annotations

import json
import time

import pytest
from emulator_kit import FLASH, tuned

from reconciler.emulator.parsing import read_json
from reconciler.emulator.problems import ApiError


def put(body: dict, path: str, value: object) -> dict:
    """Set a value deep in a body."""
    *parents, last = path.split("/")
    here = body
    for name in parents:
        here = here[int(name)] if name.isdigit() else here[name]
    here[last] = value
    return body


FIRST = "tuningTask/trainingData/examples/examples/0"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"", {}),
        (b" \n", {}),
        (b'{"a": [1, 2,],}', {"a": [1, 2]}),
        (b'{"a": ",]", "b": "\\",}", }', {"a": ",]", "b": '",}'}),
        (b'{"a": {"b": 1,\n},\n}', {"a": {"b": 1}}),
    ],
)
def test_trailing_commas_are_forgiven_and_strings_left_alone(text, value):
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[,]",
        b"{,}",
        b"[1,,]",
        b'{"a":,}',
        b"{'a': 1}",
        b"{a: 1}",
        b'{"a": NaN}',
        b'{"a": 1} x',
        b"\xff\xfe",
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a": 01}',
        b'{"a": "' + b'\\"' * 9,
        b'{"a": "\\',
        b'{"a": 1,} "',
    ],
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ApiError) as caught:
        read_json(text)
    assert caught.value.status == "INVALID_ARGUMENT"
    assert caught.value.message.startswith("Invalid JSON payload received.")


def test_a_string_without_an_end_is_read_once_however_many_quotes_it_holds():
    begun = time.process_time()
    with pytest.raises(ApiError):
        read_json(b'{"a": "' + b'\\"' * 60_000)
    assert time.process_time() - begun < 2  # searching from every quote takes minutes


def test_snake_case_and_lower_camel_may_be_mixed(api):
    body = {"base_model": "models/text-bison-001", "displayName": "x", "tuning_task": tuned()["tuningTask"]}
    body["tuning_task"]["hyperparameters"] = {"epoch_count": 3, "batchSize": 4}
    assert api.ok("POST", "tunedModels", body)["metadata"]["totalSteps"] == 12


@pytest.mark.parametrize("value", [3, 3.0, "3", "3.0"])
def test_whole_numbers_may_be_spelt_in_several_ways(api, value):
    api.ok("POST", "tunedModels?tunedModelId=m", put(tuned(), "tuningTask/hyperparameters/epochCount", value))
    assert api.get()["tuningTask"]["hyperparameters"]["epochCount"] == 3


@pytest.mark.parametrize("value", ["0.5", 0.5, "5e-1"])
def test_floats_may_be_text(api, value):
    api.ok("POST", "tunedModels?tunedModelId=m", tuned(temperature=value))
    assert api.get()["temperature"] == 0.5


def test_null_is_not_set_and_one_item_is_a_list(api):
    body = tuned(description=None)
    body["tuningTask"]["trainingData"]["examples"]["examples"] = {"textInput": "1", "output": "2"}
    api.ok("POST", "tunedModels?tunedModelId=m", body)
    assert "description" not in api.get()


@pytest.mark.parametrize("role", ["READER", 3, "3"])
def test_enums_come_by_name_or_number(api, role):
    api.create()
    granted = api.ok("POST", "tunedModels/m/permissions", {"granteeType": 3, "role": role})
    assert granted == {"name": granted["name"], "granteeType": "EVERYONE", "role": "READER"}


@pytest.mark.parametrize(
    ("path", "value", "field", "message"),
    [
        (
            "labels",
            {},
            "tuned_model",
            "Invalid JSON payload received. Unknown name \"labels\" at 'tuned_model': Cannot find field.",
        ),
        (
            f"{FIRST}/text",
            "1",
            "tuned_model.tuning_task.training_data.examples.examples[0]",
            (
                'Invalid JSON payload received. Unknown name "text" at'
                " 'tuned_model.tuning_task.training_data.examples.examples[0]': Cannot find field."
            ),
        ),
        (
            "displayName",
            ["a"],
            "tuned_model",
            (
                "Invalid JSON payload received. Unknown name \"displayName\" at 'tuned_model':"
                " Proto field is not repeating, cannot start list."
            ),
        ),
        ("displayName", 5, "tuned_model.display_name", "Invalid value at 'tuned_model.display_name' (TYPE_STRING), 5"),
        (
            "tuningTask/hyperparameters/epochCount",
            3.5,
            "tuned_model.tuning_task.hyperparameters.epoch_count",
            "Invalid value at 'tuned_model.tuning_task.hyperparameters.epoch_count' (TYPE_INT32), 3.5",
        ),
        ("topK", "many", "tuned_model.top_k", "Invalid value at 'tuned_model.top_k' (TYPE_INT32), \"many\""),
        ("topK", True, "tuned_model.top_k", "Invalid value at 'tuned_model.top_k' (TYPE_INT32), true"),
        ("topK", 2**31, "tuned_model.top_k", "Invalid value at 'tuned_model.top_k' (TYPE_INT32), 2147483648"),
        ("topP", "1_0", "tuned_model.top_p", "Invalid value at 'tuned_model.top_p' (TYPE_FLOAT), \"1_0\""),
        ("topP", 1e39, "tuned_model.top_p", "Invalid value at 'tuned_model.top_p' (TYPE_FLOAT), 1e+39"),
        (
            "state",
            "DONE",
            "tuned_model.state",
            (
                "Invalid value at 'tuned_model.state'"
                ' (type.googleapis.com/google.ai.generativelanguage.v1beta.TunedModel.State), "DONE"'
            ),
        ),
        (
            "tuningTask",
            7,
            "tuned_model.tuning_task",
            (
                "Invalid value at 'tuned_model.tuning_task'"
                " (type.googleapis.com/google.ai.generativelanguage.v1beta.TuningTask), 7"
            ),
        ),
        (
            "createTime",
            "yesterday",
            "tuned_model.create_time",
            "Invalid value at 'tuned_model.create_time' (type.googleapis.com/google.protobuf.Timestamp), \"yesterday\"",
        ),
    ],
)
def test_a_wrong_body_is_refused_with_the_services_words(api, path, value, field, message):
    response = api.send("POST", "tunedModels", put(tuned(), path, value))
    error = response.json()["error"]
    assert (response.status_code, error["status"], error["message"]) == (400, "INVALID_ARGUMENT", message)
    (details,) = error["details"]
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert details["fieldViolations"] == [{"field": field, "description": message}]


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        *(("responseLogprobs", value, True) for value in (True, False, "true", "false")),
        *(("responseLogprobs", value, False) for value in (1, "yes", {})),
        *(("presencePenalty", value, True) for value in (1, "NaN", "-Infinity", "1e-3", None)),
        *(("presencePenalty", value, False) for value in ("1e400", 10**400, "", "inf", "1.2.3", {}, True)),
        *(("seed", value, True) for value in (-5, "-5", "1e3", 2**31 - 1)),
        *(("seed", value, False) for value in ("", "9" * 40, 1e300, "--5", [])),
    ],
)
def test_every_kind_of_scalar_has_its_spellings(api, name, value, taken):
    body = {"contents": [{"parts": [{"text": "1"}]}], "generationConfig": {name: value}}
    response = api.send("POST", f"{FLASH}:generateContent", json.dumps(body).encode())
    assert response.status_code == (200 if taken else 400), response.text


def test_every_problem_of_a_body_is_told_at_once(api):
    response = api.send("POST", "tunedModels", tuned(topK="x", labels={}))
    assert response.json()["error"]["message"].count("\n") == 1
    assert len(response.json()["error"]["details"][0]["fieldViolations"]) == 2


@pytest.mark.parametrize(
    ("fields", "oneof", "second"),
    [
        ({"base": FLASH, "learningRate": 0.1, "learningRateMultiplier": 2}, "learning_rate_option", "Multiplier"),
        ({"tunedModelSource": {"tunedModel": "tunedModels/x"}}, "source_model", "tunedModelSource"),
    ],
)
def test_two_members_of_a_oneof_conflict(api, fields, oneof, second):
    status, _, message = api.fails("POST", "tunedModels", tuned(**fields))
    assert status == 400
    assert f"(oneof), oneof field '{oneof}' is already set. Cannot set '" in message
    assert second in message


@pytest.mark.parametrize("body", [b"[]", b"3", b'"x"', b"null"])
def test_the_body_must_be_an_object(api, body):
    assert api.fails("POST", "tunedModels", body) == (
        400,
        "INVALID_ARGUMENT",
        'Invalid JSON payload received. Unknown name "": Root element must be a message.',
    )


@pytest.mark.parametrize("name", ["learningRateMultiplier", "readerProjectNumbers"])
def test_what_v1beta_added_is_unknown_to_v1beta3(api, name):
    body = tuned()
    home = body if name.startswith("reader") else body["tuningTask"]["hyperparameters"]
    home[name] = [1] if name.startswith("reader") else 1
    api.ok("POST", "tunedModels", body)
    assert api.fails("POST", "/v1beta3/tunedModels", body)[2].endswith("Cannot find field.")


def test_a_request_larger_than_the_service_takes_is_refused(api):
    body = json.dumps({"description": "x" * 20_971_520}).encode()
    assert api.fails("POST", "tunedModels", body)[2] == "Request payload size exceeds the limit: 20971520 bytes."


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "validate=1",
            (
                'Invalid JSON payload received. Unknown name "validate": Cannot bind query parameter.'
                " Field 'validate' could not be found in request message."
            ),
        ),
        ("pageSize=ten", "Invalid value at 'page_size' (TYPE_INT32), \"ten\""),
    ],
)
def test_query_parameters_are_bound_like_fields(api, query, message):
    assert api.fails("GET", f"tunedModels?{query}") == (400, "INVALID_ARGUMENT", message)


@pytest.mark.parametrize(
    "query", ["page_size=2", "pageSize=2", "pageSize=2&key=k&$alt=json&prettyPrint=true&quotaUser=q"]
)
def test_query_names_come_in_both_spellings_beside_system_parameters(api, query):
    for number in range(3):
        api.create(f"m{number}")
    assert api.names(query) == ["m0", "m1"]


@pytest.mark.parametrize("query", ["alt=proto", "$alt=media", "%ff=1", "pageToken=%ff"])
def test_a_query_that_cannot_be_served_is_refused(api, query):
    assert api.fails("GET", f"tunedModels?{query}")[:2] == (400, "INVALID_ARGUMENT")
