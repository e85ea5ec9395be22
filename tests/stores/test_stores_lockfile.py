"""The lockfile in a blob: serials only grow, lineages never mix, two writers never overwrite each other."""

import errno
import json
import multiprocessing
import os
from dataclasses import replace
from itertools import count
from threading import Event, Thread

import pytest

from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.resource import Remote
from reconciler.errors import LockfileError, LockHeld, StaleLockfile, StoreError
from reconciler.ports.store import ABSENT, Blob, Version
from reconciler.stores.codec import encode
from reconciler.stores.local import LocalBlobStore
from reconciler.stores.lock import process_lock
from reconciler.stores.lockfile import BlobLockfileStore
from reconciler.stores.memory import MemoryBlobStore

REMOTE = Remote("generativelanguage", "https://generativelanguage.googleapis.com", "my-project-id")
ENTRY = Entry(current=Instance("tunedModels/numbers-1a2b3c4d5e6f", "sha256:1"))


def open_store(blob, *, remote=REMOTE, prefix="id", **more):
    numbers = count(1)
    return BlobLockfileStore(blob, remote=remote, new_id=lambda: f"{prefix}-{next(numbers)}", **more)


@pytest.fixture
def blob():
    return MemoryBlobStore(address="tunectl.lock")


def test_a_lockfile_that_was_never_written_is_empty(blob):
    loaded = open_store(blob).load()
    assert (loaded.lockfile, loaded.version) == (Lockfile(remote=REMOTE), ABSENT)


def test_the_first_write_begins_a_lineage_and_every_write_counts_on(blob):
    store = open_store(blob)
    loaded = store.load()
    for serial in (1, 2, 3):
        loaded = store.save(loaded.lockfile.put("numbers", ENTRY), expect=loaded.version)
        assert (loaded.lockfile.lineage, loaded.lockfile.serial) == ("id-1", serial)
        assert loaded.lockfile.write_id == f"id-{serial + 1}"
    assert open_store(blob).load() == loaded


def test_the_second_of_two_writers_is_refused_and_the_first_one_stands(blob):
    one, two = open_store(blob, prefix="one"), open_store(blob, prefix="two")
    mine, theirs = one.load(), two.load()
    saved = one.save(mine.lockfile.put("numbers", ENTRY), expect=mine.version)
    with pytest.raises(StaleLockfile):
        two.save(theirs.lockfile, expect=theirs.version)
    assert two.load() == saved


def test_a_writer_that_never_loaded_is_told_the_serial_it_would_have_overwritten(blob):
    one = open_store(blob, prefix="one")
    one.save(one.load().lockfile, expect=ABSENT)
    with pytest.raises(StaleLockfile, match="serial 1"):
        open_store(blob, prefix="two").save(Lockfile(remote=REMOTE), expect=Version("17"))


def test_saving_needs_no_second_read_of_what_was_loaded(blob):
    store = open_store(blob)
    saved = store.save(store.load().lockfile, expect=ABSENT)
    blob.read = None
    assert store.save(saved.lockfile, expect=saved.version).lockfile.serial == 2


DESCENTS = [
    ({"lineage": "other"}, "holds the lineage id-1, which other does not descend from"),
    ({"lineage": ""}, "which none does not descend from"),
    ({"serial": 1}, "has serial 2; the older serial 1 was not written over it"),
    ({"remote": Remote("vertex", "https://x")}, "belongs to generativelanguage https"),
]


@pytest.mark.parametrize(("change", "words"), DESCENTS)
def test_a_lockfile_that_does_not_descend_from_the_stored_one_is_refused(blob, change, words):
    store = open_store(blob)
    first = store.save(store.load().lockfile, expect=ABSENT)
    second = store.save(first.lockfile, expect=first.version)
    with pytest.raises(LockfileError, match=words):
        store.save(replace(second.lockfile, **change), expect=second.version)
    assert store.load() == second


