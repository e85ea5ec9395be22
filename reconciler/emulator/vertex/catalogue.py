"""The base models that Vertex AI tunes, where, and with which adapters (supervised tuning page of September 2026).

Defaults of the hyperparameters are not published; those here are the emulator's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_SMALL = ("ADAPTER_SIZE_ONE", "ADAPTER_SIZE_TWO", "ADAPTER_SIZE_FOUR", "ADAPTER_SIZE_EIGHT")
_ALL = (*_SMALL, "ADAPTER_SIZE_SIXTEEN")
_ANYWHERE: Mapping[str, str] = {}
_TWO_REGIONS = {"us-central1": "us", "europe-west4": "eu"}

EPOCHS = 3
"""Epochs when none are asked for; the service decides by the size of the dataset and keeps how to itself."""

ADAPTER = "ADAPTER_SIZE_FOUR"
BETA = 0.1
BATCH = 16
"""Examples a step, where the request has no batchSize; the service keeps its figure."""

MAX_TOKENS = 131_072
"""Input and output tokens of one example."""

MAX_EXAMPLES = 10_000_000
MAX_VALIDATION = 5_000
VALIDATION_SHARE = 0.3
VALIDATION_SHARE_FROM = 1_000
"""Validation examples: at most 5,000, and at most 30 % of the training examples where those are more than 1,000."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base model.

    ``regions`` are where it can be tuned and, for each, where the tuned model is served; empty means any region and
    the same. ``encrypted`` says whether it takes customer-managed keys.
    """

    name: str
    adapters: Sequence[str] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    encrypted: bool = True
    stage: str = "GA"

    @property
    def tunable(self) -> bool:
        """Whether a tuning may start from it."""
        return bool(self.adapters)

    @property
    def resource(self) -> str:
        """The resource name of the publisher's model."""
        return f"publishers/google/models/{self.name}"

    def served(self, location: str) -> str:
        """Return where the endpoint of a model tuned in a location is."""
        return self.regions.get(location, location)


BASES: Sequence[Base] = (
    Base("gemini-3.5-flash", _ALL, _TWO_REGIONS, encrypted=False),
    Base("gemini-3.5-flash-lite", _ALL, _TWO_REGIONS, encrypted=False),
    Base("gemini-3.1-flash-lite", _ALL, _TWO_REGIONS, encrypted=False),
    Base("gemini-2.5-pro", _SMALL, _ANYWHERE),
    Base("gemini-2.5-flash", _ALL, _ANYWHERE),
    Base("gemini-2.5-flash-lite", _ALL, _ANYWHERE),
    Base("gemini-3-pro-preview", stage="PUBLIC_PREVIEW"),
)


def find_base(name: str) -> Base | None:
    """Return a base model by its id, ``publishers/google/models/ID`` or a full resource name that ends so."""
    short = name.rpartition("publishers/google/models/")[2]
    return next((base for base in BASES if base.name == short), None)
