"""Every body we send is read by Google's own protobuf messages, and means there what we meant."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from providers_kit import MODEL, bench, model, ok

from reconciler.core.resource import Example
from reconciler.ports.provider import CreateRequest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venvs" / "google-ai" / "bin" / "python"
DRIVER = Path(__file__).parent / "drivers" / "parse_requests.py"

pytestmark = pytest.mark.google


@pytest.fixture(autouse=True)
def _published_messages():
    assert PYTHON.exists(), "the environment with Google's messages is missing: make .venvs/google-ai/.done"


EVERYTHING = {
    "displayName": "d" * 40,
    "description": '{"exampleInput": "input: 1"}\u2028\U0001f600',
    "baseModel": "text-bison-001",
    "temperature": 0,
    "topP": 0.949999988,
    "topK": 40.0,
    "hyperparameters": {"epochCount": 3, "batchSize": 2**31 - 1, "learningRate": 1.1754943508222875e-38},
}
SPECS = {
    "everything": EVERYTHING,
    "the least": {"displayName": "n", "baseModel": "models/x"},
    "no defaults": {"displayName": "n", "baseModel": "models/x", "hyperparameters": {}},
    "a child": {"displayName": "n", "source": {"tunedModel": "parent"}},
    "cleared texts": {"displayName": "n", "description": "", "baseModel": "models/x"},
    "large": {"displayName": "n", "baseModel": "models/x", "hyperparameters": {"learningRate": 3.4e38}},
}
MULTIPLIER = {"displayName": "n", "baseModel": "models/x", "hyperparameters": {"learningRateMultiplier": 0.3}}
ROWS = (Example("1", "2"), Example("", "十"), Example('"\\\n\t\x00\x1f', "\u2028\ud7ff\U0010ffff"))
PATCHES = {
    "everything": {"displayName": "x", "description": "", "temperature": 0.0, "topP": 1, "topK": 1},
    "a float32": {"topP": 0.949999988079071, "temperature": 1e-30},
    "only cleared": {"temperature": None, "topK": None},
}
VERSIONS = ("v1beta3", "v1beta")


def sent_by(version, act):
    """Return the last body that a provider of this version sends."""
    gemini = model(baseModel="models/gemini-1.5-flash-001-tuning")
    desk = bench(lambda request: ok(gemini if request.method in {"GET", "PATCH"} else {}), api_version=version)
    act(desk.provider)
    return desk.service.requests[-1].content.decode()


def create(spec):
    return lambda provider: provider.create(CreateRequest(MODEL, provider.normalize(spec).spec, ROWS))


def cases():
    for version in VERSIONS:
        specs = SPECS if version == "v1beta3" else {**SPECS, "a multiplier": MULTIPLIER}
        for name, spec in specs.items():
            yield f"{version} create {name}", version, "TunedModel", create(spec)
        for name, fields in PATCHES.items():
            yield f"{version} patch {name}", version, "TunedModel", lambda it, given=fields: it.update(MODEL, given)
    for count in (1, 8):
        ask = lambda it, number=count: it.generate(MODEL, "9\n\u2028十", candidates=number)  # noqa: E731 (bound to its count)
        yield f"v1beta3 generateText {count}", "v1beta3", "GenerateTextRequest", ask
        yield f"v1beta generateContent {count}", "v1beta", "GenerateContentRequest", ask


CASES = {name: (version, message, act) for name, version, message, act in cases()}


@pytest.fixture(scope="module")
def parsed():
    """All bodies, parsed in one go: starting Google's libraries takes a second."""
    asked = [
        {"version": version, "message": message, "body": sent_by(version, act)}
        for version, message, act in CASES.values()
    ]
    asked.append({"version": "v1beta3", "message": "TunedModel", "body": '{"learningRate": 1}'})
    done = subprocess.run(
        [PYTHON, DRIVER], input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=120
    )
    answers = json.loads(done.stdout)
    return dict(zip([*CASES, "a field that does not exist"], zip(asked, answers, strict=True), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_google_reads_it_and_would_send_the_same(parsed, name):
    asked, answer = parsed[name]
    assert "error" not in answer
    assert answer["parsed"] == without_defaults(json.loads(asked["body"]))


def test_the_parser_does_refuse_unknown_fields(parsed):
    _asked, answer = parsed["a field that does not exist"]
    assert "no field named" in answer["error"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_temperature_of_zero_survives(parsed, version):
    assert parsed[f"{version} create everything"][1]["parsed"]["temperature"] == 0.0
    assert parsed[f"{version} patch everything"][1]["parsed"]["temperature"] == 0.0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_value_in_its_float32_spelling_is_the_value_google_prints(parsed, version):
    assert parsed[f"{version} create everything"][1]["parsed"]["topP"] == 0.95


def without_defaults(value):
    """Drop the empty description, the one field we may send that protobuf does not print at its default."""
    return {key: item for key, item in value.items() if (key, item) != ("description", "")}
