"""Faults on the wire: what is tried again, for how long, and what the user is told in the end."""

from __future__ import annotations

import gzip
import logging
import threading
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from providers_kit import MODEL, TOKEN, TurnedClock, bench, error, model, ok

from reconciler.core.resource import Example
from reconciler.errors import (
    AlreadyExists,
    AuthenticationFailed,
    FailedPrecondition,
    InvalidArgument,
    MalformedAnswer,
    NotFound,
    PermissionDenied,
    QuotaExhausted,
    RemoteError,
    Unavailable,
)
from reconciler.ports.provider import CreateRequest
from reconciler.providers.auth import Credentials
from reconciler.providers.faults import SCOPES
from reconciler.providers.http import Call, Http
from reconciler.providers.registry import open_provider
from reconciler.providers.retry import Patience
from reconciler.providers.settings import ProviderSettings

STARTED = ok({"name": f"{MODEL}/operations/o", "metadata": {"tunedModel": MODEL}})
CREATE = CreateRequest(MODEL, {"displayName": "n", "baseModel": "models/text-bison-001"}, (Example("1", "2"),))
BUSY = error(503, "UNAVAILABLE", "The service is currently unavailable.")
EXHAUSTED = error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "10.5s"}
PAGE = httpx.Response(200, html="<html>please log in, canary-body</html>")


def lost(_request):
    raise httpx.ReadError("canary-body")


def refused(_request):
    raise httpx.ConnectError("[Errno 111] Connection refused")


def every_call(provider):
    return {
        "get": lambda: provider.get(MODEL),
        "observe": provider.observe,
        "create": lambda: provider.create(CREATE),
        "update": lambda: provider.update(MODEL, {"description": "x"}),
        "delete": lambda: provider.delete(MODEL),
    }


CALLS = ("get", "observe", "create", "update", "delete")


