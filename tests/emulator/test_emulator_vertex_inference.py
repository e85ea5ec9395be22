"""What Vertex AI's endpoints and base models answer, how tokens are counted, and which models its publisher lists."""

from __future__ import annotations

import pytest
from vertex_kit import PLACE, counting, message


@pytest.fixture
def done(vertex):
    """A finished job with three checkpoints."""
    vertex.upload(counting())
    return vertex.tuned(labels={"team": "math"}, tunedModelDisplayName="numbers", description="counts")


@pytest.fixture
def model(done):
    return done["tunedModel"]["model"].partition("@")[0]


@pytest.fixture
def endpoints(done):
    return [checkpoint["endpoint"] for checkpoint in done["tunedModel"]["checkpoints"]]


def ask(vertex, target, text="4", **config):
    body = {"contents": [message("user", text)], "generationConfig": config}
    return vertex.ok("POST", f"{target}:generateContent", body)


def test_an_endpoint_answers_from_what_the_model_was_trained_on(vertex, endpoints):
    answer = ask(vertex, endpoints[0])
    assert answer["candidates"] == [{"content": message("model", "5"), "finishReason": "STOP"}]
    assert answer["usageMetadata"] == {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    assert answer["modelVersion"] == "gemini-2.5-flash"
    assert ask(vertex, endpoints[0], "400")["candidates"][0]["content"]["parts"][0]["text"] == "401"
    assert len(ask(vertex, endpoints[0], candidateCount=3)["candidates"]) == 3
    assert ask(vertex, endpoints[0], maxOutputTokens=1, stopSequences=["9"])["candidates"][0]["finishReason"] == "STOP"
    events = vertex.send(
        "POST", f"{endpoints[0]}:streamGenerateContent", {"contents": [message("user", "4")]}, params={"alt": "sse"}
    )
    assert events.text.startswith('data: {"candidates":')
    vertex.undeploy(endpoints[0])
    body = {"contents": [message("user", "4")]}
    assert vertex.fails("POST", f"{endpoints[0]}:generateContent", body)[:2] == (400, "FAILED_PRECONDITION")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "contents"),
        ({"contents": [{"parts": [{"text": "4"}]}]}, "Please use a valid role: user, model."),
        ({"contents": [{"role": "user", "parts": []}]}, "parts"),
        ({"contents": [message("user", "4")], "generationConfig": {"temperature": 3}}, "temperature"),
        ({"contents": [message("user", "4")], "generationConfig": {"candidateCount": 9}}, "candidateCount"),
        ({"contents": [message("user", "4")], "generationConfig": {"stopSequences": list("abcdef")}}, "stopSequences"),
        ({"contents": [message("user", "4")], "colour": "red"}, "colour"),
    ],
)
def test_a_question_that_is_none_is_refused(vertex, endpoints, body, said):
    code, status, text = vertex.fails("POST", f"{endpoints[0]}:generateContent", body)
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert said in text


def test_base_models_answer_and_registry_models_do_not(vertex, model):
    base = f"{PLACE}/publishers/google/models/gemini-2.5-flash"
    assert "simulated" in ask(vertex, base)["candidates"][0]["content"]["parts"][0]["text"]
    body = {"contents": [message("user", "4")]}
    assert vertex.fails("POST", f"{PLACE}/publishers/google/models/none:generateContent", body)[0] == 404
    assert "is malformed" in vertex.fails("POST", f"{model}:generateContent", body)[2]


def test_tokens_are_counted_by_an_estimate(vertex, endpoints):
    body = {"contents": [message("user", "a bc def ghij")], "systemInstruction": message("system", "12345")}
    for target in (endpoints[0], f"{PLACE}/publishers/google/models/gemini-2.5-flash"):
        counted = vertex.ok("POST", f"{target}:countTokens", body)
        assert (counted["totalTokens"], counted["totalBillableCharacters"]) == (6, 15)
    assert vertex.fails("POST", f"{endpoints[0]}:countTokens", {})[0] == 400
    assert vertex.fails("POST", f"{PLACE}/endpoints/1:countTokens", body)[0] == 404


def test_publishers_models_say_which_have_a_tuning_pipeline(vertex):
    found = vertex.ok("GET", "publishers/google/models/gemini-2.5-flash")
    assert "openFineTuningPipeline" in found["supportedActions"]
    assert "supportedActions" not in vertex.ok("GET", "publishers/google/models/gemini-3-pro-preview")
    first = vertex.ok("GET", "/v1beta1/publishers/google/models", params={"pageSize": 3})
    rest = vertex.ok("GET", "/v1beta1/publishers/google/models", params={"pageToken": first["nextPageToken"]})
    assert len(first["publisherModels"]) == 3
    assert "nextPageToken" not in rest
    assert found in first["publisherModels"] + rest["publisherModels"]
    assert vertex.fails("GET", "publishers/google/models")[0] == 404


def test_fields_select_from_an_answer(vertex, done):
    query = {"fields": "tuningJobs(name,supervisedTuningSpec/hyperParameters/epochCount)"}
    assert vertex.ok("GET", "tuningJobs", params=query) == {
        "tuningJobs": [{"name": done["name"], "supervisedTuningSpec": {"hyperParameters": {"epochCount": "3"}}}]
    }
