"""A dataset path may not leave the project, hang the run, or show a byte of what it points at."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import confined
from reconciler.core.resource import DatasetSource, ExampleLimits
from reconciler.dataset import check_dataset, read_examples
from reconciler.errors import Location, ProblemsError, TunectlError

CANARY = "canary-7f3a9c"
PLACE = Location("manifests/a.yaml", 7, 5)

SPELLINGS = [
    "",
    " ",
    "\t",
    "/etc/passwd",
    "//etc/passwd",
    "/dev/zero",
    "/proc/self/environ",
    "~",
    "~/secret.jsonl",
    "~root/secret.jsonl",
    "../..",
    "../../secret.jsonl",
    "../../../../../../../../etc/passwd",
    "data/../../../secret.jsonl",
    "./../../secret.jsonl",
    "data/./../..//../secret.jsonl",
    "..//..//secret.jsonl",
    "..\\..\\secret.jsonl",
    "data\\numbers.jsonl",
    "\\\\server\\share\\x.jsonl",
    "a\x00b.jsonl",
    "numbers.jsonl\x00.csv",
    "a\nb.jsonl",
    "a\rb.jsonl",
    "a\x1b[31mb.jsonl",
    "a\x7fb.jsonl",
    "C:\\secret.jsonl",
    "C:/secret.jsonl",
    "c:secret.jsonl",
    "file:///etc/passwd",
    "http://169.254.169.254/x.jsonl",
    "gs://bucket/x.jsonl",
    "s3://bucket/x.jsonl",
    "con",
    "CON.jsonl",
    "nul.jsonl",
    "data/AUX/x.jsonl",
    "prn .jsonl",
    "com1.jsonl",
    "LPT9.csv",
    "com².jsonl",
    "conin$",
    "data/nul",
]
"""Refused by spelling alone, relative to the folder ``manifests``."""

LITERAL = [
    "..%2f..%2fsecret.jsonl",
    "%2e%2e/%2e%2e/secret.jsonl",
    "..%252fsecret.jsonl",
    "\u2025/\u2025/secret.jsonl",
    "\uff0e\uff0e/\uff0e\uff0e/secret.jsonl",
    "..\uff0f..\uff0fsecret.jsonl",
    "..\u2215secret.jsonl",
    ".../secret.jsonl",
    ".. /secret.jsonl",
    "..;/secret.jsonl",
    "data/numbers.jsonl/x.jsonl",
    "$HOME/secret.jsonl",
    "${HOME}/secret.jsonl",
    "`id`.jsonl",
    "$(id).jsonl",
    "-rf.jsonl",
    "numbers.jsonl?x",
    "numbers.jsonl#x",
    "data/*.jsonl",
    "x" * 300 + ".jsonl",
    "d/" * 63 + "x.jsonl",
    "d/" * 2000 + "x.jsonl",
    "\ud800.jsonl",
    "numbers.jsonl ",
]
"""No spelling of anything else: names like any other, which do not exist."""


@pytest.fixture
def root(tmp_path):
    """A project with a good dataset, beside a file that nobody may read."""
    (tmp_path / "secret.jsonl").write_text(f'{{"text_input": "{CANARY}", "output": {CANARY}\n{CANARY}')
    root = tmp_path / "project"
    (root / "manifests" / "data").mkdir(parents=True)
    (root / "manifests" / "data" / "numbers.jsonl").write_text('{"text_input": "1", "output": "2"}\n')
    return root


@pytest.fixture(autouse=True)
def _no_hanging():
    """End a test that waits for a pipe or a device."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def problems(root, path: str) -> list[str]:
    """Check a dataset and read it; both must agree, and neither may show the target."""
    source = DatasetSource(location=PLACE, path=path)
    report = check_dataset(root, source, ExampleLimits())
    shown = [str(problem) for problem in report.problems]
    if shown:
        with pytest.raises(ProblemsError) as caught:
            list(read_examples(root, source))
        assert str(caught.value.problems[0]) == shown[0]
        assert report.dataset is None
    assert CANARY not in "".join(shown)
    return shown


def test_the_corpus_is_large_enough():
    assert len({*SPELLINGS, *LITERAL}) >= 60


