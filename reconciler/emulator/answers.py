"""Simulated answers: what a tuned model says, made from its training examples and nothing else.

An input it was trained on gives that example's output. Where the examples count in numbers by a constant step, other
numbers follow the same step. Anything else gets the output of the most similar input. Pure and deterministic.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.emulator.records import Pairs

_LOOKED_AT = 400
_NUMBER = re.compile(r"-?\d{1,3}(,\d{3})+|-?\d{1,18}")


def complete(prompt: str, pairs: Pairs, count: int) -> list[str]:
    """Return ``count`` answers to a prompt, the best first; they repeat when the examples have no more to say."""
    wanted = _key(prompt)
    found = [output for text, output in pairs if _key(text) == wanted]
    if not found:
        found = _counted(wanted, pairs)
    if len(set(found)) < count or not found:
        found += _nearest(wanted, pairs)
    distinct = list(dict.fromkeys(found)) or [prompt]
    return [distinct[index % len(distinct)] for index in range(count)]


def shorten(text: str, *, stops: Sequence[str], tokens: int | None) -> tuple[str, bool]:
    """Cut an answer at the first stop sequence and to a number of tokens (words); True if the tokens ran out."""
    ends = [text.index(stop) for stop in stops if stop and stop in text]
    if ends:
        text = text[: min(ends)]
    words = re.findall(r"\s*\S+", text)
    if tokens is None or len(words) <= tokens:
        return text, False
    return "".join(words[:tokens]), True


def count_tokens(text: str) -> int:
    """Return how many tokens the simulation takes a text for: its words."""
    return len(text.split())


def _key(text: str) -> str:
    """What makes two inputs the same: white space at the ends is no difference."""
    return text.strip()


def _counted(wanted: str, pairs: Pairs) -> list[str]:
    """Continue a constant step between numbers, if the examples have one."""
    number = _number(wanted)
    steps = {
        after - before
        for text, output in pairs
        if (before := _number(text)) is not None and (after := _number(output)) is not None
    }
    if number is None or len(steps) != 1:
        return []
    result = number + steps.pop()
    return [f"{result:,}" if "," in wanted else str(result)]


def _number(text: str) -> int | None:
    text = _key(text)
    return int(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


def _nearest(wanted: str, pairs: Pairs) -> list[str]:
    """Return the outputs of the most similar inputs, by the pieces of three characters they share."""
    pieces = _pieces(wanted)
    ranked = sorted(
        ((-_likeness(pieces, _pieces(text)), index, output) for index, (text, output) in enumerate(pairs)),
    )
    return [output for _, _, output in ranked[:8]]


def _pieces(text: str) -> frozenset[str]:
    padded = f"  {text[:_LOOKED_AT].casefold()} "
    return frozenset(padded[index : index + 3] for index in range(len(padded) - 2))


def _likeness(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right)
