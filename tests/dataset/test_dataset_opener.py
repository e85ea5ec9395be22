"""Opening many files of one folder goes down to it once, and refuses and says what opening each by itself does."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from reconciler import confined
from reconciler.confined import Opener, open_file
from reconciler.errors import TunectlError


@pytest.fixture
def root(tmp_path):
    project = tmp_path / "project"
    (project / "a/b").mkdir(parents=True)
    for name in ("a/b/1", "a/b/2", "a/3", "4"):
        (project / name).write_text(name)
    (tmp_path / "secret").write_text("canary")
    (project / "a/b/out").symlink_to(tmp_path / "secret")
    (project / "a/b/in").symlink_to("../3")
    (project / "a/away").symlink_to(tmp_path)
    os.mkfifo(project / "a/b/pipe")
    return project


PATHS = (
    *("a/b/1", "a/b/2", "a/b/out", "a/b/in", "a/b/pipe", "a/b/absent", "a/b", "a/b/..", "a/b/../3"),
    *("a/3", "4", "a/away/secret", "absent/x", "4/x", "a/b/1"),
)


def outcome(open_it, path):
    try:
        descriptor = open_it(path)
    except TunectlError as error:
        return str(error)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def test_it_opens_and_refuses_what_opening_each_by_itself_does(root):
    opener = Opener(root)
    for path in [*PATHS, *reversed(PATHS)]:
        assert outcome(opener.open_file, path) == outcome(lambda path: open_file(root, path), path), path
    opener.close()


def test_the_way_down_to_a_folder_is_gone_once(root, monkeypatch):
    opened = Counter()
    way_down = confined.open_folder

    def counted(root, path):
        opened[path] += 1
        return way_down(root, path)

    monkeypatch.setattr(confined, "open_folder", counted)
    opener = Opener(root)
    for path in ["a/b/1", "a/b/2"] * 5 + ["a/3", "4"]:
        outcome(opener.open_file, path)
    opener.close()
    assert opened == {"a/b": 1, "a": 1, ".": 1}


def test_it_leaves_no_descriptor_open(root):
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    opener = Opener(root)
    for path in PATHS:
        outcome(opener.open_file, path)
    opener.close()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
