"""Pages, tokens, filters and partial answers."""

from __future__ import annotations

import base64
import json

import pytest
from emulator_kit import listing, tuned

from reconciler.emulator.fields import parse_selection, select, wants
from reconciler.emulator.problems import ApiError
from reconciler.emulator.schema import TUNED_MODEL, page_of

PAGE = page_of("ListTunedModelsResponse", "tunedModels", TUNED_MODEL["v1beta"])


def pages(api, query: str) -> list[int]:
    """The lengths of all pages of a listing."""
    sizes, token = [], ""
    while True:
        page = api.ok("GET", f"tunedModels?{query}&pageToken={token}")
        sizes.append(len(page.get("tunedModels", [])))
        token = page.get("nextPageToken", "")
        if not token:
            return sizes


@pytest.fixture
def crowd(api):
    for number in range(25):
        api.create(f"m{number:02}")
    return api


@pytest.mark.parametrize(
    ("query", "sizes"),
    [
        ("", [10, 10, 5]),
        ("pageSize=0", [10, 10, 5]),
        ("pageSize=", [10, 10, 5]),
        ("pageSize=25", [25]),
        ("pageSize=24", [24, 1]),
        ("pageSize=5000", [25]),
    ],
)
def test_pages_have_ten_models_unless_told_otherwise(crowd, query, sizes):
    assert pages(crowd, query) == sizes


def test_more_than_a_thousand_models_never_come_in_one_page(api, emulator):
    models = [{"name": f"tunedModels/m{number}", "baseModel": "models/x"} for number in range(1001)]
    assert emulator.import_models({"tunedModels": models}) == 1001
    assert pages(api, "pageSize=5000") == [1000, 1]


def test_every_model_comes_once_whatever_the_page_size(crowd):
    seen, token = [], ""
    for size in (3, 7, 1, 1000):
        page = crowd.ok("GET", f"tunedModels?pageSize={size}&pageToken={token}")
        seen += [model["name"] for model in page["tunedModels"]]
        token = page.get("nextPageToken", "")
    assert token == ""
    assert seen == [f"tunedModels/m{number:02}" for number in range(25)]


def test_models_that_come_or_go_between_pages_neither_repeat_nor_hide_others(crowd):
    token = crowd.ok("GET", "tunedModels")["nextPageToken"]
    crowd.ok("DELETE", "tunedModels/m09")
    crowd.create("late")
    assert crowd.names(f"pageSize=100&pageToken={token}") == [*(f"m{number}" for number in range(10, 25)), "late"]


def test_an_empty_world_answers_an_empty_object(api):
    assert api.ok("GET", "tunedModels") == {}


@pytest.mark.parametrize("path", ["tunedModels", "models", "tunedModels/m00/permissions", "tunedModels/m00/operations"])
def test_a_negative_page_size_is_refused(crowd, path):
    assert "negative" in crowd.refused("GET", f"{path}?pageSize=-1")


def test_a_token_belongs_to_its_other_parameters(crowd):
    token = crowd.ok("GET", "tunedModels?filter=numbers")["nextPageToken"]
    assert "pageToken" in crowd.refused("GET", f"tunedModels?filter=other&pageToken={token}")
    assert "pageToken" in crowd.refused("GET", f"tunedModels?pageToken={token}")
    assert "pageToken" in crowd.refused("GET", f"tunedModels/m00/permissions?pageToken={token}")
    assert crowd.names(f"filter=numbers&pageToken={token}") == [f"m{number}" for number in range(10, 20)]


@pytest.mark.parametrize("value", ["x", "!!!", [1, 2, 3], [0, "x"], [True, "x"], [-1, "x"], {"a": 1}, None])
def test_a_made_up_token_is_refused(crowd, value):
    token = value if isinstance(value, str) else base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    assert "pageToken" in crowd.refused("GET", "tunedModels", params={"pageToken": token})


def test_models_page_like_everything_else(api):
    first = api.ok("GET", "models?pageSize=3")
    rest = api.ok("GET", f"models?pageSize=3&pageToken={first['nextPageToken']}")
    assert len(first["models"]) == 3
    assert "nextPageToken" not in rest
    assert api.ok("GET", "models")["models"] == first["models"] + rest["models"]


def test_base_models_say_what_can_be_done_with_them(api):
    methods = {model["name"]: model["supportedGenerationMethods"] for model in api.ok("GET", "models")["models"]}
    assert methods["models/text-bison-001"] == ["generateText", "countTextTokens", "createTunedTextModel"]
    assert "createTunedModel" in methods["models/gemini-1.0-pro-001"]
    assert "createTunedModel" in methods["models/gemini-1.5-flash-001-tuning"]
    assert "createTunedModel" not in methods["models/gemini-1.5-flash-latest"]


def test_v1beta3_knows_no_maximum_temperature(api):
    assert api.ok("GET", "models/gemini-1.5-flash-latest")["maxTemperature"] == 2.0
    assert "maxTemperature" not in api.ok("GET", "/v1beta3/models/gemini-1.5-flash-latest")


def test_a_filter_searches_display_name_and_description(api):
    api.create("one", displayName="Counts up", description="numbers in German")
    api.create("two", displayName="Counts down", description="numbers in French")
    assert api.names("filter=counts") == ["one", "two"]
    assert api.names("filter=french+COUNTS") == ["two"]
    assert api.names("filter=%22german%22") == ["one"]
    assert api.names("filter=models/text-bison-001") == []


