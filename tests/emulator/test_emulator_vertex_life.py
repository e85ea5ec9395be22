"""How a Vertex AI tuning job lives: quota, cancelling, faults, checkpoints, the clock, what it goes on from."""

from __future__ import annotations

import httpx
import pytest
from vertex_kit import PLACE, Vertex, counting, preference, supervised

from reconciler.emulator import Emulator, Fault
from reconciler.emulator.vertex.making import checkpoint_epochs


def states(vertex, *jobs):
    return [vertex.job(job)["state"].removeprefix("JOB_STATE_") for job in jobs]


def test_beyond_the_quota_jobs_wait_and_start_in_order_as_others_end(vertex, clock, emulator):
    vertex.upload(counting())
    emulator.settings.concurrent_tunings = 1
    jobs = [vertex.tune() for _ in range(3)]
    assert [job["state"] for job in jobs] == ["JOB_STATE_PENDING", "JOB_STATE_QUEUED", "JOB_STATE_QUEUED"]
    assert vertex.job(jobs[1], "v1beta1")["tuningJobState"] == "TUNING_JOB_STATE_WAITING_FOR_QUOTA"
    clock.advance(150)
    assert states(vertex, *jobs) == ["SUCCEEDED", "RUNNING", "QUEUED"]
    clock.advance(1000)
    first, second, third = (vertex.job(job) for job in jobs)
    assert first["endTime"] < second["startTime"] < second["endTime"] < third["startTime"]


def test_a_clock_turned_far_shows_the_world_that_waiting_would_have(clock):
    """Two worlds, one looked at every ten seconds and one only at the end, end the same."""

    def end(looks):
        with (
            Emulator(clock=clock, train_seconds=100, concurrent_tunings=2) as emulator,
            httpx.Client(transport=emulator.transport(), base_url="http://e") as client,
        ):
            vertex = Vertex(client, clock)
            vertex.upload(counting())
            jobs = [vertex.tune() for _ in range(5)]
            for _ in range(looks):
                emulator.advance(400 / looks)
                vertex.ok("GET", "tuningJobs")
            found = [vertex.job(job) for job in jobs]
        return [[job.get(name) for name in ("state", "startTime", "endTime", "updateTime")] for job in found]

    assert end(40) == end(1)


def test_beyond_the_quota_a_create_may_be_refused_instead(vertex, clock, emulator):
    vertex.upload(counting())
    emulator.settings.concurrent_tunings = 1
    emulator.settings.over_quota = "refuse"
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": supervised()}
    vertex.tune()
    assert vertex.fails("POST", "tuningJobs", body)[:2] == (429, "RESOURCE_EXHAUSTED")
    other = "/v1/projects/other/locations/europe-west4/tuningJobs"
    assert vertex.ok("POST", other, body)["state"] == "JOB_STATE_PENDING"
    clock.advance(100)
    assert vertex.tune()["state"] == "JOB_STATE_PENDING"


def test_a_quota_raised_lets_waiting_jobs_start(vertex, emulator):
    vertex.upload(counting())
    emulator.settings.concurrent_tunings = 0
    job = vertex.tune()
    assert states(vertex, job) == ["QUEUED"]
    emulator.settings.concurrent_tunings = None
    assert states(vertex, job) == ["PENDING"]


def test_a_cancelled_job_is_cancelling_and_then_cancelled(vertex, clock):
    vertex.upload(counting())
    job = vertex.tune()
    clock.advance(50)
    assert vertex.ok("POST", f"/v1/{job['name']}:cancel", {}) == {}
    assert states(vertex, job) == ["CANCELLING"]
    clock.advance(10)
    found = vertex.job(job)
    assert (found["state"], found["error"]["code"]) == ("JOB_STATE_CANCELLED", 1)
    assert "endTime" in found
    assert "tunedModel" not in found
    vertex.ok("POST", f"/v1/{job['name']}:cancel", {})
    assert vertex.job(job) == found


def test_a_job_cancelled_as_it_ends_may_still_succeed(vertex, clock):
    vertex.upload(counting())
    job = vertex.tune()
    clock.advance(98)
    vertex.ok("POST", f"/v1/{job['name']}:cancel", {})
    assert states(vertex, job) == ["CANCELLING"]
    clock.advance(5)
    assert states(vertex, job) == ["SUCCEEDED"]


