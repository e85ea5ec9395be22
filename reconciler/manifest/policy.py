"""The project's policy: its part of the project file as the rules the core decides by and the checks to run."""

from __future__ import annotations

import re

from reconciler.core.rules import Bounds, Check, Rules
from reconciler.errors import Problem
from reconciler.manifest.duration import parse_duration
from reconciler.manifest.places import Places, spell
from reconciler.manifest.project_document import CountRange, PolicyPart, RateRange
from reconciler.manifest.shape import Steps

__all__ = ["check_policy", "checks_of", "rules_of"]

_HERE: Steps = ("spec", "policy")
_HYPERPARAMETERS = (
    ("epochCount", "epoch_count"),
    ("batchSize", "batch_size"),
    ("learningRate", "learning_rate"),
    ("learningRateMultiplier", "learning_rate_multiplier"),
)


def rules_of(part: PolicyPart | None) -> Rules:
    """Return the rules that a policy states; without one everything is allowed."""
    if part is None:
        return Rules()
    dataset = part.dataset
    return Rules(
        base_models=None if part.allowed_base_models is None else tuple(part.allowed_base_models),
        name_pattern=part.name_pattern,
        hyperparameters={key: Bounds(found.min, found.max) for key, found in _ranges(part) if found is not None},
        examples=Bounds() if dataset is None else Bounds(dataset.min_examples, dataset.max_examples),
        labels=tuple(part.required_labels or ()),
    )


def checks_of(part: PolicyPart | None, places: Places) -> tuple[Check, ...]:
    """Return the programs that a policy lets judge the plan, in their order."""
    found = [] if part is None else part.checks or []
    return tuple(
        Check(tuple(check.command), parse_duration(check.timeout), places.nearest((*_HERE, "checks", index)))
        for index, check in enumerate(found)
    )


def check_policy(part: PolicyPart | None, places: Places) -> list[Problem]:
    """Return what a type cannot say of a policy."""
    if part is None:
        return []
    complaints: list[tuple[Steps, str]] = []
    if part.name_pattern is not None and not _compiles(part.name_pattern):
        complaints.append((("namePattern",), "is no valid regular expression"))
    for key, found in _ranges(part):
        if found is not None:
            complaints += [(("hyperparameters", key), text) for text in _unordered(found.min, found.max, "min", "max")]
    if part.dataset is not None:
        least, most = part.dataset.min_examples, part.dataset.max_examples
        complaints += [(("dataset",), text) for text in _unordered(least, most, "minExamples", "maxExamples")]
    for index, check in enumerate(part.checks or []):
        if any("\0" in argument for argument in check.command) or not check.command[0]:
            complaints.append((("checks", index, "command"), "names no program"))
    return [
        Problem(places.nearest((*_HERE, *steps)), f"{spell((*_HERE, *steps))}: {text}") for steps, text in complaints
    ]


def _ranges(part: PolicyPart) -> list[tuple[str, CountRange | RateRange | None]]:
    bounds = part.hyperparameters
    return [] if bounds is None else [(key, getattr(bounds, name)) for key, name in _HYPERPARAMETERS]


def _unordered(least: float | None, most: float | None, low: str, high: str) -> list[str]:
    if least is None and most is None:
        return [f"needs {low}, {high} or both"]
    return [f"{low} is above {high}"] if least is not None and most is not None and least > most else []


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