OTHERS = [
    Remote("vertex", REMOTE.endpoint, REMOTE.project),
    Remote(REMOTE.type, "emulator", REMOTE.project),
    Remote(REMOTE.type, REMOTE.endpoint, "another-project"),
    Remote(REMOTE.type, REMOTE.endpoint, REMOTE.project, "us-central1"),
]


@pytest.mark.parametrize("other", OTHERS)
def test_a_lockfile_of_another_remote_is_refused_with_both_names_and_the_way_past(blob, other):
    store = open_store(blob)
    store.save(store.load().lockfile, expect=ABSENT)
    with pytest.raises(LockfileError) as caught:
        open_store(blob, remote=other).load()
    message = caught.value.message
    assert "belongs to generativelanguage https://generativelanguage.googleapis.com project my-project-id," in message
    assert all(part in message for part in (other.type, other.endpoint, other.project, other.location or ""))
    assert "(spec.lockfile or TUNECTL_LOCKFILE)" in caught.value.hint


class LossyBlob(MemoryBlobStore):
    """Stores the bytes, then reports a conflict, as a client that repeats a request whose answer was lost."""

    def write(self, data, *, expect):
        super().write(data, expect=expect)
        raise StaleLockfile("conflict")


def test_a_conflict_with_our_own_write_is_no_conflict():
    blob = LossyBlob()
    store = open_store(blob)
    saved = store.save(store.load().lockfile.put("numbers", ENTRY), expect=ABSENT)
    assert open_store(blob).load() == saved


def test_a_conflict_with_a_blob_that_vanished_is_one():
    blob = LossyBlob()
    store = open_store(blob)
    store.load()
    blob.read = lambda: None
    with pytest.raises(StaleLockfile, match="conflict"):
        store.save(Lockfile(remote=REMOTE), expect=ABSENT)


def test_a_broken_lockfile_is_refused_with_its_address():
    blob = MemoryBlobStore(address="tunectl.lock")
    blob.write(b"{", expect=ABSENT)
    with pytest.raises(LockfileError, match=r"^tunectl.lock:1:2: broken JSON"):
        open_store(blob).load()


def test_two_runs_in_one_process_exclude_each_other(blob):
    store = open_store(blob)
    with store.hold(timeout=0), pytest.raises(LockHeld), store.hold(timeout=0):
        pytest.fail("held twice")
    with store.hold(timeout=0):
        pass


@pytest.fixture
def lock_path(tmp_path):
    return tmp_path / ".tunectl" / "apply.lock"


def test_another_client_is_told_who_holds_the_lock(tmp_path, lock_path):
    one, two = (
        open_store(LocalBlobStore(tmp_path / "l", address="tunectl.lock"), lock_path=lock_path, command=f"tunectl {c}")
        for c in ("apply", "wait")
    )
    with one.hold(timeout=0), pytest.raises(LockHeld) as caught, two.hold(timeout=0):
        pytest.fail("held twice")
    assert caught.value.exit_code == 8
    assert caught.value.message.startswith("tunectl.lock: locked by tunectl apply of ")
    assert f"process {os.getpid()}, since 2" in caught.value.message
    assert "--lock-timeout" in caught.value.hint


def test_the_note_is_gone_with_the_lock_and_the_lockfile_was_never_touched(tmp_path, lock_path):
    store = open_store(LocalBlobStore(tmp_path / "tunectl.lock"), lock_path=lock_path)
    with store.hold(timeout=0):
        assert sorted(path.name for path in lock_path.parent.iterdir()) == ["apply.lock", "apply.lock.holder"]
    assert sorted(path.name for path in lock_path.parent.iterdir()) == ["apply.lock"]
    assert not (tmp_path / "tunectl.lock").exists()


def test_who_waits_gets_the_lock_when_it_is_released(lock_path):
    taken, released = Event(), Event()

    def hold():
        with process_lock(lock_path, timeout=0, what="x", command="first"):
            taken.set()
            released.wait(10)

    thread = Thread(target=hold)
    thread.start()
    taken.wait(10)
    released.set()
    with process_lock(lock_path, timeout=10, what="x", command="second"):
        thread.join()


