"""Datasets in Cloud Storage, as a Vertex AI tuning job reads them: what is right, what fails it, what is counted."""

from __future__ import annotations

import json

import pytest
from vertex_kit import counting, jsonl, message, preference, row, supervised

from reconciler.emulator.vertex import dataset
from reconciler.emulator.vertex.stats import steps_at


def failure(vertex, **fields):
    """What a job fails with; it never runs then."""
    done = vertex.tuned(**fields)
    assert done["state"] == "JOB_STATE_FAILED"
    assert not {"startTime", "tunedModel", "tuningDataStats"} & done.keys()
    return done["error"]["code"], done["error"]["message"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({}, "contents is empty"),
        ({"contents": []}, "contents is empty"),
        ({"contents": [message("user", "1")]}, "end with one of the model"),
        ({"contents": [message("model", "1")]}, "begin with a message of the user"),
        ({"contents": [message("user", "1"), message("user", "2")]}, "end with one of the model"),
        ({"contents": [message("user", "1"), message("assistant", "2")]}, "role 'assistant' is not valid"),
        ({"contents": [message("user", "1"), {"parts": [{"text": "2"}]}]}, "role '' is not valid"),
        ({"contents": [message("user", "1"), {"role": "model", "parts": []}]}, "at least one part"),
        ({"contents": [message("user", "1"), {"role": "model", "parts": [{}]}]}, "no part may be empty"),
        (row("1", "2", systemInstruction={"parts": []}), "at least one part"),
        (row("1", "2", colour="red"), 'Unknown name "colour"'),
        ({"contents": "x"}, "Invalid value at 'contents[0]'"),
        ([1], "not a JSON object"),
        ("x", "not a JSON object"),
    ],
)
def test_a_row_that_is_wrong_fails_the_job_by_its_number(vertex, bad, said):
    vertex.upload([row("1", "2"), bad])
    code, text = failure(vertex)
    assert code == 3
    assert "Row: 2. " in text
    assert said in text


def test_a_row_that_is_no_json_fails_the_job(vertex):
    vertex.upload(jsonl([row("1", "2")]) + b"\n{'contents': []}\n{}")
    _, text = failure(vertex)
    assert "Row: 2. The row is not a JSON object." in text
    assert "Row: 3. contents is empty." in text


def test_many_wrong_rows_are_counted_after_the_first_ten(vertex):
    vertex.upload([{}] * 25)
    assert failure(vertex)[1].endswith("Row: 10. contents is empty. (and 15 more)")


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (None, 5, "does not exist"),
        (b"", 3, "no examples"),
        (b"\n \n", 3, "no examples"),
        (b"\xff\xfe", 3, "not UTF-8"),
    ],
)
def test_data_that_is_none_fails_the_job(vertex, data, code, said):
    if data is not None:
        vertex.upload(data)
    found = failure(vertex)
    assert found[0] == code
    assert said in found[1]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"contents": [message("model", "1")]}, "begin with a message of the user"),
        ({"contents": [message("user", "1"), message("model", "2")]}, "end with a message of the user"),
        ({"contents": [message("user", "1")]}, "two entries, not 0"),
        ({**preference("1", "2", "3"), "completions": preference("1", "2", "3")["completions"][:1]}, "not 1"),
    ],
)
def test_a_preference_that_is_wrong_fails_the_job(vertex, bad, said):
    vertex.upload([preference("1", "2", "3"), bad])
    spec = {"trainingDatasetUri": "gs://bucket/train.jsonl"}
    assert said in failure(vertex, preferenceOptimizationSpec=spec)[1]


def test_completions_are_the_models_and_differ_in_score(vertex):
    spec = {"trainingDatasetUri": "gs://bucket/train.jsonl"}
    same, other = preference("1", "2", "3"), preference("1", "2", "3")
    same["completions"][1]["score"] = 1.0
    other["completions"][0]["completion"]["role"] = "user"
    vertex.upload([same, other])
    _, text = failure(vertex, preferenceOptimizationSpec=spec)
    assert "different scores" in text
    assert "must be a message of the model" in text


def test_supervised_rows_are_no_preferences(vertex):
    vertex.upload(counting())
    spec = {"trainingDatasetUri": "gs://bucket/train.jsonl"}
    assert "end with a message of the user" in failure(vertex, preferenceOptimizationSpec=spec)[1]


