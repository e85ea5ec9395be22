"""Holds requests and answers against Google's discovery documents, which google-api-python-client bundles.

A recorder stands before a WSGI application; what passed is checked afterwards: that the method exists, that its
parameters do, that bodies have known fields of the right types, int64 as strings, enums by known names, times as RFC
3339, and that no successful request sets what is read-only.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from reconciler.emulator.app import read_path

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = ROOT / ".venvs" / "google-cloud"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z")
_NO_DECIMALS = ("NaN", "Infinity", "-Infinity")
"""How protobuf's JSON spells the numbers that JSON has not."""
_OK = 300


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: bytes
    status: int
    kind: str
    answer: bytes


@dataclass
class Recorder:
    """A WSGI application that remembers what passes through it to another one."""

    app: Callable[..., Iterable[bytes]]
    exchanges: list[Exchange] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        told: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told.extend([int(status.split(maxsplit=1)[0]), dict(headers)])
            return start_response(status, headers, *rest)

        answer = b"".join(self.app({**environ, "wsgi.input": BytesIO(body), "HTTP_ACCEPT_ENCODING": ""}, start))
        path = read_path(environ["PATH_INFO"])
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        status, headers = told
        self.exchanges.append(
            Exchange(environ["REQUEST_METHOD"], path, query, body, status, headers["Content-Type"], answer)
        )
        return [answer]


def check_all(exchanges: Iterable[Exchange]) -> int:
    """Check all exchanges with services that have a document here, and return how many those were."""
    checked = 0
    problems = []
    for exchange in exchanges:
        for document in documents():
            if document.serves(exchange.path):
                found = list(document.problems(exchange))
                problems += [f"{exchange.method} {exchange.path} ({exchange.status}): {text}" for text in found]
                checked += 1
                break
    assert not problems, "\n".join(problems)
    return checked


@cache
def documents() -> tuple[Document, ...]:
    """The documents of Vertex AI and Cloud Storage.

    They fail the test if the environment is missing.
    """
    found = sorted(ENVIRONMENT.glob("lib/python*/site-packages/googleapiclient/discovery_cache/documents"))
    if not found:
        pytest.fail(".venvs/google-cloud is missing; `make .venvs/google-cloud/.done` makes it", pytrace=False)
    names = ("aiplatform.v1", "aiplatform.v1beta1", "storage.v1")
    return tuple(Document(json.loads((found[0] / f"{name}.json").read_text(encoding="utf-8"))) for name in names)


