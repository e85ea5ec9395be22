"""The rules of a project, as values: which manifests may be planned at all, and which trainings may be bought.

What breaks them is decided by ``planning.breaches``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.errors import Location


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most a number may be; None for no bound."""

    least: float | None = None
    most: float | None = None

    def hold(self, value: float) -> bool:
        """Tell whether a number lies within; the bounds themselves do."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        parts = (("at least", self.least), ("at most", self.most))
        return " and ".join(f"{word} {number_text(bound)}" for word, bound in parts if bound is not None)


@dataclass(frozen=True, slots=True)
class Check:
    """A program that is shown the plan and may refuse it. ``timeout`` is in seconds."""

    command: tuple[str, ...]
    timeout: float = 60.0
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a project allows.

    ``base_models`` are globs, None for any base model; ``name_pattern`` is a regular expression that a whole name must
    match; ``hyperparameters`` has bounds by key; ``examples`` bounds the number of a dataset's examples; ``labels`` are
    keys that every manifest must carry.
    """

    base_models: tuple[str, ...] | None = None
    name_pattern: str | None = None
    hyperparameters: Mapping[str, Bounds] = field(default_factory=dict)
    examples: Bounds = field(default_factory=Bounds)
    labels: tuple[str, ...] = ()


def number_text(value: float) -> str:
    """Return a number as a sentence about bounds shows it."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
