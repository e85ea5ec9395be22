"""Half a lockfile is none: cut anywhere it is refused, and no power cut leaves anything but the old or the new one."""

import os
from dataclasses import replace

import pytest
from stores_disk import Disk, Recorder

from reconciler.core.lockfile import Approval, Entry, Instance, InstanceState, Lockfile
from reconciler.core.resource import Dataset, Remote
from reconciler.errors import LockfileError
from reconciler.ports.store import ABSENT
from reconciler.stores.codec import decode, encode
from reconciler.stores.local import LocalBlobStore

REMOTE = Remote("generativelanguage", "https://generativelanguage.googleapis.com", "my-project-id")
MODEL = Instance(
    "tunedModels/numbers-1a2b3c4d5e6f",
    "sha256:" + "5" * 64,
    state=InstanceState.READY,
    create_time="2026-01-02T03:04:05.678901Z",
    spec={"displayName": 'Zähler "1" {', "baseModel": "models/x", "hyperparameters": {"learningRate": 0.001}},
    dataset=Dataset("sha256:" + "a" * 64, 15),
    total_steps=23,
)
OTHER = replace(MODEL, resource="tunedModels/numbers-1a2b3c4d5e6f-2", attempt=2)
ENTRY = Entry(
    current=MODEL,
    candidate=replace(OTHER, state=InstanceState.TUNING, operation="tunedModels/x/operations/1"),
    failed=(replace(OTHER, attempt=3, state=InstanceState.FAILED, error="diverged"),),
)
LOCKFILE = Lockfile(
    remote=REMOTE,
    lineage="11111111-2222-3333-4444-555555555555",
    serial=41,
    write_id="old",
    models={"numbers": ENTRY, "words": Entry(current=MODEL, protect=True)},
    approval=Approval("sha256:plan", {"sha256:action": "numbers"}),
    fence=7,
)
OLD = encode(LOCKFILE)
NEW = encode(replace(LOCKFILE, serial=42, write_id="new"))


def test_a_lockfile_cut_at_any_byte_is_refused():
    assert decode(OLD, address="tunectl.lock") == LOCKFILE
    assert decode(OLD.removesuffix(b"\n"), address="tunectl.lock") == LOCKFILE
    for length in range(len(OLD) - 1):
        with pytest.raises(LockfileError, match=r"^tunectl\.lock"):
            decode(OLD[:length], address="tunectl.lock")


def test_a_lockfile_whose_end_is_missing_and_filled_with_zeros_is_refused():
    for length in range(0, len(OLD) - 1, 7):
        with pytest.raises(LockfileError):
            decode(OLD[:length].ljust(len(OLD), b"\0"), address="tunectl.lock")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tunectl.lock"


def disk_of(*folders):
    """The files that are there, all of them safe."""
    names, contents = {}, {}
    for folder in folders:
        for file in folder.iterdir():
            if file.is_file():
                number = file.stat().st_ino
                names[folder.stat().st_ino, file.name] = number
                contents[number] = file.read_bytes()
    return Disk(names, contents)


def power_cuts(disk, calls):
    """Yield how many calls were made, and what a power cut may leave after them."""
    for count in range(len(calls) + 1):
        for left in disk.survivors():
            yield count, left
        if count < len(calls):
            disk = disk.after(calls[count])


def trace(monkeypatch, act):
    recorder = Recorder()
    with monkeypatch.context() as patch:
        recorder.install(patch)
        act()
    return recorder.calls


def test_a_power_cut_at_any_moment_leaves_the_old_or_the_new_lockfile(monkeypatch, path, tmp_path):
    backup = tmp_path / "backup"
    store = LocalBlobStore(path, backup=backup)
    version = store.write(OLD, expect=store.write(b"older", expect=ABSENT))
    disk = disk_of(tmp_path, backup)
    here, there = ((folder.stat().st_ino, path.name) for folder in (tmp_path, backup))

    calls = trace(monkeypatch, lambda: store.write(NEW, expect=version))

    seen = set()
    for count, left in power_cuts(disk, calls):
        assert left[here] in {OLD, NEW}, f"after {[call.kind for call in calls[:count]]}"
        assert left[there] in {b"older", OLD}
        assert left[here] != NEW or left[there] == OLD, "the new one stands, and the backup is older than the old one"
        seen.add((left[here], left[there]))
        if count == len(calls):
            assert left[here] == NEW
    assert seen == {(OLD, b"older"), (OLD, OLD), (NEW, OLD)}


def test_a_power_cut_during_the_first_write_leaves_nothing_or_the_whole_lockfile(monkeypatch, path, tmp_path):
    store = LocalBlobStore(path)
    disk = disk_of(tmp_path)
    calls = trace(monkeypatch, lambda: store.write(NEW, expect=ABSENT))
    here = (tmp_path.stat().st_ino, path.name)
    assert {left.get(here) for _, left in power_cuts(disk, calls)} == {None, NEW}


def test_what_a_power_cut_leaves_beside_it_is_gone_after_the_next_write(path):
    (path.parent / ".tunectl.lock.new").write_bytes(NEW[:100])
    LocalBlobStore(path).write(NEW, expect=ABSENT)
    assert [file.name for file in path.parent.iterdir()] == ["tunectl.lock"]


def truncating(folder, name, data, mode):
    descriptor = os.open(name, os.O_WRONLY | os.O_TRUNC, dir_fd=folder)
    os.write(descriptor, data)
    os.fsync(descriptor)
    os.close(descriptor)


def renaming_without_sync(folder, name, data, mode):
    descriptor = os.open(f".{name}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=folder)
    os.write(descriptor, data)
    os.close(descriptor)
    os.rename(f".{name}.new", name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def forgetting_the_folder(folder, name, data, mode):
    descriptor = os.open(f".{name}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=folder)
    os.write(descriptor, data)
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(f".{name}.new", name, src_dir_fd=folder, dst_dir_fd=folder)


CARELESS = [
    (truncating, lambda left, done: left not in {OLD, NEW}),
    (renaming_without_sync, lambda left, done: left not in {OLD, NEW}),
    (forgetting_the_folder, lambda left, done: done and left == OLD),
]


@pytest.mark.parametrize(("replace_", "wrong"), CARELESS, ids=[row[0].__name__ for row in CARELESS])
def test_the_disk_of_these_tests_catches_careless_writers(monkeypatch, path, tmp_path, replace_, wrong):
    store = LocalBlobStore(path)
    version = store.write(OLD, expect=ABSENT)
    disk = disk_of(tmp_path)
    monkeypatch.setattr("reconciler.stores.local._replace", replace_)
    calls = trace(monkeypatch, lambda: store.write(NEW, expect=version))
    here = (tmp_path.stat().st_ino, path.name)
    assert any(wrong(left.get(here), count == len(calls)) for count, left in power_cuts(disk, calls))
