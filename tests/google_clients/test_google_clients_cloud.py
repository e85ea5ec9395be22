"""Google's clients of Vertex AI and Cloud Storage, over a real port; what passes is held against discovery documents.

google-genai in Vertex mode, google-api-python-client and google-cloud-storage, none of which knows it is no service.
"""

from __future__ import annotations

import pytest
from discovery_kit import Recorder, check_all

from reconciler.emulator import Emulator, serve

pytestmark = pytest.mark.google
_HITS = "fraction_of_correct_next_step_preds"


@pytest.fixture(scope="module")
def walk(drive):
    """What a walk with the three clients gave, and the exchanges of it."""
    with Emulator(clock=lambda: 1_700_000_000.25, train_seconds=100) as emulator:
        emulator.app = recorder = Recorder(emulator.app)
        with serve(emulator) as server:
            found = drive("google-cloud", "cloud.py", server.url)
        yield found, recorder.exchanges


def test_every_request_and_answer_is_one_of_the_discovery_documents(walk):
    _, exchanges = walk
    ours = [exchange for exchange in exchanges if exchange.path.startswith("/_emulator")]
    assert check_all(exchanges) == len(exchanges) - len(ours) > 70


def test_the_recorded_requests_of_google_genai_are_sent_and_taken(walk):
    """The paths and bodies are those that were recorded from google-genai 3.4.0."""
    _, exchanges = walk
    sent = [(exchange.method, exchange.path, exchange.status) for exchange in exchanges]
    place = "/v1beta1/projects/my-proj/locations/us-central1"
    assert ("POST", f"{place}/tuningJobs", 200) in sent
    assert ("GET", f"{place}/models", 200) in sent
    listed = [dict(e.query) for e in exchanges if e.method == "GET" and e.path == f"{place}/tuningJobs"]
    assert listed[0] == {"pageSize": "2"}
    assert set(listed[1]) == {"pageSize", "pageToken"}
    assert {"filter": "labels.managed-by=tunectl"} in listed
    onwards = next(e.body for e in exchanges if b"preTunedModel" in e.body)
    assert b'"checkpoint_id": "2"' in onwards
    assert next(e.body for e in exchanges if e.path.endswith(":cancel")) == b""


def test_cloud_storage_takes_every_way_of_uploading(walk):
    stored = walk[0]["storing"]
    assert all(stored[name] for name in ("generation", "text", "large", "unknown"))
    assert (stored["size"], stored["type"], stored["part"]) == (1570, "application/jsonl", "02030405")
    assert walk[0]["discovered"]["stored"] == ["again.jsonl", "1570"]


def test_cloud_storage_lists_and_groups(walk):
    stored = walk[0]["storing"]
    assert stored["listed"] == ["data/preferences.jsonl", "data/train.jsonl"]
    assert stored["folders"] == [["large.bin", "unknown.bin"], ["data/"]]
    assert stored["bucket"] == "US-CENTRAL1"


def test_cloud_storage_refuses_what_does_not_hold(walk):
    stored = walk[0]["storing"]
    assert stored["again"] == stored["stale"] == ["PreconditionFailed", 412]
    assert stored["missing"] == ["NotFound", 404]
    assert stored["twice"] == ["Conflict", 409]
    assert stored["deleted"] == [True, ["NotFound", 404]]


def test_genai_tunes_waits_and_asks_the_tuned_endpoint(walk):
    assert walk[0]["tuning"] == {
        "states": ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"],
        "epochs": 3,
        "steps": 3,
        "examples": 15,
        "checkpoints": [["1", 1, 1], ["2", 2, 2], ["3", 3, 3]],
        "answer": "10",
        "streamed": ["11"],
        "tokens": 3,
        "counted": 2,
    }


def test_the_loss_of_a_tuning_is_where_googles_clients_look_for_it(walk):
    every = [f"/{part}_{metric}" for part in ("eval", "train") for metric in (_HITS, "total_loss")]
    assert walk[0]["measured"] == {
        "metrics": every,
        "run": True,
        "steps": ["1", "2", "3"],
        "falls": True,
        "batch": [3, 3, 3, 3],
        "same": True,
    }


def test_genai_tunes_by_preference_goes_on_from_a_tuned_model_and_cancels(walk):
    assert walk[0]["more"] == {
        "direct": ["JOB_STATE_SUCCEEDED", "5"],
        "onwards": ["JOB_STATE_SUCCEEDED", True],
        "stopped": ["JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED", 1],
        "listed": 4,
        "labelled": [True],
    }


def test_genai_sees_refusals_as_client_errors(walk):
    invalid = ["ClientError", 400, "INVALID_ARGUMENT"]
    missing = ["ClientError", 404, "NOT_FOUND"]
    assert walk[0]["refusing"] == {
        **dict.fromkeys(("base", "uri", "labels", "model"), invalid),
        **dict.fromkeys(("missing", "endpoint"), missing),
    }


def test_genai_finds_and_renames_models_and_may_not_delete_deployed_ones(walk):
    assert walk[0]["registry"] == {
        "changed": "renamed",
        "listed": True,
        "bases": True,
        "refused": ["ClientError", 400, "FAILED_PRECONDITION"],
    }


def test_a_tuned_model_is_taken_apart_by_the_discovery_document(walk):
    found = walk[0]["discovered"]
    assert (found["epochs"], found["versions"], found["gone"], found["left"]) == ("3", ["2", "1"], [True], ["1"])
    assert found["labels"] == {"a": "b"}
    assert found["responses"] == [{"@type": "type.googleapis.com/google.protobuf.Empty"}] * 2
    assert found["missing"] == ["HttpError", 404]
    assert found["still"] == "JOB_STATE_SUCCEEDED"