@pytest.mark.parametrize("text", SPELLINGS, ids=ascii)
def test_a_spelling_that_leaves_or_deceives_is_refused_before_anything_is_opened(text):
    with pytest.raises(TunectlError) as caught:
        confined.resolve("manifests", text)
    assert text.strip() == "" or text not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("text", LITERAL, ids=lambda text: ascii(text)[:40])
def test_a_name_that_only_looks_like_a_way_out_is_a_name(root, text):
    path = confined.resolve("manifests", text)
    (message,) = problems(root, path if path.endswith(".jsonl") else path + ".jsonl")
    assert "does not exist" in message or "folders deep" in message


@pytest.mark.parametrize(
    ("folder", "text", "path"),
    [
        ("", "a.jsonl", "a.jsonl"),
        ("manifests", "data/a.jsonl", "manifests/data/a.jsonl"),
        ("manifests", "./data//a.jsonl", "manifests/data/a.jsonl"),
        ("manifests/sub", "../data/a.jsonl", "manifests/data/a.jsonl"),
        ("manifests", "../a.jsonl", "a.jsonl"),
        ("manifests", "sub/../a.jsonl", "manifests/a.jsonl"),
        ("manifests", "..a/b..jsonl", "manifests/..a/b..jsonl"),
        ("manifests", "console/auxiliary.jsonl", "manifests/console/auxiliary.jsonl"),
    ],
)
def test_a_path_is_relative_to_its_manifest_and_kept_relative_to_the_root(folder, text, path):
    assert confined.resolve(folder, text) == path


def test_links_that_stay_inside_are_followed(root):
    data = root / "manifests" / "data"
    (root / "link.jsonl").symlink_to("manifests/data/numbers.jsonl")
    (root / "twice.jsonl").symlink_to("link.jsonl")
    (root / "folder").symlink_to("manifests")
    (data / "up.jsonl").symlink_to("../../link.jsonl")
    (root / "absolute.jsonl").symlink_to(data / "numbers.jsonl")
    (data / "absolute.jsonl").symlink_to(data / "numbers.jsonl")
    (root / "dots.jsonl").symlink_to("./manifests//data/../data/numbers.jsonl")
    for path in (
        "link.jsonl",
        "twice.jsonl",
        "folder/data/numbers.jsonl",
        "folder/data/up.jsonl",
        "absolute.jsonl",
        "folder/data/absolute.jsonl",
        "dots.jsonl",
    ):
        assert problems(root, path) == [], path


def test_the_root_may_itself_be_reached_through_a_link(root, tmp_path):
    (tmp_path / "alias").symlink_to(root)
    (root / "absolute.jsonl").symlink_to(tmp_path / "alias" / "manifests/data/numbers.jsonl")
    (root / "real.jsonl").symlink_to(root / "manifests/data/numbers.jsonl")
    assert problems(tmp_path / "alias", "manifests/data/numbers.jsonl") == []
    assert problems(tmp_path / "alias", "absolute.jsonl") == []
    assert problems(tmp_path / "alias", "real.jsonl") == []


@pytest.mark.parametrize(
    "target",
    [
        "../secret.jsonl",
        "manifests/../../secret.jsonl",
        "manifests/data/../../../secret.jsonl",
        "/etc/passwd",
        "/proc/self/environ",
        "{tmp}/secret.jsonl",
        "{root}/../secret.jsonl",
        "{root}x/secret.jsonl",
        "hop.jsonl",
    ],
)
def test_links_that_lead_out_are_refused(root, tmp_path, target):
    (tmp_path / "projectx").mkdir()
    (tmp_path / "projectx" / "secret.jsonl").write_text(CANARY)
    (root / "hop.jsonl").symlink_to("../secret.jsonl")
    (root / "out.jsonl").symlink_to(target.format(tmp=tmp_path, root=root))
    (message,) = problems(root, "out.jsonl")
    assert "leads out of the project's folder through a symbolic link" in message


def test_a_folder_on_the_way_that_leads_out_is_refused(root, tmp_path):
    (root / "away").symlink_to(tmp_path)
    (message,) = problems(root, "away/secret.jsonl")
    assert "leads out of the project's folder" in message


