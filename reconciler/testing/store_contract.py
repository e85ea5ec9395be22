"""What every blob store must do, as tests to inherit.

A store of your own passes when this does::

    class TestMyStore(BlobStoreContract):
        @pytest.fixture
        def connect(self, tmp_path):
            return lambda: MyStore(tmp_path / "blob")

``connect`` is called once per client; all clients of one test share one blob, which is absent at first. The races use
threads, each with a client of its own.
"""
# ruff: noqa: S101 - a contract is made of asserts

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from reconciler.errors import StaleLockfile
from reconciler.ports.store import ABSENT, Blob, BlobStore, Version

CREATORS = 24
WORKERS, ROUNDS = 8, 15
BIG = 5_000_000

Connect = Callable[[], BlobStore]


class BlobStoreContract:
    """The contract of ``ports.store.BlobStore``, seen by two clients."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Return a function that makes a client of the one blob under test."""
        raise NotImplementedError

    def test_what_was_never_written_is_none(self, connect: Connect) -> None:
        """Absence is no error."""
        assert connect().read() is None

    def test_it_says_where_it_is(self, connect: Connect) -> None:
        """Messages need an address."""
        assert connect().address

    def test_one_client_reads_what_the_other_wrote(self, connect: Connect) -> None:
        """The version of the write is the version that is read."""
        writer, reader = connect(), connect()
        version = writer.write(b"\x00one\n\xff", expect=ABSENT)
        assert reader.read() == Blob(b"\x00one\n\xff", version)

    def test_an_empty_blob_is_not_an_absent_one(self, connect: Connect) -> None:
        """No bytes are still something."""
        store = connect()
        version = store.write(b"", expect=ABSENT)
        assert store.read() == Blob(b"", version)
        with pytest.raises(StaleLockfile):
            store.write(b"two", expect=ABSENT)

    def test_a_create_is_refused_when_something_is_there(self, connect: Connect) -> None:
        """Who expects absence must find it."""
        first, second = connect(), connect()
        version = first.write(b"one", expect=ABSENT)
        with pytest.raises(StaleLockfile):
            second.write(b"two", expect=ABSENT)
        assert second.read() == Blob(b"one", version)

    def test_a_stale_write_is_refused(self, connect: Connect) -> None:
        """Who read before the other wrote has lost."""
        first, second = connect(), connect()
        old = first.write(b"one", expect=ABSENT)
        new = second.write(b"two", expect=old)
        with pytest.raises(StaleLockfile):
            first.write(b"three", expect=old)
        assert first.read() == Blob(b"two", new)

    def test_a_version_of_something_absent_is_stale(self, connect: Connect) -> None:
        """Who expects a version must find it, also when all is gone."""
        store = connect()
        version = store.write(b"one", expect=ABSENT)
        store.delete(expect=version)
        with pytest.raises(StaleLockfile):
            store.write(b"two", expect=version)
        assert store.read() is None

    def test_a_deleted_blob_is_absent_and_can_be_made_again(self, connect: Connect) -> None:
        """Deleting ends where everything began."""
        first, second = connect(), connect()
        first.delete(expect=first.write(b"one", expect=ABSENT))
        assert second.read() is None
        assert second.write(b"two", expect=ABSENT) == _read(first).version

    def test_a_stale_delete_is_refused(self, connect: Connect) -> None:
        """What somebody else wrote is not ours to delete."""
        first, second = connect(), connect()
        old = first.write(b"one", expect=ABSENT)
        second.write(b"two", expect=old)
        with pytest.raises(StaleLockfile):
            first.delete(expect=old)
        assert _read(first).data == b"two"
        with pytest.raises(StaleLockfile):
            first.delete(expect=Version("never given out"))

    def test_a_big_blob_comes_back_whole(self, connect: Connect) -> None:
        """A lockfile of thousands of models is a few megabytes."""
        data = bytes(range(256)) * (BIG // 256)
        connect().write(data, expect=ABSENT)
        assert _read(connect()).data == data

    def test_of_many_that_create_at_once_exactly_one_wins(self, connect: Connect) -> None:
        """The race for the first write."""
        barrier = Barrier(CREATORS)

        def create(number: int) -> bytes | None:
            store = connect()
            barrier.wait()
            try:
                store.write(str(number).encode(), expect=ABSENT)
            except StaleLockfile:
                return None
            return str(number).encode()

        with ThreadPoolExecutor(CREATORS) as pool:
            winners = [data for data in pool.map(create, range(CREATORS)) if data is not None]
        assert winners == [_read(connect()).data]

    def test_no_increment_is_lost_between_many_writers(self, connect: Connect) -> None:
        """Read, add one, write if nobody else did; again and again, by all at once."""
        connect().write(b"0", expect=ABSENT)
        barrier = Barrier(WORKERS)

        def count(_: int) -> None:
            store = connect()
            barrier.wait()
            for _ in range(ROUNDS):
                _increment(store)

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(count, range(WORKERS)))
        assert int(_read(connect()).data) == WORKERS * ROUNDS


def _increment(store: BlobStore) -> None:
    while True:
        blob = _read(store)
        try:
            store.write(str(int(blob.data) + 1).encode(), expect=blob.version)
        except StaleLockfile:
            continue
        return


def _read(store: BlobStore) -> Blob:
    blob = store.read()
    assert blob is not None
    return blob
