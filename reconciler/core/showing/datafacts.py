"""What is told of one dataset: how many rows, which repeat, how long they are. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.resource import Dataset, ExampleLimits


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long texts are, in characters (code points): nearest-rank percentiles, exact; zeros of no texts."""

    least: int = 0
    median: int = 0
    p95: int = 0
    most: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """The good rows of a dataset in numbers, and how many are wrong or empty.

    ``duplicates`` are rows that repeat an earlier one, ``conflicts`` inputs that have more than one output.
    """

    dataset: Dataset
    wrong: int
    duplicates: int
    conflicts: int
    input: Lengths
    output: Lengths


@dataclass(frozen=True, slots=True)
class Portrait:
    """The numbers of one dataset, with what it is called: its file or manifest, and whose and what for."""

    title: str
    role: str
    stats: Stats
    limits: ExampleLimits