def test_a_waiting_job_is_cancelled_at_once_and_never_takes_the_slot(vertex, clock, emulator):
    vertex.upload(counting())
    emulator.settings.concurrent_tunings = 1
    first, second, third = (vertex.tune() for _ in range(3))
    vertex.ok("POST", f"/v1/{second['name']}:cancel", {})
    assert states(vertex, second) == ["CANCELLED"]
    clock.advance(150)
    assert states(vertex, first, second, third) == ["SUCCEEDED", "CANCELLED", "RUNNING"]


@pytest.mark.parametrize(
    ("fault", "state", "error"),
    [
        (Fault("fail", message="Out of luck.", code=13), "JOB_STATE_FAILED", {"code": 13, "message": "Out of luck."}),
        (Fault("fail"), "JOB_STATE_FAILED", {"code": 3, "message": "Tuning failed."}),
        (Fault("stuck"), "JOB_STATE_RUNNING", None),
    ],
)
def test_a_training_fails_or_sticks_on_demand(vertex, clock, emulator, fault, state, error):
    vertex.upload(counting())
    emulator.faults.add(fault)
    job = vertex.tune()
    clock.advance(60)
    found = vertex.job(job)
    assert (found["state"], found.get("error")) == (state, error)
    if error is None:
        vertex.ok("POST", f"/v1/{job['name']}:cancel", {})
        clock.advance(10)
        assert states(vertex, job) == ["CANCELLED"]


def test_a_fault_finds_its_training_by_display_name(vertex, clock, emulator):
    vertex.upload(counting())
    emulator.faults.add(Fault("wrong", model="^bad$"))
    good, bad = vertex.tuned(tunedModelDisplayName="good"), vertex.tuned(tunedModelDisplayName="bad")
    question = {"contents": [{"role": "user", "parts": [{"text": "4"}]}]}
    said = [
        vertex.ok("POST", f"{job['tunedModel']['endpoint']}:generateContent", question)["candidates"][0]
        for job in (good, bad)
    ]
    assert [candidate["content"]["parts"][0]["text"] for candidate in said] == ["5", "5?"]


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


def test_retired_bases_are_tuned_no_more(vertex, emulator):
    emulator.settings.retired = frozenset({"gemini-2.5-flash"})
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": supervised()}
    assert vertex.violations("POST", "tuningJobs", body).keys() == {"tuning_job.base_model"}
    assert vertex.fails("GET", "publishers/google/models/gemini-2.5-flash")[0] == 404
    listed = vertex.ok("GET", "/v1beta1/publishers/google/models")["publisherModels"]
    assert "publishers/google/models/gemini-2.5-flash" not in [model["name"] for model in listed]


def test_the_oneofs_of_a_job_take_one_and_the_beta_has_ways_that_are_not_emulated(vertex):
    both = {"baseModel": "gemini-2.5-flash", "preTunedModel": {}, "supervisedTuningSpec": supervised()}
    assert "oneof" in vertex.fails("POST", "tuningJobs", both)[2]
    none = {"baseModel": "gemini-2.5-flash"}
    assert vertex.violations("POST", "tuningJobs", none).keys() == {"tuning_job.tuning_spec"}
    other = {"baseModel": "gemini-2.5-flash", "distillationSpec": {}}
    assert vertex.fails("POST", f"/v1beta1/{PLACE}/tuningJobs", other)[:2] == (501, "UNIMPLEMENTED")
    assert "Unknown name" in vertex.fails("POST", "tuningJobs", other)[2]


def test_v1_hides_what_only_v1beta1_knows(vertex):
    vertex.upload(counting())
    spec = {"trainingDatasetUri": "gs://bucket/train.jsonl", "hyperParameters": {"batchSize": 4, "learningRate": 0.001}}
    job = vertex.tune(supervisedTuningSpec=spec, version="v1beta1", outputUri="gs://bucket/out")
    assert job["supervisedTuningSpec"]["hyperParameters"]["batchSize"] == "4"
    assert "learningRateMultiplier" not in job["supervisedTuningSpec"]["hyperParameters"]
    assert job["outputUri"] == "gs://bucket/out"
    seen = vertex.job(job)
    assert not {"batchSize", "learningRate"} & seen["supervisedTuningSpec"]["hyperParameters"].keys()
    assert "outputUri" not in seen
    assert "Unknown name" in vertex.fails("POST", "tuningJobs", {"supervisedTuningSpec": spec})[2]


