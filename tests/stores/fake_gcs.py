"""A small Cloud Storage: the part of its XML API that a compare-and-swap needs, with generations, written from its
documentation (cloud.google.com/storage/docs/xml-api) and sharing no code with any client. A WSGI application.

Generations grow over the whole service, so a deleted object never gets an old one back. ETags are the MD5 of the
content, as the real service's are for objects uploaded in one piece. Every request must carry a bearer token.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any

_META = "HTTP_X_GOOG_META_"


@dataclass(frozen=True)
class Stored:
    data: bytes
    generation: int
    meta: tuple[tuple[str, str], ...]

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            ("ETag", f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'),
            ("x-goog-generation", str(self.generation)),
            ("x-goog-metageneration", "1"),
            ("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT"),
            *self.meta,
        ]


class Problem(Exception):
    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass
class FakeCloudStorage:
    """Buckets and their objects; ``token`` is the only one that is accepted, None accepts any."""

    token: str | None = None
    buckets: dict[str, dict[str, Stored]] = field(default_factory=dict)
    generation: int = 1_700_000_000_000_000
    lock: Lock = field(default_factory=Lock)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        try:
            with self.lock:
                status, headers, content = self._answer(environ, body)
        except Problem as problem:
            status, headers = problem.status, [("Content-Type", "application/xml")]
            # The real service quotes what it was asked; nothing of it may reach a message of ours.
            content = f"<Error><Code>{problem.code}</Code><Details>canary-body</Details></Error>".encode()
        headers.append(("Content-Length", str(len(content))))
        start_response(f"{status.value} {status.phrase}", headers)
        return [content]

    def _answer(self, environ: dict[str, Any], body: bytes) -> tuple[HTTPStatus, list[tuple[str, str]], bytes]:
        self._check_token(environ.get("HTTP_AUTHORIZATION", ""))
        _, bucket, key = environ["PATH_INFO"].split("/", 2)
        if bucket not in self.buckets:
            raise Problem(HTTPStatus.NOT_FOUND, "NoSuchBucket")
        objects = self.buckets[bucket]
        match environ["REQUEST_METHOD"]:
            case "GET":
                found = self._find(objects, key)
                return HTTPStatus.OK, [*found.headers, ("Content-Type", "application/octet-stream")], found.data
            case "PUT":
                self._check_generation(objects.get(key), environ.get("HTTP_X_GOOG_IF_GENERATION_MATCH"))
                self.generation += 1
                meta = tuple(
                    (f"x-goog-meta-{name.removeprefix(_META).replace('_', '-').lower()}", value)
                    for name, value in environ.items()
                    if name.startswith(_META)
                )
                objects[key] = Stored(body, self.generation, meta)
                return HTTPStatus.OK, objects[key].headers, b""
            case "DELETE":
                self._find(objects, key)
                del objects[key]
                return HTTPStatus.NO_CONTENT, [], b""
        raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed")

    def _check_token(self, header: str) -> None:
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not token or self.token not in {None, token}:
            raise Problem(HTTPStatus.UNAUTHORIZED, "AuthenticationRequired")

    @staticmethod
    def _find(objects: dict[str, Stored], key: str) -> Stored:
        if key not in objects:
            raise Problem(HTTPStatus.NOT_FOUND, "NoSuchKey")
        return objects[key]

    @staticmethod
    def _check_generation(stored: Stored | None, wanted: str | None) -> None:
        if wanted is not None and int(wanted) != (0 if stored is None else stored.generation):
            raise Problem(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed")
