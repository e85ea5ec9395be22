"""The base models of the emulated service, and what tuned models take over from them.

Figures are those the service listed while these models lived (models.list, 2023 to 2025).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.schema import V1BETA3

TUNING_METHODS = frozenset({"createTunedModel", "createTunedTextModel"})
"""Either of them in supportedGenerationMethods says that a model can be tuned."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base model. Character limits are those of one training example; None where nothing is published."""

    name: str
    version: str
    display_name: str
    description: str
    input_tokens: int
    output_tokens: int
    methods: tuple[str, ...]
    temperature: float
    top_p: float
    top_k: int | None = None
    max_temperature: float | None = None
    input_characters: int | None = None
    output_characters: int | None = None

    @property
    def tunable(self) -> bool:
        """Whether a tuning may start from it."""
        return not TUNING_METHODS.isdisjoint(self.methods)

    def describe(self, version: str) -> dict[str, Any]:
        """Return the Model message in an API version's shape."""
        answer: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "displayName": self.display_name,
            "description": self.description,
            "inputTokenLimit": self.input_tokens,
            "outputTokenLimit": self.output_tokens,
            "supportedGenerationMethods": list(self.methods),
            "temperature": self.temperature,
            "topP": self.top_p,
        }
        if self.top_k is not None:
            answer["topK"] = self.top_k
        if self.max_temperature is not None and version != V1BETA3:
            answer["maxTemperature"] = self.max_temperature
        return answer


BASES: Sequence[Base] = (
    Base(
        name="models/text-bison-001",
        version="001",
        display_name="PaLM 2 (Legacy)",
        description="A legacy model that understands text and generates text as an output",
        input_tokens=8196,
        output_tokens=1024,
        methods=("generateText", "countTextTokens", "createTunedTextModel"),
        temperature=0.7,
        top_p=0.95,
        top_k=40,
    ),
    Base(
        name="models/gemini-1.0-pro-001",
        version="001",
        display_name="Gemini 1.0 Pro 001 (Tuning)",
        description="The best model for scaling across a wide range of tasks, in a version that supports tuning",
        input_tokens=30_720,
        output_tokens=2048,
        methods=("generateContent", "countTokens", "createTunedModel"),
        temperature=0.9,
        top_p=1.0,
    ),
    Base(
        name="models/gemini-1.5-flash-001-tuning",
        version="001",
        display_name="Gemini 1.5 Flash 001 Tuning",
        description="A fast and versatile multimodal model, in a version that supports tuning",
        input_tokens=16_384,
        output_tokens=8192,
        methods=("generateContent", "countTokens", "createTunedModel"),
        temperature=1.0,
        top_p=0.95,
        top_k=64,
        max_temperature=2.0,
        input_characters=40_000,
        output_characters=5_000,
    ),
    Base(
        name="models/gemini-1.5-flash-latest",
        version="001",
        display_name="Gemini 1.5 Flash Latest",
        description="A fast and versatile multimodal model for scaling across diverse tasks",
        input_tokens=1_000_000,
        output_tokens=8192,
        methods=("generateContent", "countTokens"),
        temperature=1.0,
        top_p=0.95,
        top_k=40,
        max_temperature=2.0,
    ),
)
