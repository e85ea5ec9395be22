"""What a Vertex AI tuning job makes of what: checkpoints, versions, places, and the models it goes on from."""

from __future__ import annotations

import pytest
from vertex_kit import PLACE, counting, preference, supervised

from reconciler.emulator.vertex.making import checkpoint_epochs


@pytest.mark.parametrize(
    ("epochs", "kept"),
    [
        (1, [1]),
        (3, [1, 2, 3]),
        (10, list(range(1, 11))),
        (20, list(range(2, 21, 2))),
        (11, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ],
)
def test_checkpoints_are_kept_of_every_epoch_or_of_ten(epochs, kept):
    assert checkpoint_epochs(epochs) == kept


def test_a_job_may_keep_nothing_but_its_last_checkpoint(vertex):
    vertex.upload(counting())
    done = vertex.tuned(supervisedTuningSpec=supervised(last_only=True, epochCount=4))
    assert "checkpoints" not in done["tunedModel"]
    model = vertex.ok("GET", done["tunedModel"]["model"])
    assert [reference["endpoint"] for reference in model["deployedModels"]] == [done["tunedModel"]["endpoint"]]


def test_a_model_is_served_where_its_base_is_served(vertex):
    vertex.upload(counting())
    place = "projects/my-proj/locations/europe-west4"
    done = vertex.tuned(baseModel="gemini-3.5-flash", place=place)
    assert done["tunedModel"]["model"].split("/")[3] == "europe-west4"
    assert done["tunedModel"]["endpoint"].split("/")[3] == "eu"
    assert vertex.ok("GET", done["tunedModel"]["endpoint"])["deployedModels"][0]["model"] == done["tunedModel"]["model"]


@pytest.mark.parametrize(
    ("base", "location", "status", "said"),
    [
        ("gemini-2.5-flash", "global", "FAILED_PRECONDITION", "global"),
        ("gemini-3.5-flash", "asia-east1", "FAILED_PRECONDITION", "asia-east1"),
        ("gemini-2.5-flash", "nowhere", "INVALID_ARGUMENT", "nowhere"),
    ],
)
def test_some_places_are_refused(vertex, base, location, status, said):
    body = {"baseModel": base, "supervisedTuningSpec": supervised()}
    code, name, message = vertex.fails("POST", f"/v1/projects/p/locations/{location}/tuningJobs", body)
    assert (code, name) == (400, status)
    assert said in message


def test_going_on_from_a_tuned_model_makes_its_next_version(vertex):
    vertex.upload(counting())
    first = vertex.tuned(tunedModelDisplayName="numbers")
    source = {"tunedModelName": first["tunedModel"]["model"], "checkpointId": "2"}
    second = vertex.tuned(preTunedModel=source)
    model = first["tunedModel"]["model"].partition("@")[0]
    assert second["tunedModel"]["model"] == f"{model}@2"
    assert second["preTunedModel"] == {**source, "baseModel": "gemini-2.5-flash"}
    assert "baseModel" not in second
    named = vertex.tuned(preTunedModel={"tuned_model_name": model}, tunedModelDisplayName="others")
    assert named["tunedModel"]["model"].partition("@")[0] != model
    assert vertex.ok("GET", model)["versionId"] == "2"
    assert vertex.ok("GET", f"{model}@1")["versionId"] == "1"
    assert "versionAliases" not in vertex.ok("GET", f"{model}@1")


def test_what_is_gone_on_from_must_be_there(vertex):
    vertex.upload(counting())
    done = vertex.tuned()
    spec = {"supervisedTuningSpec": supervised()}
    path = "tuning_job.pre_tuned_model"
    missing = {"tunedModelName": f"{PLACE}/models/1"}
    assert vertex.fails("POST", "tuningJobs", {"preTunedModel": missing, **spec})[0] == 404
    assert vertex.violations("POST", "tuningJobs", {"preTunedModel": {"tunedModelName": "x"}, **spec}).keys() == {
        f"{path}.tuned_model_name"
    }
    source = {"tunedModelName": done["tunedModel"]["model"], "checkpointId": "9"}
    assert vertex.violations("POST", "tuningJobs", {"preTunedModel": source, **spec}).keys() == {
        f"{path}.checkpoint_id"
    }


def test_preferences_are_tuned_with_a_beta(vertex):
    vertex.upload([preference(str(n), str(n + 1), "no") for n in range(8)])
    spec = {"trainingDatasetUri": "gs://bucket/train.jsonl", "hyperParameters": {"epochCount": 1}}
    done = vertex.tuned(preferenceOptimizationSpec=spec)
    assert done["preferenceOptimizationSpec"]["hyperParameters"]["beta"] == 0.1
    stats = done["tuningDataStats"]["preferenceOptimizationDataStats"]
    assert (stats["tuningDatasetExampleCount"], stats["scoresDistribution"]["sum"]) == ("8", 8.0)