def hold_and_die(path, taken):
    with process_lock(path, timeout=0, what="x", command="victim"):
        taken.set()
        os.kill(os.getpid(), 9)


def test_a_lock_dies_with_its_holder(lock_path):
    context = multiprocessing.get_context("spawn")
    taken = context.Event()
    process = context.Process(target=hold_and_die, args=(lock_path, taken))
    process.start()
    process.join(30)
    assert (taken.is_set(), process.exitcode) == (True, -9)
    process.close()
    with process_lock(lock_path, timeout=0, what="x", command="next"):
        assert json.loads(lock_path.with_name("apply.lock.holder").read_text())["command"] == "next"


NOTES = [
    (b"", "locked by another tunectl"),
    (b"[]", "locked by another tunectl"),
    (b"[" * 4000, "locked by another tunectl"),
    (b'{"pid": "x", "user": 7}', "locked by an unknown command of an unknown user on an unknown host, since an unknow"),
    (b'{"user": "\\u001b[31m' + b"a" * 500 + b'"}', "of \\x1b[31maaa"),
]


@pytest.mark.parametrize(("note", "words"), NOTES)
def test_a_forged_note_changes_the_words_of_the_message_only(lock_path, note, words):
    with process_lock(lock_path, timeout=0, what="x", command="first"):
        lock_path.with_name("apply.lock.holder").write_bytes(note)
        with pytest.raises(LockHeld) as caught, process_lock(lock_path, timeout=0, what="x", command="second"):
            pytest.fail("held twice")
    assert words in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


def test_a_note_that_is_a_link_is_not_read(lock_path, tmp_path):
    (tmp_path / "secret").write_text('{"user": "secret"}')
    with process_lock(lock_path, timeout=0, what="x", command="first"):
        note = lock_path.with_name("apply.lock.holder")
        note.unlink()
        note.symlink_to(tmp_path / "secret")
        with pytest.raises(LockHeld, match="another tunectl"), process_lock(lock_path, timeout=0, what="x", command=""):
            pytest.fail("held twice")


def test_a_user_without_a_name_is_known_by_the_number(lock_path, monkeypatch):
    def nameless():
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    with process_lock(lock_path, timeout=0, what="x", command="apply"):
        assert json.loads(lock_path.with_name("apply.lock.holder").read_text())["user"] == str(os.getuid())


def test_a_lock_file_that_is_a_link_is_refused(lock_path, tmp_path):
    lock_path.parent.mkdir()
    lock_path.symlink_to(tmp_path / "victim")
    with (
        pytest.raises(StoreError, match="a symbolic link, which is not followed"),
        process_lock(lock_path, timeout=0, what="x", command="apply"),
    ):
        pytest.fail("held")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.EACCES, "give this user the right to write"), (errno.EROFS, "the file system is read-only")],
)
def test_a_lock_that_cannot_be_written_names_the_way_past(lock_path, monkeypatch, number, hint):
    def refuse(*_, **__):
        raise OSError(number, "canary")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with (
        pytest.raises(StoreError, match="the lock file cannot be opened") as caught,
        process_lock(lock_path, timeout=0, what="x", command="apply"),
    ):
        pytest.fail("it was given the lock")
    assert hint in caught.value.hint


def test_the_whole_way_through_a_file(tmp_path, lock_path):
    path = tmp_path / "tunectl.lock"
    store = open_store(LocalBlobStore(path, backup=tmp_path / ".tunectl" / "backup"), lock_path=lock_path)
    with store.hold(timeout=0):
        saved = store.save(store.load().lockfile.put("numbers", ENTRY), expect=ABSENT)
    assert path.read_bytes() == encode(saved.lockfile)
    assert LocalBlobStore(path).read() == Blob(path.read_bytes(), saved.version)
    assert open_store(LocalBlobStore(path)).load() == saved
