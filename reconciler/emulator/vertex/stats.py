"""tuningDataStats: what Vertex AI says about a dataset once it has read it. Pure functions of a dataset."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.emulator.vertex.catalogue import MAX_TOKENS
from reconciler.emulator.vertex.dataset import Dataset

_SAMPLE = 10
_BUCKETS = 5


def steps_at(examples: int, epochs: int, batch: int) -> int:
    """Return the steps that a number of epochs takes: ``ceil(examples * epochs / batch)``."""
    return -(-examples * epochs // batch)


def describe(dataset: Dataset, steps: int, *, preference: bool) -> dict[str, Any]:
    """Return the message; counts are int64 and so strings, of preferences most distributions are doubles."""
    make = _doubles if preference else _integers
    examples = dataset.examples
    common: dict[str, Any] = {
        "tuningDatasetExampleCount": str(len(examples)),
        "tuningStepCount": str(steps),
        "totalBillableTokenCount": str(dataset.tokens),
        "userInputTokenDistribution": make([example.asked for example in examples]),
        "userOutputTokenDistribution": make([example.answered for example in examples]),
    }
    numbers = [str(number) for number, _ in dataset.dropped[:_SAMPLE]]
    reasons = [
        f"The example has {tokens} tokens; the limit is {MAX_TOKENS}." for _, tokens in dataset.dropped[:_SAMPLE]
    ]
    if preference:
        scores = [score for example in examples for score in example.scores]
        common["scoresDistribution"] = _doubles(scores)
        if numbers:
            common |= {"droppedExampleIndices": numbers, "droppedExampleReasons": reasons}
        return {"preferenceOptimizationDataStats": common}
    common["userMessagePerExampleDistribution"] = _integers([len(example.messages) for example in examples])
    common["userDatasetExamples"] = [dict(example.messages[0]) for example in examples[:_SAMPLE]]
    if numbers:
        common |= {
            "totalTruncatedExampleCount": str(len(dataset.dropped)),
            "truncatedExampleIndices": numbers,
            "droppedExampleReasons": reasons,
        }
    return {"supervisedTuningDataStats": common}


def _integers(values: Sequence[float]) -> dict[str, Any]:
    """SupervisedTuningDatasetDistribution: its sums are int64, the counts of its buckets doubles."""
    total = str(int(sum(values)))
    return {"sum": total, "billableSum": total, **_distribution(values, float)}


def _doubles(values: Sequence[float]) -> dict[str, Any]:
    """DatasetDistribution: its sum is a double, the counts of its buckets int64."""
    return {"sum": float(sum(values)), **_distribution(values, str)}


def _distribution(values: Sequence[float], spell: Callable[[int], Any]) -> Mapping[str, Any]:
    ranked = sorted(values)
    return {
        "min": float(ranked[0]),
        "max": float(ranked[-1]),
        "mean": sum(ranked) / len(ranked),
        "median": _percentile(ranked, 0.5),
        "p5": _percentile(ranked, 0.05),
        "p95": _percentile(ranked, 0.95),
        "buckets": _buckets(ranked, spell),
    }


def _percentile(ranked: Sequence[float], share: float) -> float:
    """Return a percentile by the nearest rank."""
    return float(ranked[max(0, math.ceil(share * len(ranked)) - 1)])


def _buckets(ranked: Sequence[float], spell: Callable[[int], Any]) -> list[dict[str, Any]]:
    low, high = float(ranked[0]), float(ranked[-1])
    if low == high:
        return [{"count": spell(len(ranked)), "left": low, "right": high}]
    width = (high - low) / _BUCKETS
    counts = [0] * _BUCKETS
    for value in ranked:
        counts[min(int((value - low) / width), _BUCKETS - 1)] += 1
    return [
        {"count": spell(count), "left": low + index * width, "right": low + (index + 1) * width}
        for index, count in enumerate(counts)
    ]
