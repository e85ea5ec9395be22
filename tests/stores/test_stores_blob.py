"""The stores of this package pass the contract; the file store also survives hostile paths and full disks."""

import errno
import os
import stat

import pytest

from reconciler.errors import StaleLockfile, StoreError
from reconciler.ports.store import ABSENT, Version
from reconciler.stores import local
from reconciler.stores.local import LocalBlobStore
from reconciler.stores.memory import MemoryBlobStore
from reconciler.testing.store_contract import BlobStoreContract


class TestMemoryBlobStore(BlobStoreContract):
    @pytest.fixture
    def connect(self):
        store = MemoryBlobStore()
        return lambda: store


class TestLocalBlobStore(BlobStoreContract):
    @pytest.fixture
    def connect(self, tmp_path):
        return lambda: LocalBlobStore(tmp_path / ".tunectl" / "blob", backup=tmp_path / ".tunectl" / "backup")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tunectl.lock"


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_missing_folders_are_made_by_the_first_write(tmp_path):
    path = tmp_path / "deep" / ".tunectl" / "example.lock"
    LocalBlobStore(path).write(b"one", expect=ABSENT)
    assert path.read_bytes() == b"one"


def test_a_write_leaves_the_file_and_nothing_else(path):
    store = LocalBlobStore(path)
    store.write(b"two", expect=store.write(b"one", expect=ABSENT))
    assert names(path.parent) == ["tunectl.lock"]


def test_the_previous_content_is_kept_as_a_backup(path, tmp_path):
    store = LocalBlobStore(path, backup=tmp_path / ".tunectl" / "backup")
    two = store.write(b"two", expect=store.write(b"one", expect=ABSENT))
    assert (tmp_path / ".tunectl" / "backup" / "tunectl.lock").read_bytes() == b"one"
    store.delete(expect=two)
    assert (tmp_path / ".tunectl" / "backup" / "tunectl.lock").read_bytes() == b"two"
    assert names(tmp_path / ".tunectl" / "backup") == ["tunectl.lock"]


def test_a_backup_folder_that_is_a_link_gets_nothing(path, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "backup").symlink_to(elsewhere)
    store = LocalBlobStore(path, backup=tmp_path / "backup")
    store.write(b"two", expect=store.write(b"one", expect=ABSENT))
    assert path.read_bytes() == b"two"
    assert names(elsewhere) == []


def test_a_backup_that_cannot_be_written_does_not_stop_the_write(path, tmp_path):
    (tmp_path / ".tunectl").write_text("a file where a folder should be")
    store = LocalBlobStore(path, backup=tmp_path / ".tunectl" / "backup")
    store.write(b"two", expect=store.write(b"one", expect=ABSENT))
    assert path.read_bytes() == b"two"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_file_keeps_its_mode(path, mode):
    store = LocalBlobStore(path)
    version = store.write(b"one", expect=ABSENT)
    path.chmod(mode)
    store.write(b"two", expect=version)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
