"""What differs between the versions of the Generative Language API, as data.

Sources: the published protos and service descriptions of v1beta3 and v1beta. What both allow and only one demands is
not here, because it is always sent: ``updateMask`` is required in v1beta3 only. The listing's ``filter`` exists in
v1beta only and is a full-text search, so it is never sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from reconciler.core.resource import Capabilities, Effect, ExampleLimits

__all__ = ["DIALECTS", "OPERATIONS_VERSION", "Dialect"]

OPERATIONS_VERSION: Final = "v1"
"""Operations are read on v1, whichever version created them; the tuning guide knows no other path for them."""

_EFFECTS: Final = MappingProxyType(
    {
        "displayName": Effect.UPDATE,
        "description": Effect.UPDATE,
        "temperature": Effect.UPDATE,
        "topP": Effect.UPDATE,
        "topK": Effect.UPDATE,
        "baseModel": Effect.REPLACE,
        "source": Effect.REPLACE,
        "hyperparameters": Effect.REPLACE,
    }
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version of the API.

    ``learning_rate_multiplier``: the hyperparameter exists. ``generate_content``: the method does, beside generateText.
    ``defaults`` holds every value the service may choose for a hyperparameter that is left out (TunedModel reference).
    """

    version: str
    learning_rate_multiplier: bool
    generate_content: bool
    defaults: Mapping[str, tuple[int, ...]]

    def path(self, name: str) -> str:
        """Return the path of a collection, a resource or a custom method of this version."""
        return f"/{self.version}/{name}"

    @property
    def capabilities(self) -> Capabilities:
        """What this version can do, in the core's words."""
        return Capabilities(
            effects=_EFFECTS,
            resource_prefix="tunedModels/",
            # TunedModel.displayName: "up to 40 characters including spaces".
            display_name_limit=40,
            # Tuning guide, "limitations": 40,000 characters of input, 5,000 of output per example.
            example_limits=ExampleLimits(input_characters=40_000, output_characters=5_000),
            defaults=self.defaults,
            permissions=True,
            cancels=True,
        )


DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "v1beta3": Dialect(
            version="v1beta3",
            learning_rate_multiplier=False,
            generate_content=False,
            defaults=MappingProxyType({"epochCount": (10,), "batchSize": (16, 64)}),
        ),
        "v1beta": Dialect(
            version="v1beta",
            learning_rate_multiplier=True,
            generate_content=True,
            defaults=MappingProxyType({"epochCount": (5,), "batchSize": (4, 16)}),
        ),
    }
)
