"""The gate of a manifest: from the document's words to the core's value, checked for what a type cannot say."""

from __future__ import annotations

import json

from reconciler.core.gate import AbortIf, Gate, GateDataset, PromptCheck
from reconciler.core.resource import DatasetSource
from reconciler.core.scorers import Scorer, complaint
from reconciler.manifest import document
from reconciler.manifest.draft import Draft
from reconciler.manifest.duration import parse_duration
from reconciler.manifest.shape import Steps

__all__ = ["build_gate", "gate_source"]

_GATE: Steps = ("spec", "gate")
_SCORERS = {
    "equals": Scorer.EXACT,
    "normalized": Scorer.NORMALIZED,
    "contains": Scorer.CONTAINS,
    "matches": Scorer.REGEX,
    "number": Scorer.NUMERIC,
    "json_value": Scorer.JSON,
}
_KEYS = {"json_value": "json"}


def build_gate(draft: Draft, part: document.GatePart) -> Gate:
    """Return the gate that a document asks for, without the digest of its dataset."""
    checks = (part.prompts, part.dataset, part.command, part.max_final_loss, part.max_loss_increase, part.abort_if)
    if all(check is None for check in checks):
        draft.refuse(_GATE, "checks nothing", "leave it out, or set maxFinalLoss, prompts, dataset or command")
    if part.prompts is not None and not part.prompts:
        draft.refuse((*_GATE, "prompts"), "asks nothing")
    if part.command is not None and not (part.command and part.command[0].strip()):
        draft.refuse((*_GATE, "command"), "names no program")
    elif any("\x00" in argument for argument in part.command or ()):
        draft.refuse((*_GATE, "command"), "holds a NUL byte, which no argument can")
    if part.command is None and "command_timeout" in part.model_fields_set:
        draft.refuse((*_GATE, "commandTimeout"), "is for command only")
    abort = part.abort_if
    return Gate(
        max_final_loss=part.max_final_loss,
        max_loss_increase=part.max_loss_increase,
        prompts=tuple(_prompt(draft, index, prompt) for index, prompt in enumerate(part.prompts or ())),
        dataset=None if part.dataset is None else _dataset(draft, part.dataset),
        command=tuple(part.command or ()),
        command_timeout=parse_duration(part.command_timeout),
        on_fail=part.on_fail,
        abort_if=None if abort is None else AbortIf(abort.mean_loss_above, abort.after_step),
    )


def gate_source(draft: Draft, part: document.GateDataset) -> DatasetSource:
    """Return where the examples of a gate come from."""
    steps: Steps = (*_GATE, "dataset", "path")
    return DatasetSource(
        location=draft.places.nearest(steps),
        path=draft.resolve(steps, part.path),
        input_key=part.input_key,
        output_key=part.output_key,
    )


def _prompt(draft: Draft, index: int, part: document.PromptCheck) -> PromptCheck:
    """Return a question. One that names no expectation, or several, was reported before and stays incomplete."""
    steps: Steps = (*_GATE, "prompts", index)
    field = next((name for name in _SCORERS if name in part.model_fields_set), "equals")
    scorer, value = _SCORERS[field], getattr(part, field)
    expected = value if isinstance(value, str) and scorer is not Scorer.JSON else json.dumps(value)
    wrong = complaint(scorer, expected)
    if wrong is not None:
        draft.refuse((*steps, _KEYS.get(field, field)), wrong)
    if part.tolerance is not None and scorer is not Scorer.NUMERIC:
        draft.refuse((*steps, "tolerance"), "is for number only")
    return PromptCheck(part.input, scorer, expected, part.tolerance or 0.0)


def _dataset(draft: Draft, part: document.GateDataset) -> GateDataset:
    steps: Steps = (*_GATE, "dataset")
    scorer = Scorer(part.scorer)
    if part.tolerance is not None and scorer is not Scorer.NUMERIC:
        draft.refuse((*steps, "tolerance"), "is for scorer numeric only")
    if part.min_score is None and part.no_worse_than_current is None:
        draft.refuse(steps, "needs minScore or noWorseThanCurrent")
    return GateDataset(
        scorer=scorer,
        tolerance=part.tolerance or 0.0,
        min_score=part.min_score,
        no_worse_than_current=part.no_worse_than_current,
        forbid_leak=part.forbid_leak,
    )
