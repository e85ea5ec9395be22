"""How right an answer is: one pure function per scorer, from 0 (wrong) to 1 (right). Nobody is asked here."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException
from enum import StrEnum

from reconciler.core.canonical import canonical_json


class Scorer(StrEnum):
    """The ways to compare an answer with what is expected; see the functions of the same names."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    CONTAINS = "contains"
    REGEX = "regex"
    NUMERIC = "numeric"
    JSON = "json"
    F1 = "f1"


RIGHT = 1.0

PARTICULAR = frozenset({Scorer.REGEX, Scorer.NUMERIC, Scorer.JSON})
"""The scorers for which not every text can be expected."""

_EDGES = " \t\r\n.,;:!?\u2026\"'`\u00b4\u201c\u201d\u2018\u2019\u00ab\u00bb"
"""Dots, dashes of speech and quotation marks, straight and curled."""
_NUMBER = re.compile(r"[-+]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)?(\.[0-9]+)?([eE][-+]?[0-9]{1,4})?\.?")
_LONGEST_NUMBER = 64
_ARITHMETIC = Context(prec=2 * _LONGEST_NUMBER)
_FENCE = "```"
_OPENING = re.compile(r"```[A-Za-z0-9]*[ \t]*\r?\n")
_ARTICLES = frozenset({"a", "an", "the"})


def score(scorer: Scorer, expected: str, answer: str, *, tolerance: float = 0.0) -> float:
    """Return how right an answer is, from 0 to 1; all scorers but f1 give one of the two.

    ``tolerance`` is for numeric only. What is expected must be fit for the scorer (see ``complaint``).
    """
    if scorer is Scorer.NUMERIC:
        return float(numeric(expected, answer, tolerance=tolerance))
    return float(_SCORERS[scorer](expected, answer))


def complaint(scorer: Scorer, expected: str) -> str | None:
    """Return what makes a text unfit to be expected by a scorer, without quoting it; None if it is fit."""
    if scorer in {Scorer.REGEX, Scorer.CONTAINS} and not expected.strip():
        return "is empty, so every answer would do"
    if scorer is Scorer.REGEX:
        try:
            re.compile(expected)
        except re.error as error:
            return "is no valid regular expression" + ("" if error.pos is None else f" (at character {error.pos + 1})")
        except (RecursionError, OverflowError):
            return "is no valid regular expression"
    if scorer is Scorer.NUMERIC and number(expected) is None:
        return "is no number"
    if scorer is Scorer.JSON and _parsed(expected) is None:
        return "is no JSON"
    return None


def exact(expected: str, answer: str) -> bool:
    """The same text, but for white space at the ends."""
    return expected.strip() == answer.strip()


def normalized(expected: str, answer: str) -> bool:
    """The same text, but for case, width of characters, runs of white space, and punctuation at the ends.

    Punctuation within the text counts, so that -5 is not 5 and 1.5 is not 15.
    """
    return _normal(expected) == _normal(answer)


def contains(expected: str, answer: str) -> bool:
    """What is expected occurs in the answer, letter for letter."""
    return expected.strip() in answer


def regex(expected: str, answer: str) -> bool:
    """The regular expression (Python's) is found in the answer, whose white space at the ends is taken off.

    It may take for ever: what a model answered is searched by ``ports.evidence``, in bounded time.
    """
    return re.search(expected, answer.strip()) is not None


def numeric(expected: str, answer: str, *, tolerance: float) -> bool:
    """Both are numbers, nothing else, and differ by at most the tolerance. Thousands may be set apart by commas."""
    wanted, given = number(expected), number(answer)
    if wanted is None or given is None:
        return False
    if wanted == given:
        return True
    try:
        return abs(_ARITHMETIC.subtract(wanted, given)) <= Decimal(repr(float(tolerance)))
    except DecimalException:
        return False


def json_equal(expected: str, answer: str) -> bool:
    """Both are JSON of the same value: order of keys and spelling of numbers are free, true is not 1.

    A Markdown fence around the answer is taken off, since models like to put one there.
    """
    wanted, given = _parsed(expected), _parsed(answer)
    return wanted is not None and wanted == given


def f1(expected: str, answer: str) -> float:
    """Return the harmonic mean of precision and recall over the words that both texts share.

    Words are counted as the evaluation of the SQuAD question answering data set (Rajpurkar et al., 2016) counts them:
    in lower case, without punctuation and without the articles a, an and the; a word that occurs n times in both
    counts n times. Precision is the share of the answer's words that were expected, recall the share of the expected
    words that were given. Two texts without a word are the same.
    """
    wanted, given = _words(expected), _words(answer)
    if not wanted or not given:
        return float(wanted == given)
    shared = (wanted & given).total()
    return 2.0 * shared / (wanted.total() + given.total())


def number(text: str) -> Decimal | None:
    """Return the number that a text is, or None if it is none, or one of absurd length."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
        return None
    try:
        return Decimal(text.replace(",", "").rstrip("."))
    except DecimalException:
        return None


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(_EDGES)


def _words(text: str) -> Counter[str]:
    plain = "".join(" " if unicodedata.category(letter)[0] in "PS" else letter for letter in text.casefold())
    return Counter(word for word in plain.split() if word not in _ARTICLES)


def _parsed(text: str) -> bytes | None:
    """Return the one spelling of a JSON text's value, or None if it is no JSON."""
    text = text.strip()
    if text.endswith(_FENCE) and (opening := _OPENING.match(text)) is not None:
        text = text[opening.end() : -len(_FENCE)]
    try:
        return canonical_json(json.loads(text))
    except (ValueError, RecursionError):
        return None


_SCORERS: Mapping[Scorer, Callable[[str, str], float]] = {
    Scorer.EXACT: exact,
    Scorer.NORMALIZED: normalized,
    Scorer.CONTAINS: contains,
    Scorer.REGEX: regex,
    Scorer.JSON: json_equal,
    Scorer.F1: f1,
}
