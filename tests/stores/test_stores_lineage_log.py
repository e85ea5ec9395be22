"""The log of lineage: lines are added once, whatever was cut short, and nothing else is touched."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import StaleLockfile, StoreError
from reconciler.stores.lineage_log import BlobLineageLog, FileLineageLog, addition, log_address
from reconciler.stores.memory import MemoryBlobStore

A, B, C = b'{"a":1}', b'{"b":22}', b'{"c":333}'


@pytest.fixture(params=["file", "blob"])
def log(request, tmp_path):
    if request.param == "file":
        return FileLineageLog(tmp_path / "deep" / "log.jsonl", address="log.jsonl")
    return BlobLineageLog(MemoryBlobStore(address="log.jsonl"))


def test_a_log_that_is_not_there_is_empty(log):
    assert (log.read(), log.address) == (b"", "log.jsonl")


def test_lines_are_added_in_their_order_and_once(log):
    log.append([A, B])
    log.append([B, C])
    log.append([A, B, C])
    assert log.read() == b"\n".join([A, B, C]) + b"\n"


@given(st.integers(0, len(A + B + C) + 3), st.integers(0, 2))
def test_whatever_a_crash_has_cut_is_made_whole(cut, older):
    """A kill may leave any beginning of what was being added, behind lines that were there before."""
    former = b"".join(b"former %d\n" % number for number in range(older))
    whole = b"".join(line + b"\n" for line in (A, B, C))
    existing = former + whole[:cut]
    keep, data = addition(existing, [A, B, C])
    assert existing[:keep] + data == former + whole


def test_a_beginning_that_nobody_is_about_to_write_stays(log):
    """It may be the rest of a line that somebody else has cut; the next line begins on a line of its own."""
    keep, data = addition(b"x\nsomething el", [A])
    assert b"x\nsomething el"[:keep] + data == b"x\nsomething el\n" + A + b"\n"
    assert addition(b"x\nsomething el", []) == (len(b"x\nsomething el"), b"")


def test_a_kill_in_the_middle_of_a_write_is_made_good_by_the_next(tmp_path, monkeypatch):
    log = FileLineageLog(tmp_path / "log.jsonl")
    log.append([A])
    write = os.write

    def killed(descriptor, data):
        write(descriptor, bytes(data)[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        log.append([B, C])
    monkeypatch.undo()
    assert log.read() == A + b"\n" + B[:5]
    log.append([B, C])
    assert log.read() == b"\n".join([A, B, C]) + b"\n"


def test_a_disk_that_is_full_is_told_and_the_rest_is_added_later(tmp_path, monkeypatch):
    log = FileLineageLog(tmp_path / "log.jsonl", address="log.jsonl")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match=r"log.jsonl: cannot be written \(No space left on device\)"):
        log.append([A])
    monkeypatch.undo()
    log.append([A])
    assert log.read() == A + b"\n"


def test_only_what_is_added_is_written(tmp_path, monkeypatch):
    """A log of years costs no more to add to than one of days."""
    log = FileLineageLog(tmp_path / "log.jsonl")
    log.append([b"%d" % number for number in range(10_000)])
    written = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: written.append(len(data)) or write(fd, data))
    log.append([A])
    assert written == [len(A) + 1]


def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "log.jsonl").symlink_to(tmp_path / "elsewhere")
    log = FileLineageLog(tmp_path / "log.jsonl")
    for use in (log.read, lambda: log.append([A])):
        with pytest.raises(StoreError, match="symbolic link"):
            use()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "log.jsonl")
    log = FileLineageLog(tmp_path / "log.jsonl")
    for use in (log.read, lambda: log.append([A])):
        with pytest.raises(StoreError, match="not a regular file"):
            use()


def test_a_folder_in_its_place_is_told(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(StoreError):
        FileLineageLog(tmp_path / "log.jsonl").append([A])


def test_somebody_who_adds_at_the_same_time_is_noticed():
    """Of two that add to one object one is refused, and adds what is missing the next time."""
    blob = MemoryBlobStore()

    class Racing(MemoryBlobStore):
        def read(self):
            found = blob.read()
            BlobLineageLog(blob).append([B])
            return found

        def write(self, data, *, expect):
            return blob.write(data, expect=expect)

    with pytest.raises(StaleLockfile):
        BlobLineageLog(Racing()).append([A])
    BlobLineageLog(blob).append([A])
    assert blob.read().data == B + b"\n" + A + b"\n"


@pytest.mark.parametrize(
    ("lockfile", "log"),
    [
        ("tunectl.lock", "tunectl.lineage.jsonl"),
        (".tunectl/demo.lock", ".tunectl/demo.lineage.jsonl"),
        ("state", "state.lineage.jsonl"),
        ("", ".lineage.jsonl"),
    ],
)
def test_the_log_stands_beside_the_lockfile(lockfile, log):
    assert log_address(lockfile) == log
