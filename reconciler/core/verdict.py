"""What came of a gate: each check with what was measured and the limit it was held to. No text of any answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.canonical import Json
from reconciler.core.gate import AbortIf, Gate, GateDataset
from reconciler.core.observation import Snapshot
from reconciler.core.scorers import RIGHT

PROMPTS = "prompts"
_SHOWN = 10
_FIRST = "no other model serves, so there is nothing to compare with"
_SLACK = 1e-9
"""Less than any difference that somebody meant: sums of floats are not held to their last bit."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a gate. ``measured`` and ``limit`` are None where there is no number to give; ``note`` says why."""

    name: str
    passed: bool
    measured: float | None = None
    limit: float | None = None
    note: str | None = None

    @property
    def document(self) -> dict[str, Json]:
        """The check as JSON; what there is nothing to say of is left out."""
        value: dict[str, Json] = {"check": self.name, "passed": self.passed}
        numbers: dict[str, Json] = {"measured": self.measured, "limit": self.limit, "note": self.note}
        return value | {key: item for key, item in numbers.items() if item is not None}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate came to. ``gate`` is the digest of the checks that were made (``Gate.checks_digest``)."""

    passed: bool
    gate: str
    checks: tuple[Check, ...] = ()

    @classmethod
    def of(cls, gate: Gate, checks: Sequence[Check]) -> Verdict:
        """Return the verdict that follows from the checks: all have to pass."""
        return cls(all(check.passed for check in checks), gate.checks_digest, tuple(checks))

    @property
    def document(self) -> dict[str, Json]:
        """The verdict as JSON, for those who record it."""
        return {"passed": self.passed, "gate": self.gate, "checks": [check.document for check in self.checks]}

    @property
    def unmet(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def proven(gate: Gate | None, verdict: Verdict | None) -> bool:
    """Tell whether a model may serve under a gate without being asked anything: it passed these very checks."""
    if gate is None or not gate.judges:
        return True
    return verdict is not None and verdict.passed and verdict.gate == gate.checks_digest


_MEASURED = {
    "maxFinalLoss": "final loss",
    "maxLossIncrease": "loss increase",
    "dataset.minScore": "mean score",
    "dataset.noWorseThanCurrent": "mean score",
}


def describe(check: Check) -> str:
    """Return a check as a sentence would have it, with the field that asks for it.

    ``mean score 0.93 (dataset.minScore: at least 0.8)``, ``1 of 2 prompts right; not as expected: prompts[1]``.
    """
    if check.name == PROMPTS and check.measured is not None and check.limit is not None:
        counted = f"{check.measured:.0f} of {check.limit:.0f} prompts right"
        return counted if check.note is None else f"{counted}; {check.note}"
    if check.measured is None:
        return check.name if check.note is None else f"{check.name}: {check.note}"
    words = f"{_MEASURED.get(check.name, check.name)} {check.measured:.4g}"
    bound = limit_words(check)
    asked = f"{check.name}: {bound}" if bound else check.name
    words += f" ({asked})" if check.name in _MEASURED else f" ({bound})" if bound else ""
    return words if check.note is None else f"{words}: {check.note}"


def limit_words(check: Check) -> str:
    """Return what a check asks for: ``at most 0.5``, ``all 3``; nothing where it names no number."""
    if check.limit is None:
        return ""
    if check.name == PROMPTS:
        return f"all {check.limit:.0f}"
    return f"{'at most' if check.name.startswith('max') else 'at least'} {check.limit:.4g}"


def check_losses(gate: Gate, loss: float, current: float | None) -> list[Check]:
    """Hold the mean loss at the last step to the gate; ``current`` is that of the model that serves, if one does."""
    checks = []
    if gate.max_final_loss is not None:
        checks.append(_check_loss("maxFinalLoss", loss, gate.max_final_loss))
    if gate.max_loss_increase is not None:
        if current is None:
            checks.append(Check("maxLossIncrease", True, note=_FIRST))
        elif not math.isfinite(current):
            checks.append(Check("maxLossIncrease", True, note="the loss of the model that serves is no finite number"))
        else:
            checks.append(_check_loss("maxLossIncrease", loss - current, gate.max_loss_increase))
    return checks


def check_prompts(scores: Sequence[float]) -> Check:
    """Count the questions that were answered as expected; all have to be."""
    wrong = [index for index, points in enumerate(scores) if points < RIGHT]
    shown = ", ".join(f"prompts[{index}]" for index in wrong[:_SHOWN])
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    note = f"not as expected: {shown}{more}" if wrong else None
    return Check(PROMPTS, not wrong, float(len(scores) - len(wrong)), float(len(scores)), note)


def check_scores(dataset: GateDataset, scores: Sequence[float], current: Sequence[float] | None) -> list[Check]:
    """Hold the mean score to the gate; ``current`` are the scores of the model that serves, if one does."""
    mean = math.fsum(scores) / len(scores)
    checks = []
    if dataset.min_score is not None:
        checks.append(Check("dataset.minScore", _at_most(dataset.min_score, mean), mean, dataset.min_score))
    if dataset.no_worse_than_current is not None:
        name = "dataset.noWorseThanCurrent"
        if current is None:
            checks.append(Check(name, True, mean, note=_FIRST))
        else:
            limit = math.fsum(current) / len(current) - dataset.no_worse_than_current
            checks.append(Check(name, _at_most(limit, mean), mean, limit))
    return checks


def check_command(status: int) -> Check:
    """Take the word of a program: 0 is yes."""
    return Check("command", status == 0, note=None if status == 0 else f"ended with status {status}")


def hopeless(last: Snapshot | None, abort_if: AbortIf | None) -> str | None:
    """Return why a tuning that is this far is not worth paying for any longer; None while it is.

    A mean loss that is no number never becomes one again: it came through the weights. That needs no asking for.
    """
    if last is None or last.mean_loss is None:
        return None
    if math.isnan(last.mean_loss):
        return f"the mean loss is no number (NaN) at step {last.step}"
    if abort_if is None or last.step < abort_if.after_step or last.mean_loss <= abort_if.mean_loss_above:
        return None
    return (
        f"the mean loss is {last.mean_loss:.4g} at step {last.step}, above {abort_if.mean_loss_above:.4g} "
        f"(gate.abortIf, from step {abort_if.after_step} on)"
    )


def _check_loss(name: str, loss: float, limit: float) -> Check:
    if not math.isfinite(loss):
        return Check(name, False, limit=limit, note="the loss is no finite number")
    return Check(name, _at_most(loss, limit), loss, limit)


def _at_most(value: float, limit: float) -> bool:
    return value <= limit + _SLACK
