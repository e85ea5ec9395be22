"""Limits, lost connections and strange answers; the token goes to one place and shows nowhere."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote

import pytest
from fake_github import TOKEN, GitHub, serving

from reconciler.core.event import Retried
from reconciler.errors import (
    AuthenticationFailed,
    MalformedAnswer,
    NotFound,
    PermissionDenied,
    QuotaExhausted,
    RemoteError,
    TunectlError,
    Unavailable,
    UsageError,
)
from reconciler.forge.body import composed, is_marked, marker
from reconciler.forge.client import Client
from reconciler.forge.comment import put_comment
from reconciler.forge.place import place_of

MARK = marker("plan")
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
PRIMARY = {"message": "API rate limit exceeded for installation ID 1."}


def put(client):
    return put_comment(client, 7, composed(MARK, "text"), mark=MARK)


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("body", "headers", "least", "most"),
    [
        (SECONDARY, {"retry-after": "30"}, 30, 31),
        (SECONDARY, {}, 60, 60),
        (PRIMARY, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000090"}, 90, 91),
        (PRIMARY, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "nonsense"}, 60, 60),
        (PRIMARY, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1600000000"}, 1, 2),
    ],
)
@pytest.mark.parametrize("match", ["comments(", "POST /repos"], ids=["reading", "writing"])
def test_a_limit_is_waited_out_as_long_as_it_lasts(
    github, client, clock, told, status, body, headers, least, most, match
):
    github.trouble(match.removesuffix("("), status, body, headers=headers)
    assert put(client).did == "created"
    assert len(github.comments) == 1
    (pause,) = clock.slept
    assert least <= pause <= most
    (event,) = told
    assert isinstance(event, Retried)
    assert event.reason == f"RATE_LIMITED (HTTP {status})"


def test_pauses_grow_when_a_limit_does_not_say_how_long_it_lasts(github, client, clock):
    github.trouble("POST /repos", 403, SECONDARY, times=2)
    put(client)
    assert clock.slept == [60.0, 120.0]


def test_a_limit_of_graphql_comes_as_a_success(github, client, clock):
    github.trouble("comments", 200, {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]})
    assert put(client).did == "created"
    assert clock.slept == [60.0]


def test_a_limit_that_lasts_longer_than_a_job_should_wait_ends_it(github, client, clock):
    github.trouble(
        "POST /repos", 403, PRIMARY, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700003600"}
    )
    with pytest.raises(QuotaExhausted, match="rate limit") as caught:
        put(client)
    assert caught.value.retry_after == pytest.approx(3600)
    assert clock.slept == []
    assert github.comments == []


def test_a_missing_permission_is_no_limit(github, client, clock):
    github.trouble("POST /repos", 403, {"message": "Resource not accessible by integration"})
    with pytest.raises(PermissionDenied):
        put(client)
    assert clock.slept == []


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_reading_is_tried_again_when_the_service_is_in_trouble(github, client, clock, status):
    github.trouble("comments", status, b"<html>", times=4)
    assert put(client).did == "created"
    assert len(clock.slept) == 4
    assert sum(clock.slept) <= 15


def test_reading_gives_up_after_five_tries(github, client):
    github.trouble("comments", None, times=-1)
    with pytest.raises(Unavailable, match=r"list comments of #7: the connection to 127\.0\.0\.1 was lost"):
        put(client)
    assert github.seen("comments") == 5


def test_nobody_listening_is_said(clock, told):
    with serving(GitHub()) as gone:
        environ = gone.environ
    with Client(place_of(environ), clock=clock, report=told.append) as client, pytest.raises(Unavailable) as caught:
        put(client)
    assert "could not be made" in str(caught.value)


def test_a_graphql_service_that_stumbles_is_asked_again(github, client):
    github.trouble("comments", 200, {"errors": [{"message": "Something went wrong while executing your query."}]})
    assert put(client).did == "created"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, b"<html>", MalformedAnswer, "GraphQL"),
        (200, b"[" * 100_000, MalformedAnswer, "GraphQL"),
        (200, {"data": None}, MalformedAnswer, "no data"),
        (200, {"data": {"viewer": 3}}, MalformedAnswer, "shape"),
        (200, {"errors": [{"type": "NOT_FOUND", "message": "Could not resolve"}]}, NotFound, "Could not resolve"),
        (200, {"errors": [{"type": "FORBIDDEN", "message": "no"}]}, PermissionDenied, "no"),
        (301, b"", MalformedAnswer, "renamed"),
        (404, {"message": "Not Found"}, NotFound, "Not Found"),
        (401, {"message": "Bad credentials"}, AuthenticationFailed, "Bad credentials"),
        (418, {"message": "\x1b[31m::error::x\n" * 500}, RemoteError, r"\\x1b"),
    ],
)
def test_every_answer_has_its_error(github, client, status, body, kind, words):
    github.trouble("comments", status, body)
    with pytest.raises(kind, match=words) as caught:
        put(client)
    assert len(str(caught.value)) < 800
    assert str(caught.value).isprintable()


def test_an_answer_without_end_is_not_read_to_its_end(github, client, monkeypatch):
    monkeypatch.setattr("reconciler.forge.client._LARGEST", 1000)
    github.trouble("comments", 200, b" " * 100_000)
    with pytest.raises(MalformedAnswer, match="longer than 1000 bytes"):
        put(client)


def test_a_redirect_is_not_followed_and_carries_no_token(github, client):
    with serving(GitHub()) as elsewhere:
        github.trouble("POST /repos", 307, b"", headers={"location": f"{elsewhere.url}/repos/x/y"}, times=-1)
        with pytest.raises(MalformedAnswer, match="not followed"):
            put(client)
        assert elsewhere.requests == []


def variants(token):
    return {token, base64.b64encode(token.encode()).decode(), quote(token), token[5:17], token[-12:]}


def test_the_token_shows_in_no_error_no_event_no_log_and_no_repr(github, client, told, caplog):
    caplog.set_level(logging.DEBUG)
    said = [
        repr(client.place),
        str(client.place),
        repr(vars(client.place) if hasattr(client.place, "__dict__") else ""),
    ]
    for status, body in (
        (401, {"message": f"Bad {TOKEN}"[:3]}),
        (403, PRIMARY),
        (422, {"message": "no"}),
        (None, None),
    ):
        github.trouble("comments", status, body, times=-1)
        with pytest.raises(TunectlError) as caught:
            put(client)
        error: BaseException | None = caught.value
        while error is not None:
            said += [str(error), repr(error), str(getattr(error, "hint", ""))]
            error = error.__cause__
        github.troubles.clear()
    said += [repr(event) for event in told] + [caplog.text]
    assert not [secret for secret in variants(TOKEN) for text in said if secret in text]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "naïve", "x" * 3000])
def test_what_cannot_be_a_token_is_refused_without_being_shown(token):
    with pytest.raises(AuthenticationFailed, match="GITHUB_TOKEN") as caught:
        place_of({"GITHUB_REPOSITORY": "a/b", "GITHUB_TOKEN": token})
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.github.com",
        "https://user:secret@api.github.com",
        "https://api.github.com?x=secret",
        "ftp://api.github.com",
        "https://",
        "https://[::1",
        "http://169.254.169.254",
        "https://host:port",
    ],
)
@pytest.mark.parametrize("variable", ["GITHUB_API_URL", "GITHUB_GRAPHQL_URL"])
def test_the_token_travels_over_tls_or_not_at_all(variable, url):
    with pytest.raises(UsageError) as caught:
        place_of({"GITHUB_REPOSITORY": "a/b", "GITHUB_TOKEN": "t", variable: url})
    assert "secret" not in str(caught.value)


def test_one_token_goes_to_one_host():
    with pytest.raises(UsageError, match="one host"):
        place_of({"GITHUB_REPOSITORY": "a/b", "GITHUB_TOKEN": "t", "GITHUB_API_URL": "https://ghe.example/api/v3"})


@pytest.mark.parametrize("repository", ["", "a", "a/b/c", "../x", "a/b?c", "a /b", "a/b\n"])
def test_a_repository_that_is_none_is_refused(repository):
    with pytest.raises(UsageError, match="GITHUB_REPOSITORY"):
        place_of({"GITHUB_REPOSITORY": repository, "GITHUB_TOKEN": "t"})


@pytest.mark.parametrize("name", ["", "a b", "a-->", "-->", "a--b", "x" * 81, "a\n", "-a", "<b>"])
def test_a_name_that_could_end_the_marker_is_refused(name):
    with pytest.raises(UsageError, match="--id"):
        marker(name)


@pytest.mark.parametrize("name", ["plan", "plan/production", "a-b.c_d", "x" * 80])
def test_a_marker_is_found_again(name):
    text = composed(marker(name), "text")
    assert is_marked(text, marker(name))
    assert is_marked(text.replace("\n", "\r\n"), marker(name))
    assert not is_marked(text, marker("other"))


def test_a_strange_run_is_not_linked():
    assert "runs" not in composed(MARK, "text", run="javascript:alert(1)//runs")
    assert "runs" not in composed(MARK, "text", run="https://x/runs/1)<img src=x>")


def test_requests_carry_what_the_api_asks_for(github, client):
    seen = []
    answer = github.answer
    github.answer = lambda method, path, headers, body: seen.append(headers) or answer(method, path, headers, body)
    put(client)
    for headers in seen:
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert headers["x-github-api-version"] == "2022-11-28"
        assert headers["user-agent"].startswith("tunectl/")
    assert json.dumps(github.requests).count(TOKEN) == 0
