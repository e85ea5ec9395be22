"""What a tuning may start from: base models, those that are gone, and tuned models."""

from __future__ import annotations

from emulator_kit import BISON, tuned


def test_a_retired_base_model_is_not_listed_and_cannot_be_tuned(api, emulator):
    assert BISON in [model["name"] for model in api.ok("GET", "models")["models"]]
    emulator.settings.retired = frozenset({BISON})
    assert BISON not in [model["name"] for model in api.ok("GET", "models")["models"]]
    assert api.fails("GET", BISON)[0] == 404
    assert api.fails("POST", "tunedModels", tuned())[0] == 404


def chained(parent: str, **fields: object) -> dict:
    body = tuned(**fields)
    del body["baseModel"]
    return {**body, "tunedModelSource": {"tunedModel": parent, "baseModel": "models/ignored"}}


def test_a_tuned_model_can_be_tuned_again(api, clock):
    api.create("parent")
    clock.advance(100)
    api.ok("POST", "tunedModels?tunedModelId=child", chained("tunedModels/parent"))
    clock.advance(100)
    api.ok("POST", "tunedModels?tunedModelId=grandchild", chained("tunedModels/child"))
    for name, parent in (("child", "parent"), ("grandchild", "child")):
        model = api.get(name)
        assert model["tunedModelSource"] == {"tunedModel": f"tunedModels/{parent}", "baseModel": BISON}
        assert "baseModel" not in model


def test_a_source_must_exist_be_ready_and_be_ours(api, emulator):
    api.create("parent")
    emulator.occupy("theirs")
    assert api.fails("POST", "tunedModels", chained("tunedModels/parent"))[:2] == (400, "FAILED_PRECONDITION")
    assert api.fails("POST", "tunedModels", chained("tunedModels/none"))[0] == 404
    assert api.fails("POST", "tunedModels", chained("tunedModels/theirs"))[0] == 403
    assert api.refused("POST", "tunedModels", chained("models/x")) != ""
