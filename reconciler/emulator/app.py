"""The WSGI application: from bytes to a method's call and back, with faults on the way.

Order of a request: faults that strike before it, route, credentials, query, body, method, ``fields``, faults that
strike after it, log. Control requests go to ``control``. The rules of the API live with its methods.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from reconciler.emulator import access, control
from reconciler.emulator.faults import ConnectionDropped, Fault
from reconciler.emulator.fields import parse_selection, select
from reconciler.emulator.parsing import bind, read_json
from reconciler.emulator.problems import ApiError
from reconciler.emulator.query import bind_parameters, read_query, read_system, redact
from reconciler.emulator.routes import ROUTES, Route, find_route
from reconciler.emulator.world import Call, Request, World

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

MAX_BODY = 20_971_520
"""Bytes of the largest request the service takes."""

_MAX_CONTROL = 268_435_456
MAX_OBJECT = 268_435_456
"""Bytes of the largest upload to Cloud Storage; the service takes more."""

_REASON_LENGTH = 300
_ZIP_FROM = 1024
_JSON = "application/json; charset=UTF-8"
_SIMULATED = ("x-tunectl-emulator", "simulated")
_REASON = "x-tunectl-emulator-reason"
_VERTEX = ("projects/", "publishers/")
_GCS = "storage.googleapis.com"
_STORAGE = tuple(f"{prefix}/storage/v1/b" for prefix in ("", "/upload", "/download", "/resumable/upload"))
_INSTEAD = frozenset({"status", "drop", "html"})
_NO_CONTROLS = dict.fromkeys((*range(32), 127), " ")
_PAGE = b"<!DOCTYPE html>\n<html lang=en><title>Error 502 (Server Error)!!1</title><p>That is an error.</html>\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP status, body, headers.

    ``announced`` is its Content-Length where that is a lie; a ``plain`` one is never compressed.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = _JSON
    announced: int | None = None
    plain: bool = False


class App:
    """The emulator as a WSGI application."""

    def __init__(self, world: World, *, sleep: Callable[[float], None]) -> None:
        self.world = world
        self._sleep = sleep

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request.

        Raises:
            ConnectionDropped: if a fault wants no answer at all.
        """
        method = str(environ["REQUEST_METHOD"])
        path = read_path(environ.get("PATH_INFO", ""))
        if path == control.ROOT or path.startswith(f"{control.ROOT}/"):
            reply = self._control(environ, method, path)
        else:
            reply = self._serve(environ, method, path)
        return _respond(reply, environ, start_response)

    def _serve(self, environ: Environ, method: str, path: str) -> Reply:
        """Answer a request to the API and log it."""
        body = None
        status, size = None, 0
        try:
            body = _read_body(environ, MAX_OBJECT if path.startswith(_STORAGE) else MAX_BODY)
            reply = self._faulty(environ, method, path, body)
            status, size = reply.status, len(reply.body)
        finally:
            kept = body if self.world.settings.record_bodies else None
            self.world.log.append(Request(method, path, _shown(environ), status, size, kept))
        return reply

    def _faulty(self, environ: Environ, method: str, path: str, body: bytes | None) -> Reply:
        faults = self.world.faults.strike(method, path)
        for fault in faults:
            if fault.kind == "delay":
                self._sleep(fault.seconds)
            elif fault.kind == "vanish":
                access.vanish(self.world, path)
            elif fault.kind in _INSTEAD and not fault.after:
                return _instead(fault)
        empty = any(fault.kind == "empty-page" for fault in faults)
        reply = self._answer(environ, method, path, body, empty_page=empty)
        for fault in faults:
            reply = _spoil(fault, reply)
        return reply

    def _answer(self, environ: Environ, method: str, path: str, body: bytes | None, *, empty_page: bool) -> Reply:
        try:
            if path.startswith(_STORAGE):
                return self._store(environ, path, body)
            return self._dispatch(environ, method, path, body, empty_page=empty_page)
        except ApiError as error:
            return _error(error)
        except (sqlite3.Error, RecursionError) as error:
            return _error(ApiError("INTERNAL", reason=type(error).__name__))

    def _store(self, environ: Environ, path: str, body: bytes | None) -> Reply:
        """Answer a request to Cloud Storage."""
        pairs = read_query(environ.get("QUERY_STRING", ""))
        access.account(self.world.settings, environ, read_system([pair for pair in pairs if pair[0] != "alt"]), _GCS)
        if body is None:
            raise _too_large(MAX_OBJECT)
        from reconciler.emulator.storage import service  # noqa: PLC0415 - most worlds do without

        answer = service.handle(self.world, environ, path, body)
        return Reply(answer.status, answer.body, answer.headers, answer.kind, plain=True)

    def _dispatch(self, environ: Environ, method: str, path: str, body: bytes | None, *, empty_page: bool) -> Reply:
        _, _, rest = path.partition("/")
        version, _, rest = rest.partition("/")
        found = find_route(_routes(rest), method, version, rest)
        if found is None:
            raise ApiError("NOT_FOUND", "Method not found.")
        route, names = found
        pairs = read_query(environ.get("QUERY_STRING", ""))
        system = read_system(pairs)
        service = f"{route.api.rpartition('.')[2]}.googleapis.com"
        account = access.account(self.world.settings, environ, system, service)
        fields = None if system.fields is None else parse_selection(system.fields, route.answer[version])
        call = Call(
            world=self.world,
            version=version,
            account=account,
            path=names,
            query=bind_parameters(route.query, pairs, package=version),
            body=_bound(route, version, body),
            fields=fields,
            integer_enums=system.integer_enums,
            empty_page=empty_page,
            now=self.world.now(),
        )
        answer = route.call(call)
        if fields is not None:
            answer = select(answer, fields)
        if route.stream and system.stream_events:
            events = b"".join(b"data: " + _encode(item, pretty=False) + b"\r\n\r\n" for item in answer)
            return Reply(200, events, kind="text/event-stream")
        return Reply(200, _encode(answer, pretty=system.pretty))

    def _control(self, environ: Environ, method: str, path: str) -> Reply:
        # A listing of thousands of models with their snapshots is larger than any request the service takes.
        body = _read_body(environ, _MAX_CONTROL)
        if body is None:
            return _error(_too_large(_MAX_CONTROL))
        status, answer = control.handle(self.world, method, path, body)
        return Reply(status, _encode(answer, pretty=True))