def test_operators_choose_by_the_callers_role(api, emulator):
    api.create("mine")
    emulator.occupy("read", visible=True)
    emulator.occupy("hidden")
    assert api.names() == ["mine", "read"]
    assert api.names("filter=owner:me") == ["mine"]
    assert api.names("filter=readers:me") == ["read"]
    assert api.names("filter=writers:me") == []
    assert api.names("filter=owner:me+nothing") == []


def test_models_shared_with_everyone_are_listed_only_when_asked_for(api, emulator):
    emulator.settings.accounts = {"token": "other@example.com"}
    other = {"authorization": "Bearer token"}
    api.ok("POST", "tunedModels?tunedModelId=public", tuned(), headers=other)
    api.ok("POST", "tunedModels/public/permissions", {"granteeType": "EVERYONE", "role": "READER"}, headers=other)
    assert api.names() == []
    assert api.names("filter=readers:everyone") == ["public"]
    assert api.get("public")["name"] == "tunedModels/public"
    assert api.ok("GET", "tunedModels", headers=other)["tunedModels"][0]["name"] == "tunedModels/public"


@pytest.mark.parametrize("text", ["owner:you", "readers:", "writers:everyone"])
def test_an_operator_takes_only_what_it_knows(api, text):
    assert "filter" in api.refused("GET", "tunedModels", params={"filter": text})


def test_v1beta3_has_no_filter(api):
    assert "Cannot bind query parameter" in api.fails("GET", "/v1beta3/tunedModels?filter=owner:me")[2]


def test_new_models_are_listed_late_if_the_listing_lags(api, emulator, clock):
    emulator.settings.listing_lag = 5
    api.create()
    assert api.names() == []
    assert api.get()["state"] == "CREATING"
    clock.advance(5)
    assert api.names() == ["m"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("nextPageToken", {}),
        ("tunedModels/name", {"tunedModels": [{"name": "tunedModels/m"}]}),
        ("tunedModels(name,state)", {"tunedModels": [{"name": "tunedModels/m", "state": "CREATING"}]}),
        ("tunedModels.name,tunedModels/state", {"tunedModels": [{"name": "tunedModels/m", "state": "CREATING"}]}),
        ("tunedModels(tuning_task(hyperparameters/epochCount))", "epochs"),
        ("tunedModels/tuningTask/*/epochCount", "epochs"),
        (" tunedModels ( name , state ) ", {"tunedModels": [{"name": "tunedModels/m", "state": "CREATING"}]}),
    ],
)
def test_fields_select_a_part_of_the_answer(api, fields, expected):
    api.create()
    if expected == "epochs":
        expected = {"tunedModels": [{"tuningTask": {"hyperparameters": {"epochCount": 5}}}]}
        if "*" in fields:
            answer = api.ok("GET", "tunedModels", params={"fields": fields})
            assert answer["tunedModels"][0]["tuningTask"]["hyperparameters"] == {"epochCount": 5}
            return
    assert api.ok("GET", "tunedModels", params={"fields": fields}) == expected


def test_a_star_selects_every_field(api):
    api.create()
    assert api.ok("GET", "tunedModels?fields=*") == api.ok("GET", "tunedModels")
    assert api.ok("GET", "tunedModels?fields=tunedModels(*),nextPageToken") == api.ok("GET", "tunedModels")


@pytest.mark.parametrize("path", ["tunedModels/m", "models", "tunedModels/m/operations", "tunedModels/m/permissions"])
def test_every_method_takes_fields(api, path):
    api.create()
    whole = api.ok("GET", path)
    for name in whole:
        assert api.ok("GET", path, params={"fields": name}) == {name: whole[name]}


@pytest.mark.parametrize(
    "fields",
    [
        "nothing",
        "tunedModels/nothing",
        "tunedModels(name",
        "tunedModels)",
        "a,,b",
        "/",
        "(",
        "tunedModels/name/x",
        "na me",
        "é",
    ],
)
def test_fields_that_do_not_exist_are_refused_with_the_services_words(api, fields):
    response = api.send("GET", "tunedModels", params={"fields": fields})
    error = response.json()["error"]
    assert (response.status_code, error["message"]) == (400, "Request contains an invalid argument.")
    (violation,) = error["details"][0]["fieldViolations"]
    assert violation["description"].startswith(
        "Error expanding 'fields' parameter. Cannot find matching fields for path"
    )


def test_a_selection_may_not_nest_for_ever():
    with pytest.raises(ApiError):
        parse_selection("tunedModels(" * 100 + "name" + ")" * 100, PAGE)


def test_a_wider_selection_beside_a_narrower_one_wins():
    selection = parse_selection("tunedModels/name,tunedModels", PAGE)
    assert select(listing(), selection) == {"tunedModels": listing()["tunedModels"]}
    selection = parse_selection("tunedModels(tuningTask/snapshots,tuningTask/hyperparameters)", PAGE)
    assert wants(selection, "tunedModels", "tuningTask", "snapshots")
    assert not wants(selection, "tunedModels", "displayName")
    assert not wants(parse_selection("nextPageToken", PAGE), "tunedModels", "tuningTask")
    assert wants(None, "anything")


def test_snapshots_nobody_asked_for_are_not_computed(api, clock, monkeypatch):
    api.create()
    clock.advance(100)
    monkeypatch.setattr("reconciler.emulator.training.Training.snapshots", None)
    answer = api.ok("GET", "tunedModels?fields=tunedModels(name,tuningTask/hyperparameters)")
    assert answer["tunedModels"][0]["tuningTask"]["hyperparameters"]["batchSize"] == 4
