"""How a Vertex AI tuning job lives: quota, cancelling, faults, the clock, versions of the API, the data file."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import httpx
import pytest
from vertex_kit import PLACE, Vertex, counting, supervised

from reconciler.emulator import Emulator, Fault


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


def test_a_file_of_before_gains_this_world(tmp_path, clock):
    path = tmp_path / "w.db"
    with Emulator(path, clock=clock) as emulator:
        emulator.occupy("theirs")
    with closing(sqlite3.connect(path)) as old:
        for table in ("vertex_records", "vertex_examples", "gcs_buckets", "gcs_objects", "gcs_uploads"):
            old.execute(f"DROP TABLE {table}")
    with (
        Emulator(path, clock=clock) as emulator,
        httpx.Client(transport=emulator.transport(), base_url="http://e") as client,
    ):
        vertex = Vertex(client, clock)
        vertex.upload(counting())
        assert vertex.tune()["state"] == "JOB_STATE_PENDING"
        assert vertex.fails("GET", "/v1beta/tunedModels/theirs")[0] == 403


def test_a_file_keeps_the_world(tmp_path, clock):
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