def test_a_new_file_is_readable_within_the_umask_and_writable_by_its_owner_only(path, umask, mode):
    before = os.umask(umask)
    try:
        LocalBlobStore(path).write(b"one", expect=ABSENT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def link_to_file(path):
    (path.parent / "victim").write_bytes(b"victim")
    path.symlink_to("victim")


OBSTACLES = [
    pytest.param(link_to_file, "a symbolic link", id="symbolic link"),
    pytest.param(lambda path: path.symlink_to("nowhere"), "a symbolic link", id="dangling link"),
    pytest.param(lambda path: path.mkdir(), "not a regular file", id="folder"),
    pytest.param(os.mkfifo, "not a regular file", id="pipe"),
]


@pytest.mark.parametrize(("make", "words"), OBSTACLES)
def test_what_is_no_plain_file_is_neither_read_nor_written(path, make, words):
    make(path)
    before = os.lstat(path)
    store = LocalBlobStore(path)
    for act in (
        store.read,
        lambda: store.write(b"x", expect=ABSENT),
        lambda: store.write(b"x", expect=Version("y")),
        lambda: store.delete(expect=Version("y")),
    ):
        with pytest.raises(StoreError, match=words):
            act()
    assert os.lstat(path) == before
    assert {name: (path.parent / name).read_bytes() for name in names(path.parent) if name == "victim"} in (
        {},
        {"victim": b"victim"},
    )


def test_a_hard_link_keeps_its_own_content(path, tmp_path):
    store = LocalBlobStore(path)
    version = store.write(b"one", expect=ABSENT)
    os.link(path, tmp_path / "other")
    store.write(b"two", expect=version)
    assert (tmp_path / "other").read_bytes() == b"one"


def test_what_a_killed_process_left_behind_is_removed_by_the_next_write(path):
    path.with_name(".tunectl.lock.new").write_bytes(b"half")
    LocalBlobStore(path).write(b"one", expect=ABSENT)
    assert names(path.parent) == ["tunectl.lock"]


def test_a_link_planted_under_the_temporary_name_is_not_followed(path, tmp_path):
    (tmp_path / "victim").write_bytes(b"victim")
    path.with_name(".tunectl.lock.new").symlink_to("victim")
    LocalBlobStore(path).write(b"one", expect=ABSENT)
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert not path.is_symlink()


FAULTS = [
    ("write", errno.ENOSPC, "No space left on device", "free some disk space"),
    ("write", errno.EDQUOT, "quota", "free some of your disk quota"),
    ("fsync", errno.EIO, "Input/output error", None),
    ("rename", errno.EACCES, "Permission denied", "give this user the right"),
    ("open", errno.EROFS, "Read-only file system", "point spec.lockfile"),
]


@pytest.mark.parametrize(("call", "number", "words", "hint"), FAULTS)
def test_a_fault_while_saving_leaves_the_old_content_and_no_litter(monkeypatch, path, call, number, words, hint):
    store = LocalBlobStore(path)
    version = store.write(b"old", expect=ABSENT)
    real = getattr(os, call)

    def fail(*args, **kwargs):
        if call == "open" and not args[1] & os.O_CREAT:
            return real(*args, **kwargs)
        if call == "write":
            real(args[0], bytes(args[1][:1]))
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(local.os, call, fail)
    with pytest.raises(StoreError) as caught:
        store.write(b"new content", expect=version)
    monkeypatch.undo()
    assert words in caught.value.message
    assert hint is None or hint in caught.value.hint
    assert path.read_bytes() == b"old"
    assert names(path.parent) == ["tunectl.lock"]


def test_short_writes_are_continued(monkeypatch, path):
    real = os.write
    monkeypatch.setattr(local.os, "write", lambda descriptor, data: real(descriptor, bytes(data[:3])))
    LocalBlobStore(path).write(b"0123456789", expect=ABSENT)
    assert path.read_bytes() == b"0123456789"


def test_the_bytes_are_on_disk_before_the_name_is(monkeypatch, path):
    calls = []
    for name in ("write", "fsync", "rename"):
        real = getattr(os, name)

        def record(*args, _name=name, _real=real, **kwargs):
            calls.append(_name)
            return _real(*args, **kwargs)

        monkeypatch.setattr(local.os, name, record)
    LocalBlobStore(path).write(b"one", expect=ABSENT)
    assert calls == ["write", "fsync", "rename", "fsync"]


def test_deleting_in_a_folder_that_is_gone_is_stale(tmp_path):
    with pytest.raises(StaleLockfile):
        LocalBlobStore(tmp_path / "gone" / "blob").delete(expect=Version("x"))


def test_messages_call_the_file_as_the_user_does(path):
    path.mkdir()
    store = LocalBlobStore(path, address="sub/tune\x1bctl.lock")
    with pytest.raises(StoreError, match=r"^sub/tune\\x1bctl.lock: not a regular file"):
        store.read()
