"""The check against the discovery documents can fail: a wrong exchange of each kind is found out."""

from __future__ import annotations

import json

import pytest
from discovery_kit import Exchange, check_all

PATH = "/v1/projects/p/locations/l/tuningJobs"
JOB = {"name": "projects/1/locations/l/tuningJobs/2", "state": "JOB_STATE_PENDING"}


def exchange(answer=JOB, *, method="GET", path=f"{PATH}/1", query=(), body=None, status=200):
    sent = b"" if body is None else json.dumps(body).encode()
    return Exchange(method, path, list(query), sent, status, "application/json", json.dumps(answer).encode())


def test_a_right_exchange_passes_and_is_counted():
    assert check_all([exchange(), exchange(path="/v1beta/tunedModels/x")]) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (exchange(path=f"{PATH}/1:explode"), "no such method"),
        (exchange(query=[("color", "red")]), "unknown parameter color"),
        (exchange({**JOB, "colour": "red"}), "answer.colour is unknown"),
        (exchange({**JOB, "state": "JOB_STATE_TIRED"}), "no value of the enum"),
        (exchange({**JOB, "createTime": "2026-01-01"}), "is no time"),
        (exchange({**JOB, "labels": ["a"]}), "is no object"),
        (exchange({**JOB, "labels": {"a": 1}}), "is no string"),
        (exchange({**JOB, "evaluateDatasetRuns": {}}), "is no list"),
        (exchange({**JOB, "supervisedTuningSpec": {"hyperParameters": {"epochCount": 3}}}), "no int64 in a string"),
        (exchange({**JOB, "supervisedTuningSpec": {"exportLastCheckpointOnly": "true"}}), "is no boolean"),
        (exchange({**JOB, "error": {"code": 3.5}}), "is no integer"),
        (exchange({**JOB, "error": {"code": "3"}}), "is no number"),
        (exchange(method="POST", path=PATH, body={"name": "x"}), "request.name is read-only"),
        (exchange(method="POST", path=PATH, body={"basemodel": "x"}), "request.basemodel is unknown"),
        (exchange({"message": "no"}, status=404), "is no error envelope"),
        (exchange({"error": {"code": 404, "message": "no"}}, status=404), "needs a status"),
    ],
)
def test_a_wrong_exchange_is_found_out(wrong, said):
    with pytest.raises(AssertionError, match=said):
        check_all([wrong])
