"""Whatever is sent to Vertex AI or Cloud Storage, and whatever stands in a dataset, no answer is a server error."""

from __future__ import annotations

import json

import httpx
import pytest
from emulator_kit import Clock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vertex_kit import PLACE, Vertex, counting, jsonl, message, preference, row, supervised

from reconciler.emulator import Emulator

NAMES = [
    *("baseModel", "preTunedModel", "tunedModelName", "checkpointId", "supervisedTuningSpec", "labels", "displayName"),
    *("preferenceOptimizationSpec", "trainingDatasetUri", "validationDatasetUri", "hyperParameters", "epochCount"),
    *("learningRateMultiplier", "adapterSize", "beta", "batchSize", "exportLastCheckpointOnly", "encryptionSpec"),
    *("kmsKeyName", "serviceAccount", "contents", "role", "parts", "text", "systemInstruction", "completions", "score"),
    *("completion", "generationConfig", "temperature", "deployedModelId", "versionAliases", "etag", "name", "metadata"),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["NaN", "gemini-2.5-flash", "gs://bucket/train.jsonl", "user", "model", "-default", "1"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)
JOBS = st.builds(
    lambda changes: {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": supervised(), **changes},
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
)
ROWS = st.one_of(
    VALUES,
    st.builds(lambda more: {**row("1", "2"), **more}, st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2)),
    st.builds(lambda more: {**preference("1", "2", "3"), **more}, st.dictionaries(st.sampled_from(NAMES), VALUES)),
)
SEGMENT = st.one_of(st.sampled_from(["1", "@", "1@2", "-", "*", "%2F", "%00"]), st.text("ab/:@?%.é", max_size=6))
PATHS = st.one_of(
    st.builds("{}/{}".format, st.sampled_from(["tuningJobs", "models", "endpoints", "operations"]), SEGMENT),
    st.sampled_from(["tuningJobs", "models", "endpoints", "operations"]),
    st.builds("endpoints/{}:{}".format, SEGMENT, st.sampled_from(["undeployModel", "generateContent", "countTokens"])),
    st.builds(
        "models/{}:{}".format, SEGMENT, st.sampled_from(["mergeVersionAliases", "listVersions", "deleteVersion"])
    ),
    st.just("publishers/google/models/gemini-2.5-flash:generateContent"),
)
STORED = st.builds("/storage/v1/b/{}/o/{}".format, st.sampled_from(["bucket", "B", "a"]), SEGMENT)
QUERY = st.dictionaries(
    st.sampled_from(
        [
            *("filter", "pageSize", "pageToken", "updateMask", "fields", "alt", "uploadType", "name", "upload_id"),
            *("ifGenerationMatch", "generation", "prefix", "delimiter", "maxResults", "timeout"),
        ]
    ),
    st.one_of(st.text(max_size=12), st.sampled_from(["media", "resumable", "multipart", "1", "labels.a=b", "*"])),
    max_size=3,
)
HEADERS = st.sampled_from(
    [
        {},
        {"range": "bytes=1-0"},
        {"content-range": "bytes 0-1/2"},
        {"content-type": "multipart/related; boundary=a"},
        {"x-goog-hash": "md5=,crc32c"},
    ]
)
often = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def world():
    """A world in which a model is tuned already."""
    clock = Clock()
    with (
        Emulator(clock=clock, sleep=clock.advance, train_seconds=100) as emulator,
        httpx.Client(transport=emulator.transport(), base_url="http://emulator") as client,
    ):
        vertex = Vertex(client, clock)
        vertex.upload(counting())
        vertex.tuned()
        yield vertex


def sound(response):
    """No server error, and what is JSON is JSON."""
    assert response.status_code < 500 or response.status_code == 501, response.text
    if response.headers["content-type"].startswith("application/json") and response.content:
        response.json()


@often
@given(body=st.one_of(JOBS, VALUES), version=st.sampled_from(["v1", "v1beta1"]))
def test_any_job_is_taken_or_refused(world, body, version):
    sound(world.client.post(f"/{version}/{PLACE}/tuningJobs", json=body))


@often
@given(rows=st.lists(ROWS, min_size=1, max_size=4), kind=st.sampled_from(["supervised", "preference"]))
def test_any_dataset_ends_in_a_model_or_in_an_error_of_the_job(world, rows, kind):
    world.upload(jsonl(rows), name="any.jsonl")
    spec = supervised("gs://bucket/any.jsonl")
    name = "supervisedTuningSpec" if kind == "supervised" else "preferenceOptimizationSpec"
    done = world.tuned(**{name: spec})
    assert done["state"] in {"JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED"}
    assert ("error" in done) is (done["state"] == "JOB_STATE_FAILED")


@often
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT"]),
    path=PATHS.map(lambda path: f"/v1/{PLACE}/{path}"),
    query=QUERY,
    body=VALUES,
)
def test_any_path_parameter_and_body_is_answered(world, method, path, query, body):
    sound(world.client.request(method, path, params=query, json=body))


@often
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.one_of(STORED, st.just("/upload/storage/v1/b/bucket/o"), st.just("/storage/v1/b")),
    query=QUERY,
    headers=HEADERS,
    body=st.one_of(st.binary(max_size=60), VALUES.map(lambda value: json.dumps(value).encode())),
)
def test_any_request_to_cloud_storage_is_answered(world, method, path, query, headers, body):
    sound(world.client.request(method, path, params=query, headers=headers, content=body))


@often
@given(text=st.text("ab.=:<>!()\"'- *\\", max_size=30).map(lambda text: f"labels.a=b {text}"))
def test_any_filter_is_read_or_refused(world, text):
    response = world.client.get(f"/v1/{PLACE}/tuningJobs", params={"filter": text})
    assert response.status_code in {200, 400}


@often
@given(text=st.text(max_size=30))
def test_any_question_is_answered_or_refused(world, text):
    (endpoint, *_) = world.ok("GET", "endpoints")["endpoints"]
    body = {"contents": [message("user", text)]}
    assert world.client.post(f"/v1/{endpoint['name']}:generateContent", json=body).status_code in {200, 400}
