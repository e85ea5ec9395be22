"""Faults strike where, when and as often as they say."""

from __future__ import annotations

import json

import httpx
import pytest
from emulator_kit import tuned

from reconciler.emulator import ConnectionDropped, Fault, parse_fault
from reconciler.errors import UsageError


def statuses(api, count, method="GET", path="tunedModels"):
    return [api.send(method, path).status_code for _ in range(count)]


def test_a_fault_skips_strikes_and_is_gone(api, emulator):
    emulator.faults.add(Fault("status", skip=1, count=2))
    assert statuses(api, 5) == [200, 503, 503, 200, 200]
    assert emulator.faults.waiting() == {}


def test_a_fault_without_count_strikes_for_ever(api, emulator):
    number = emulator.faults.add(Fault("status", count=None))
    assert statuses(api, 3) == [503, 503, 503]
    assert emulator.faults.remove(number)
    assert not emulator.faults.remove(number)
    assert statuses(api, 1) == [200]


@pytest.mark.parametrize(
    ("method", "path", "struck"),
    [
        ("GET", "tunedModels$", True),
        ("GET|PATCH", "^/v1beta/", True),
        ("POST", "", False),
        ("GE", "", False),
        ("GET", "/models", False),
    ],
)
def test_a_fault_matches_method_and_path(api, emulator, method, path, struck):
    emulator.faults.add(Fault("status", method=method, path=path))
    assert (statuses(api, 1) == [503]) is struck


@pytest.mark.parametrize(
    ("fault", "code", "status", "message"),
    [
        (Fault("status"), 503, "UNAVAILABLE", "The service is currently unavailable."),
        (Fault("status", code=429), 429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        (Fault("status", status="ABORTED"), 409, "ABORTED", "ABORTED"),
        (Fault("status", code=409), 409, "ALREADY_EXISTS", "Requested entity already exists."),
        (Fault("status", code=418, message="Teapot."), 418, "UNKNOWN", "Teapot."),
        (Fault("status", code=401, message="expired"), 401, "UNAUTHENTICATED", "expired"),
    ],
)
def test_a_status_is_answered_as_the_service_would(api, emulator, fault, code, status, message):
    emulator.faults.add(fault)
    assert api.fails("GET", "tunedModels") == (code, status, message)


def test_a_status_may_say_when_to_come_back(api, emulator):
    emulator.faults.add(Fault("status", code=429, retry_after=2, retry_delay=1.5, headers=(("x-extra", "1"),)))
    response = api.send("GET", "tunedModels")
    assert (response.headers["retry-after"], response.headers["x-extra"]) == ("2", "1")
    (details,) = response.json()["error"]["details"]
    assert details == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}


@pytest.mark.parametrize(("seconds", "text"), [(1_234_567.0, "1234567"), (0.00001, "0.00001"), (0, "0"), (2.50, "2.5")])
def test_waits_are_spelt_without_exponents(api, emulator, seconds, text):
    with pytest.raises(UsageError, match="retry_delay"):
        Fault("status", retry_delay=-1)
    emulator.faults.add(Fault("status", retry_after=float(seconds), retry_delay=min(seconds, 1e6)))
    response = api.send("GET", "models")
    assert response.headers["retry-after"] == text
    assert response.json()["error"]["details"][0]["retryDelay"] == f"{'1000000' if seconds > 1e6 else text}s"


def test_a_retry_after_may_be_a_date(api, emulator):
    emulator.faults.add(Fault("status", retry_after="Fri, 31 Dec 1999 23:59:59 GMT"))
    assert api.send("GET", "tunedModels").headers["retry-after"].endswith("GMT")


@pytest.mark.parametrize("kind", ["status", "html"])
@pytest.mark.parametrize("after", [False, True])
def test_a_fault_strikes_before_or_after_the_commit(api, emulator, kind, after):
    emulator.faults.add(Fault(kind, method="POST", after=after))
    assert api.send("POST", "tunedModels?tunedModelId=m", tuned()).status_code in {502, 503}
    assert (api.names() == ["m"]) is after


