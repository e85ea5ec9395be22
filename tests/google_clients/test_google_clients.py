"""Google's own client libraries, over a real port, cannot tell the emulator from the service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.emulator import Emulator, serve

pytestmark = pytest.mark.google

SEED = Path(__file__).parent.parent / "data" / "seed-listing.json"
RECORDED = json.loads(SEED.read_text(encoding="utf-8"))["tunedModels"]
NAMES = [model["name"] for model in RECORDED]


def without_zeros(value):
    """Leave out what protobuf's JSON prints although the service does not: zeros and empty things."""
    if isinstance(value, dict):
        kept = {name: without_zeros(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (0, "", [], {}, None, "STATE_UNSPECIFIED")}
    return [without_zeros(item) for item in value] if isinstance(value, list) else value


class Clock:
    def __call__(self):
        return 1_700_000_000.25


@pytest.fixture(scope="module", params=["v1beta3", "v1beta"])
def walk(request, drive):
    """What a walk through the API with google-ai-generativelanguage gave, and the log of its requests."""
    with Emulator(clock=Clock(), train_seconds=100, seed=SEED) as emulator, serve(emulator) as server:
        found = drive("google-ai", "generativelanguage.py", server.url, request.param)
        yield request.param, found, emulator.requests


def test_listing_pages_to_the_end_and_reads_every_message(walk):
    _, found, _ = walk
    assert found["listing"]["pages"] == [NAMES[:2], NAMES[2:4], NAMES[4:]]
    assert without_zeros(found["listing"]["recorded"]) == without_zeros(RECORDED)


def test_a_tuning_runs_and_its_operation_answers_the_model(walk):
    version, found, _ = walk
    tuning = found["tuning"]
    assert tuning["running"]["done"] is False
    assert tuning["running"]["metadata"]["totalSteps"] == 12
    assert 0 < tuning["half"]["completedPercent"] < 100
    assert tuning["done"]["completedPercent"] == 100
    assert tuning["type"] == f"google.ai.generativelanguage_{version}.types.tuned_model"
    assert (tuning["result"]["state"], tuning["result"]["temperature"]) == ("ACTIVE", 0.0)
    assert tuning["same"] is True


def test_a_patch_changes_what_is_masked(walk):
    _, found, _ = walk
    patched = found["patching"]
    assert (patched["description"], patched["temperature"], patched["topP"]) == ("new", 0.5, 0.95)


def test_permissions_and_ownership(walk):
    _, found, _ = walk
    sharing = found["sharing"]
    assert [(p["granteeType"], p["role"]) for p in sharing["listed"]] == [
        *(("USER", "OWNER"), ("EVERYONE", "READER"), ("USER", "WRITER"))
    ]
    assert sharing["got"] == sharing["listed"][1]
    assert sharing["changed"] == sharing["listed"][2]
    assert sharing["gone"][0] == "NotFound"
    assert sharing["roles"] == {"user@example.com": "WRITER", "a@example.com": "OWNER"}


def test_generated_text_and_content(walk):
    version, found, _ = walk
    assert found["generating"]["text"][0] == "10"
    assert len(found["generating"]["text"]) == 2
    if version == "v1beta":
        assert found["generating"]["content"] == ["10", "STOP"]
        assert found["generating"]["streamed"] == ["10"]


def test_a_failed_tuning_is_the_right_exception_and_nan_is_nan(walk):
    _, found, _ = walk
    assert found["failing"] == {"operation": ["InvalidArgument", "Tuning failed."], "state": "FAILED", "nan": True}


def test_cancelling_and_operations(walk):
    version, found, _ = walk
    if version == "v1beta3":
        assert found["cancelling"]["cancelled"] is True
        assert found["cancelling"]["error"][0] == "Cancelled"
        assert found["cancelling"]["state"] == "FAILED"
    else:
        assert found["cancelling"]["listed"] == [found["cancelling"]["made"]]
        assert found["cancelling"]["got"] == found["cancelling"]["made"]


def test_errors_are_the_right_exceptions(walk):
    version, found, _ = walk
    errors = {name: error and error[0] for name, error in found["errors"].items()}
    expected = {
        "missing": "NotFound",
        "twice": "Conflict",
        "bad id": "BadRequest",
        "long name": "BadRequest",
        "empty output": "BadRequest",
        "not ready": "BadRequest",
        "unmasked": "BadRequest",
        "theirs": "Forbidden",
        "429": "TooManyRequests",
        "500": "InternalServerError",
        "503": "ServiceUnavailable",
    }
    if version == "v1beta":
        del expected["503"]  # that client waits and sends again
        expected["unmasked"] = None  # no mask means every populated field, and none is
    assert errors == expected
    assert found["errors"]["missing"][1].endswith("Tuned model tunedModels/none does not exist.")


def test_base_models(walk):
    _, found, _ = walk
    assert "createTunedTextModel" in found["bases"]["models/text-bison-001"]


def test_only_the_v1beta_client_sends_a_create_again(walk):
    version, found, log = walk
    sent = [r.status for r in log if r.method == "POST" and r.query.get("tunedModelId") == "retried"]
    assert (found["retrying"] and found["retrying"][0], sent) == (
        ("ServiceUnavailable", [503]) if version == "v1beta3" else (None, [503, 200])
    )


def test_a_deleted_model_is_gone(walk):
    _, found, _ = walk
    assert found["deleting"][0] == "NotFound"


@pytest.fixture(scope="module")
def generativeai(drive):
    """What a walk with google-generativeai gave."""
    with Emulator(clock=Clock(), train_seconds=100) as emulator, serve(emulator) as server:
        return drive("google-generativeai", "generativeai.py", server.url)


def test_generativeai_tunes_from_a_list_and_waits(generativeai):
    assert generativeai["tuning"] == {
        "name": "tunedModels/first",
        "steps": 12,
        "state": "ACTIVE",
        "base": "models/gemini-1.5-flash-001-tuning",
        "epochs": [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3],
        "rate": 0.001,
    }


def test_generativeai_tunes_a_tuned_model(generativeai):
    assert generativeai["chaining"] == {
        "source": "tunedModels/first",
        "base": "models/gemini-1.5-flash-001-tuning",
    }


def test_generativeai_updates_shares_generates_lists_and_deletes(generativeai):
    assert generativeai["updating"] == {"description": "new", "again": "new"}
    assert generativeai["sharing"] == [["OWNER", "USER"], ["READER", "EVERYONE"]]
    assert generativeai["generating"] == {"text": "10", "tokens": 2}
    assert generativeai["listing"] == ["tunedModels/first", "tunedModels/second"]
    assert generativeai["deleting"].endswith("Tuned model tunedModels/first does not exist.")
