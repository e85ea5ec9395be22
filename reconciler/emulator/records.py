"""What the world consists of, as values: models and permissions. How they are kept is the business of ``store``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.training import Training

Pairs = Sequence[tuple[str, str]]
"""Training examples: input and output."""


@dataclass(frozen=True, slots=True)
class Model:
    """A tuned model as it is kept.

    ``fields`` are the answer's fields that do not follow from the training; ``frozen`` are those of a model that was
    loaded from a listing and not trained here. ``refusal`` is the HTTP status of a create that asks for its id while
    the asker may not see it. Times are nanoseconds since the epoch.
    """

    id: str
    owner: str
    created: int
    version: str
    fields: Mapping[str, Any]
    operation: str | None = None
    patched: int | None = None
    refusal: int = 403
    training: Training | None = None
    frozen: Mapping[str, Any] | None = None
    seq: int = 0

    @property
    def name(self) -> str:
        """The resource name."""
        return f"tunedModels/{self.id}"

    @property
    def base(self) -> str:
        """The base model it goes back to, by its own or its source's word; empty if a loaded one does not say."""
        return str(self.fields.get("baseModel") or self.fields.get("tunedModelSource", {}).get("baseModel", ""))


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may do what with a model; ``email`` is empty for everyone."""

    id: int
    type: str
    email: str
    role: str