@pytest.mark.parametrize("after", [False, True])
def test_a_dropped_connection_looks_as_it_does_over_a_port(api, emulator, after):
    emulator.faults.add(Fault("drop", method="POST", after=after))
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
        api.create()
    assert (api.names() == ["m"]) is after
    assert emulator.requests[0].status is None


def test_a_bare_wsgi_transport_lets_the_drop_out_as_a_connection_error(emulator):
    emulator.faults.add(Fault("drop"))
    with (
        httpx.Client(transport=httpx.WSGITransport(app=emulator.app), base_url="http://emulator") as client,
        pytest.raises(ConnectionDropped) as caught,
    ):
        client.get("/v1beta/tunedModels")
    assert isinstance(caught.value, ConnectionError)


def test_a_cut_body_is_a_protocol_error(api, emulator):
    emulator.faults.add(Fault("cut"))
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        api.send("GET", "models")


def test_a_truncated_body_is_no_json(api, emulator):
    emulator.faults.add(Fault("truncate", method="POST"))
    response = api.send("POST", "tunedModels?tunedModelId=m", tuned())
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()
    assert api.names() == ["m"]


@pytest.mark.parametrize("code", [0, 200])
def test_a_page_may_come_in_place_of_json(api, emulator, code):
    emulator.faults.add(Fault("html", code=code))
    response = api.send("GET", "tunedModels")
    assert response.status_code == (code or 502)
    assert response.headers["content-type"].startswith("text/html")


def test_a_status_without_a_name_still_has_a_status_line(api, emulator):
    emulator.faults.add(Fault("status", code=599))
    assert api.fails("GET", "tunedModels") == (599, "UNKNOWN", "UNKNOWN")


def test_a_query_that_cannot_be_read_is_logged_without_it(api, emulator):
    api.send("GET", "tunedModels?key=%ff")
    assert emulator.requests[0].query == {}


def test_a_delay_waits_on_the_clock_it_is_given(api, emulator, clock):
    emulator.faults.add(Fault("delay", seconds=7))
    before = clock.now
    assert statuses(api, 2) == [200, 200]
    assert clock.now == before + 7


@pytest.mark.parametrize("path", ["tunedModels", "models", "tunedModels/m0/permissions", "tunedModels/m0/operations"])
def test_an_empty_page_keeps_the_place(api, emulator, path):
    for number in range(12):
        api.create(f"m{number}")
    whole = api.ok("GET", path)
    emulator.faults.add(Fault("empty-page"))
    empty = api.ok("GET", path)
    assert list(empty) == ["nextPageToken"]
    assert api.ok("GET", f"{path}?pageToken={empty['nextPageToken']}") == whole


def test_somebody_deletes_a_model_while_it_is_polled(api, emulator):
    name = api.create()["name"]
    emulator.faults.add(Fault("vanish", path="operations", skip=1))
    assert api.ok("GET", f"/v1/{name}")["name"] == name
    assert api.fails("GET", f"/v1/{name}")[0] == 404
    emulator.faults.add(Fault("vanish"))
    assert statuses(api, 1) == [200]


def test_a_training_fails_with_what_the_fault_says(api, emulator, clock):
    emulator.faults.add(Fault("fail", at=0.25, code=13, message="Out of memory."))
    name = api.create(epochCount=10, batchSize=15)["name"]
    clock.advance(100)
    operation = api.ok("GET", f"/v1/{name}")
    assert operation["done"] is True
    assert operation["error"] == {"code": 13, "message": "Out of memory."}
    assert operation["metadata"]["completedSteps"] == 2
    assert api.get()["state"] == "FAILED"