def test_what_a_dataset_holds_is_counted(vertex):
    turns = [message("user", "abcd"), message("model", "ef"), message("user", "ghijk"), message("model", "lm")]
    rows = [row("12345678", "1234", systemInstruction=message("system", "x")), {"contents": turns}]
    vertex.upload(rows)
    done = vertex.tuned(supervisedTuningSpec=supervised(epochCount=20))
    stats = done["tuningDataStats"]["supervisedTuningDataStats"]
    assert stats["tuningDatasetExampleCount"] == "2"
    assert stats["tuningStepCount"] == "3"
    assert stats["totalBillableTokenCount"] == str((2 + 1 + 1) + (1 + 1 + 2 + 1))
    assert stats["userInputTokenDistribution"]["sum"] == str(3 + 4)
    assert stats["userOutputTokenDistribution"]["sum"] == "2"
    assert (stats["userMessagePerExampleDistribution"]["min"], stats["userMessagePerExampleDistribution"]["max"]) == (
        2,
        4,
    )
    assert stats["userDatasetExamples"] == [message("user", "12345678"), message("user", "abcd")]
    assert "totalTruncatedExampleCount" not in stats


def test_a_row_that_is_too_long_is_left_out_and_counted(vertex, monkeypatch):
    monkeypatch.setattr(dataset, "MAX_TOKENS", 10)
    vertex.upload([row("1", "2"), row("x" * 60, "2"), row("3", "4")])
    stats = vertex.tuned()["tuningDataStats"]["supervisedTuningDataStats"]
    assert (stats["tuningDatasetExampleCount"], stats["totalTruncatedExampleCount"]) == ("2", "1")
    assert stats["truncatedExampleIndices"] == ["2"]
    assert "16 tokens" in stats["droppedExampleReasons"][0]
    vertex.upload([preference("x" * 60, "2", "3"), preference("1", "2", "3")])
    stats = vertex.tuned(preferenceOptimizationSpec={"trainingDatasetUri": "gs://bucket/train.jsonl"})[
        "tuningDataStats"
    ]
    assert stats["preferenceOptimizationDataStats"]["droppedExampleIndices"] == ["1"]
    vertex.upload([row("x" * 60, "2")])
    assert "no examples" in failure(vertex)[1]


def test_too_many_rows_fail_the_job(vertex, monkeypatch):
    monkeypatch.setattr(dataset, "MAX_EXAMPLES", 3)
    vertex.upload(counting(4))
    assert "4 examples; the limit is 3" in failure(vertex)[1]


@pytest.mark.parametrize(("validation", "good"), [(300, True), (301, False)])
def test_a_validation_dataset_may_be_a_third_of_a_large_training_dataset(vertex, validation, good):
    vertex.upload(counting(1001))
    vertex.upload(counting(validation), name="validation.jsonl")
    done = vertex.tuned(supervisedTuningSpec=supervised(validation="gs://bucket/validation.jsonl"))
    assert (done["state"] == "JOB_STATE_SUCCEEDED") is good
    if not good:
        assert "has 301 examples" in done["error"]["message"]


def test_a_validation_dataset_must_be_there_and_right(vertex):
    vertex.upload(counting())
    spec = supervised(validation="gs://bucket/validation.jsonl")
    assert failure(vertex, supervisedTuningSpec=spec)[0] == 5
    vertex.upload([{}], name="validation.jsonl")
    assert "validation.jsonl: Row: 1" in failure(vertex, supervisedTuningSpec=spec)[1]


def test_a_job_that_waits_reads_its_data_when_it_starts(vertex, emulator, clock):
    vertex.upload(counting())
    emulator.settings.concurrent_tunings = 1
    first, second = vertex.tune(), vertex.tune()
    vertex.send("DELETE", "/storage/v1/b/bucket/o/train.jsonl")
    clock.advance(250)
    assert [vertex.job(job)["state"] for job in (first, second)] == ["JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED"]


@pytest.mark.parametrize(
    ("examples", "epochs", "batch", "steps"), [(15, 3, 16, 3), (16, 1, 16, 1), (17, 1, 16, 2), (1000, 2, 16, 125)]
)
def test_steps_are_the_batches_of_all_epochs(examples, epochs, batch, steps):
    assert steps_at(examples, epochs, batch) == steps


def test_media_parts_are_taken_and_a_byte_order_mark_is_passed_over(vertex):
    media = {"fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/a.png"}}
    asked = {"role": "user", "parts": [media, {"text": "what?"}]}
    vertex.upload(b"\xef\xbb\xbf" + json.dumps({"contents": [asked, message("model", "a cat")]}).encode() + b"\r\n\n")
    assert vertex.tuned()["state"] == "JOB_STATE_SUCCEEDED"
