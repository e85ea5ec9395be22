"""Cloud Storage's JSON API: buckets get, insert, testIamPermissions; objects get, list, insert, delete.

As the discovery document of storage v1 describes them.

A bucket exists if it was made or if the setting ``buckets`` says so; by default every well-formed name is one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from reconciler.emulator.storage import uploads
from reconciler.emulator.storage.answers import (
    Answer,
    StorageError,
    answer_error,
    answer_json,
    describe_bucket,
    describe_object,
    media_headers,
    no_object,
    root_of,
)
from reconciler.emulator.storage.checks import (
    check_conditions,
    check_sums,
    kept_fields,
    name_of,
    read_hashes,
    read_integer,
    read_range,
)
from reconciler.emulator.storage.checksums import crc32c, md5
from reconciler.emulator.storage.shelf import Bucket, Stored
from reconciler.emulator.storage.uploads import Content
from reconciler.emulator.world import World

Environ = Mapping[str, Any]

_PATH = re.compile(
    r"/(?:resumable/)?(?:(upload|download)/)?storage/v1/b(?:/([^/]+)(?:/(o|iam)(?:/(.+))?)?)?/?", re.DOTALL
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_PAGE = 1000


def handle(world: World, environ: Environ, path: str, body: bytes) -> Answer:
    """Answer a request."""
    try:
        return _Request(world, environ, path, body).answer()
    except StorageError as error:
        return answer_error(error)


class _Request:
    """One request, taken apart."""

    def __init__(self, world: World, environ: Environ, path: str, body: bytes) -> None:
        match = _PATH.fullmatch(path)
        if match is None:
            raise StorageError(404, "Not Found")
        self.world = world
        self.environ = environ
        self.body = body
        self.root = root_of(environ)
        self.method = str(environ["REQUEST_METHOD"])
        self.area, self.bucket, self.objects, self.name = match.groups(default="")
        self.pairs = parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
        self.query = dict(self.pairs)
        self.media = self.area == "download" or self.query.get("alt") == "media"

    def answer(self) -> Answer:
        if not self.bucket:
            return self._buckets()
        if not self._exists():
            raise StorageError(404, "The specified bucket does not exist.")
        if self.objects != "o":
            return self._only("GET", self._test_permissions if self.objects else self._describe_bucket)
        if self.area == "upload":
            return self._upload()
        if not self.name:
            return self._list() if self.method == "GET" else self._insert_metadata()
        if self.method == "GET":
            return self._get()
        return self._only("DELETE", self._delete)

    def _only(self, method: str, act: Any) -> Answer:
        if self.method != method:
            raise StorageError(405, f"{self.method} is not emulated here.")
        result: Answer = act()
        return result

    def _describe_bucket(self) -> Answer:
        return answer_json(describe_bucket(self._found_bucket(), self.root))

    def _test_permissions(self) -> Answer:
        """Answer buckets.testIamPermissions: whoever comes has what is asked for, since there are no policies here."""
        asked = [value for key, value in self.pairs if key == "permissions"]
        if self.name != "testPermissions":
            raise StorageError(404, "Not Found")
        if not asked:
            raise StorageError(400, "Required parameter: permissions")
        return answer_json({"kind": "storage#testIamPermissionsResponse", "permissions": asked})

    def _exists(self) -> bool:
        if self.world.objects.bucket(self.bucket) is not None:
            return True
        named = self.world.settings.buckets
        return _BUCKET.fullmatch(self.bucket) is not None if named is None else self.bucket in named

    def _found_bucket(self) -> Bucket:
        return self.world.objects.bucket(self.bucket) or Bucket(self.bucket, 0, "US")

    def _buckets(self) -> Answer:
        if self.method != "POST":
            raise StorageError(405, f"{self.method} is not emulated here.")
        fields = uploads.read_fields(self.body)
        name = fields.get("name", "")
        if not isinstance(name, str) or not _BUCKET.fullmatch(name):
            raise StorageError(400, f"Invalid bucket name: '{str(name)[:80]}'")
        with self.world.store.writing():
            named = self.world.settings.buckets or ()
            if self.world.objects.bucket(name) is not None or name in named:
                raise StorageError(
                    409, "Your previous request to create the named bucket succeeded and you already own it."
                )
            bucket = Bucket(name, self.world.now(), str(fields.get("location", "US")).upper())
            self.world.objects.add_bucket(bucket)
        return answer_json(describe_bucket(bucket, self.root))

    def _list(self) -> Answer:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        limit = min(read_integer(self.query.get("maxResults", str(_PAGE)), "maxResults") or _PAGE, _PAGE)
        after = _read_token(self.query.get("pageToken", ""))
        last = after
        items: list[dict[str, Any]] = []
        prefixes: list[str] = []
        answer: dict[str, Any] = {"kind": "storage#objects"}
        for stored in self.world.objects.objects(self.bucket, prefix=prefix, after=after):
            head, cut, _ = stored.name[len(prefix) :].partition(delimiter) if delimiter else (stored.name, "", "")
            group = f"{prefix}{head}{delimiter}" if cut else ""
            if group and (group in prefixes or after.startswith(group)):
                continue
            if len(items) + len(prefixes) == limit:
                answer["nextPageToken"] = _write_token(last)
                break
            last = stored.name
            if group:
                prefixes.append(group)
            else:
                items.append(describe_object(stored, self.root))
        if items:
            answer["items"] = items
        if prefixes:
            answer["prefixes"] = prefixes
        return answer_json(answer)

    def _get(self) -> Answer:
        with self.world.store.reading():
            stored = self._present()
            data = self.world.objects.read(self.bucket, self.name) if self.media else None
        if data is None:
            return answer_json(describe_object(stored, self.root), ("ETag", f'"{stored.generation}/1"'))
        kind = str(stored.fields.get("contentType", "application/octet-stream"))
        span = read_range(self.environ.get("HTTP_RANGE", ""), len(data))
        if span is None:
            return Answer(200, data, kind, media_headers(stored))
        first, end = span
        told = ("Content-Range", f"bytes {first}-{end - 1}/{len(data)}")
        return Answer(206, data[first:end], kind, (*media_headers(stored), told))

    def _delete(self) -> Answer:
        with self.world.store.writing():
            self._present()
            self.world.objects.remove(self.bucket, self.name)
        return Answer(204, b"")

    def _present(self) -> Stored:
        """Return the object that the path names, its preconditions and its generation being right."""
        stored = self.world.objects.find(self.bucket, self.name)
        asked = self.query.get("generation")
        if stored is None or (asked is not None and read_integer(asked, "generation") != stored.generation):
            raise no_object(self.bucket, self.name, media=self.media)
        check_conditions(self.query, stored, reading=self.method == "GET", media=self.media)
        return stored

    def _insert_metadata(self) -> Answer:
        raise StorageError(400, "An object is inserted under /upload/storage/v1.")

    def _upload(self) -> Answer:
        kind = str(self.environ.get("CONTENT_TYPE", ""))
        way = self.query.get("uploadType", "")
        if "upload_id" in self.query:
            return self._resume()
        if way == "media":
            return self._insert(self.query, Content({}, self.body, kind))
        if way == "multipart":
            return self._insert(self.query, uploads.read_multipart(self.body, kind))
        if way != "resumable":
            raise StorageError(400, f"uploadType {way[:80]!r} is none of media, multipart, resumable.")
        with self.world.store.writing():
            upload = uploads.begin(self.environ, self.bucket, self.query, self.body, self.world.now())
            name_of(upload.request["query"], upload.request["fields"])
            self.world.objects.keep_upload(upload)
        return uploads.session_answer(self.environ, upload)

    def _resume(self) -> Answer:
        upload = self.world.objects.upload(self.query["upload_id"])
        if upload is None or upload.bucket != self.bucket:
            raise StorageError(404, "No such upload.")
        if self.method == "DELETE":
            with self.world.store.writing():
                self.world.objects.drop_upload(upload.id)
            return Answer(499, b"")
        if upload.done is not None:
            return Answer(200, upload.done.encode())
        upload, whole = uploads.resume(upload, str(self.environ.get("HTTP_CONTENT_RANGE", "")), self.body)
        if not whole:
            with self.world.store.writing():
                self.world.objects.keep_upload(upload)
            return uploads.incomplete(upload)
        request = upload.request
        answer = self._insert(request["query"], Content(request["fields"], upload.data, request["kind"]))
        with self.world.store.writing():
            self.world.objects.keep_upload(replace(upload, data=b"", done=answer.body.decode()))
        return answer

    def _insert(self, query: Mapping[str, str], content: Content) -> Answer:
        name = name_of(query, content.fields)
        fields = kept_fields({"contentType": content.kind or "application/octet-stream", **content.fields})
        sums = {"md5Hash": md5(content.data), "crc32c": crc32c(content.data)}
        check_sums({**read_hashes(self.environ.get("HTTP_X_GOOG_HASH", "")), **content.fields}, sums)
        with self.world.store.writing():
            check_conditions(query, self.world.objects.find(self.bucket, name), reading=False)
            now = self.world.now()
            stored = Stored(
                self.bucket,
                name,
                self.world.objects.next_generation(now),
                now,
                len(content.data),
                sums["md5Hash"],
                sums["crc32c"],
                fields,
            )
            self.world.objects.put(stored, content.data)
        return answer_json(describe_object(stored, self.root))


def _write_token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError:
        raise StorageError(400, "Invalid pageToken.") from None
