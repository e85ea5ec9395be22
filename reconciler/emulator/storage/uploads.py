"""Uploads to Cloud Storage: media, multipart and resumable (cloud.google.com/storage/docs/uploads-downloads)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.emulator.storage.answers import Answer, StorageError, answer_json, root_of
from reconciler.emulator.storage.shelf import Upload

CHUNK = 262_144
"""Bytes of which every chunk of a resumable upload but the last is a multiple."""

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))""")
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Content:
    """What an upload brings: the resource it describes, the bytes, their type."""

    fields: Mapping[str, Any]
    data: bytes
    kind: str


def read_fields(body: bytes) -> dict[str, Any]:
    """Read the JSON description of an object; nothing is an empty one.

    Raises:
        StorageError: 400, if it is no JSON object.
    """
    try:
        value = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise StorageError(400, "Parse Error")
    return value


def read_multipart(body: bytes, kind: str) -> Content:
    """Take a multipart/related body apart: JSON first, then the bytes.

    Raises:
        StorageError: 400, if it is none of two parts.
    """
    match = _BOUNDARY.search(kind)
    parts = [] if match is None else body.split(b"--" + str(match[match.lastindex or 1]).encode())[1:-1]
    if len(parts) != 2:  # noqa: PLR2004 - the description and the bytes
        raise StorageError(400, "Malformed multipart body.")
    (_, description), (headers, data) = map(_part, parts)
    return Content(read_fields(description), data, headers.get("content-type", ""))


def begin(environ: Mapping[str, Any], bucket: str, query: Mapping[str, str], body: bytes, moment: int) -> Upload:
    """Return a new resumable upload; its name may be in the query or in the description."""
    request = {
        "query": {name: value for name, value in query.items() if name not in {"key", "access_token"}},
        "fields": read_fields(body),
        "kind": environ.get("HTTP_X_UPLOAD_CONTENT_TYPE", ""),
    }
    digest = hashlib.sha256(json.dumps([bucket, request, moment]).encode()).hexdigest()
    return Upload(f"emulated-{digest[:40]}", bucket, request, b"")


def session_answer(environ: Mapping[str, Any], upload: Upload) -> Answer:
    """Return the answer that says where to send the bytes."""
    name = f"{root_of(environ)}/upload/storage/v1/b/{upload.bucket}/o?uploadType=resumable&upload_id={upload.id}"
    return replace(answer_json({}), body=b"", headers=(("Location", name), ("X-GUploader-UploadID", upload.id)))


def resume(upload: Upload, said: str, body: bytes) -> tuple[Upload, bool]:
    """Return an upload with more of its bytes, and whether they are all there.

    ``said`` is the Content-Range; without one, the body is everything.

    Raises:
        StorageError: 400, if the range does not fit what was sent or a chunk is no multiple of 256 KiB.
    """
    if not said:
        return replace(upload, data=body), True
    match = _RANGE.fullmatch(said)
    if match is None:
        raise StorageError(400, f"Failed to parse Content-Range header {said[:80]!r}.")
    first, last, total = match.groups()
    size = None if total == "*" else int(total)
    if first is None:
        return upload, size is not None and len(upload.data) == size
    if int(last) - int(first) + 1 != len(body) or int(first) > len(upload.data):
        raise StorageError(400, f"Content-Range {said} does not fit: {len(upload.data)} bytes are here already.")
    data = upload.data[: int(first)] + body
    whole = size is not None and len(data) == size
    if not whole and len(body) % CHUNK:
        raise StorageError(400, f"A chunk that is not the last must be a multiple of {CHUNK} bytes.")
    return replace(upload, data=data), whole


def incomplete(upload: Upload) -> Answer:
    """Return the answer that says how much has come: 308, with the range of bytes if there is one."""
    got = (("Range", f"bytes=0-{len(upload.data) - 1}"),) if upload.data else ()
    return Answer(308, b"", headers=(*got, ("X-GUploader-UploadID", upload.id)))


def _part(text: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers and the bytes of a part, which begins and ends with a line break that is not its own."""
    text = text.removeprefix(b"\r\n").removeprefix(b"\n")
    text = text.removesuffix(b"\n").removesuffix(b"\r")
    if text.startswith((b"\r\n", b"\n")):
        return {}, text.removeprefix(b"\r").removeprefix(b"\n")
    separator = b"\r\n\r\n" if b"\r\n\r\n" in text else b"\n\n"
    head, _, data = text.partition(separator)
    lines = [line.partition(":") for line in head.decode("latin-1").splitlines()]
    return {name.strip().lower(): value.strip() for name, _, value in lines}, data