def read_path(text: str) -> str:
    """Return a request's path: PEP 3333 wants its bytes as Latin-1, and httpx's own transport gives the text itself."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _routes(rest: str) -> Sequence[Route]:
    if not rest.startswith(_VERTEX):
        return ROUTES
    from reconciler.emulator.vertex import routes  # noqa: PLC0415 - most worlds do without

    return routes.ROUTES


def _bound(route: Route, version: str, body: bytes | None) -> dict[str, Any]:
    if body is None:
        raise _too_large(MAX_BODY)
    if route.body is None:
        return {}
    return bind(route.body[version], read_json(body), package=version, root=route.root, api=route.api)


def _too_large(limit: int) -> ApiError:
    return ApiError("INVALID_ARGUMENT", f"Request payload size exceeds the limit: {limit} bytes.")


def _instead(fault: Fault) -> Reply:
    """Return what a fault answers in the request's place.

    Raises:
        ConnectionDropped: if it answers nothing.
    """
    if fault.kind == "drop":
        raise ConnectionDropped("the emulator dropped the connection, as a fault asked for")
    if fault.kind == "html":
        return Reply(fault.code or 502, _PAGE, kind="text/html; charset=UTF-8")
    return _error(fault.error())


def _spoil(fault: Fault, reply: Reply) -> Reply:
    """Return what a fault makes of an answer."""
    half = reply.body[: len(reply.body) // 2]
    if fault.kind in _INSTEAD:
        return _instead(fault)
    if fault.kind == "truncate":
        return replace(reply, body=half)
    if fault.kind == "cut":
        return replace(reply, body=half, announced=len(reply.body))
    return reply


def _error(error: ApiError) -> Reply:
    headers = error.headers
    if error.reason:
        headers = (*headers, (_REASON, _header_text(error.reason)))
    return Reply(error.http, _encode(error.body(), pretty=True), headers)


def _respond(reply: Reply, environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Write an answer, compressed if the caller asks as Google's services want to be asked (both headers say gzip)."""
    body = reply.body
    headers = [("Content-Type", reply.kind), ("Vary", "Origin, X-Origin, Referer"), _SIMULATED, *reply.headers]
    asked = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "") and "gzip" in environ.get("HTTP_USER_AGENT", "")
    if asked and len(body) >= _ZIP_FROM and reply.announced is None and not reply.plain:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    headers.append(("Content-Length", str(len(body) if reply.announced is None else reply.announced)))
    start_response(f"{reply.status} {_phrase(reply.status)}", headers)
    # The answer to a HEAD has a length and no body: on a connection that is kept, one would read as the next answer.
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _read_body(environ: Environ, limit: int = MAX_BODY) -> bytes | None:
    """Return the request's body; None if it is larger than the limit."""
    length = environ.get("CONTENT_LENGTH") or ""
    stream = environ["wsgi.input"]
    if length.isascii() and length.isdigit():
        return bytes(stream.read(int(length))) if int(length) <= limit else None
    if "HTTP_TRANSFER_ENCODING" not in environ:
        return b""
    body = bytes(stream.read(limit + 1))
    return body if len(body) <= limit else None


def _shown(environ: Environ) -> Mapping[str, str]:
    """Return the query for the log, credentials redacted."""
    try:
        return redact(read_query(environ.get("QUERY_STRING", "")))
    except ApiError:
        return {}


def _encode(answer: Any, *, pretty: bool) -> bytes:
    indent, separators = (2, None) if pretty else (None, (",", ":"))
    text = json.dumps(answer, ensure_ascii=False, indent=indent, separators=separators)
    # Google's clients read a streamed array piece by piece and want nothing after its bracket.
    return (text if isinstance(answer, list) else f"{text}\n").encode()


def _header_text(text: str) -> str:
    """Return a text as a header can carry it; one beyond 64 KB would break Python's own HTTP client."""
    return text[:_REASON_LENGTH].encode("ascii", "backslashreplace").decode().translate(_NO_CONTROLS)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
