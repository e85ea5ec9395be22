"""Answers: from the examples, cut as asked, and marked as simulated."""

from __future__ import annotations

import json

import pytest
from emulator_kit import CURL_BODY, FLASH, tuned

from reconciler.emulator import Fault
from reconciler.emulator.answers import complete, shorten

NUMBERS = [("1", "2"), ("3", "4"), ("twenty two", "twenty three"), ("1,000", "1,001")]


@pytest.fixture
def model(api, clock):
    api.ok("POST", "tunedModels?tunedModelId=m", CURL_BODY.read_bytes())
    clock.advance(100)
    return api


def say(api, prompt, version="v1beta", **options):
    return api.ok("POST", f"/{version}/tunedModels/m:generateText", {"prompt": {"text": prompt}, **options})


def content(prompt, **config):
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": config}


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("1", "2"),
        (" twenty two ", "twenty three"),
        ("4", "5"),
        ("-5", "-4"),
        ("2,000", "2,001"),
        ("twenty two!", "twenty three"),
        ("", "2"),
    ],
)
def test_the_answer_comes_from_the_examples(prompt, answer):
    assert complete(prompt, NUMBERS, 1) == [answer]


def test_numbers_without_one_constant_step_are_not_continued():
    assert complete("5", [("1", "2"), ("3", "5")], 1) in (["2"], ["5"])


def test_candidates_differ_as_long_as_the_examples_do():
    assert len(set(complete("9", NUMBERS, 4))) == 4
    assert complete("9", [("a", "b")], 3) == ["b", "b", "b"]
    assert complete("x", [], 2) == ["x", "x"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"stops": ["c"], "tokens": None}, ("a b ", False)),
        ({"stops": ["c", "b"], "tokens": None}, ("a ", False)),
        ({"stops": ["x", ""], "tokens": 2}, ("a b", True)),
        ({"stops": [], "tokens": 4}, ("a b c d", False)),
    ],
)
def test_answers_are_cut_at_stop_sequences_and_token_limits(options, expected):
    assert shorten("a b c d", **options) == expected


@pytest.mark.parametrize("version", ["v1beta", "v1beta3"])
def test_a_trained_input_gives_its_output(model, version):
    assert say(model, "ninety nine", version)["candidates"] == [{"output": "one hundred"}]


def test_as_many_candidates_as_asked_for(model):
    answer = say(model, "4", temperature=1.0, candidate_count=2)
    assert len(answer["candidates"]) == 2
    assert answer["candidates"][0] == {"output": "5"}


def test_every_answer_says_that_it_is_simulated(model):
    response = model.send("POST", "tunedModels/m:generateText", {"prompt": {"text": "1"}})
    assert response.headers["x-tunectl-emulator"] == "simulated"


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_generate_content_answers_as_the_gemini_api_does(model, version):
    answer = model.ok("POST", f"/{version}/tunedModels/m:generateContent", content("seven"))
    assert answer["candidates"] == [
        {"content": {"parts": [{"text": "eight"}], "role": "model"}, "finishReason": "STOP"}
    ]
    assert answer["usageMetadata"] == {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}


def test_candidates_of_generate_content_are_numbered_from_the_second(model):
    body = content("ninety nine", candidateCount=2, maxOutputTokens=1)
    candidates = model.ok("POST", "tunedModels/m:generateContent", body)["candidates"]
    assert [candidate.get("index") for candidate in candidates] == [None, 1]
    assert candidates[0]["content"]["parts"] == [{"text": "one"}]
    assert candidates[0]["finishReason"] == "MAX_TOKENS"


def test_a_stream_is_a_list_or_events(model):
    (whole,) = model.ok("POST", "tunedModels/m:streamGenerateContent", content("7"))
    response = model.send("POST", "tunedModels/m:streamGenerateContent?alt=sse", content("7"))
    assert response.headers["content-type"] == "text/event-stream"
    assert json.loads(response.text.removeprefix("data: ")) == whole
    assert whole["candidates"][0]["content"]["parts"] == [{"text": "8"}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "prompt.text is required"),
        ({"prompt": {"text": "1"}, "candidateCount": 0}, "candidateCount"),
        ({"prompt": {"text": "1"}, "candidateCount": 9}, "candidateCount"),
        ({"prompt": {"text": "1"}, "temperature": 1.5}, "temperature"),
        ({"prompt": {"text": "1"}, "temperature": "NaN"}, "temperature"),
        ({"prompt": {"text": "1"}, "topP": 2}, "topP"),
        ({"prompt": {"text": "1"}, "topK": 0}, "topK"),
        ({"prompt": {"text": "1"}, "maxOutputTokens": 0}, "maxOutputTokens"),
        ({"prompt": {"text": "1"}, "stopSequences": list("abcdef")}, "stopSequences"),
        ({"prompt": {"text": "x" * 40_001}}, "40001 characters"),
    ],
)
def test_a_text_request_is_checked(model, body, reason):
    assert reason in model.refused("POST", "tunedModels/m:generateText", body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "* GenerateContentRequest.contents: contents is not specified\n"),
        (content("1", responseMimeType="application/json"), "Json mode is not enabled for tunedModels/m"),
        (
            {**content("1"), "systemInstruction": {"parts": [{"text": "x"}]}},
            "Developer instruction is not enabled for tunedModels/m",
        ),
        ({"contents": [{"parts": [{"inlineData": {}}]}]}, "Request contains an invalid argument."),
    ],
)
def test_a_content_request_is_checked(model, body, said):
    assert model.fails("POST", "tunedModels/m:generateContent", body) == (400, "INVALID_ARGUMENT", said)


def test_a_model_answers_only_when_it_is_ready(api, clock):
    name = api.create()["name"]
    request = ("POST", "tunedModels/m:generateText", {"prompt": {"text": "1"}})
    assert api.fails(*request)[:2] == (400, "FAILED_PRECONDITION")
    api.ok("POST", f"/v1/{name}:cancel")
    assert api.fails(*request)[:2] == (400, "FAILED_PRECONDITION")


def test_a_model_of_somebody_else_does_not_answer(api, emulator):
    emulator.occupy("m")
    assert api.fails("POST", "tunedModels/m:generateText", {"prompt": {"text": "1"}})[0] == 403
    assert api.fails("POST", "tunedModels/none:generateText", {"prompt": {"text": "1"}})[0] == 404


def test_base_models_answer_what_they_support(api):
    assert (
        "simulated"
        in api.ok("POST", "models/text-bison-001:generateText", {"prompt": {"text": "1"}})["candidates"][0]["output"]
    )
    assert api.ok("POST", f"{FLASH}:generateContent", content("1"))["candidates"]
    status, _, message = api.fails("POST", f"{FLASH}:generateText", {"prompt": {"text": "1"}})
    assert status == 404
    assert "is not supported for generateText" in message


def test_a_model_trained_to_be_wrong_is_wrong(api, emulator, clock):
    emulator.faults.add(Fault("wrong"))
    api.ok("POST", "tunedModels?tunedModelId=m", tuned())
    clock.advance(100)
    assert api.get()["state"] == "ACTIVE"
    assert say(api, "1")["candidates"] == [{"output": "2?"}]
