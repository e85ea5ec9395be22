"""How right an answer is: a table for each scorer, and what holds for all of them whatever the texts."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.scorers import PARTICULAR, RIGHT, Scorer, complaint, f1, numeric, score

EXACT, NORMALIZED, CONTAINS, REGEX, NUMERIC, JSON, F1 = Scorer

RULINGS = [
    (EXACT, "five", "five", 1),
    (EXACT, "five", " five\n", 1),
    (EXACT, "five", "Five", 0),
    (EXACT, "five", "", 0),
    (NORMALIZED, "five", "  Five. ", 1),
    (NORMALIZED, "five", '"FIVE!"', 1),
    (NORMALIZED, "Stra\u00dfe", "STRASSE", 1),
    (NORMALIZED, "\uff15", "5", 1),
    (NORMALIZED, "two words", "Two\n  words", 1),
    (NORMALIZED, "5", "-5", 0),
    (NORMALIZED, "1.5", "15", 0),
    (CONTAINS, "five", "it is five, I think", 1),
    (CONTAINS, "five", "it is Five", 0),
    (REGEX, "^1[0-9]$", " 17 ", 1),
    (REGEX, "1[0-9]", "of 17 men", 1),
    (REGEX, "^1[0-9]$", "117", 0),
    (NUMERIC, "10", "10", 1),
    (NUMERIC, "10", "10.", 1),
    (NUMERIC, "1234", "1,234", 1),
    (NUMERIC, "1000", "1e3", 1),
    (NUMERIC, "10", "+10.000", 1),
    (NUMERIC, "10", "11", 0),
    (NUMERIC, "10", "the answer is 10", 0),
    (NUMERIC, "10", "", 0),
    (NUMERIC, "10", ".", 0),
    (NUMERIC, "10", "nan", 0),
    (NUMERIC, "10", "1,00", 0),
    (NUMERIC, "10", "9" * 100, 0),
    (NUMERIC, "1e9999", "-1e9999", 0),
    (JSON, '{"a": 1, "b": [true]}', '{"b":[true],"a":1.0}', 1),
    (JSON, '{"a": 1}', '```json\n{"a": 1}\n```', 1),
    (JSON, '{"a": 1}', '```json\n{"a": 1}  ```', 1),
    (JSON, '{"a": 1}', "```\n```", 0),
    (JSON, '{"a": 1}', "```json\n" + " " * 100_000 + "x", 0),
    (JSON, "[1]", "[true]", 0),
    (JSON, "[1]", "[1", 0),
    (JSON, "[1]", "NaN", 0),
    (JSON, "null", "null", 1),
    (JSON, "[]", "[" * 100_000, 0),
    (F1, "the cat sat", "a cat sat!", 1),
    (F1, "New York", "york, new", 1),
    (F1, "", "the", 1),
    (F1, "cat", "", 0),
    (F1, "cat", "dog", 0),
]


@pytest.mark.parametrize(("scorer", "expected", "answer", "right"), RULINGS)
def test_an_answer_is_right_or_wrong(scorer, expected, answer, right):
    assert score(scorer, expected, answer) == right


@pytest.mark.parametrize(
    ("expected", "answer", "part"),
    [
        ("one two three four", "one two", 2 * 2 / 6),
        ("one two", "one two three four", 2 * 2 / 6),
        ("one one two", "one two two", 2 * 2 / 6),
        ("red, green", "green/blue", 2 * 1 / 4),
    ],
)
def test_f1_is_the_harmonic_mean_of_precision_and_recall_over_shared_words(expected, answer, part):
    assert math.isclose(f1(expected, answer), part)


@pytest.mark.parametrize(
    ("expected", "answer", "tolerance", "right"),
    [("0.3", "0.1", 0.2, True), ("0.3", "0.1", 0.19, False), ("10", "12", 2, True), ("1e3", "1001", 1, True)],
)
def test_a_tolerance_is_the_largest_difference_that_counts_as_right_to_the_last_digit(
    expected, answer, tolerance, right
):
    assert numeric(expected, answer, tolerance=tolerance) is right
    assert score(NUMERIC, expected, answer, tolerance=tolerance) == right


@pytest.mark.parametrize(
    ("scorer", "expected", "said"),
    [
        (REGEX, "(CANARY", "is no valid regular expression (at character 1)"),
        (REGEX, " ", "is empty, so every answer would do"),
        (CONTAINS, "", "is empty, so every answer would do"),
        (NUMERIC, "CANARY", "is no number"),
        (JSON, "{CANARY", "is no JSON"),
        (EXACT, "", None),
        (REGEX, "^$", None),
        (NUMERIC, "-1.5", None),
        (JSON, "null", None),
    ],
)
def test_what_cannot_be_expected_is_said_without_quoting_it(scorer, expected, said):
    assert complaint(scorer, expected) == said


TEXT = st.text(max_size=40)


@given(st.sampled_from(list(Scorer)), TEXT, TEXT)
def test_every_score_lies_between_wrong_and_right_whatever_the_answer(scorer, expected, answer):
    if complaint(scorer, expected) is None:
        assert 0.0 <= score(scorer, expected, answer) <= RIGHT


@given(st.sampled_from([EXACT, NORMALIZED, F1]), TEXT)
def test_the_expected_text_itself_is_right(scorer, expected):
    assert scorer not in PARTICULAR
    assert score(scorer, expected, expected) == RIGHT


@given(TEXT, TEXT)
def test_f1_does_not_care_which_of_two_texts_was_expected(left, right):
    assert f1(left, right) == f1(right, left)


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=8))
def test_json_is_right_however_it_is_laid_out(value):
    assert score(JSON, json.dumps(value), json.dumps(value, indent=3)) == RIGHT


@given(st.integers(-(10**15), 10**15))
def test_a_number_is_itself_with_and_without_commas(value):
    assert score(NUMERIC, str(value), f"{value:,}") == RIGHT
