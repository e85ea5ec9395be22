"""The control API, the log of requests, and the Python side of both."""

from __future__ import annotations

import pytest
from emulator_kit import BISON, listing, tuned

from reconciler.emulator import Emulator, app
from reconciler.errors import UsageError


def control(api, method, path, body=None):
    return api.ok(method, f"/_emulator{path}", body)


def test_the_overview_counts_models_and_shows_settings(api):
    api.create()
    overview = control(api, "GET", "")
    assert (overview["emulator"], overview["models"], overview["running"]) == ("tunectl", 1, 1)
    assert overview["settings"]["train_seconds"] == 100
    assert overview["time"].startswith("2023-11-14T22:13:20")


def test_faults_are_added_shown_and_taken_away(api):
    number = control(api, "POST", "/faults", {"kind": "status", "code": 429, "count": None})["id"]
    control(api, "POST", "/faults", {"kind": "drop", "path": "never"})
    shown = control(api, "GET", "/faults")["faults"]
    assert [fault["kind"] for fault in shown] == ["status", "drop"]
    assert api.fails("GET", "tunedModels")[0] == 429
    control(api, "DELETE", f"/faults/{number}")
    assert api.ok("GET", "tunedModels") == {}
    control(api, "DELETE", "/faults")
    assert control(api, "GET", "/faults") == {"faults": []}
    assert api.fails("DELETE", f"/_emulator/faults/{number}")[0] == 404


def test_the_log_tells_what_was_asked_and_answered(api, emulator):
    api.create()
    api.send("GET", "tunedModels/none?fields=name&key=SECRET&access_token=SECRET")
    lines = control(api, "GET", "/requests")["requests"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/v1beta/tunedModels", 200),
        ("GET", "/v1beta/tunedModels/none", 404),
    ]
    assert lines[0]["query"] == {"tunedModelId": "m"}
    assert lines[0]["size"] > 100
    assert lines[1]["query"] == {"fields": "name", "key": "REDACTED", "access_token": "REDACTED"}
    assert [line["body"] for line in lines] == [None, None]
    assert [request.path for request in emulator.requests] == [line["path"] for line in lines]
    control(api, "DELETE", "/requests")
    assert emulator.requests == ()


def test_the_log_keeps_bodies_when_asked(api, emulator):
    emulator.settings.record_bodies = True
    api.send("POST", "tunedModels", b'{"a": 1}')
    assert control(api, "GET", "/requests")["requests"][0]["body"] == '{"a": 1}'
    emulator.clear_requests()
    assert emulator.requests == ()


def test_settings_change_while_it_runs(api):
    answer = control(
        api,
        "PATCH",
        "/settings",
        {"train_seconds": 0, "retired": [BISON], "concurrent_tunings": 3, "operation_ttl": None},
    )
    assert answer["settings"]["train_seconds"] == 0
    assert answer["settings"]["retired"] == [BISON]


@pytest.mark.parametrize(
    "settings",
    [
        {"nothing": 1},
        {"train_seconds": -1},
        {"train_seconds": "1"},
        {"train_seconds": 1e300},
        {"require_auth": "yes"},
        {"concurrent_tunings": 1.5},
        {"retired": ["models/x"]},
        {"retired": 3},
        {"accounts": ["x"]},
        {"accounts": {"token": ""}},
    ],
)
def test_wrong_settings_change_nothing(api, emulator, settings):
    before = control(api, "GET", "")["settings"]
    status, _, message = api.fails("PATCH", "/_emulator/settings", {"listing_lag": 5, **settings})
    assert status == 400
    assert message
    assert control(api, "GET", "")["settings"] == before
    with pytest.raises(UsageError):
        Emulator(**settings)


def test_the_clock_turns_over_http_and_in_python(api, emulator):
    api.create()
    control(api, "POST", "/clock", {"advance": 60})
    emulator.advance(40)
    assert api.get()["state"] == "ACTIVE"
    for body in ({}, {"advance": -1}, {"advance": True}, {"advance": 1e12}):
        assert api.fails("POST", "/_emulator/clock", body)[0] == 400


def test_models_are_loaded_deleted_and_forgotten(api, emulator):
    assert control(api, "POST", "/models", listing()) == {"added": 5}
    assert control(api, "POST", "/models", listing()) == {"added": 0}
    control(api, "DELETE", "/models/my-display-name-81-9wpmc1m920vq")
    assert len(api.names()) == 4
    assert api.fails("DELETE", "/_emulator/models/none")[0] == 404
    control(api, "DELETE", "/models")
    assert api.names() == []
    assert emulator.import_models(listing()) == 5
    assert emulator.remove("my-display-name-81-9wpmc1m920vq")
    assert not emulator.remove("my-display-name-81-9wpmc1m920vq")


