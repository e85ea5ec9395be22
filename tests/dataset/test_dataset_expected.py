"""Outputs that no scorer could expect are found before anything is paid for, each with its line."""

from pathlib import Path

from reconciler.core.resource import DatasetSource
from reconciler.dataset import check_expected
from reconciler.errors import Location


def look(root: Path, text: str, *, name: str = "eval.csv"):
    (root / name).write_text(text)
    source = DatasetSource(location=Location("m.yaml", 4, 2), path=name, input_key="q", output_key="a")
    found = check_expected(root, source, lambda output: None if output.isdigit() else "is no number")
    return [str(problem) for problem in found]


def test_each_output_that_does_not_fit_is_told_with_its_line_and_without_its_text(tmp_path: Path):
    found = look(tmp_path, 'q,a\nx,1\n"two\nlines",SECRET\ny,2\nz,SECRET\n')
    assert found == ["eval.csv:3: a is no number", "eval.csv:6: a is no number"]


def test_twenty_are_shown_and_the_rest_is_counted(tmp_path: Path):
    found = look(tmp_path, "q,a\n" + "x,y\n" * 25)
    assert len(found) == 21
    assert found[-1] == "eval.csv: and 5 more rows are wrong"


def test_a_file_that_went_away_meanwhile_is_a_problem_where_it_is_named(tmp_path: Path):
    source = DatasetSource(location=Location("m.yaml", 4, 2), path="gone.csv")
    (problem,) = check_expected(tmp_path, source, lambda _: None)
    assert str(problem) == "m.yaml:4:2: dataset 'gone.csv' does not exist"


def test_a_file_that_was_spoilt_meanwhile_is_a_problem_at_its_line(tmp_path: Path):
    assert look(tmp_path, "q,b\nx,1\n")[0].startswith("eval.csv:1: the header")
