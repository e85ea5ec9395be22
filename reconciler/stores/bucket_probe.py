"""Proof that a bucket looks at the conditions of a write, and the memory of buckets that were proved.

A service that ignores ``If-None-Match`` or ``If-Match`` answers every write with success, and two runs overwrite each
other's lockfile without a word. Some services that speak S3 do. So before the first write to a folder of a bucket a few
writes are made to an object of their own, two of which have to be refused.

This proves that conditions are looked at. That they are looked at in one step with the write is the service's promise.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from reconciler.errors import LockfileError, StaleLockfile, StoreError
from reconciler.ports.store import ABSENT, Absent, BlobStore, Version
from reconciler.stores.bucket_place import Place
from reconciler.stores.local import LocalBlobStore

__all__ = ["Proofs", "prove"]

_FORMAT: Final = "tunectl.bucket-proofs/v1"


def prove(probe: BlobStore, *, address: str, remove: Callable[[], None]) -> None:
    """Make sure that the service refuses a second create and a stale update.

    Args:
        probe: an object that nobody else uses.
        address: what is to be trusted, for the message.
        remove: removes the probe; if that fails it stays.

    Raises:
        StoreError: the service does not refuse them, or the probe cannot be written at all.
    """
    try:
        first = probe.write(b"one", expect=ABSENT)
        _expect_conflict(probe, ABSENT, address, "If-None-Match")
        second = probe.write(b"two", expect=first)
        _expect_conflict(probe, first, address, "If-Match")
        stored = probe.read()
        if stored is None or (stored.data, stored.version) != (b"two", second):
            raise StoreError(
                f"{address}: the bucket does not give back what was written last, so it cannot keep a lockfile",
                hint="use a bucket that reads its own writes",
            )
    finally:
        # Who may write but not remove leaves a few bytes behind.
        with suppress(StoreError):
            remove()


def _expect_conflict(probe: BlobStore, stale: Version | Absent, address: str, header: str) -> None:
    try:
        probe.write(b"to be refused", expect=stale)
    except StaleLockfile:
        return
    raise StoreError(
        f"{address}: the bucket's service ignores conditional writes ({header}), so two runs would overwrite each "
        "other's lockfile; nothing was written to it",
        hint="use Cloud Storage, S3 or a service with conditional writes, or keep the lockfile in a file",
    )


class Proofs:
    """Which folders of which buckets at which endpoint were proved, in a file that may be deleted at any time.

    Args:
        path: the file; None remembers nothing.
        client: name and version of the client library, whose behaviour is part of the proof.
    """

    def __init__(self, path: Path | None, *, client: str) -> None:
        self._file = None if path is None else LocalBlobStore(path)
        self._client = client

    def knows(self, place: Place) -> bool:
        """Tell whether this very folder at this very endpoint was proved. What cannot be read knows nothing."""
        return self._name(place) in self._read()[0]

    def remember(self, place: Place) -> None:
        """Note a proof, if that is possible; otherwise the next run proves again."""
        if self._file is None:
            return
        with suppress(StoreError, LockfileError):
            known, version = self._read()
            names = sorted({*known, self._name(place)})
            text = json.dumps({"format": _FORMAT, "proved": names}, indent=2)
            self._file.write(f"{text}\n".encode(), expect=version)

    def _read(self) -> tuple[frozenset[str], Version | Absent]:
        if self._file is None:
            return frozenset(), ABSENT
        try:
            blob = self._file.read()
        except StoreError:
            return frozenset(), ABSENT
        if blob is None:
            return frozenset(), ABSENT
        return _names(blob.data), blob.version

    def _name(self, place: Place) -> str:
        endpoint = place.endpoint or "aws"
        return " ".join((place.scheme, endpoint, place.bucket, f"{place.prefix}/", self._client))


def _names(data: bytes) -> frozenset[str]:
    try:
        found: Any = json.loads(data)
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(found, dict) or found.get("format") != _FORMAT or not isinstance(found.get("proved"), list):
        return frozenset()
    return frozenset(name for name in found["proved"] if isinstance(name, str))


def probe_suffix() -> str:
    """Return what is appended to a key to make one that nobody else uses."""
    return f".probe-{uuid.uuid4().hex}"
