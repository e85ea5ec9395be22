"""Lines that are too long for a terminal are broken between words."""

import pytest

from reconciler.views.fold import fold
from reconciler.views.paint import painter


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        ("short", "short"),
        ("", ""),
        ("one two three four five", "one two three four\n      five"),
        ("      set  15 of 20", "      set  15 of 20"),
        ("      set  15 of 20 to", "      set  15 of 20\n           to"),
        ("      set  15 examples!!", "      set  15\n  examples!!"),
        ("      reason that is long enough", "      reason that is\n      long enough"),
        ("digest: " + "x" * 19, "digest:\n  " + "x" * 19),
    ],
)
def test_what_follows_stands_under_what_it_belongs_to(line, folded):
    assert fold(line, 20) == folded


def test_colours_take_no_room_and_lines_stay_as_many_as_needed():
    paint = painter(color=True)
    line = f"{paint('bold', 'bold red')} words that fit"
    assert fold(line, 20) == line
    assert len(fold(f"{line} no more", 20).splitlines()) == 2


def test_every_word_is_kept_and_no_line_is_wider_than_its_words_force_it():
    text = "a plan of many words, " * 30
    folded = fold(text, 40)
    assert folded.split() == text.split()
    assert max(map(len, folded.splitlines())) <= 40
