"""Problems and errors say where, what and the way past, and show no training data."""

import pytest

from reconciler.errors import Location, Problem, ProblemsError, Refused, StoreError, TunectlError, Violation
from reconciler.views.problems import render_error, render_problems

MANIFEST = """\
apiVersion: tunectl/v1
kind: TunedModel
metadata:
  name: numbers
spec:
  temperatur: 0.7
  dataset:
    inputKey: q
    examples:
    - q: my secret question
      output: my secret answer
    - {q: "second secret",
       output: "flow secret"}
    outputKey: r
  topK: 4000
---
kind: TunedModel
examples: [{q: inline secret}]
"""


def lines(file):
    return MANIFEST.splitlines() if file == "manifests/a.yaml" else None


def shown(line, column=None, *, file="manifests/a.yaml", **more):
    return render_problems([Problem(Location(file, line, column), "wrong", **more)], read_lines=lines)


def test_a_problem_shows_its_line_its_column_and_the_way_past(golden):
    found = [
        Problem(Location("manifests/a.yaml", 6, 3), "unknown key 'temperatur'", "did you mean temperature?"),
        Problem(Location("manifests/a.yaml", 15, 9), "4000 is more than 1000", severity="warning"),
        Problem(Location("datasets/numbers.jsonl", 12), "output is missing"),
        Problem(None, "no manifests found", "add some"),
    ]
    golden("problems.txt", render_problems(found, read_lines=lines))


@pytest.mark.parametrize("line", [9, 10, 11, 12, 13, 18])
def test_no_line_that_may_hold_training_data_is_shown(line):
    assert "|" not in shown(line, 1)


@pytest.mark.parametrize("line", [1, 4, 6, 8, 15, 17])
def test_other_lines_of_a_manifest_are_shown(line):
    assert f"{line:>5} | {MANIFEST.splitlines()[line - 1]}\n" in shown(line, 1)


@pytest.mark.parametrize("file", ["datasets/a.jsonl", "datasets/a.csv", "manifests/a.yaml.tsv", "other.yaml"])
def test_datasets_are_never_asked_for(file):
    assert shown(6, 1, file=file) == f"{file}:6:1: error: wrong\n1 error\n"


@pytest.mark.parametrize("line", [None, 0, 99])
def test_a_place_outside_of_the_file_shows_no_excerpt(line):
    assert "|" not in shown(line)


def test_the_caret_stands_under_its_column_whatever_stands_before_it():
    found = [Problem(Location("a.yaml", 1, 4), "wrong")]
    output = render_problems(found, read_lines=lambda _: ["\t\x1bx: 1"])
    excerpt, caret = output.splitlines()[1:3]
    assert excerpt == "    1 | \\t\\x1bx: 1"
    assert excerpt[caret.index("^")] == ":"


@pytest.mark.parametrize("column", [None, 0, 500])
def test_a_column_outside_of_the_line_has_no_caret(column):
    assert "^" not in shown(6, column)


def test_a_long_line_is_cut_and_a_caret_beyond_it_left_out():
    output = render_problems([Problem(Location("a.yaml", 1, 400), "wrong")], read_lines=lambda _: ["x" * 500])
    assert "…" in output
    assert "^" not in output


def test_thousands_of_problems_are_counted_and_only_some_shown():
    found = [Problem(None, f"p{number}") for number in range(1_500)]
    output = render_problems(found).splitlines()
    assert (len(output), output[-2], output[-1]) == (202, "and 1,300 more", "1,500 errors")


COUNTS = [
    ([], "no problems"),
    (["error"], "1 error"),
    (["warning", "warning"], "2 warnings"),
    (["warning", "error", "error"], "2 errors, 1 warning"),
]


@pytest.mark.parametrize(("severities", "words"), COUNTS)
def test_the_last_line_counts(severities, words):
    found = [Problem(None, "x", severity=severity) for severity in severities]
    assert render_problems(found).splitlines()[-1] == words


ERRORS = [
    (StoreError("tunectl.lock: cannot be written", hint="free some disk space"),
     "error: tunectl.lock: cannot be written\n  hint: free some disk space\n"),
    (TunectlError("no"), "error: no\n"),
    (Refused("2 limits are exceeded", violations=(Violation("one"), Violation("two")), hint="--allow-deletes 7"),
     "error: 2 limits are exceeded\n  one\n  two\n  hint: --allow-deletes 7\n"),
    (ProblemsError((Problem(Location("a.yaml", 3, 1), "bad"),)), "a.yaml:3:1: error: bad\n1 error\n"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text"), ERRORS)
def test_an_error_is_told_with_every_reason_and_the_way_past(error, text):
    assert render_error(error) == text


def test_colours_are_for_those_who_ask():
    assert "\x1b[1;31merror:\x1b[0m no" in render_error(TunectlError("no"), color=True)
