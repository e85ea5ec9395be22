"""Text of others is shown in a form that nothing obeys, and a word that names nothing finds the one it is like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.text import clip, did_you_mean, meant, sanitize

SPELLED = [
    ("plain text, ünïcödé, 日本語, 🎉", "plain text, ünïcödé, 日本語, 🎉"),
    ("a\nb\r\tc", "a\\nb\\r\\tc"),
    ("\x1b[31mred", "\\x1b[31mred"),
    ("\x9b31m", "\\x9b31m"),
    ("\x00\x7f\x85", "\\x00\\x7f\\x85"),
    ("\u202etxt.exe", "\\u202etxt.exe"),
    ("\u200b\u200f\u2060\u2069\ufeff\u061c", "\\u200b\\u200f\\u2060\\u2069\\ufeff\\u061c"),
    ("one\u2028two\u2029", "one\\u2028two\\u2029"),
    ("\ud800", "\\ud800"),
    ("\U000e0041", "\\U000e0041"),
]


@pytest.mark.parametrize(("text", "shown"), SPELLED)
def test_whatever_commands_or_hides_is_spelled_out(text, shown):
    assert sanitize(text) == shown


def test_line_feeds_stay_in_a_block_but_nothing_else_does():
    assert sanitize("one\ntwo\r\x1b", multiline=True) == "one\ntwo\\r\\x1b"


@given(st.text(st.characters()))
def test_the_result_prints_as_one_line_of_utf8_and_is_stable(text):
    shown = sanitize(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert all(character.isprintable() or character.isspace() for character in shown if character <= "\xff")
    assert sanitize(shown) == shown


@pytest.mark.parametrize(("limit", "shown"), [(5, "abcde"), (4, "abc…"), (1, "…")])
def test_clipping_counts_the_ellipsis(limit, shown):
    assert clip("abcde", limit) == shown


@pytest.mark.parametrize(
    ("word", "known", "close"),
    [
        ("nubmers", ["letters", "numbers"], "numbers"),
        ("BASEMODEL", ["baseModel", "dataset"], "baseModel"),
        ("weather", ["letters", "numbers"], None),
        ("numbers", [], None),
        ("", ["numbers"], None),
        ("a" * 201, ["a" * 200], None),
        ("a" * 200, ["a" * 199], "a" * 199),
    ],
)
def test_the_word_spelled_most_alike_is_meant_and_one_like_none_is_not(word, known, close):
    assert meant(word, known) == close


def test_a_close_word_is_asked_for_and_where_there_is_none_something_else_helps():
    assert did_you_mean("numbers", otherwise="there are three") == "did you mean numbers?"
    assert did_you_mean(None, otherwise="there are three") == "there are three"
