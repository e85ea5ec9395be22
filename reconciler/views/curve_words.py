"""What is said of loss curves beside the drawing: in the terminal, in the picture's description, and for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from reconciler.core.showing.curve import Curve
from reconciler.core.showing.specimen import Specimen
from reconciler.core.text import sanitize
from reconciler.views.words import count

FORMAT = "tunectl.curves/v1"


def label_text(specimen: Specimen) -> str:
    """Return what a curve is called in a legend: which model, and what it is to its name."""
    role, state = specimen.chosen.role, specimen.state
    said = state if role in {"current", state} else f"{role}, {state}"
    return f"{sanitize(specimen.chosen.label)} ({sanitize(said)})"


def summary_text(specimen: Specimen) -> str:
    """Return a curve in a few words: ``23 points, loss 2.31 -> 0.412, least 0.398 at step 21``."""
    if specimen.seen is None:
        return "the service has no such model" if specimen.instance.operation is None else "not there yet"
    loss, curve = specimen.loss, specimen.curve
    if loss is None:
        return "no loss reported yet" if specimen.state in _YET else "no loss reported"
    parts = [count(loss.points, "point")]
    if loss.first is not None and loss.last is not None:
        parts.append(f"loss {loss.first:.4g} -> {loss.last:.4g}")
        parts.append(f"least {loss.least:.4g} at step {loss.least_step:,}")
    odd = odd_text(curve)
    return ", ".join(parts) + (f"; {odd}" if odd else "")


def odd_text(curve: Curve) -> str:
    """Return what of a curve cannot be drawn, or nothing."""
    kinds = ((curve.nan, "NaN"), (curve.infinite, "infinite"), (curve.silent, "without a loss"))
    said = ", ".join(f"{number:,} {word}" for number, word in kinds if number)
    return f"not drawn: {said}, from step {curve.first_odd:,} on" if said else ""


def curves_document(specimens: Sequence[Specimen]) -> dict[str, Any]:
    """Return every point of every curve; a loss that is no JSON number is ``NaN`` or ``Infinity``, as in protobuf."""
    return {"format": FORMAT, "curves": [_document(specimen) for specimen in specimens]}


def _document(specimen: Specimen) -> dict[str, Any]:
    instance, loss = specimen.instance, specimen.loss
    points = () if specimen.seen is None else sorted(specimen.seen.snapshots, key=lambda point: point.step)
    return {
        "name": specimen.chosen.name,
        "role": specimen.chosen.role,
        "resource": instance.resource,
        "revision": instance.revision,
        "attempt": instance.attempt,
        "state": specimen.state,
        "found": specimen.seen is not None,
        "totalSteps": specimen.steps,
        "first": loss and loss.first,
        "last": loss and loss.last,
        "least": loss and loss.least,
        "leastStep": loss and loss.least_step,
        "points": [
            {"step": point.step, "epoch": point.epoch, "loss": _loss(point.mean_loss), "time": point.compute_time}
            for point in points
        ],
    }


def _loss(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_YET = frozenset({"pending", "tuning"})
