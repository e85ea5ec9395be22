"""What a new model must show before it serves, as its manifest declares it. What comes of it is in ``verdict``.

Texts of prompts stay within these values; what is recorded, planned or told of a gate holds their digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.canonical import Json, digest
from reconciler.core.scorers import Scorer

_NO_CHECKS = ("onFail", "abortIf", "commandTimeout")
COMMAND_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class PromptCheck:
    """A question, and how its answer is compared with the expected one. The texts never show in ``repr``."""

    input: str = field(repr=False)
    scorer: Scorer
    expected: str = field(repr=False)
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class GateDataset:
    """Examples to score a model on.

    ``digest`` and ``examples`` say which, once the file was read. ``min_score`` is the least mean score,
    ``no_worse_than_current`` how far it may fall below that of the model that serves; both from 0 to 1.
    ``forbid_leak`` asks that none of them is trained on.
    """

    scorer: Scorer = Scorer.EXACT
    tolerance: float = 0.0
    min_score: float | None = None
    no_worse_than_current: float | None = None
    forbid_leak: bool = False
    digest: str = ""
    examples: int = 0


@dataclass(frozen=True, slots=True)
class AbortIf:
    """When a running tuning is hopeless: its mean loss is above a limit, from a step on."""

    mean_loss_above: float
    after_step: int = 0


@dataclass(frozen=True, slots=True)
class Gate:
    """The checks of one manifest. ``command_timeout`` is in seconds; ``on_fail`` is ``keep`` or ``delete``."""

    max_final_loss: float | None = None
    max_loss_increase: float | None = None
    prompts: tuple[PromptCheck, ...] = ()
    dataset: GateDataset | None = None
    command: tuple[str, ...] = ()
    command_timeout: float = COMMAND_TIMEOUT
    on_fail: str = "keep"
    abort_if: AbortIf | None = None

    @property
    def judges(self) -> bool:
        """Whether a finished model has anything to show; a gate may also do no more than stop a hopeless tuning."""
        return self.leaves_evidence or self.needs_loss

    @property
    def leaves_evidence(self) -> bool:
        """Whether judging leaves anything to read: answers, or what a program prints."""
        return bool(self.prompts or self.dataset or self.command)

    @property
    def needs_loss(self) -> bool:
        """Whether the loss curve decides."""
        return self.max_final_loss is not None or self.max_loss_increase is not None

    @property
    def canonical(self) -> dict[str, Json]:
        """What is recorded and planned of this gate: no texts of prompts, and no path, since moving a file is free."""
        value: dict[str, Json] = {"onFail": self.on_fail}
        if self.max_final_loss is not None:
            value["maxFinalLoss"] = self.max_final_loss
        if self.max_loss_increase is not None:
            value["maxLossIncrease"] = self.max_loss_increase
        if self.prompts:
            asked: list[Json] = [[p.input, p.scorer.value, p.expected, p.tolerance] for p in self.prompts]
            value["prompts"] = {"count": len(self.prompts), "digest": digest(asked)}
        if self.dataset is not None:
            value["dataset"] = _canonical_dataset(self.dataset)
        if self.command:
            value |= {"command": list(self.command), "commandTimeout": self.command_timeout}
        if self.abort_if is not None:
            value["abortIf"] = {
                "meanLossAbove": self.abort_if.mean_loss_above,
                "afterStep": self.abort_if.after_step,
            }
        return value

    @property
    def checks_digest(self) -> str:
        """The digest of what decides about a finished model: with the same one, a verdict stands."""
        return digest({key: value for key, value in self.canonical.items() if key not in _NO_CHECKS})


def records_checks(canonical: Mapping[str, Json] | None) -> bool:
    """Tell whether a recorded gate (``Gate.canonical``) holds anything that a finished model has to show."""
    return canonical is not None and not canonical.keys() <= set(_NO_CHECKS)


def _canonical_dataset(dataset: GateDataset) -> Mapping[str, Json]:
    value: dict[str, Json] = {
        "digest": dataset.digest,
        "examples": dataset.examples,
        "scorer": dataset.scorer.value,
    }
    if dataset.scorer is Scorer.NUMERIC:
        value["tolerance"] = dataset.tolerance
    if dataset.min_score is not None:
        value["minScore"] = dataset.min_score
    if dataset.no_worse_than_current is not None:
        value["noWorseThanCurrent"] = dataset.no_worse_than_current
    if dataset.forbid_leak:
        value["forbidLeak"] = True
    return value