def test_a_way_out_and_back_in_is_a_way_out(root):
    (root / "round.jsonl").symlink_to("../project/manifests/data/numbers.jsonl")
    (message,) = problems(root, "round.jsonl")
    assert "leads out of the project's folder" in message


def test_links_in_a_circle_end(root):
    (root / "a.jsonl").symlink_to("b.jsonl")
    (root / "b.jsonl").symlink_to("a.jsonl")
    (message,) = problems(root, "a.jsonl")
    assert "goes through more than 16 symbolic links" in message


def test_what_is_no_file_is_refused_and_never_waited_for(root):
    os.mkfifo(root / "pipe.jsonl")
    (root / "folder.jsonl").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.relpath(root / "socket.jsonl"))
    (root / "null.jsonl").symlink_to("/dev/null")
    assert [problems(root, name)[0] for name in ("pipe.jsonl", "folder.jsonl", "socket.jsonl")] == [
        "manifests/a.yaml:7:5: dataset 'pipe.jsonl' is neither a file nor a folder",
        "manifests/a.yaml:7:5: dataset 'folder.jsonl' is a folder, not a file",
        "manifests/a.yaml:7:5: dataset 'socket.jsonl' is neither a file nor a folder",
    ]
    assert "leads out" in problems(root, "null.jsonl")[0]
    listener.close()


def test_a_file_on_the_way_is_no_folder(root):
    assert "part of its path is a file" in problems(root, "manifests/data/numbers.jsonl/x.jsonl")[0]
    with pytest.raises(TunectlError, match="is a file, not a folder"):
        confined.open_folder(root, "manifests/data/numbers.jsonl")


def test_a_link_swapped_in_after_the_look_is_not_followed(root, monkeypatch):
    """The moment between looking and opening, replayed: what was a file when looked at is a link when opened."""
    victim = root / "manifests" / "data" / "numbers.jsonl"
    real_stat = os.stat

    def stat_then_swap(path, *args, **kwargs):
        result = real_stat(path, *args, **kwargs)
        if path == "numbers.jsonl":
            victim.unlink()
            victim.symlink_to("../../../secret.jsonl")
        return result

    monkeypatch.setattr(os, "stat", stat_then_swap)
    with pytest.raises(TunectlError, match="changed into a symbolic link"):
        confined.open_file(root, "manifests/data/numbers.jsonl")


def test_a_pipe_swapped_in_after_the_look_is_refused_without_waiting(root, monkeypatch):
    victim = root / "manifests" / "data" / "numbers.jsonl"
    real_stat = os.stat

    def stat_then_swap(path, *args, **kwargs):
        result = real_stat(path, *args, **kwargs)
        if path == "numbers.jsonl":
            victim.unlink()
            os.mkfifo(victim)
        return result

    monkeypatch.setattr(os, "stat", stat_then_swap)
    with pytest.raises(TunectlError, match="is neither a file nor a folder"):
        confined.open_file(root, "manifests/data/numbers.jsonl")


def test_an_error_of_the_system_is_named(root, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TunectlError, match="cannot be read: permission denied"):
        confined.open_file(root, "manifests/data/numbers.jsonl")


def test_no_descriptor_is_left_open(root, tmp_path):
    (root / "out.jsonl").symlink_to(tmp_path / "secret.jsonl")
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for path in ("out.jsonl", "absent/x.jsonl", "manifests", "manifests/data/numbers.jsonl", "d/" * 100):
        check_dataset(root, DatasetSource(location=PLACE, path=path), ExampleLimits())
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_a_folder_that_is_not_readable_is_named_for_an_ordinary_user(root):
    """In a child that gives up root, which may read everything."""
    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    (root / "closed.jsonl").write_text(CANARY)
    (root / "closed.jsonl").chmod(0)
    program = (
        "import os, sys; from pathlib import Path; from reconciler import confined\n"
        "fd = os.open(sys.argv[1], os.O_RDONLY); os.setgid(65534); os.setuid(65534)\n"
        "try: confined.open_file(Path(f'/proc/self/fd/{fd}'), 'closed.jsonl')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    child = subprocess.run([sys.executable, "-c", program, str(root)], capture_output=True, text=True, check=False)
    assert child.stdout == "TunectlError cannot be read: permission denied\n", child.stderr
