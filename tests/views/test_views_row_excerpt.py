"""On a terminal an error in a row shows the part of the row that is wrong; nowhere else does a row appear."""

import pytest

from reconciler.errors import Location, Problem
from reconciler.views.problems import render_problems

HEADER = "text_input,note,output"


def shown(file, lines, line, message, column=None, *, rows=True):
    problem = Problem(Location(file, line, column), message)
    return render_problems([problem], read_lines=lambda _: lines, rows=rows)


@pytest.mark.parametrize(
    ("file", "row", "message", "column", "before"),
    [
        (
            "a.jsonl",
            '{"text_input": "1", "output": 3}',
            "output must be text, not a number",
            None,
            '{"text_input": "1", "output": ',
        ),
        ("a.jsonl", '  {"text_input": "1"}', "output is missing", None, "  "),
        ("a.jsonl", '{"output": "2" 3}', "broken JSON: Expecting ',' delimiter", 16, '{"output": "2" '),
        ("a.jsonl", '\t{"output": }', "broken JSON: Expecting value", 13, '\\t{"output": '),
        ("a.jsonl", '{"output": "2"', "broken JSON: Expecting ',' delimiter", 99, '{"output": "2"'),
        ("a.ndjson", '{"a.b": 1}', "a.b must be text, not a number", None, '{"a.b": '),
        ("a.csv", "1,,", "output is empty", None, "1,,"),
        ("a.csv", '"1, or ""2""",x,', "output is empty", None, '"1, or ""2""",x,'),
        ("a.csv", ",x,2", "text_input is empty", None, ""),
        ("a.csv", "1,2,3,4", "has 4 cells, the header has 3", None, "1,2,3,"),
        ("a.csv", "1", "has 1 cell, the header has 3", None, "1"),
        ("a.csv", '1,2,"3', "cannot be split into cells", None, ""),
    ],
)
def test_the_caret_stands_where_the_row_is_wrong(file, row, message, column, before):
    text = shown(file, [HEADER, row], 2, message, column)
    assert text.splitlines()[2] == f"      | {' ' * len(before)}^"


def test_cells_of_tsv_are_parted_by_tabs():
    text = shown("a.tsv", ["text_input\toutput", "1, 2\t"], 2, "output is empty")
    assert text.splitlines()[1:3] == ["    2 | 1, 2\\t", "      |       ^"]


@pytest.mark.parametrize(("file", "column"), [("a.jsonl", 8), ("a.yaml", 8)])
def test_a_wide_character_takes_two_columns_and_a_combining_one_none(file, column):
    excerpt, caret = shown(file, ["k: 世界e\u0301x"], 1, "wrong", column).splitlines()[1:3]
    assert excerpt == "    1 | k: 世界e\u0301x"
    assert caret == "      |         ^"


def test_of_a_long_row_the_part_around_the_place_is_shown():
    row = f'{{"text_input": "{"a" * 500}", "output": 3}}'
    excerpt, caret = shown("a.jsonl", [row], 1, "output must be text, not a number").splitlines()[1:3]
    assert len(excerpt) < 80
    assert excerpt.startswith("    1 | …aaa")
    assert excerpt[caret.index("^")] == "3"


def test_a_long_row_that_goes_on_says_so():
    excerpt = shown("a.jsonl", ["[" * 500], 1, "must be an object").splitlines()[1]
    assert excerpt == f"    1 | {'[' * 64}…"


def test_what_would_command_a_terminal_is_spelled_out():
    assert "\x1b" not in shown("a.jsonl", ["\x1b[2J"], 1, "broken JSON", 1)


@pytest.mark.parametrize("file", ["a.jsonl", "a.ndjson", "a.json", "a.csv", "a.tsv", "A.CSV"])
def test_no_row_is_shown_unless_asked_for(file):
    assert "secret" not in shown(file, ["secret"], 1, "wrong", 1, rows=False)
    assert "secret" in shown(file, ["secret"], 1, "wrong", 1)


def test_inline_examples_are_rows_too():
    lines = ["examples:", "- {output: secret}"]
    assert "secret" not in shown("a.yaml", lines, 2, "wrong", 3, rows=False)
    assert "secret" in shown("a.yaml", lines, 2, "wrong", 3)


def test_a_line_that_is_not_there_is_not_shown():
    assert shown("a.jsonl", ["one"], 2, "wrong") == "a.jsonl:2: error: wrong\n1 error\n"
