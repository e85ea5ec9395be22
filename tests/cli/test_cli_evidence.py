"""The files of gates: their owner's only, whole or not at all; programs that do not end are ended."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.core.scorers import regex
from reconciler.errors import StoreError, TunectlError
from reconciler.project.evidence import FileEvidence

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.project.evidence import FileFolder

LONG = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def folder(tmp_path: Path) -> FileFolder:
    return FileEvidence(tmp_path, ".tunectl/gates", {"KEPT": "yes"}).folder("numbers", "abc-1")


def test_nothing_is_made_before_something_is_kept(tmp_path: Path, folder: FileFolder) -> None:
    assert list(tmp_path.iterdir()) == []
    assert folder.address == ".tunectl/gates/numbers/abc-1"


def test_rows_are_kept_for_their_owner_alone_and_take_the_place_of_earlier_ones(
    tmp_path: Path, folder: FileFolder
) -> None:
    folder.keep("answers.jsonl", [{"answer": "one"}, {"answer": "z\u00fc\ud800"}])
    folder.keep("answers.jsonl", [{"answer": "two"}])
    (path,) = (tmp_path / folder.address).iterdir()
    assert path.read_text() == '{"answer": "two"}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_link_is_never_written_through(tmp_path: Path, folder: FileFolder) -> None:
    place = tmp_path / folder.address
    place.mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (place / "command.log").symlink_to(outside)
    (place / "answers.jsonl").symlink_to(outside)
    folder.keep("answers.jsonl", [{"answer": "one"}])
    with pytest.raises(StoreError, match="cannot be kept"):
        folder.run(["true"], {}, timeout=5, stopped=lambda: False)
    assert outside.read_text() == "mine"


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked after yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes by /proc")
def test_a_program_ends_with_us_even_if_we_are_killed_outright(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from reconciler.project.evidence import FileEvidence\n"
        "folder = FileEvidence(pathlib.Path(sys.argv[1]), 'gates', {'PATH': '/usr/bin:/bin'}).folder('numbers', '1')\n"
        "program = 'sleep 60 & echo $$ $! > pids.new; mv pids.new pids; wait'\n"
        "folder.run(['sh', '-c', program], {}, timeout=60, stopped=lambda: False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) as ours:
        pids = tmp_path / "pids"
        assert holds(pids.exists)
        program, child = map(int, pids.read_text().split())
        assert alive(program)
        assert alive(child)
        ours.kill()
    assert holds(lambda: not alive(program) and not alive(child))


def holds(condition: Callable[[], bool]) -> bool:
    """Whether something comes true within ten seconds."""
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_a_program_gets_the_environment_and_what_is_added(tmp_path: Path, folder: FileFolder) -> None:
    script = "import os; print(os.environ['KEPT'], os.environ['ADDED'], os.environ['TUNECTL_ANSWERS'])"
    assert folder.run([sys.executable, "-c", script], {"ADDED": "too"}, timeout=30, stopped=lambda: False) == 0
    said = (tmp_path / folder.address / "command.log").read_text()
    assert said == f"yes too {tmp_path / folder.address}\n"


def test_a_program_that_does_not_end_in_time_is_ended_and_gives_no_verdict(folder: FileFolder) -> None:
    with pytest.raises(TunectlError, match=r"gave no verdict within 0\.05 s"):
        folder.run(LONG, {}, timeout=0.05, stopped=lambda: False)


def test_a_run_that_is_stopped_ends_its_program(folder: FileFolder) -> None:
    looks = iter([False, True, True])
    assert folder.run(LONG, {}, timeout=60, stopped=lambda: next(looks)) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_an_error(tmp_path: Path, folder: FileFolder) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        folder.keep("answers.jsonl", [])


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("^10$", " 10\n"),
        ("b", "abc"),
        ("b", "xyz"),
        ("^$", ""),
        ("\u00fc|\ud800", "z\u00fc"),
        (r"(?i)ONE\b", "one two"),
    ],
)
def test_a_search_finds_what_the_scorer_finds(tmp_path: Path, expression: str, text: str) -> None:
    evidence = FileEvidence(tmp_path, ".tunectl/gates", {})
    assert evidence.search([(expression, text)], stopped=lambda: False) == [regex(expression, text)]


def test_an_expression_that_would_never_be_done_is_given_up_and_the_others_before_it_count(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path, ".tunectl/gates", {}, search_seconds=0.2)
    searches = [("a", "a"), ("a", "b"), ("^(a+)+$", "a" * 64 + "b"), ("a", "a")]
    assert evidence.search(searches, stopped=lambda: False) == [True, False]


def test_a_run_that_is_stopped_ends_its_search(tmp_path: Path) -> None:
    evidence = FileEvidence(tmp_path, ".tunectl/gates", {}, search_seconds=600)
    looks = iter([False, False, True, True])
    assert evidence.search([("^(a+)+$", "a" * 64 + "b")], stopped=lambda: next(looks)) is None


def test_a_search_that_breaks_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(TunectlError, match="ended with status 1"):
        FileEvidence(tmp_path, ".tunectl/gates", {}).search([("(", "a")], stopped=lambda: False)