class TestTriedAgain:
    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("fault", [BUSY, EXHAUSTED, lost, refused, httpx.ReadTimeout("slow"), httpx.Response(502)])
    def test_passing_faults_pass(self, call, fault):
        good = STARTED if call == "create" else ok(model() if call in {"get", "update"} else {})
        desk = bench(fault, fault, good)
        every_call(desk.provider)[call]()
        assert len(desk.service.requests) == 3
        assert len({request.content for request in desk.service.requests}) == 1
        assert [event.attempt for event in desk.retries] == [1, 2]
        assert [event.seconds for event in desk.retries] == desk.clock.slept

    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [
            (400, "INVALID_ARGUMENT", InvalidArgument),
            (400, "OUT_OF_RANGE", InvalidArgument),
            (400, "FAILED_PRECONDITION", FailedPrecondition),
            (401, "UNAUTHENTICATED", AuthenticationFailed),
            (403, "PERMISSION_DENIED", PermissionDenied),
            (404, "NOT_FOUND", NotFound),
            (409, "ALREADY_EXISTS", AlreadyExists),
            (409, "ABORTED", RemoteError),
            (499, "CANCELLED", RemoteError),
            (500, "INTERNAL", RemoteError),
            (503, "INTERNAL", RemoteError),
            (504, "DEADLINE_EXCEEDED", RemoteError),
        ],
    )
    @pytest.mark.parametrize("call", CALLS)
    def test_all_other_statuses_are_final_and_decide_the_error(self, call, code, status, kind):
        desk = bench(error(code, status, "the service's words"))
        with pytest.raises(RemoteError, match="the service's words") as caught:
            every_call(desk.provider)[call]()
        assert type(caught.value) is kind
        assert (caught.value.status, caught.value.http_status) == (status, code)
        tries = 2 if call == "observe" and kind is InvalidArgument else 1
        assert len(desk.service.requests) == tries
        assert desk.clock.slept == []

    def test_a_read_gives_up_after_five_tries(self):
        desk = bench(BUSY)
        with pytest.raises(Unavailable, match=r"read tunedModels/.*: The service is currently unavailable"):
            desk.provider.get(MODEL)
        assert len(desk.service.requests) == 5
        assert sum(desk.clock.slept) <= 30

    def test_pauses_grow_and_vary(self):
        pauses = [bench(BUSY) for _ in range(20)]
        for desk in pauses:
            with pytest.raises(Unavailable):
                desk.provider.get(MODEL)
            for ceiling, slept in zip((1, 2, 4, 8), desk.clock.slept, strict=True):
                assert ceiling / 2 <= slept <= ceiling
        assert len({desk.clock.slept[0] for desk in pauses}) > 1

    def test_a_read_does_not_wait_longer_than_thirty_seconds(self):
        desk = bench(error(429, "RESOURCE_EXHAUSTED", headers={"retry-after": "31"}))
        with pytest.raises(QuotaExhausted) as caught:
            desk.provider.get(MODEL)
        assert caught.value.retry_after == 31
        assert desk.clock.slept == []

    @pytest.mark.parametrize("call", ["create", "update", "delete"])
    def test_a_write_waits_for_quota_and_says_so_each_time(self, call):
        desk = bench(*[EXHAUSTED] * 20, STARTED if call == "create" else ok(model()))
        every_call(desk.provider)[call]()
        assert len(desk.service.requests) == 21
        assert all("waiting for it" in event.reason for event in desk.retries)
        assert max(desk.clock.slept) <= 60

    def test_the_patience_for_quota_has_an_end(self):
        desk = bench(EXHAUSTED, quota_patience=300.0)
        with pytest.raises(QuotaExhausted):
            desk.provider.create(CREATE)
        assert 240 <= sum(desk.clock.slept) <= 300

    def test_waiting_for_quota_does_not_use_up_the_tries_for_lost_connections(self):
        desk = bench(*[EXHAUSTED] * 10, lost, lost, lost, lost, STARTED)
        desk.provider.create(CREATE)
        assert len(desk.service.requests) == 15

    def test_a_run_that_is_being_stopped_sends_nothing_more(self):
        desk = bench(EXHAUSTED, clock=TurnedClock(stopped=True))
        with pytest.raises(QuotaExhausted):
            desk.provider.create(CREATE)
        assert len(desk.service.requests) == 1
        assert len(desk.clock.slept) == 1

    def test_events_name_the_request_the_reason_and_the_pause_but_no_secret(self):
        desk = bench(lost, BUSY, ok(model()))
        desk.provider.get(MODEL)
        first, second = desk.retries
        assert (first.request, first.reason) == (f"read {MODEL}", "the connection was lost")
        assert second.reason == "UNAVAILABLE (HTTP 503)"
        assert TOKEN not in repr(desk.events)


class TestAdvice:
    @pytest.mark.parametrize(
        ("answer", "seconds"),
        [
            (error(503, "UNAVAILABLE", headers={"retry-after": "7"}), 7),
            (error(503, "UNAVAILABLE", headers={"retry-after": "0"}), 0),
            (error(429, "RESOURCE_EXHAUSTED", details=[RETRY_INFO]), 10.5),
            (error(429, "RESOURCE_EXHAUSTED", headers={"retry-after": "20"}, details=[{"x": 1}, RETRY_INFO]), 20),
            (httpx.Response(503, text="<html>", headers={"retry-after": "9"}), 9),
        ],
    )
    def test_the_services_advice_is_followed(self, answer, seconds):
        desk = bench(answer, ok(model()))
        desk.provider.get(MODEL)
        assert seconds <= desk.clock.slept[0] <= seconds + 1

    def test_the_advice_may_be_a_date(self):
        clock = TurnedClock(time=parsedate_to_datetime("Wed, 21 Oct 2026 07:28:00 GMT").timestamp())
        later = format_datetime(parsedate_to_datetime("Wed, 21 Oct 2026 07:28:12 GMT"), usegmt=True)
        desk = bench(error(503, "UNAVAILABLE", headers={"retry-after": later}), ok(model()), clock=clock)
        desk.provider.get(MODEL)
        assert 12 <= desk.clock.slept[0] <= 13

    @pytest.mark.parametrize("nonsense", ["soon", "-5", "inf", "nan", "Wed, 99 Oct 2026 07:28:00 GMT", ""])
    def test_nonsense_is_no_advice(self, nonsense):
        desk = bench(error(503, "UNAVAILABLE", headers={"retry-after": nonsense}), ok(model()))
        desk.provider.get(MODEL)
        assert 0.5 <= desk.clock.slept[0] <= 1

    @pytest.mark.parametrize(
        "details", ["text", [1], [{"retryDelay": "10"}], [{"retryDelay": 10, "reason": 7}], {"a": 1}]
    )
    def test_details_of_another_shape_are_no_advice(self, details):
        desk = bench(error(429, "RESOURCE_EXHAUSTED", details=details), ok(model()))
        desk.provider.get(MODEL)
        assert desk.clock.slept[0] <= 1


