"""The emulator on a port: a real socket, real closes, real signals."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection

import httpx
import pytest
from emulator_kit import CURL_BODY, SEED, Api, tuned

from reconciler.emulator import Emulator, Fault, serve
from reconciler.emulator import server as server_module
from reconciler.errors import TunectlError

MODULE = [sys.executable, "-m", "reconciler.emulator"]


@pytest.fixture
def server(emulator):
    with serve(emulator) as server:
        yield server


@pytest.fixture
def port(server):
    with httpx.Client(base_url=server.url) as client:
        yield Api(client)


def test_it_answers_on_a_free_port(port, server):
    assert server.url.startswith("http://127.0.0.1:")
    port.ok("POST", "/v1beta3/tunedModels", CURL_BODY.read_bytes())
    assert len(port.names()) == 1


def test_a_dropped_connection_closes_the_socket(port, emulator):
    emulator.faults.add(Fault("drop", method="POST", after=True))
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected without sending a response"):
        port.create()
    assert port.names() == ["m"]


def test_a_cut_body_ends_before_its_announced_length(port, emulator):
    emulator.faults.add(Fault("cut"))
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        port.send("GET", "models")
    assert port.ok("GET", "models")["models"]


def test_a_truncated_body_arrives_whole_as_far_as_http_can_tell(port, emulator):
    emulator.faults.add(Fault("truncate"))
    response = port.send("GET", "models")
    assert response.status_code == 200
    assert response.text.startswith('{"models":')
    assert not response.text.endswith("}\n")


@pytest.mark.parametrize(
    ("agent", "encoding", "zipped"),
    [("my-tool (gzip)", "gzip, deflate", True), ("my-tool", "gzip", False), ("my-tool (gzip)", "identity", False)],
)
def test_answers_are_compressed_when_both_headers_ask(port, agent, encoding, zipped):
    headers = {"user-agent": agent, "accept-encoding": encoding}
    with port.client.stream("GET", "/v1beta/models", headers=headers) as response:
        raw = b"".join(response.iter_raw())
    assert (response.headers.get("content-encoding") == "gzip") is zipped
    assert b"text-bison" in (gzip.decompress(raw) if zipped else raw)


def test_parallel_clients_are_served(port, server):
    def create(number):
        with httpx.Client(base_url=server.url) as client:
            return Api(client).create(f"m{number}")["metadata"]["tunedModel"]

    with ThreadPoolExecutor(16) as pool:
        names = set(pool.map(create, range(64)))
    assert len(names) == 64
    assert len(port.names("pageSize=100")) == 64


def test_as_many_clients_as_keep_their_connections_are_served(server):
    with ExitStack() as held:
        for _ in range(150):
            connection = HTTPConnection("127.0.0.1", httpx.URL(server.url).port, timeout=10)
            held.callback(connection.close)
            connection.request("GET", "/v1beta/tunedModels")
            assert connection.getresponse().read() == b"{}\n"


def test_a_head_request_leaves_nothing_on_the_connection_for_the_next_one(port, api):
    for client in (port.client, api.client):
        head = client.head("/v1beta/models")
        assert (head.status_code, head.content) == (404, b"")
    with socket.create_connection(("127.0.0.1", port.client.base_url.port), timeout=10) as connection:
        connection.sendall(b"HEAD /v1beta/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.endswith(b"\r\n\r\n")


def test_a_reason_stays_within_what_http_clients_read(port):
    reason = port.refused("GET", f"tunedModels?filter=owner:{'x' * 60_000}")
    assert reason.startswith("filter: 'owner:xxx")
    assert len(reason) < 1000


def test_a_chunked_body_is_read(port):
    def chunks():
        body = CURL_BODY.read_bytes()
        yield body[:100]
        yield body[100:]

    assert port.client.post("/v1beta/tunedModels", content=chunks()).status_code == 200


def test_a_port_that_cannot_be_had_says_so(server, emulator):
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(TunectlError, match="cannot listen"):
        serve(emulator, "127.0.0.1", port)
    with pytest.raises(TunectlError, match="cannot listen"):
        serve(emulator, "127.0.0.1", 99_999)


def test_closing_lets_a_request_in_hand_finish(clock):
    begun, release = threading.Event(), threading.Event()

    def held(_seconds):
        begun.set()
        release.wait(10)

    with Emulator(clock=clock, sleep=held, faults=[Fault("delay")]) as emulator, ThreadPoolExecutor(2) as pool:
        server = serve(emulator).start()
        answer = pool.submit(httpx.get, f"{server.url}/v1beta/models")
        assert begun.wait(10)
        closing = pool.submit(server.close)
        release.set()
        assert answer.result(10).json()["models"]
        closing.result(10)


def test_closing_does_not_wait_for_ever(clock, monkeypatch):
    monkeypatch.setattr(server_module, "_GRACE_SECONDS", 0.1)
    begun, release = threading.Event(), threading.Event()

    def held(_seconds):
        begun.set()
        release.wait(60)

    with Emulator(clock=clock, sleep=held, faults=[Fault("delay")]) as emulator, ThreadPoolExecutor(1) as pool:
        server = serve(emulator).start()
        answer = pool.submit(httpx.get, f"{server.url}/v1beta/models", timeout=60)
        assert begun.wait(10)
        server.close()
        with pytest.raises(httpx.TransportError):
            answer.result(10)
        release.set()


def test_closing_frees_the_port_and_may_be_done_twice(emulator):
    server = serve(emulator).start()
    port = int(server.url.rpartition(":")[2])
    server.close()
    server.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    unused = serve(emulator)
    unused.close()


def test_closing_just_when_the_loop_ends_is_no_error(emulator, monkeypatch):
    server = serve(emulator).start()
    pull = server._server.pull_trigger

    def pull_late():
        socket.create_connection(("127.0.0.1", httpx.URL(server.url).port), timeout=10).close()
        server._thread.join(0.3)
        pull()

    monkeypatch.setattr(server._server, "pull_trigger", pull_late)
    server.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_peace(number):
    with subprocess.Popen(MODULE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url) as client:
            assert Api(client).ok("GET", "tunedModels") == {}
            os.kill(process.pid, number)
            assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("start", [MODULE, [sys.executable, "-m", "reconciler", "emulator", "-q"]])
def test_every_flag_does_what_it_says(tmp_path, start):
    flags = [
        *("--host", "127.0.0.1", "--port", "0"),
        *("--data", str(tmp_path / "w.db"), "--seed", str(SEED), "--train-seconds", "0", "--record-bodies"),
        *("--fault", "status,code=429,path=/models$", "--token", "t=me@example.com", "--token", "plain"),
        *("--require-auth", "--require-quota-project", "--retired", "models/gemini-1.0-pro-001"),
        *("--concurrent-tunings", "2", "--listing-lag", "1", "--operation-ttl", "9"),
        *("--occupied", "theirs", "--occupied", "known=409", "--over-quota", "refuse", "--bucket", "b"),
        *("--operation-seconds", "3", "--undeploy-lag", "4"),
    ]
    with subprocess.Popen([*start, *flags], stdout=subprocess.PIPE, text=True) as process:
        with httpx.Client(base_url=process.stdout.readline().strip()) as client:
            api = Api(client)
            overview = api.ok("GET", "/_emulator")
            assert api.fails("GET", "models")[0] == 429
            assert api.fails("GET", "models")[0] == 401
            key = {"x-goog-api-key": "plain"}
            names = api.ok("GET", "models", headers=key)["models"]
            taken = [
                api.fails("POST", f"tunedModels?tunedModelId={name}", tuned(), headers=key)[0]
                for name in ("theirs", "known")
            ]
        process.terminate()
    assert overview["models"] == 7
    assert taken == [403, 409]
    assert "models/gemini-1.0-pro-001" not in [model["name"] for model in names]
    assert overview["settings"] == {
        "train_seconds": 0.0,
        "listing_lag": 1.0,
        "operation_ttl": 9.0,
        "concurrent_tunings": 2,
        "require_auth": True,
        "require_quota_project": True,
        "accounts": ["me@example.com", "user@example.com"],
        "retired": ["models/gemini-1.0-pro-001"],
        "record_bodies": True,
        "over_quota": "refuse",
        "operation_seconds": 3.0,
        "undeploy_lag": 4.0,
        "buckets": ["b"],
    }


@pytest.mark.parametrize("start", [MODULE, [sys.executable, "-m", "reconciler", "emulator", "-q", "--port", "0"]])
def test_cloud_storage_may_have_a_port_of_its_own(start):
    with subprocess.Popen([*start, "--gcs-port", "0"], stdout=subprocess.PIPE, text=True) as process:
        first, second = (process.stdout.readline().strip() for _ in range(2))
        query = {"uploadType": "media", "name": "a"}
        httpx.post(f"{second}/upload/storage/v1/b/bucket/o", params=query, content=b"hello")
        read = [httpx.get(f"{url}/storage/v1/b/bucket/o/a", params={"alt": "media"}).content for url in (first, second)]
        process.terminate()
        assert process.wait(timeout=30) == 0
    assert first != second
    assert read == [b"hello", b"hello"]


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--gcs-port", "70000"], 1, "70000"),
        (["--fault", "explode"], 64, "unknown kind"),
        (["--occupied", "m=404"], 64, "neither ID nor"),
        (["--occupied", "=403"], 64, "neither ID nor"),
        (["--token", "=me@example.com"], 64, "names no token"),
        (["--data", "/dev/null/x"], 1, "cannot keep"),
        (["--port", "x"], 2, "int"),
    ],
)
def test_what_cannot_start_says_why(flags, code, said):
    done = subprocess.run([*MODULE, *flags], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_starting_imports_nothing_heavy():
    """What a start costs is mostly imports, so they are counted instead of timed."""
    program = (
        "import sys, reconciler.emulator as e\n"
        "assert 'reconciler.emulator.emulator' not in sys.modules\n"
        "server = e.serve(e.Emulator())\n"
        "print(*sorted(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert not modules & {"httpx", "pydantic", "yaml", "rich", "click", "google", "requests", "asyncio", "email.mime"}
    assert len(modules) < 350
    assert not any(name.startswith(("reconciler.providers", "reconciler.core", "reconciler.ports")) for name in modules)


def test_public_names_are_loaded_on_demand():
    import reconciler.emulator as package  # noqa: PLC0415 - what this import gives is what is tested

    assert {name: getattr(package, name).__name__ for name in package.__all__} == {
        name: name for name in package.__all__
    }
    with pytest.raises(AttributeError, match="nothing"):
        package.nothing  # noqa: B018 - looking it up is the test


def test_the_transport_serves_every_verb_and_bodies_of_unknown_length(api):
    api.client.post("/v1beta/tunedModels?tunedModelId=m", content=iter([CURL_BODY.read_bytes()]))
    assert api.send("DELETE", "tunedModels/m", content=b"").status_code == 200
    assert api.send("POST", "tunedModels", tuned(), headers={"content-type": "text/plain"}).status_code == 200
