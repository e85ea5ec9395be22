"""Vertex AI's tuning jobs: what a create takes and answers, how a job lives, how jobs are listed."""

from __future__ import annotations

import pytest
from vertex_kit import PLACE, TRAIN, counting, supervised

from reconciler.emulator import Fault

SPEC = "tuning_job.supervised_tuning_spec"


def test_a_create_answers_the_job_with_the_defaults_the_service_chose(vertex):
    vertex.upload(counting())
    job = vertex.tune(labels={"managed-by": "tunectl"}, tunedModelDisplayName="numbers", description="counts")
    project, number = job["name"].split("/")[1], job["name"].split("/")[5]
    assert project.isdigit()
    assert number.isdigit()
    assert job["name"] == f"projects/{project}/locations/us-central1/tuningJobs/{number}"
    assert job["state"] == "JOB_STATE_PENDING"
    assert job["labels"] == {"managed-by": "tunectl"}
    assert (job["baseModel"], job["tunedModelDisplayName"], job["description"]) == (
        "gemini-2.5-flash",
        "numbers",
        "counts",
    )
    assert job["supervisedTuningSpec"] == {
        "trainingDatasetUri": TRAIN,
        "hyperParameters": {
            "epochCount": "3",
            "adapterSize": "ADAPTER_SIZE_FOUR",
            "learningRateMultiplier": 1.0,
        },
    }
    assert not {"startTime", "endTime", "tunedModel", "error", "tuningDataStats"} & job.keys()


def test_a_job_is_pending_then_runs_then_has_a_model_and_endpoints(vertex, clock):
    vertex.upload(counting())
    job = vertex.tune()
    states = []
    for _ in range(12):
        states.append(vertex.job(job)["state"].removeprefix("JOB_STATE_"))
        clock.advance(10)
    assert states == ["PENDING", *["RUNNING"] * 9, *["SUCCEEDED"] * 2]
    done = vertex.job(job)
    assert done["createTime"] < done["startTime"] < done["endTime"] == done["updateTime"]
    assert done["tunedModel"]["model"].endswith("@1")
    assert [(c["checkpointId"], c["epoch"], c["step"]) for c in done["tunedModel"]["checkpoints"]] == [
        *(("1", "1", "1"), ("2", "2", "2"), ("3", "3", "3"))
    ]
    assert done["tunedModel"]["endpoint"] == done["tunedModel"]["checkpoints"][-1]["endpoint"]


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"baseModel": "gemini-1"}, "tuning_job.base_model", "Base model gemini-1 is not supported."),
        ({"baseModel": "gemini-3-pro-preview"}, "tuning_job.base_model", "not supported"),
        ({"baseModel": ""}, "tuning_job.base_model", "not set"),
        ({"supervisedTuningSpec": {}}, f"{SPEC}.training_dataset_uri", "not set"),
        (
            {"supervisedTuningSpec": supervised("gs://bucket/train.csv")},
            f"{SPEC}.training_dataset_uri",
            "training_dataset_uri should be a GCS object of type JSONL.",
        ),
        (
            {"supervisedTuningSpec": supervised(validation="b/v.jsonl")},
            f"{SPEC}.validation_dataset_uri",
            "of type JSONL",
        ),
        (
            {"supervisedTuningSpec": supervised(adapterSize="ADAPTER_SIZE_THIRTY_TWO")},
            f"{SPEC}.hyper_parameters.adapter_size",
            "The adapter size is not supported for this base model.",
        ),
        (
            {"baseModel": "gemini-2.5-pro", "supervisedTuningSpec": supervised(adapterSize="ADAPTER_SIZE_SIXTEEN")},
            f"{SPEC}.hyper_parameters.adapter_size",
            "not supported",
        ),
        ({"supervisedTuningSpec": supervised(epochCount=-1)}, f"{SPEC}.hyper_parameters.epoch_count", "range"),
        (
            {"supervisedTuningSpec": supervised(learningRateMultiplier=-0.5)},
            f"{SPEC}.hyper_parameters.learning_rate_multiplier",
            "above 0",
        ),
        ({"labels": {"Team": "x"}}, "tuning_job.labels", "Label key 'Team'"),
        ({"labels": {"1team": "x"}}, "tuning_job.labels", "beginning with a letter"),
        ({"labels": {"team": "x" * 65}}, "tuning_job.labels", "up to 64"),
        ({"labels": {"team": "a b"}}, "tuning_job.labels", "value 'a b'"),
        ({"labels": {f"l{number}": "" for number in range(65)}}, "tuning_job.labels", "65 labels"),
        ({"tunedModelDisplayName": "x" * 129}, "tuning_job.tuned_model_display_name", "129"),
        ({"serviceAccount": "nobody"}, "tuning_job.service_account", "no service account"),
        ({"encryptionSpec": {"kmsKeyName": "key"}}, "tuning_job.encryption_spec.kms_key_name", "form"),
        (
            {
                "baseModel": "gemini-3.5-flash",
                "encryptionSpec": {"kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
            },
            "tuning_job.encryption_spec",
            "not supported",
        ),
    ],
)
def test_a_bad_request_names_the_field_in_snake_case(vertex, fields, field, said):
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": supervised(), **fields}
    found = vertex.violations("POST", "tuningJobs", body)
    assert said in found[field]