class TestDelete:
    def test_not_found_after_a_lost_answer_is_success(self):
        desk = bench(lost, error(404, "NOT_FOUND"))
        desk.provider.delete(MODEL)
        assert len(desk.service.requests) == 2

    @pytest.mark.parametrize("first", [[], [EXHAUSTED], [refused]])
    def test_not_found_is_an_error_when_no_earlier_try_can_have_deleted_it(self, first):
        with pytest.raises(NotFound):
            bench(*first, error(404, "NOT_FOUND")).provider.delete(MODEL)


class TestCreate:
    @pytest.mark.parametrize(("first", "doubtful"), [(lost, True), (BUSY, True), (refused, False)])
    def test_a_refusal_says_whether_an_earlier_try_may_have_been_carried_out(self, first, doubtful):
        desk = bench(first, error(403, "PERMISSION_DENIED"))
        with pytest.raises(PermissionDenied) as caught:
            desk.provider.create(CREATE)
        assert caught.value.doubtful is doubtful

    def test_a_create_whose_answer_was_lost_meets_its_own_first_try(self):
        desk = bench(lost, error(409, "ALREADY_EXISTS"))
        with pytest.raises(AlreadyExists):
            desk.provider.create(CREATE)
        assert [request.url.params["tunedModelId"] for request in desk.service.requests] == [
            MODEL.partition("/")[2]
        ] * 2


class TestForeignAnswers:
    @pytest.mark.parametrize("call", CALLS)
    def test_a_page_in_place_of_json_is_named_by_type_and_size_only(self, call):
        desk = bench(PAGE)
        if call == "delete":
            desk.provider.delete(MODEL)  # a DELETE's answer has no content that matters
            return
        with pytest.raises(MalformedAnswer, match=r"HTTP 200, text/html; charset=utf-8, 39 bytes") as caught:
            every_call(desk.provider)[call]()
        assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"
        assert len(desk.service.requests) == 1

    @pytest.mark.parametrize("cut", range(1, 60, 7))
    def test_a_truncated_answer_is_malformed(self, cut):
        whole = ok(model()).content
        with pytest.raises(MalformedAnswer, match="no JSON, or cut short"):
            bench(httpx.Response(200, content=whole[:-cut])).provider.get(MODEL)

    def test_a_page_that_says_404_does_not_say_gone(self):
        with pytest.raises(MalformedAnswer, match="not the API's") as caught:
            bench(httpx.Response(404, html="<h1>canary-body</h1>")).provider.get(MODEL)
        assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"

    @pytest.mark.parametrize("body", [{}, {"error": "text"}, {"error": {"code": "x"}}, []])
    def test_an_error_without_the_apis_envelope_is_malformed(self, body):
        with pytest.raises(MalformedAnswer):
            bench(httpx.Response(404, json=body)).provider.get(MODEL)

    def test_an_envelope_without_a_status_is_read_by_its_number(self):
        with pytest.raises(NotFound):
            bench(httpx.Response(404, json={"error": {"code": 404, "message": "gone"}})).provider.get(MODEL)

    @pytest.mark.parametrize(
        ("code", "kind"), [(401, AuthenticationFailed), (429, QuotaExhausted), (502, Unavailable), (504, Unavailable)]
    )
    def test_a_proxy_speaks_by_its_number(self, code, kind):
        with pytest.raises(kind, match=f"HTTP {code}, text/html") as caught:
            bench(httpx.Response(code, html="canary-body")).provider.get(MODEL)
        assert "canary" not in str(caught.value)

    def test_an_answer_without_end_is_cut_off(self):
        def endless(_request):
            return httpx.Response(200, content=iter([b"x" * 1000] * 1000))

        http = Http(
            ProviderSettings(),
            Credentials(None, mend=""),
            transport=httpx.MockTransport(endless),
            clock=TurnedClock(),
            report=lambda _event: None,
            largest_answer=5000,
        )
        with pytest.raises(MalformedAnswer, match="longer than 5000 bytes"):
            http.send(Call("read", "GET", "/x"))
        http.close()

    def test_compressed_answers_are_read_and_broken_ones_are_malformed(self):
        squeezed = gzip.compress(ok(model()).content)

        def serve(content):
            return lambda _request: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Stream(content))

        assert bench(serve(squeezed)).provider.get(MODEL).resource == MODEL
        with pytest.raises(MalformedAnswer, match="compression is broken"):
            bench(serve(b"no gzip at all")).provider.get(MODEL)

    @pytest.mark.parametrize(
        "target", ["http://169.254.169.254/latest", "https://evil.example/x", "/v1beta/other", None]
    )
    def test_a_redirect_is_not_followed_and_takes_no_credential_along(self, target):
        headers = {} if target is None else {"location": target}
        desk = bench(httpx.Response(302, headers=headers))
        with pytest.raises(MalformedAnswer, match="which is not followed"):
            desk.provider.get(MODEL)
        assert {request.url.host for request in desk.service.requests} == {"generativelanguage.googleapis.com"}
        assert len(desk.service.requests) == 1

    @pytest.mark.parametrize("code", [300, 304])
    def test_an_odd_redirect_to_nowhere_is_malformed(self, code):
        with pytest.raises(MalformedAnswer, match="redirected to another place"):
            bench(httpx.Response(code, headers={"location": "http://x:port"})).provider.get(MODEL)