def test_a_training_fails_at_once_if_it_fails_at_nothing(api, emulator, clock):
    emulator.faults.add(Fault("fail", at=0))
    name = api.create()["name"]
    clock.advance(5)
    assert api.ok("GET", f"/v1/{name}")["error"] == {"code": 3, "message": "Tuning failed."}


def test_a_stuck_training_never_ends_but_can_be_cancelled(api, emulator, clock):
    emulator.faults.add(Fault("stuck", at=0.5))
    name = api.create(epochCount=10, batchSize=15)["name"]
    clock.advance(1_000_000)
    operation = api.ok("GET", f"/v1/{name}")
    assert "done" not in operation
    assert operation["metadata"]["completedPercent"] == 50
    assert api.get()["state"] == "CREATING"
    api.ok("POST", f"/v1/{name}:cancel")
    assert api.get()["state"] == "FAILED"


def test_a_loss_may_become_nan_and_is_spelt_as_text(api, emulator, clock):
    emulator.faults.add(Fault("nan", at=0.5))
    api.create(epochCount=10, batchSize=15)
    clock.advance(100)
    model = api.get()
    losses = [snapshot["meanLoss"] for snapshot in model["tuningTask"]["snapshots"]]
    assert losses[5:] == ["NaN"] * 5
    assert all(isinstance(loss, float) for loss in losses[:5])
    assert model["state"] == "ACTIVE"


def test_a_fault_of_training_picks_its_model(api, emulator, clock):
    emulator.faults.add(Fault("fail", model="^second$"))
    emulator.faults.add(Fault("fail", model="by display name"))
    api.create("first")
    api.create("second")
    api.create("third", displayName="by display name")
    api.create("fourth")
    clock.advance(100)
    assert [api.get(name)["state"] for name in ("first", "second", "third", "fourth")] == [
        *("ACTIVE", "FAILED", "FAILED", "ACTIVE")
    ]


def test_a_refused_create_uses_no_fault_up(api, emulator):
    emulator.faults.add(Fault("fail"))
    api.refused("POST", "tunedModels", tuned(temperature=2))
    assert len(emulator.faults.waiting()) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop", Fault("drop")),
        (
            "status,code=429,method=POST,retry_after=2,count=3",
            Fault("status", code=429, method="POST", retry_after="2", count=3),
        ),
        ("drop,after=false", Fault("drop")),
        ("drop,after=true,count=forever", Fault("drop", after=True, count=None)),
        ("stuck,model=^a,at=0.25", Fault("stuck", model="^a", at=0.25)),
        ('{"kind": "status", "headers": {"a": "b"}, "skip": 1}', Fault("status", headers=(("a", "b"),), skip=1)),
    ],
)
def test_a_fault_can_be_written_as_text(text, fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("explode", "unknown kind 'explode'"),
        ("status,code", "'code' is no name=value"),
        ("status,code=x", "invalid literal"),
        ("status,when=now", "unknown 'when'"),
        ("status,status=BAD", "unknown status 'BAD'"),
        ("drop,after=maybe", "neither true nor false"),
        ("drop,path=(", "no regular expression"),
        ("drop,count=0", "count is 0; it must be 1 or more"),
        ("drop,skip=-1", "skip is -1"),
        ("delay,seconds=inf", "seconds is inf"),
        ("delay,seconds=nan", "seconds is nan"),
        ("fail,at=2", "at is 2.0"),
        ("status,code=42", "code is 42; an HTTP status is 200 to 599"),
        ('{"kind": "status", "retry_after": "1\\r\\nX: y"}', "retry_after is"),
        ('{"kind": "status", "headers": {"a": "1\\r\\nX: y"}}', "headers is"),
        ("{", "no JSON object"),
        ('{"code": 3}', "with a kind is needed"),
    ],
)
def test_a_fault_that_cannot_be_read_is_a_usage_error(text, said):
    with pytest.raises(UsageError) as caught:
        parse_fault(text)
    assert said in caught.value.message
