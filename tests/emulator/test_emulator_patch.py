"""Patches: masks, what may change, what may only be repeated."""

from __future__ import annotations

import pytest
from emulator_kit import BISON, FLASH, tuned

VERSIONS = ["v1", "v1beta", "v1beta3"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mask_names_what_is_changed_and_nothing_else_is(api, version):
    api.create(description="old", temperature=0.5)
    path = f"/{version}/tunedModels/m?updateMask=description,temperature,topP"
    answer = api.ok("PATCH", path, {"description": "new", "temperature": 0.0, "displayName": "not masked"})
    assert answer == api.get(version=version)
    assert (answer["description"], answer["temperature"], answer["displayName"]) == ("new", 0.0, "numbers")


def test_a_masked_field_that_is_absent_is_cleared(api):
    api.create(description="old", temperature=0.5, topK=3)
    answer = api.ok("PATCH", "tunedModels/m?updateMask=description,temperature,top_k,display_name", {})
    assert "description" not in answer
    assert "displayName" not in answer
    assert (answer["temperature"], answer["topK"]) == (0.7, 40)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_without_a_mask_the_populated_fields_are_changed(api, version):
    api.create(description="old")
    answer = api.ok("PATCH", f"/{version}/tunedModels/m", {"displayName": "new"})
    assert (answer["displayName"], answer["description"]) == ("new", "old")


def test_v1beta3_requires_the_mask(api):
    api.create()
    assert "required" in api.refused("PATCH", "/v1beta3/tunedModels/m", {"displayName": "new"})


def test_a_star_replaces_everything_that_can_change(api):
    api.create(description="old", temperature=0.1, readerProjectNumbers=["12"])
    answer = api.ok("PATCH", "tunedModels/m?updateMask=*", {"displayName": "new"})
    assert answer["displayName"] == "new"
    assert "description" not in answer
    assert "readerProjectNumbers" not in answer
    assert answer["temperature"] == 0.7


@pytest.mark.parametrize(
    ("mask", "body"),
    [
        ("baseModel", {"baseModel": FLASH}),
        ("tuningTask.hyperparameters.epochCount", {"tuningTask": {"hyperparameters": {"epochCount": 99}}}),
        ("tuning_task.hyperparameters", {"tuningTask": {"hyperparameters": {"learningRate": 0.5}}}),
        ("tuningTask", {"tuningTask": {"hyperparameters": {"batchSize": 99}}}),
        ("tuningTask.trainingData", {"tuningTask": tuned(3)["tuningTask"]}),
        ("*", {"baseModel": FLASH}),
        ("", {"baseModel": FLASH}),
        ("", {"tunedModelSource": {"tunedModel": "tunedModels/x"}}),
    ],
)
def test_what_is_immutable_cannot_be_changed(api, mask, body):
    api.create()
    before = api.get()
    assert "cannot be changed" in api.refused("PATCH", f"tunedModels/m?updateMask={mask}", body)
    assert api.get() == before


def test_what_is_immutable_may_be_repeated(api):
    api.create()
    body = {**api.get(), "description": "new", "state": 1, "updateTime": "2001-01-01T00:00:00Z"}
    assert api.ok("PATCH", "tunedModels/m", body)["description"] == "new"
    body = tuned(description="newer")
    path = "tunedModels/m?updateMask=description,baseModel,tuningTask.trainingData,state,name,createTime"
    assert api.ok("PATCH", path, body)["description"] == "newer"


def test_masking_what_is_immutable_without_a_value_changes_nothing(api):
    api.create()
    before = api.get()
    answer = api.ok("PATCH", "tunedModels/m?updateMask=baseModel,tuningTask,displayName", {"displayName": "new"})
    assert answer == {**before, "displayName": "new", "updateTime": answer["updateTime"]}


def test_fields_outside_the_mask_are_not_looked_at(api):
    api.create()
    body = {**api.get(), "baseModel": FLASH, "description": "new", "temperature": 9}
    assert api.ok("PATCH", "tunedModels/m?updateMask=description", body)["baseModel"] == BISON


@pytest.mark.parametrize("mask", ["nothing", "description.x", "tuningTask.nothing", "displayName,,x", "*,description"])
def test_a_mask_names_fields_that_exist(api, mask):
    api.create()
    response = api.send("PATCH", f"tunedModels/m?updateMask={mask}", {})
    assert response.status_code == 400
    assert response.json()["error"]["details"][0]["fieldViolations"][0]["field"] == "update_mask"


@pytest.mark.parametrize("body", [{"displayName": "x" * 41}, {"temperature": 2}, {"topK": 0}])
def test_a_patch_is_checked_like_a_create(api, body):
    api.create()
    assert api.refused("PATCH", "tunedModels/m", body)


def test_a_patch_moves_the_update_time_and_leaves_training_alone(api, clock):
    api.create()
    clock.advance(10)
    patched = api.ok("PATCH", "tunedModels/m?updateMask=description", {"description": "x"})
    assert patched["updateTime"] > patched["createTime"]
    clock.advance(90)
    done = api.get()
    assert done["updateTime"] == done["tuningTask"]["completeTime"]
    clock.advance(10)
    api.ok("PATCH", "tunedModels/m?updateMask=description", {"description": "y"})
    assert api.get()["updateTime"] > done["updateTime"]