def test_requests_are_read_as_leniently_as_the_service_reads_them(vertex):
    vertex.upload(counting())
    body = b"""{"base_model": "gemini-2.5-flash", "name": "ignored", "state": "JOB_STATE_FAILED",
      "supervised_tuning_spec": {"training_dataset_uri": "gs://bucket/train.jsonl",
        "hyper_parameters": {"epoch_count": "2", "adapter_size": 8,}}}"""
    response = vertex.client.post(f"/v1/{PLACE}/tuningJobs", content=body)
    job = response.json()
    assert job["state"] == "JOB_STATE_PENDING"
    assert job["name"] != "ignored"
    assert job["supervisedTuningSpec"]["hyperParameters"]["adapterSize"] == "ADAPTER_SIZE_EIGHT"


def test_a_new_job_is_listed_after_a_while_and_found_at_once(vertex, clock, emulator):
    vertex.upload(counting())
    emulator.settings.listing_lag = 30
    job = vertex.tune()
    assert vertex.ok("GET", "tuningJobs") == {}
    assert vertex.job(job)["name"] == job["name"]
    clock.advance(31)
    assert len(vertex.ok("GET", "tuningJobs")["tuningJobs"]) == 1


def test_a_lost_answer_leaves_the_job_that_was_made(vertex, emulator):
    vertex.upload(counting())
    emulator.faults.add(Fault("status", code=503, method="POST", path="tuningJobs", after=True))
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": supervised(), "labels": {"id": "x"}}
    assert vertex.fails("POST", "tuningJobs", body)[0] == 503
    assert len(vertex.ok("GET", "tuningJobs", params={"filter": "labels.id=x"})["tuningJobs"]) == 1


def test_an_empty_page_still_leads_on(vertex, emulator):
    vertex.upload(counting())
    vertex.tune()
    emulator.faults.add(Fault("empty-page"))
    page = vertex.ok("GET", "tuningJobs")
    assert page.keys() == {"nextPageToken"}
    assert len(vertex.ok("GET", "tuningJobs", params={"pageToken": page["nextPageToken"]})["tuningJobs"]) == 1


def test_a_file_keeps_the_world_and_a_file_of_before_gains_it(tmp_path, clock):
    name = ""
    for _ in range(2):
        with (
            Emulator(tmp_path / "w.db", clock=clock, train_seconds=100) as emulator,
            httpx.Client(transport=emulator.transport(), base_url="http://e") as client,
        ):
            vertex = Vertex(client, clock)
            if name:
                assert vertex.ok("GET", name)["state"] == "JOB_STATE_SUCCEEDED"
                assert vertex.ok("GET", "/storage/v1/b/bucket/o/train.jsonl")["size"] == "1570"
            else:
                vertex.upload(counting())
                name = vertex.tune()["name"]
                clock.advance(100)


def test_forgetting_everything_forgets_this_world_too(vertex):
    vertex.upload(counting())
    job = vertex.tune()
    assert vertex.ok("GET", "/_emulator")["jobs"] == 1
    vertex.ok("DELETE", "/_emulator/models")
    assert vertex.ok("GET", "/_emulator")["jobs"] == 0
    assert vertex.fails("GET", f"/v1/{job['name']}")[0] == 404
    assert vertex.send("GET", "/storage/v1/b/bucket/o/train.jsonl").status_code == 404


def test_credentials_are_asked_for_in_the_name_of_the_service(vertex, emulator):
    emulator.settings.require_auth = True
    response = vertex.send("GET", "tuningJobs")
    assert response.status_code == 401
    assert response.json()["error"]["details"][0]["metadata"] == {"service": "aiplatform.googleapis.com"}
    assert vertex.send("GET", "/storage/v1/b/bucket/o").status_code == 401
    assert vertex.send("GET", "tuningJobs", headers={"authorization": "Bearer x"}).status_code == 200