def test_all_that_is_wrong_is_said_at_once(vertex):
    spec = supervised("gs://b/x.txt", adapterSize="ADAPTER_SIZE_THIRTY_TWO")
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec, "labels": {"A": "b"}}
    assert len(vertex.violations("POST", "tuningJobs", body)) == 3


def test_what_labels_may_hold_is_taken(vertex):
    vertex.upload(counting())
    labels = {"team": "", "größe": "x_1-y", "k" * 64: "v" * 64}
    assert vertex.tune(labels=labels)["labels"] == labels


def test_jobs_are_found_by_label_and_by_state(vertex, clock):
    vertex.upload(counting())
    first = vertex.tuned(labels={"team": "a"})
    second = vertex.tune(labels={"team": "b", "managed-by": "tunectl"})

    def found(text):
        page = vertex.ok("GET", "tuningJobs", params={"filter": text})
        return [job["name"] for job in page.get("tuningJobs", [])]

    assert found("") == [second["name"], first["name"]]
    assert found("labels.team=a") == [first["name"]]
    assert found('labels.team="b" AND labels.managed-by=tunectl') == [second["name"]]
    assert found("labels.managed-by:*") == [second["name"]]
    assert found("NOT labels:managed-by") == [first["name"]]
    assert found("state=JOB_STATE_SUCCEEDED") == [first["name"]]
    assert found("labels.team=a OR labels.team=b") == [second["name"], first["name"]]
    assert found(f'create_time>"{first["createTime"]}"') == [second["name"]]
    assert found("-labels.team=a") == [second["name"]]
    assert found("(labels.team=a) (tuned_model.model:*)") == [first["name"]]


@pytest.mark.parametrize(
    "text", ["labels.team", "team=a", "labels.team=", "(labels.team=a", "labels.team=a)", "=", '"']
)
def test_a_filter_that_cannot_be_read_is_refused(vertex, text):
    status, code, said = vertex.fails("GET", "tuningJobs", params={"filter": text})
    assert (status, code) == (400, "INVALID_ARGUMENT")
    assert "filter" in said


def test_jobs_come_in_pages_newest_first(vertex):
    vertex.upload(counting(2))
    names = [vertex.tune()["name"] for _ in range(5)][::-1]
    found, token = [], ""
    for _ in range(3):
        page = vertex.ok("GET", "tuningJobs", params={"pageSize": 2, "pageToken": token})
        found.append([job["name"] for job in page["tuningJobs"]])
        token = page.get("nextPageToken", "")
        vertex.tune()
    assert found == [names[:2], names[2:4], names[4:]]
    assert token == ""
    page = vertex.ok("GET", "tuningJobs", params={"pageSize": 2})
    other = {"pageToken": page["nextPageToken"], "filter": "labels.a=b"}
    assert vertex.fails("GET", "tuningJobs", params=other)[0] == 400
    assert vertex.fails("GET", "tuningJobs", params={"pageSize": -1})[0] == 400