class Document:
    """One discovery document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.schemas = document["schemas"]
        self.common = set(document["parameters"])
        self.prefixes = ("/storage/", "/upload/", "/download/")
        if document["name"] == "aiplatform":
            self.prefixes = (f"/{document['version']}/projects", f"/{document['version']}/publishers")
        self.service = document["servicePath"]
        self.methods = list(self._methods(document["resources"]))

    def serves(self, path: str) -> bool:
        return path.startswith(self.prefixes)

    def problems(self, exchange: Exchange) -> Iterator[str]:
        """What is wrong with an exchange."""
        method = self._find(exchange)
        succeeded = exchange.status < _OK
        if method is None:
            if succeeded:
                yield "no such method"
            return
        if succeeded:
            known = self.common | method.get("parameters", {}).keys() | {"uploadId"}
            yield from (
                f"unknown parameter {name}" for name, _ in exchange.query if _camel(name.strip("$")) not in known
            )
        if succeeded and exchange.body and "request" in method and "uploadType" not in dict(exchange.query):
            yield from self._request(exchange.body, method["request"]["$ref"])
        if not exchange.kind.startswith("application/json") or not exchange.answer or _is_media(exchange):
            return
        answer = json.loads(exchange.answer)
        if not succeeded:
            yield from _envelope(answer, exchange.status)
        elif "response" in method:
            items = answer if isinstance(answer, list) else [answer]
            for item in items:
                yield from self._value(item, method["response"], "answer")

    def _request(self, body: bytes, schema: str) -> Iterator[str]:
        try:
            value = json.loads(body)
        except ValueError:
            return  # the emulator's parser is laxer, on purpose
        yield from self._value(value, {"$ref": schema}, "request", request=True)

    def _value(self, value: Any, schema: dict[str, Any], path: str, *, request: bool = False) -> Iterator[str]:
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        if request and schema.get("readOnly"):
            yield f"{path} is read-only"
            return
        kind = schema.get("type", "object")
        if kind == "object":
            yield from self._object(value, schema, path, request=request)
        elif kind == "array":
            if not isinstance(value, list):
                yield f"{path} is no list"
                return
            for index, item in enumerate(value):
                yield from self._value(item, schema["items"], f"{path}[{index}]", request=request)
        elif kind != "any":
            problem = _scalar(value, schema, lax=request)
            if problem:
                yield f"{path} {problem}: {value!r}"

    def _object(self, value: Any, schema: dict[str, Any], path: str, *, request: bool) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} is no object"
            return
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            known = properties.get(_camel(name) if request else name, more)
            if known is None:
                yield f"{path}.{name} is unknown"
            else:
                yield from self._value(item, known, f"{path}.{name}", request=request)

    def _find(self, exchange: Exchange) -> dict[str, Any] | None:
        for verb, pattern, method in self.methods:
            resumes = "upload_id" in dict(exchange.query) and exchange.method in {"PUT", "DELETE"}
            if (verb == exchange.method or resumes) and pattern.fullmatch(exchange.path):
                return method
        return None

    def _methods(self, resources: dict[str, Any]) -> Iterator[tuple[str, re.Pattern[str], dict[str, Any]]]:
        for resource in resources.values():
            for method in resource.get("methods", {}).values():
                paths = [f"/{self.service}{method.get('flatPath', method['path'])}"]
                media = method.get("mediaUpload", {}).get("protocols", {})
                paths += [protocol["path"] for protocol in media.values()]
                if method.get("supportsMediaDownload"):
                    paths.append(f"/download{paths[0]}")
                for path in paths:
                    yield method["httpMethod"], _pattern(path), method
            yield from self._methods(resource.get("resources", {}))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path)
    wild = {"{object}": ".+"}
    return re.compile("".join(wild.get(p, "[^/:]+") if p.startswith("{") else re.escape(p) for p in parts))


def _scalar(value: Any, schema: dict[str, Any], *, lax: bool) -> str:
    """What is wrong with a scalar; requests may spell numbers as they like and clear what they will."""
    kind, form = schema["type"], schema.get("format")
    if kind == "string" and form in {"int64", "uint64"}:
        good = re.fullmatch(r"-?\d+", str(value)) if lax or isinstance(value, str) else None
        return "" if good else "is no int64 in a string"
    if kind == "string":
        return _text(value, schema, form)
    if kind == "boolean":
        return "" if isinstance(value, bool) else "is no boolean"
    if kind == "number" and value in _NO_DECIMALS:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "is no number"
    return "is no integer" if kind == "integer" and value != int(value) else ""


def _text(value: Any, schema: dict[str, Any], form: str | None) -> str:
    if not isinstance(value, str):
        return "is no string"
    if "enum" in schema and value not in schema["enum"]:
        return "is no value of the enum"
    if form in {"google-datetime", "date-time"} and not _TIME.fullmatch(value):
        return "is no time"
    if form == "byte":
        base64.b64decode(value, validate=True)
    return ""


def _envelope(answer: Any, status: int) -> Iterator[str]:
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict) or error.get("code") != status or not isinstance(error.get("message"), str):
        yield f"is no error envelope: {answer!r}"
    elif not ({"status", "details"} & error.keys() or "errors" in error):
        yield "an error needs a status, or errors"


def _is_media(exchange: Exchange) -> bool:
    return ("alt", "media") in exchange.query or exchange.path.startswith("/download/")


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
