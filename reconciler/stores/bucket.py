"""A blob in a bucket: compare-and-swap on the object itself, whatever answers get lost.

Every write is one conditional request, so of two writers one always loses, with no lock to break or to forget. Every
write also stores a ticket in the object's metadata: a random word that says which write it was. A request whose answer
was lost is sent again by the client below and then meets its own first try as a conflict; the ticket tells that
conflict from another writer's.

Neither service offers a conditional delete through the client, so a deleted blob is a tombstone: a short text that is
written conditionally, reads as absence, and is written over by the next create.

An ETag of S3 is the digest of the content: who holds the version of A may write over A even if it was B in between.
The port allows no more than the service does; a lockfile is safe because every one carries a write id of its own.
Nothing here knows HTTP; nothing here is remembered between two calls but that the bucket has been proved.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from threading import Lock
from time import sleep

from reconciler.errors import StaleLockfile, StoreError
from reconciler.ports.store import Absent, Blob, Version
from reconciler.stores.bucket_client import BucketClient, Conflict, Found, Patience
from reconciler.stores.bucket_failure import UnsureStore
from reconciler.stores.bucket_place import Place

__all__ = ["BucketBlobStore"]

_TOMBSTONE = re.compile(rb"tunectl\.tombstone/v1 [0-9a-f]{32}\n")


class BucketBlobStore:
    """Bytes in one object of a bucket, changed by compare-and-swap.

    Args:
        place: the object.
        client: the client of its bucket.
        patience: how often a refusal that nothing explains is answered with another try.
        prove: called before the first write; it raises if the service cannot be trusted to look at conditions.
    """

    def __init__(self, place: Place, client: BucketClient, *, patience: Patience, prove: Callable[[], None]) -> None:
        self._place = place
        self._client = client
        self._patience = patience
        self._prove = prove
        self._proved = False
        self._lock = Lock()

    @property
    def address(self) -> str:
        """Where this is, for messages."""
        return self._place.address

    def beside(self, suffix: str) -> BucketBlobStore:
        """Return another blob of the same folder, over the same client; the proof of one is the proof of both."""
        return BucketBlobStore(
            self._place.beside(suffix), self._client, patience=self._patience, prove=self._prove_once
        )

    def read(self) -> Blob | None:
        """Return what is stored, or None.

        Raises:
            StoreError: the bucket does not exist or cannot be reached; a StoreDenied if it refuses us.
        """
        found = self._client.get(self._place)
        return None if found is None or _is_dead(found) else Blob(found.data, found.version)

    def write(self, data: bytes, *, expect: Version | Absent) -> Version:
        """Replace the stored bytes if they still have the expected version.

        Raises:
            StaleLockfile: they do not.
            StoreError: they could not be stored, and what was there before still is; or nobody knows, and the message
                says so.
        """
        self._prove_once()
        return self._swap(data, expect, uuid.uuid4().hex)

    def delete(self, *, expect: Version) -> None:
        """Put a tombstone over the stored bytes if they still have the expected version.

        Raises:
            StaleLockfile: they do not.
            StoreError: as for ``write``.
        """
        self._prove_once()
        ticket = uuid.uuid4().hex
        self._swap(f"tunectl.tombstone/v1 {ticket}\n".encode(), expect, ticket)

    def _prove_once(self) -> None:
        with self._lock:
            if not self._proved:
                self._prove()
                self._proved = True

    def _swap(self, data: bytes, expect: Version | Absent, ticket: str) -> Version:
        over = expect if isinstance(expect, Version) else None
        for pause in self._patience.pauses():
            try:
                return self._client.put(self._place, data, over=over, ticket=ticket)
            except (Conflict, UnsureStore) as error:
                found = self._look_after(error)
                if found is not None and found.ticket == ticket:
                    return found.version
                base = self._base(found, expect)
                if isinstance(error, UnsureStore):
                    raise StoreError(f"{error.message}; the old content is still there", hint=error.hint) from error
            if base == over:
                # A conflict over nothing: S3 answers 409 while another request for the key is under way.
                sleep(pause)
            over = base
        raise StoreError(
            f"{self.address}: cannot be written (refused {self._patience.tries} times as a conflict, but nothing else "
            "was stored); the old content is still there",
            hint="wait a moment and run the command again",
        )

    def _look_after(self, error: Exception) -> Found | None:
        """Return what is stored after a write that conflicted, or that was not answered."""
        try:
            return self._client.get(self._place)
        except StoreError as blind:
            raise StoreError(
                f"{blind.message}; whether what was written just now is stored is not known ({_told(error)})",
                hint="check the network, then run the command again: it goes on from what is stored",
            ) from blind

    def _base(self, found: Found | None, expect: Version | Absent) -> Version | None:
        """Return the version to write over, None for nothing, if what was found is what the caller expects."""
        alive = found is not None and not _is_dead(found)
        version = None if found is None else found.version
        if version == expect if isinstance(expect, Version) else not alive:
            return version
        raise StaleLockfile(f"{self.address}: somebody else wrote it since it was read", hint="run the command again")


def _is_dead(found: Found) -> bool:
    return _TOMBSTONE.fullmatch(found.data) is not None


def _told(error: Exception) -> str:
    return error.message if isinstance(error, StoreError) else "the bucket reported a conflict"
