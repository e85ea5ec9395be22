"""What a GitHub runner reads is escaped as its own toolkit does, and kept within its limits."""

import pytest

from reconciler.errors import Location, Problem, StoreError
from reconciler.views.github import annotations, write_outputs, write_summary

COMMANDS = [
    (
        Problem(Location("manifests/a.yaml", 7, 3), "unknown key", "did you mean epochCount?"),
        "::error file=manifests/a.yaml,line=7,col=3,title=tunectl::unknown key (did you mean epochCount?)",
    ),
    (Problem(Location("a.yaml"), "empty", severity="warning"), "::warning file=a.yaml,title=tunectl::empty"),
    (Problem(None, "100% wrong\nsecond line"), "::error title=tunectl::100%25 wrong%0Asecond line"),
    (Problem(Location("a,b:c%.yaml", 1), "x"), "::error file=a%2Cb%3Ac%25.yaml,line=1,title=tunectl::x"),
    (Problem(None, "one\n::stop-commands::x"), "::error title=tunectl::one%0A\\::stop-commands::x"),
]


@pytest.mark.parametrize(("problem", "line"), COMMANDS)
def test_a_problem_becomes_one_command(problem, line):
    assert list(annotations([problem], title="tunectl")) == [line]


def test_errors_come_first_and_what_github_would_not_show_is_counted():
    found = [Problem(None, f"w{number}", severity="warning") for number in range(10)]
    found += [Problem(None, f"e{number}") for number in range(14)]
    lines = list(annotations(found, title="t"))
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10
    assert lines[9] == "::error title=t::5 more errors are in the log"
    assert lines[19] == "::warning title=t::w9"


def test_the_summary_is_added_to_what_is_there(tmp_path):
    path = tmp_path / "summary"
    path.write_text("before\n")
    assert write_summary(path, "# plan ü\n")
    assert path.read_text(encoding="utf-8") == "before\n# plan ü\n\n"


@pytest.mark.parametrize(
    ("used", "limit", "fits", "added"), [(0, 100, True, 92), (95, 180, False, 76), (95, 100, False, 0)]
)
def test_what_would_make_the_runner_drop_the_whole_summary_is_replaced_by_a_note(tmp_path, used, limit, fits, added):
    path = tmp_path / "summary"
    path.write_bytes(b"x" * used)
    assert write_summary(path, "y" * 90, limit=limit) is fits
    assert path.stat().st_size == used + added


def test_outputs_stand_between_delimiters(tmp_path):
    path = tmp_path / "output"
    write_outputs(path, {"plan-digest": "sha256:1", "notes": "one\ntwo"}, delimiter="d-1")
    write_outputs(path, {"exit-code": "2"}, delimiter="d-2")
    assert path.read_text() == ("plan-digest<<d-1\nsha256:1\nd-1\nnotes<<d-1\none\ntwo\nd-1\nexit-code<<d-2\n2\nd-2\n")


def test_a_value_that_contains_the_delimiter_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "output"
    with pytest.raises(StoreError, match="the output b contains its own delimiter"):
        write_outputs(path, {"a": "fine", "b": "x\nd-1\nevil<<E\n"}, delimiter="d-1")
    assert not path.exists()


def test_files_that_cannot_be_written_are_named_by_their_variable(tmp_path):
    with pytest.raises(StoreError, match=r"GITHUB_STEP_SUMMARY: cannot be written \(Is a directory\)"):
        write_summary(tmp_path, "x")
    with pytest.raises(StoreError, match="GITHUB_OUTPUT: cannot be written"):
        write_outputs(tmp_path / "no" / "such", {"a": "b"}, delimiter="d")
