"""Cloud Storage's side of the store: buckets, objects and unfinished uploads. No rule of the API lives here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.emulator.store import Store

_COLUMNS = "bucket, name, generation, created, size, md5, crc32c, fields"
_GENERATION = "generation"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket; ``created`` is in nanoseconds since the epoch."""

    name: str
    created: int
    location: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of an object beside its bytes; ``fields`` are those the uploader set."""

    bucket: str
    name: str
    generation: int
    created: int
    size: int
    md5: str
    crc32c: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
    """A resumable upload: what its first request said, the bytes so far, and the answer once it is done."""

    id: str
    bucket: str
    request: Mapping[str, Any]
    data: bytes
    done: str | None = None


class Objects:
    """Buckets and objects in a store; whoever writes holds the store's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, bucket: str, name: str) -> bytes | None:
        """Return the bytes of an object, None if there is none."""
        rows = self._store.rows("SELECT data FROM gcs_objects WHERE bucket = ? AND name = ?", bucket, name)
        return bytes(rows[0][0]) if rows else None

    def find(self, bucket: str, name: str) -> Stored | None:
        """Return what is known of an object."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM gcs_objects WHERE bucket = ? AND name = ?",  # noqa: S608 - _COLUMNS is a constant
            *(bucket, name),
        )
        return _stored(rows[0]) if rows else None

    def objects(self, bucket: str, *, prefix: str, after: str) -> Iterator[Stored]:
        """Yield the objects of a bucket below a prefix and after a name, by name."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM gcs_objects"  # noqa: S608 - _COLUMNS is a constant
            " WHERE bucket = ? AND name > ? AND substr(name, 1, ?) = ? ORDER BY name",
            *(bucket, after, len(prefix), prefix),
        )
        yield from map(_stored, rows)

    def put(self, stored: Stored, data: bytes) -> None:
        """Keep an object, in place of what had its name."""
        self._store.run(
            "INSERT OR REPLACE INTO gcs_objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(stored.bucket, stored.name, stored.generation, stored.created, stored.size, stored.md5, stored.crc32c),
            *(json.dumps(stored.fields, ensure_ascii=False), data),
        )

    def remove(self, bucket: str, name: str) -> None:
        """Forget an object."""
        self._store.run("DELETE FROM gcs_objects WHERE bucket = ? AND name = ?", bucket, name)

    def next_generation(self, moment: int) -> int:
        """Return the microseconds of a time, or more if an object was given that number already."""
        rows = self._store.rows("SELECT value FROM meta WHERE key = ?", _GENERATION)
        number = max(moment // 1000, int(rows[0][0]) + 1 if rows else 0)
        self._store.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", _GENERATION, str(number))
        return number

    def bucket(self, name: str) -> Bucket | None:
        """Return a bucket that was made."""
        rows = self._store.rows("SELECT name, created, location FROM gcs_buckets WHERE name = ?", name)
        return Bucket(*rows[0]) if rows else None

    def add_bucket(self, bucket: Bucket) -> None:
        """Keep a new bucket."""
        self._store.run("INSERT INTO gcs_buckets VALUES (?, ?, ?)", bucket.name, bucket.created, bucket.location)

    def keep_upload(self, upload: Upload) -> None:
        """Keep a resumable upload as it stands."""
        self._store.run(
            "INSERT OR REPLACE INTO gcs_uploads VALUES (?, ?, ?, ?, ?)",
            *(upload.id, upload.bucket, json.dumps(upload.request, ensure_ascii=False), upload.data, upload.done),
        )

    def upload(self, upload_id: str) -> Upload | None:
        """Return a resumable upload."""
        rows = self._store.rows("SELECT id, bucket, request, data, done FROM gcs_uploads WHERE id = ?", upload_id)
        if not rows:
            return None
        number, bucket, request, data, done = rows[0]
        return Upload(number, bucket, json.loads(request), bytes(data), done)

    def drop_upload(self, upload_id: str) -> None:
        """Forget a resumable upload."""
        self._store.run("DELETE FROM gcs_uploads WHERE id = ?", upload_id)

    def clear(self) -> None:
        """Forget every object, bucket and upload."""
        for table in ("gcs_objects", "gcs_buckets", "gcs_uploads"):
            self._store.run(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables


def _stored(row: tuple[Any, ...]) -> Stored:
    bucket, name, generation, created, size, digest, check, fields = row
    return Stored(bucket, name, generation, created, size, digest, check, json.loads(fields))