@pytest.mark.parametrize(
    "body",
    [
        {"tunedModels": [{"displayName": "no name"}]},
        {"tunedModels": [{"name": "tunedModels/x", "unknown": 1}]},
        {"tunedModels": [{"name": "tunedModels/x", "createTime": "2023-13-45T00:00:00Z"}]},
        {"tunedModels": [{"name": "tunedModels/x", "createTime": "9999-12-31T00:00:00Z"}]},
        {"tunedModels": [{"name": "tunedModels/x", "createTime": "0001-01-01T00:00:00Z"}]},
        {"tunedModels": [{"name": "tunedModels/x", "state": 7}]},
        {"tunedModels": [{"name": "tunedModels/x/y"}]},
        {"tunedModels": [{"name": "tunedModels/x:y"}]},
        {"tunedModels": 3},
    ],
)
def test_what_is_no_listing_is_not_loaded(api, emulator, body):
    assert api.fails("POST", "/_emulator/models", body)[0] == 400
    with pytest.raises(UsageError):
        emulator.import_models(body)
    assert api.names() == []


def test_a_listing_may_be_spelt_as_any_body_may(api):
    task = {"start_time": "2023-09-18T23:43:21Z", "snapshots": [{"step": "1", "meanLoss": "NaN"}]}
    control(api, "POST", "/models", {"tuned_models": {"name": "tunedModels/m", "tuning_task": task, "state": 2}})
    assert api.get()["tuningTask"] == {
        "startTime": "2023-09-18T23:43:21Z",
        "snapshots": [{"step": 1, "meanLoss": "NaN"}],
    }
    assert api.get()["state"] == "ACTIVE"


def test_training_data_in_a_listing_is_not_answered(api):
    task = tuned(1)["tuningTask"]
    control(api, "POST", "/models", {"tunedModels": [{"name": "tunedModels/m", "tuningTask": task}]})
    assert api.get()["tuningTask"] == {"hyperparameters": {}}


@pytest.mark.parametrize("source", [{}, {"tunedModelSource": {"tunedModel": "tunedModels/gone"}}])
def test_a_model_loaded_without_its_base_can_be_changed_but_not_built_upon(api, source):
    control(api, "POST", "/models", {"tunedModels": [{"name": "tunedModels/m", "temperature": 0.5, **source}]})
    assert "temperature" not in api.ok("PATCH", "tunedModels/m?updateMask=temperature", {})
    body = {**tuned(1, tunedModelSource={"tunedModel": "tunedModels/m"})}
    del body["baseModel"]
    assert api.fails("POST", "tunedModels", body)[:2] == (404, "NOT_FOUND")


def test_a_listing_may_be_larger_than_any_request_the_service_takes(api):
    models = [{"name": f"tunedModels/m{number}", "description": "x" * 10_000_000} for number in range(3)]
    assert control(api, "POST", "/models", {"tunedModels": models}) == {"added": 3}


def test_a_control_request_beyond_all_measure_is_refused_not_ignored(api, monkeypatch):
    monkeypatch.setattr(app, "_MAX_CONTROL", 100)
    status, _, message = api.fails("POST", "/_emulator/models", {"tunedModels": [{"name": "x" * 100}]})
    assert (status, message) == (400, "Request payload size exceeds the limit: 100 bytes.")


def test_an_id_is_occupied(api):
    control(api, "POST", "/occupied", {"id": "m", "refusal": 409})
    control(api, "POST", "/occupied", {"id": "m", "visible": True})
    assert api.fails("GET", "tunedModels/m")[0] == 403
    for body in ({}, {"id": ""}, {"id": 3}, {"id": "x", "refusal": 500}):
        assert api.fails("POST", "/_emulator/occupied", body)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_emulator/nothing", None, 404),
        ("PUT", "/_emulator/faults", None, 404),
        ("POST", "/_emulator/faults", b"{", 400),
        ("POST", "/_emulator/faults", b"[]", 400),
        ("POST", "/_emulator/faults", {"kind": "explode"}, 400),
        ("POST", "/_emulator/faults", {"kind": "status", "code": []}, 400),
        ("POST", "/_emulator/faults", b'{"kind": "status", "code": 1e999}', 400),
        ("POST", "/_emulator/faults", {"kind": "status", "path": "a{99999999999}"}, 400),
        ("POST", "/_emulator/faults", {"kind": "status", "path": "(" * 5000 + ")" * 5000}, 400),
        ("POST", "/_emulator/faults", {"kind": "status", "retry_delay": "nan"}, 400),
        ("POST", "/_emulator/faults", {"kind": "status", "retry_after": "\u6f22"}, 400),
        ("POST", "/_emulator/faults", {"kind": "delay", "seconds": 1e300}, 400),
        ("POST", "/_emulator/faults", {"kind": "fail", "code": 17}, 400),
        *(
            ("POST", "/_emulator/faults", {"kind": "status", "headers": {name: text}}, 400)
            for name, text in [("x", "\u6f22"), ("", "v"), ("a b", "v"), ("Content-Length", "5"), ("connection", "x")]
        ),
        ("DELETE", "/_emulator/faults/x", None, 404),
    ],
)
def test_a_wrong_control_request_is_told(api, method, path, body, status):
    assert api.fails(method, path, body)[0] == status
