"""Whatever is sent, no answer is a server error that nobody asked for, and every answer is of the API's shape."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest
from emulator_kit import SEED, Clock, tuned
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.emulator import Emulator

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=50),
    st.sampled_from(["NaN", "Infinity", "3", "1e400", "EVERYONE", "READER", "OWNER", "models/text-bison-001"]),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)
NAMES = [
    *(
        "displayName",
        "display_name",
        "description",
        "baseModel",
        "tunedModelSource",
        "tunedModel",
        "temperature",
        "topP",
    ),
    *(
        "topK",
        "state",
        "createTime",
        "tuningTask",
        "trainingData",
        "examples",
        "textInput",
        "output",
        "hyperparameters",
    ),
    *("epochCount", "batchSize", "learningRate", "learningRateMultiplier", "readerProjectNumbers", "granteeType"),
    *("emailAddress", "role", "prompt", "text", "candidateCount", "contents", "parts", "generationConfig", "name"),
    *("tunedModels", "snapshots", "meanLoss", "advance", "id", "refusal", "retired", "accounts"),
]
KNOWN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
)
CHANGED = st.builds(
    lambda path, value: change(tuned(), path, value),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4),
    JSON,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.one_of(JSON, KNOWN, CHANGED, st.just(tuned())).map(lambda value: json.dumps(value).encode()),
)
SEGMENTS = st.one_of(
    st.sampled_from(
        ["m", "tunedModels", "operations", "permissions", "models", "text-bison-001", "1", "none", "*", ""]
    ),
    st.text(max_size=10),
)
VERBS = ["generateText", "generateContent", "streamGenerateContent", "cancel", "transferOwnership", "nothing"]
PATHS = st.one_of(
    st.sampled_from(
        [
            *("tunedModels", "tunedModels/m", "tunedModels/m/operations", "tunedModels/m/permissions", "models"),
            *("models", "settings", "clock", "occupied"),
            *("tunedModels/m/permissions/1", "models/text-bison-001", "tunedModels/my-display-name-81-9wpmc1m920vq"),
            *(f"tunedModels/m:{verb}" for verb in VERBS),
        ]
    ),
    st.builds(
        lambda parts, verb: "/".join(quote(part, safe="") for part in parts) + verb,
        st.lists(SEGMENTS, max_size=5),
        st.sampled_from(["", *(f":{verb}" for verb in VERBS)]),
    ),
)
QUERIES = st.dictionaries(
    st.sampled_from(
        [
            *("pageSize", "page_size", "pageToken", "filter", "updateMask", "tunedModelId", "fields", "$alt", "alt"),
            *("key", "access_token", "prettyPrint", "nothing"),
        ]
    ),
    st.one_of(
        st.text(max_size=20),
        st.integers().map(str),
        st.sampled_from(
            ["*", "description", "tuningTask.hyperparameters", "role", "name", "json;enum-encoding=int", "sse"]
        ),
        st.sampled_from(["tunedModels(name)", "owner:me", "metadata/snapshots", "tunedModels/*/*", "m", "new"]),
    ),
    max_size=3,
)


def change(body: dict, path: list[str], value: object) -> dict:
    """Put a value somewhere into a body, along names that may or may not be there."""
    here = body
    for name in path[:-1]:
        below = here.get(name)
        here = below if isinstance(below, dict) else here
    here[path[-1]] = value
    return body


@pytest.fixture(scope="module")
def world():
    clock = Clock()
    with (
        Emulator(clock=clock, train_seconds=10, seed=SEED) as emulator,
        httpx.Client(transport=emulator.transport(), base_url="http://emulator") as client,
    ):
        yield clock, client


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]),
    version=st.sampled_from(["v1", "v1beta", "v1beta3", "v9", "_emulator"]),
    path=PATHS,
    query=QUERIES,
    body=BODIES,
    seconds=st.sampled_from([0, 5, 20]),
)
def test_no_request_meets_a_server_error(world, method, version, path, query, body, seconds):
    clock, client = world
    clock.advance(seconds)
    client.post("/v1beta/tunedModels?tunedModelId=m", json=tuned())
    response = client.request(method, f"/{version}/{path}", params=query, content=body)
    assert response.status_code < 500, response.text
    assert response.headers["x-tunectl-emulator"] == "simulated"
    if method == "HEAD":
        assert response.content == b""
    elif response.headers["content-type"].startswith("application/json"):
        answer = response.json()
        if response.status_code >= 400:
            assert set(answer["error"]) - {"details"} == {"code", "message", "status"}
            assert answer["error"]["code"] == response.status_code
