"""What goes over the wire grows with the pages of the listing, not with the models."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from reconciler.providers.google import codec, provider
from reconciler.providers.registry import open_provider
from reconciler.providers.settings import ProviderSettings
from reconciler.testing.fakes import FakeClock

if TYPE_CHECKING:
    from cli_kit import Workshop

LISTING = ("GET", "tunedModels")


def want(fleet: Workshop, count: int) -> None:
    for number in range(count):
        fleet.want(f"model-{number}")


def costs(fleet: Workshop, *arguments: str) -> Counter[tuple[str, str]]:
    """Run a command and return its requests."""
    fleet.emulator.clear_requests()
    fleet.run(*arguments)
    return Counter(fleet.requests())


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (4, 2), (9, 5)])
def test_a_plan_asks_for_the_pages_of_the_listing_and_nothing_else(fleet, monkeypatch, count, pages):
    want(fleet, count)
    fleet.apply()
    monkeypatch.setattr(provider, "_PAGE", 2)
    assert costs(fleet, "plan") == {LISTING: pages}


def test_permissions_are_asked_for_where_a_manifest_declares_them_and_nowhere_else(fleet):
    want(fleet, 4)
    shared = ("model-1", "model-3")
    for name in shared:
        fleet.want(name, permissions=[{"role": "READER", "everyone": True}])
    fleet.apply()
    asked = {("GET", f"{fleet.serving(name)}/permissions"): 1 for name in shared}
    assert costs(fleet, "plan") == {LISTING: 1, **asked}
    assert costs(fleet, "drift") == {LISTING: 1, ("GET", "models"): 1, **asked}  # a base model may be gone
    assert costs(fleet, "plan", "--target", "model-[012]") == {LISTING: 1, **dict([next(iter(asked.items()))])}


def test_a_plan_that_trains_asks_for_the_base_models_once(fleet):
    want(fleet, 6)
    assert costs(fleet, "plan") == {LISTING: 1, ("GET", "models"): 1}


def test_a_plan_asks_by_name_only_for_what_the_listing_lacks(fleet):
    want(fleet, 5)
    fleet.apply()
    lost = fleet.serving("model-3")
    fleet.emulator.remove(lost.removeprefix("tunedModels/"))
    assert costs(fleet, "plan") == {LISTING: 1, ("GET", lost): 1, ("GET", "models"): 1}


@pytest.mark.parametrize("count", [3, 12])
def test_waiting_asks_for_pages_whatever_the_number_of_models(fleet, count):
    want(fleet, count)
    fleet.emulator.clear_requests()
    events = fleet.apply("--format", "jsonl").events()
    pauses = sum(event["type"] == "waiting" for event in events)
    assert pauses > 1
    curves = {("GET", fleet.serving(f"model-{number}")): 1 for number in range(count)}
    assert Counter(fleet.requests()) == {
        LISTING: 1 + pauses,  # one to plan, one after each pause
        ("GET", "models"): 1,
        ("POST", "tunedModels"): count,
        **curves,  # the record of a finished model tells of its loss curve
    }


def test_loss_curves_stay_where_they_are_unless_they_are_shown(fleet):
    want(fleet, 3)
    fleet.apply()
    fleet.emulator.clear_requests()
    fleet.run("plan")
    (lean,) = fleet.emulator.requests
    assert "snapshots" not in lean.query["fields"]
    provider_ = open_provider(
        ProviderSettings(), transport=fleet.emulator.transport(), clock=FakeClock(), report=lambda _: None
    )
    provider_.observe(snapshots=True)
    provider_.close()
    whole = fleet.emulator.requests[-1]
    assert lean.size * 3 < whole.size


class Pages:
    """A listing of several pages over a real connection; counts connections, and tells when the last page is asked."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.connections = 0
        self.zipped = 0
        self.asked: list[str] = []
        self.last_asked = threading.Event()

    def answer(self, path: str) -> bytes:
        token = parse_qs(urlsplit(path).query).get("pageToken", ["0"])[0]
        self.asked.append(token)
        number = int(token)
        more = {"nextPageToken": str(number + 1)} if number + 1 < self.pages else {}
        if not more:
            self.last_asked.set()
        return json.dumps({"tunedModels": [{"name": f"tunedModels/m{number}", "state": "ACTIVE"}], **more}).encode()

    @contextmanager
    def serve(self) -> Iterator[str]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                service.connections += 1
                super().setup()

            def do_GET(self) -> None:
                content = service.answer(self.path)
                zipped = "gzip" in self.headers.get("accept-encoding", "")
                service.zipped += zipped
                self.send_response(200)
                self.send_header("content-type", "application/json")
                if zipped:
                    content = gzip.compress(content)
                    self.send_header("content-encoding", "gzip")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


def listed(endpoint: str) -> list[str]:
    settings = ProviderSettings(endpoint=endpoint, access_token="token")
    remote = open_provider(settings, clock=FakeClock(), report=lambda _: None)
    try:
        return [seen.resource for seen in remote.observe()]
    finally:
        remote.close()


def test_a_listing_of_many_pages_takes_one_connection_and_compressed_answers():
    service = Pages(5)
    with service.serve() as endpoint:
        assert listed(endpoint) == [f"tunedModels/m{number}" for number in range(5)]
    assert (service.connections, service.zipped, service.asked) == (1, 5, ["0", "1", "2", "3", "4"])


def test_the_next_page_is_under_way_while_one_is_worked_on(monkeypatch):
    service = Pages(2)
    observation = codec.observation

    def patient(model, **options):
        assert model.name != "tunedModels/m0" or service.last_asked.wait(10), "the second page is asked for too late"
        return observation(model, **options)

    monkeypatch.setattr(codec, "observation", patient)
    with service.serve() as endpoint:
        assert len(listed(endpoint)) == 2
