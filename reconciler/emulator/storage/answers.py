"""Cloud Storage's answers: its errors, which are not those of the other APIs, and its resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler.emulator.scalars import timestamp
from reconciler.emulator.storage.shelf import Bucket, Stored

_REASONS = {
    304: "notModified",
    400: "invalid",
    401: "required",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    410: "gone",
    412: "conditionNotMet",
    413: "uploadTooLarge",
    416: "requestedRangeNotSatisfiable",
}
JSON = "application/json; charset=UTF-8"


class StorageError(Exception):
    """An error answer; ``media`` gives it as bare text, as downloads do."""

    def __init__(self, code: int, message: str, *, media: bool = False) -> None:
        self.code = code
        self.message = message
        self.media = media
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, body, content type, further headers."""

    status: int
    body: bytes
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def answer_json(value: Mapping[str, Any], *headers: tuple[str, str]) -> Answer:
    """Return a JSON answer."""
    return Answer(200, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), headers=headers)


def answer_error(error: StorageError) -> Answer:
    """Return an error's answer: ``{"error": {"code", "message", "errors"}}``, without a canonical status."""
    if error.code == 304:  # noqa: PLR2004 - Not Modified has no body
        return Answer(304, b"")
    if error.media:
        return Answer(error.code, error.message.encode(), "text/html; charset=UTF-8")
    entry = {"message": error.message, "domain": "global", "reason": _REASONS.get(error.code, "backendError")}
    value = {"error": {"code": error.code, "message": error.message, "errors": [entry]}}
    return Answer(error.code, json.dumps(value, ensure_ascii=False).encode())


def no_object(bucket: str, name: str, *, media: bool = False) -> StorageError:
    """Return the answer for an object that is not there."""
    return StorageError(404, f"No such object: {bucket}/{name}", media=media)


def root_of(environ: Mapping[str, Any]) -> str:
    """Return where the caller has reached us, which links lead to: Google's client follows them."""
    return f"{environ.get('wsgi.url_scheme', 'http')}://{environ.get('HTTP_HOST', 'localhost')}"


def describe_bucket(bucket: Bucket, root: str) -> dict[str, Any]:
    """Return a storage#bucket resource."""
    made = timestamp(bucket.created)
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{root}/storage/v1/b/{bucket.name}",
        "projectNumber": "100000000000",
        "metageneration": "1",
        "location": bucket.location,
        "locationType": "region" if "-" in bucket.location else "multi-region",
        "storageClass": "STANDARD",
        "timeCreated": made,
        "updated": made,
        "etag": "CAE=",
    }


def describe_object(stored: Stored, root: str) -> dict[str, Any]:
    """Return a storage#object resource; sizes and generations are strings."""
    made = timestamp(stored.created)
    path = f"storage/v1/b/{stored.bucket}/o/{quote(stored.name, safe='')}"
    return {
        "kind": "storage#object",
        "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
        "selfLink": f"{root}/{path}",
        "mediaLink": f"{root}/download/{path}?generation={stored.generation}&alt=media",
        "name": stored.name,
        "bucket": stored.bucket,
        "generation": str(stored.generation),
        "metageneration": "1",
        "storageClass": "STANDARD",
        "size": str(stored.size),
        "md5Hash": stored.md5,
        "crc32c": stored.crc32c,
        "etag": etag(stored),
        "timeCreated": made,
        "updated": made,
        **stored.fields,
    }


def etag(stored: Stored) -> str:
    """Return an object's entity tag."""
    return f"{stored.generation}/1"


def media_headers(stored: Stored) -> tuple[tuple[str, str], ...]:
    """Return the headers of a download."""
    return (
        ("ETag", f'"{etag(stored)}"'),
        ("X-Goog-Generation", str(stored.generation)),
        ("X-Goog-Metageneration", "1"),
        ("X-Goog-Hash", f"crc32c={stored.crc32c},md5={stored.md5}"),
        ("X-Goog-Stored-Content-Length", str(stored.size)),
        ("X-Goog-Stored-Content-Encoding", "identity"),
        ("Accept-Ranges", "bytes"),
    )