def test_jobs_of_another_project_or_location_are_not_listed(vertex):
    vertex.upload(counting(2))
    vertex.tune(place="projects/other/locations/us-central1")
    vertex.tune(place="projects/my-proj/locations/europe-west4")
    assert vertex.ok("GET", "tuningJobs") == {}


def test_a_project_is_found_by_its_id_and_by_its_number(vertex):
    vertex.upload(counting(2))
    job = vertex.tune()
    number = job["name"].rpartition("/")[2]
    assert vertex.ok("GET", f"tuningJobs/{number}")["name"] == job["name"]
    assert vertex.fails("GET", "tuningJobs/1")[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("learning_rate", {"learningRate": -1}),
        ("learning_rate", {"learningRate": 1, "learningRateMultiplier": 1}),
        ("batch_size", {"batchSize": -1}),
    ],
)
def test_what_only_the_beta_takes_has_its_rules_as_well(vertex, field, settings):
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": supervised(**settings)}
    found = vertex.violations("POST", f"/v1beta1/{PLACE}/tuningJobs", body)
    assert found.keys() == {f"{SPEC}.hyper_parameters.{field}"}


def test_a_beta_below_nothing_and_a_base_of_ones_own_are_refused(vertex):
    spec = {"trainingDatasetUri": TRAIN, "hyperParameters": {"beta": -1}}
    body = {"baseModel": "gemini-2.5-flash", "preferenceOptimizationSpec": spec}
    assert vertex.violations("POST", "tuningJobs", body).keys() == {
        "tuning_job.preference_optimization_spec.hyper_parameters.beta"
    }
    own = {"customBaseModel": "gs://b/m", "supervisedTuningSpec": supervised()}
    assert vertex.fails("POST", f"/v1beta1/{PLACE}/tuningJobs", own)[:2] == (501, "UNIMPLEMENTED")


def test_filters_compare_numbers_flags_and_lists(vertex):
    vertex.upload(counting())
    vertex.tuned(supervisedTuningSpec=supervised(last_only=True))

    def found(kind, text):
        return len(vertex.ok("GET", kind, params={"filter": text}).get(kind, []))

    only = "supervised_tuning_spec.export_last_checkpoint_only"
    assert [found("tuningJobs", f"{only}={value}") for value in ("true", "false")] == [1, 0]
    rate = "supervisedTuningSpec.hyperParameters.learningRateMultiplier"
    assert [found("tuningJobs", f"{rate}{rest}") for rest in (">=1", "<1", "=one", ":1.0")] == [1, 0, 0, 1]
    assert [found("models", f"versionAliases:{alias}") for alias in ("default", "golden")] == [1, 0]
    assert [found("models", f"displayName:{part}") for part in ("tuned-", "other")] == [1, 0]
    assert found("models", "labels!=x") == 0
    assert found("models", "description!=x") == 1


@pytest.mark.parametrize("text", ["(" * 60 + "labels.a=b" + ")" * 60, "labels.a=b " * 1000])
def test_a_filter_beyond_reason_is_refused(vertex, text):
    assert vertex.fails("GET", "tuningJobs", params={"filter": text})[0] == 400


def test_an_empty_page_of_publishers_models_leads_on(vertex, emulator):
    emulator.faults.add(Fault("empty-page"))
    page = vertex.ok("GET", "/v1beta1/publishers/google/models")
    assert page.keys() == {"nextPageToken"}
    listed = vertex.ok("GET", "/v1beta1/publishers/google/models", params={"pageToken": page["nextPageToken"]})
    assert len(listed["publisherModels"]) == 7