class _Stream(httpx.SyncByteStream):
    def __init__(self, content):
        self._content = content

    def __iter__(self):
        yield self._content


class TestMessages:
    def test_the_services_words_cannot_command_a_terminal_or_fill_it(self):
        hostile = "bad \x1b[2J\x9b\u202e\n::error::x " + "y" * 5000
        with pytest.raises(InvalidArgument) as caught:
            bench(error(400, "INVALID_ARGUMENT", hostile)).provider.get(MODEL)
        assert caught.value.message.startswith(f"read {MODEL}: bad \\x1b[2J\\x9b\\u202e\\n::error::x yyy")
        assert len(caught.value.message) < 600

    @pytest.mark.parametrize(
        ("answer", "kind", "hint"),
        [
            (error(401, "UNAUTHENTICATED"), AuthenticationFailed, "TUNECTL_ACCESS_TOKEN is expired or wrong"),
            (
                error(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes."),
                PermissionDenied,
                f"gcloud auth application-default login --scopes={','.join(SCOPES)}",
            ),
            (
                error(403, "PERMISSION_DENIED", headers={"www-authenticate": 'Bearer error="insufficient_scope"'}),
                PermissionDenied,
                "gcloud auth application-default login",
            ),
            (
                error(403, "PERMISSION_DENIED", details=[{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]),
                PermissionDenied,
                "gcloud auth application-default login",
            ),
            (
                error(403, "PERMISSION_DENIED", "The API requires a quota project, which is not set by default."),
                PermissionDenied,
                "--project ID or TUNECTL_PROJECT",
            ),
            (
                error(403, "PERMISSION_DENIED", details=[{"reason": "SERVICE_DISABLED"}]),
                PermissionDenied,
                "gcloud services enable",
            ),
            (
                error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
                AuthenticationFailed,
                "TUNECTL_ACCESS_TOKEN",
            ),
            (
                error(403, "PERMISSION_DENIED", "requires a quota project", details=[{"reason": 7}, {"reason": "X"}]),
                PermissionDenied,
                "TUNECTL_PROJECT",
            ),
            (EXHAUSTED, QuotaExhausted, "--parallelism"),
        ],
    )
    def test_the_way_past_is_named(self, answer, kind, hint):
        with pytest.raises(kind) as caught:
            bench(answer).provider.get(MODEL)
        assert hint in caught.value.hint

    def test_a_plain_denial_has_no_made_up_hint(self):
        with pytest.raises(PermissionDenied) as caught:
            bench(error(403, "PERMISSION_DENIED", "You do not have permission")).provider.get(MODEL)
        assert caught.value.hint is None

    def test_a_path_that_no_api_answers_points_at_the_endpoint(self):
        with pytest.raises(NotFound) as caught:
            bench(error(404, "NOT_FOUND", "Method not found.")).provider.get(MODEL)
        assert "path of provider.endpoint" in caught.value.hint

    def test_a_model_that_is_not_there_is_no_fault_of_the_endpoint(self):
        with pytest.raises(NotFound) as caught:
            bench(error(404, "NOT_FOUND", "Tuned model does not exist.")).provider.get(MODEL)
        assert caught.value.hint is None

    def test_a_failed_connect_says_where_to_and_why(self):
        with pytest.raises(
            Unavailable, match=r"connection to generativelanguage\.googleapis\.com .*Connection refused"
        ):
            bench(refused).provider.get(MODEL)

    def test_a_port_is_named_with_its_host(self):
        with pytest.raises(Unavailable, match=r"connection to 127\.0\.0\.1:9 "):
            bench(refused, endpoint="http://127.0.0.1:9").provider.get(MODEL)

    def test_a_lost_connection_does_not_quote_what_came(self):
        with pytest.raises(Unavailable, match="was lost") as caught:
            bench(lost).provider.get(MODEL)
        assert "canary" not in str(caught.value)


class TestReadOnly:
    def test_refuses_everything_but_reads_loudly_and_sends_nothing(self):
        desk = bench(ok(model()), read_only=True)
        desk.provider.get(MODEL)
        for call in ("create", "update", "delete"):
            with pytest.raises(RuntimeError, match="read-only provider was asked to"):
                every_call(desk.provider)[call]()
        assert desk.service.seen == [f"GET /v1beta/{MODEL}"]


class TestOnce:
    """A request that might do its work twice: a create whose id the service chooses."""

    @staticmethod
    def send(*steps):
        desk = bench(*steps)
        http = desk.provider._http
        return desk, lambda: http.send(Call("create", "POST", "/x", body={}, patience=Patience(resend=False)))

    @pytest.mark.parametrize("fault", [BUSY, lost, httpx.ReadTimeout("slow"), httpx.Response(502)])
    def test_is_never_sent_twice_when_it_may_have_been_carried_out(self, fault):
        desk, send = self.send(fault, ok({}))
        with pytest.raises(Unavailable):
            send()
        assert len(desk.service.requests) == 1

    @pytest.mark.parametrize("fault", [EXHAUSTED, refused])
    def test_is_sent_again_when_the_service_refused_or_never_saw_it(self, fault):
        desk, send = self.send(fault, ok({}))
        send()
        assert len(desk.service.requests) == 2


class TestOverARealSocket:
    def test_an_explicit_token_reaches_loopback_and_no_log(self, caplog):
        seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(dict(self.headers))
                if len(seen) == 1:
                    self.connection.close()
                    return
                body = ok(model()).content
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

            def handle_error(self):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_args: None
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        caplog.set_level(logging.DEBUG)
        clock = TurnedClock()
        provider = open_provider(
            ProviderSettings(endpoint=f"http://127.0.0.1:{server.server_port}/", access_token=TOKEN, project="p-1"),
            clock=clock,
            report=lambda _event: None,
        )
        try:
            assert provider.get(MODEL).resource == MODEL
        finally:
            provider.close()
            server.shutdown()
            thread.join()
            server.server_close()
        assert len(seen) == 2
        assert len(clock.slept) == 1
        sent = {name.lower(): value for name, value in seen[1].items()}
        assert sent["authorization"] == f"Bearer {TOKEN}"
        assert sent["x-goog-user-project"] == "p-1"
        assert "gzip" in sent["accept-encoding"]
        assert sent["user-agent"].startswith("tunectl/")
        assert "HTTP" not in caplog.text
        assert TOKEN not in caplog.text
