"""Bucket services on loopback, over real sockets, with a layer in front that loses, refuses and distorts on demand."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from fake_gcs import FakeCloudStorage
from werkzeug.serving import WSGIRequestHandler, make_server

from reconciler.stores.bucket_client import Patience

HASTY = Patience(tries=4, timeout=5.0, first_pause=0.001, longest_pause=0.004)
CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_X_GOOG_IF_GENERATION_MATCH")
SECRET = "canary0secret0canary0secret0canary0secre"
Application = Callable[[dict[str, Any], Any], Any]


@dataclass
class Fault:
    """What happens to the next ``times`` requests of a method, after ``skip`` of them went through.

    ``lose``: carried out, then the connection is cut. ``drop``: cut before it is carried out. A number: answered with
    that status instead of being carried out. ``ignore``: carried out as if it had no condition. ``only`` meets requests
    that have this header, by its WSGI name, ``path`` those whose path holds this text.
    """

    method: str
    what: str | int
    times: int = 1
    skip: int = 0
    code: str = "Injected"
    only: str = ""
    location: str = ""
    path: str = ""

    def meets(self, environ: dict[str, Any]) -> bool:
        if self.method != environ["REQUEST_METHOD"] or not self.times or (self.only and self.only not in environ):
            return False
        if self.path not in environ["PATH_INFO"]:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass
class Front:
    """The layer in front of a service: injects faults and keeps a log of methods, keys and statuses."""

    service: Application
    faults: list[Fault] = field(default_factory=list)
    log: list[tuple[str, str, int]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        with self.lock:
            fault = next((fault for fault in self.faults if fault.meets(environ)), None)
            self.tokens.add(environ.get("HTTP_AUTHORIZATION", ""))
        seen: list[int] = []

        def start(status: str, headers: Any, *more: Any) -> Any:
            seen.append(int(status.partition(" ")[0]))
            return start_response(status, headers, *more)

        try:
            return self._serve(fault, environ, start)
        finally:
            _, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
            with self.lock:
                self.log.append((environ["REQUEST_METHOD"], key, seen[-1] if seen else 0))

    def _serve(self, fault: Fault | None, environ: dict[str, Any], start: Any) -> Any:
        match fault.what if fault else None:
            case None:
                return self.service(environ, start)
            case "ignore":
                kept = {key: value for key, value in environ.items() if key not in CONDITIONS}
                return self.service(kept, start)
            case "lose":
                for _ in self.service(environ, lambda *_: lambda _: None):
                    pass
                return _cut(environ)
            case "drop":
                return _cut(environ)
            case status:
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                assert fault is not None
                body = f"<Error><Code>{fault.code}</Code><Details>canary-body {SECRET}</Details></Error>".encode()
                moved = [("Location", fault.location)] if fault.location else []
                headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body))), *moved]
                start(f"{status} Injected", headers)
                return [body]

    def of(self, method: str, key: str = "") -> list[int]:
        """The statuses of the requests of a method whose key ends as given."""
        return [status for verb, name, status in self.log if verb == method and name.endswith(key)]


def _cut(environ: dict[str, Any]) -> list[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 (werkzeug's name)
        pass

    def run_wsgi(self) -> None:
        try:
            super().run_wsgi()
        except OSError:  # the cut connection
            self.close_connection = True


@contextmanager
def serving(application: Application) -> Iterator[str]:
    """Serve an application on a free loopback port for as long as the context lasts; give its URL."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Service(Protocol):
    """A bucket service under test."""

    front: Front
    scheme: str

    def make_bucket(self, name: str) -> None: ...

    def stored(self, bucket: str) -> dict[str, bytes]: ...

    def plant(self, bucket: str, key: str, data: bytes | None) -> None: ...

    def environ(self) -> dict[str, str]: ...


class CloudStorage:
    """The fake of Cloud Storage, behind a port."""

    scheme = "gs"

    def __init__(self, url: str, fake: FakeCloudStorage, front: Front) -> None:
        self.url, self.fake, self.front = url, fake, front

    def make_bucket(self, name: str) -> None:
        self.fake.buckets[name] = {}

    def stored(self, bucket: str) -> dict[str, bytes]:
        return {key: item.data for key, item in self.fake.buckets[bucket].items()}

    def plant(self, bucket: str, key: str, data: bytes | None) -> None:
        """Write as another program would: without a condition, without our metadata. None removes."""
        call_in_process(self.fake, "DELETE" if data is None else "PUT", f"/{bucket}/{key}", data or b"")

    def environ(self) -> dict[str, str]:
        return {"STORAGE_EMULATOR_HOST": self.url}


class S3:
    """moto's S3, behind a port."""

    scheme = "s3"

    def __init__(self, url: str, app: Application, front: Front) -> None:
        self.url, self.app, self.front = url, app, front

    def make_bucket(self, name: str) -> None:
        call_in_process(self.app, "PUT", f"/{name}")

    def version_bucket(self, name: str) -> None:
        body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        call_in_process(self.app, "PUT", f"/{name}", body, query="versioning")

    def stored(self, bucket: str) -> dict[str, bytes]:
        from moto.s3.models import s3_backends  # noqa: PLC0415 (heavy)

        (backends,) = s3_backends.values()
        return {key.name: key.value for key in backends["aws"].buckets[bucket].keys.values()}

    def plant(self, bucket: str, key: str, data: bytes | None) -> None:
        """Write as another program would: without a condition, without our metadata. None removes."""
        call_in_process(self.app, "DELETE" if data is None else "PUT", f"/{bucket}/{key}", data or b"")

    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIACANARY0CANARY0CA",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }


def call_in_process(app: Application, method: str, path: str, body: bytes = b"", *, query: str = "") -> None:
    """Send a service a request of its own account, past the front and its log."""
    from werkzeug.test import Client  # noqa: PLC0415

    response = Client(app).open(
        path,
        method=method,
        data=body,
        query_string=query,
        headers={
            "Authorization": "Bearer other"
            if isinstance(app, FakeCloudStorage)
            else "AWS4-HMAC-SHA256 Credential=other/20260302/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        },
    )
    assert response.status_code < 300, response.text
