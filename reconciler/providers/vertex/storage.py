"""Cloud Storage's JSON API as far as training data needs it: look at an object, put one there, ask what we may do.

An upload names the content it is going to have (its MD5), never replaces anything (``ifGenerationMatch=0``), and goes
in chunks if it is large, each of which may be sent again: what the service has already is not stored twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field

from reconciler.core.canonical import Json
from reconciler.errors import FailedPrecondition, NotFound, PermissionDenied, RemoteError, TunectlError
from reconciler.ports.objects import StoredObject
from reconciler.providers.faults import Answer
from reconciler.providers.http import Call, Http
from reconciler.providers.messages import CONFIG, decode
from reconciler.providers.vertex.places import bucket_of, object_path

__all__ = ["CHUNK", "Content", "Storage"]

CHUNK: Final = 8 * 1024 * 1024
"""Bytes that are sent at once; chunks of a resumable upload are multiples of 256 KiB."""
_RESUME: Final = 308
_TAKEN: Final = 412
_GONE: Final = frozenset({404, 410})
_SESSIONS: Final = 3
_STALLS: Final = 3
"""How often in a row the service may keep nothing of a chunk, which it is free to do, before that is an error."""
_KIND: Final = "application/jsonl"
_FIELDS: Final = "size,crc32c,md5Hash,generation"


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be uploaded: its size in bytes, its MD5 in base64, and its pieces, from the start at each call."""

    size: int
    md5: str
    pieces: Callable[[], Iterator[bytes]] = field(repr=False)


class _Object(BaseModel):
    model_config = CONFIG

    size: int
    crc32c: str = Field(alias="crc32c")  # which the rule of the others would spell crc32C
    generation: str
    md5_hash: str | None = None


class _Granted(BaseModel):
    model_config = CONFIG

    permissions: list[str] = []


class Storage:
    """A connection to Cloud Storage; safe to use from several threads. ``location`` is where a bucket belongs."""

    def __init__(self, http: Http, *, location: str | None) -> None:
        self._http = http
        self._location = location or "LOCATION"

    def stored(self, uri: str) -> StoredObject:
        """Return what is known of an object; see ``ports.objects.Objects.stored``."""
        answer = self._http.send(Call(f"look at {uri}", "GET", object_path(uri), query={"fields": _FIELDS}))
        found = decode(_Object, answer)
        return StoredObject(uri, found.size, found.crc32c, found.generation, found.md5_hash)

    def held(self, bucket: str, wanted: Sequence[str]) -> frozenset[str]:
        """Return which of some permissions we have on a bucket; asking writes nothing.

        Raises:
            FailedPrecondition: the bucket does not exist.
            RemoteError: as the service says.
        """
        path = f"/storage/v1/b/{bucket}/iam/testPermissions"
        call = Call(f"ask for permissions on gs://{bucket}", "GET", path, query={"permissions": wanted})
        try:
            return frozenset(decode(_Granted, self._http.send(call)).permissions)
        except RemoteError as error:
            raise _explained(error, bucket, self._location) from error

    def put(self, uri: str, content: Content) -> bool:
        """Upload an object unless something is there; False if there is.

        Raises:
            FailedPrecondition: the bucket does not exist.
            PermissionDenied: we may not write there.
            RemoteError: as the service says.
        """
        try:
            if content.size <= CHUNK:
                self._send_whole(uri, content)
            else:
                self._send_pieces(uri, content)
        except RemoteError as error:
            if error.http_status == _TAKEN:
                return False
            raise _explained(error, bucket_of(uri), self._location) from error
        return True

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send_whole(self, uri: str, content: Content) -> None:
        boundary = f"tunectl-{content.size}-{content.md5.encode().hex()}"
        described = json.dumps(_described(uri, content)).encode()
        body = b"".join(
            (
                f"--{boundary}\r\ncontent-type: application/json\r\n\r\n".encode() + described,
                f"\r\n--{boundary}\r\ncontent-type: {_KIND}\r\n\r\n".encode(),
                *content.pieces(),
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        kind = {"content-type": f"multipart/related; boundary={boundary}"}
        self._http.send(_posting(uri, "multipart", body, kind))

    def _send_pieces(self, uri: str, content: Content) -> None:
        """Upload in chunks; a session that the service has forgotten is begun anew."""
        for remaining in reversed(range(_SESSIONS)):
            session = self._begin(uri, content)
            try:
                self._fill(uri, session, content)
            except RemoteError as error:
                if error.http_status not in _GONE or not remaining:
                    raise
            else:
                return

    def _begin(self, uri: str, content: Content) -> str:
        """Begin a resumable upload and return its id; the session's address is not used, for it may lead anywhere."""
        described = json.dumps(_described(uri, content)).encode()
        kind = {"content-type": "application/json", "x-upload-content-type": _KIND}
        answer = self._http.send(_posting(uri, "resumable", described, kind))
        found = parse_qs(urlsplit(answer.headers.get("location", "")).query).get("upload_id")
        if not found:
            raise answer.malformed("the answer names no upload to go on with")
        return found[0]

    def _fill(self, uri: str, session: str, content: Content) -> None:
        pieces, waiting, start, stalls = content.pieces(), bytearray(), 0, 0
        while True:
            while len(waiting) < CHUNK and (piece := next(pieces, None)) is not None:
                waiting += piece
            chunk = bytes(waiting[:CHUNK])
            answer = self._http.send(
                Call(
                    f"upload {uri}",
                    "PUT",
                    f"/upload/storage/v1/b/{bucket_of(uri)}/o",
                    query={"uploadType": "resumable", "upload_id": session},
                    content=chunk,
                    headers={"content-range": f"bytes {start}-{start + len(chunk) - 1}/{content.size}"},
                    accepts=frozenset({_RESUME}),
                )
            )
            if answer.status != _RESUME:
                return
            kept = _kept(answer)
            stalls = stalls + 1 if kept == start else 0
            if not start <= kept <= start + len(chunk) or stalls > _STALLS:
                raise answer.malformed(f"of the bytes from {start:,} on, it has those up to {kept:,}")
            del waiting[: kept - start]
            start = kept


def _posting(uri: str, way: str, content: bytes, headers: dict[str, str]) -> Call:
    path = f"/upload/storage/v1/b/{bucket_of(uri)}/o"
    query = {"uploadType": way, "ifGenerationMatch": "0", "fields": _FIELDS}
    return Call(f"upload {uri}", "POST", path, query=query, content=content, headers=headers)


def _described(uri: str, content: Content) -> dict[str, Json]:
    """Return the object's description; the service refuses content with another MD5."""
    name = uri.removeprefix("gs://").partition("/")[2]
    return {"name": name, "contentType": _KIND, "md5Hash": content.md5}


def _kept(answer: Answer) -> int:
    """Return how many bytes the service has, by the Range header of a 308; without one it has none."""
    last = answer.headers.get("range", "").rpartition("-")[2]
    return int(last) + 1 if last.isascii() and last.isdigit() else 0


def _explained(error: RemoteError, bucket: str, location: str) -> TunectlError:
    """Return what an error of Cloud Storage means to whoever named the bucket."""
    if isinstance(error, NotFound):
        return FailedPrecondition(
            f"provider.staging: the bucket gs://{bucket} does not exist",
            status=error.status,
            http_status=error.http_status,
            hint=f"gcloud storage buckets create gs://{bucket} --location={location}",
        )
    if isinstance(error, PermissionDenied) and error.hint is None:
        error.hint = (
            f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=WHO --role=roles/storage.objectUser"
        )
    return error
