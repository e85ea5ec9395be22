"""``--what-if PATH=VALUE,VALUE…``: which settings to forecast every model with, as the command line says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product
from math import prod
from typing import TYPE_CHECKING

import click

from reconciler.core.text import did_you_mean, meant

if TYPE_CHECKING:
    from reconciler.core.canonical import Json

__all__ = ["MOST", "parse_what_if", "what_if_option"]

MOST = 100
"""So many combinations may be asked for at a time; a table of more is no help in deciding."""
_LARGEST = 2**31 - 1
_COUNTS = ("hyperparameters.epochCount", "hyperparameters.batchSize")
_BASE = "baseModel"
_PATHS = (*_COUNTS, _BASE)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@:-]{0,255}")


def what_if_option(command: click.decorators.FC) -> click.decorators.FC:
    """Add ``--what-if`` to a command, as ``what_if``: a tuple of settings by path, one for each combination."""
    return click.option(
        "--what-if",
        multiple=True,
        metavar="PATH=VALUES",
        callback=lambda _, __, values: parse_what_if(values),
        help="Also forecast each model tuned with these values: hyperparameters.epochCount=3,5,8. May be repeated.",
    )(command)


def parse_what_if(texts: Iterable[str]) -> tuple[Mapping[str, Json], ...]:
    """Return every combination of the values that are asked about.

    Raises:
        click.UsageError: a path that no forecast depends on, a value it cannot have, one path twice, or too many.
    """
    asked: dict[str, list[Json]] = {}
    for text in texts:
        path, values = _one(text)
        if path in asked:
            raise click.UsageError(f"--what-if {path}: is given twice; write its values in one list")
        asked[path] = values
    if not asked:
        return ()
    number = prod(len(values) for values in asked.values())
    if number > MOST:
        sizes = " x ".join(str(len(values)) for values in asked.values())
        raise click.UsageError(f"--what-if: {sizes} = {number:,} combinations; at most {MOST} at a time")
    return tuple(dict(zip(asked, values, strict=True)) for values in product(*asked.values()))


def _one(text: str) -> tuple[str, list[Json]]:
    given, sign, listed = text.partition("=")
    path = given.strip().removeprefix("spec.")
    if not sign:
        raise click.UsageError(f"--what-if {text!r}: must be PATH=VALUE,VALUE…, such as {_COUNTS[0]}=3,5,8")
    if path not in _PATHS:
        spelt = [name for known in _PATHS for name in (known, known.rpartition(".")[2])]
        close = meant(path, spelt)
        full = next((known for known in _PATHS if close and known.endswith(close)), None)
        hint = did_you_mean(full, otherwise=f"they depend on {', '.join(_PATHS)}")
        raise click.UsageError(f"--what-if {path}: neither steps nor time nor cost depend on it; {hint}")
    values: list[Json] = [_value(path, word.strip()) for word in listed.split(",")]
    if len(set(map(str, values))) < len(values):
        raise click.UsageError(f"--what-if {path}: a value is given twice")
    return path, values


def _value(path: str, word: str) -> int | str:
    if path == _BASE:
        if _MODEL.fullmatch(word) is None:
            raise click.UsageError(f"--what-if {path}: {word!r} is no name of a model, such as models/text-bison-001")
        return word
    number = int(word) if word.isascii() and word.isdecimal() and len(word) <= len(str(_LARGEST)) else 0
    if not 1 <= number <= _LARGEST:
        raise click.UsageError(f"--what-if {path}: {word!r} is no whole number from 1 to {_LARGEST:,}")
    return number
