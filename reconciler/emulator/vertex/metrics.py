"""The metrics that a tuning job writes while it runs: pure functions of the job and the time.

Names are those of Google's pages on supervised and preference tuning; a point for every step (of validation: for every
epoch), at the time when the step is done. The values are made up, the loss as that of the tunedModels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.emulator.scalars import SECOND
from reconciler.emulator.training import loss_at
from reconciler.emulator.vertex.making import spec_of
from reconciler.emulator.vertex.records import Job

EXPERIMENT = "tuning-experiment-"
RUN = "tuning-run"
_LOSS, _PREFERENCE_LOSS = "/train_total_loss", "/preference_optimization_train_loss"
_HITS = "fraction_of_correct_next_step_preds"


@dataclass(frozen=True, slots=True)
class Metric:
    """A time series: its name, and its value at a step. ``validates`` says that it has a point for each epoch only."""

    name: str
    at: Callable[[int], float]
    validates: bool = False


def experiment_of(job: Job) -> str:
    """Return the id of a job's experiment, in the metadata store and in the TensorBoard."""
    return f"{EXPERIMENT}{job.place.id}"


def metrics_of(job: Job) -> Sequence[Metric]:
    """Return what a job measures; with examples that are not trained on only where it was given any."""
    spec, kind = spec_of(job)
    preference = kind == "preference"
    seed = "/".join((job.body.get("tunedModelDisplayName", ""), spec["trainingDatasetUri"], str(job.steps)))
    train, check = _loss(job, seed), _loss(job, f"{seed}/validation")
    metrics = [Metric(_PREFERENCE_LOSS if preference else _LOSS, train)]
    metrics += [] if preference else [Metric(f"/train_{_HITS}", _hits(train))]
    if spec.get("validationDatasetUri"):
        metrics.append(Metric("/eval_total_loss", check, validates=True))
        metrics += [] if preference else [Metric(f"/eval_{_HITS}", _hits(check), validates=True)]
    return metrics


def steps_of(job: Job, metric: Metric, now: int) -> list[int]:
    """Return the steps at which a metric has a point by now."""
    steps = range(1, done_steps(job, now) + 1)
    if not metric.validates:
        return list(steps)
    epochs = _settings(job)["epochCount"]
    return [step for step in steps if step * epochs // job.steps > (step - 1) * epochs // job.steps]


def done_steps(job: Job, now: int) -> int:
    """Return how many steps a job has behind it at a time."""
    starts, ends = job.starts, job.ends
    if starts is None or now < starts:
        return 0
    span = _full(job) - starts
    until = now if ends is None else min(now, ends)
    done = job.steps if span <= 0 else (until - starts) * job.steps // span
    most = int(job.steps * job.at) if job.outcome in {"fail", "stuck"} else job.steps
    return min(done, most)


def moment(job: Job, step: int) -> int:
    """Return when a step of a job that runs is done, in nanoseconds."""
    starts = job.starts or job.created
    return starts - (-(_full(job) - starts) * step // job.steps)


def _full(job: Job) -> int:
    return (job.admitted or job.created) + int(job.seconds * SECOND)


def _settings(job: Job) -> Mapping[str, Any]:
    settings: Mapping[str, Any] = spec_of(job)[0]["hyperParameters"]
    return settings


def _loss(job: Job, seed: str) -> Callable[[int], float]:
    lost = job.at if job.outcome == "nan" else None
    return lambda step: loss_at(seed, step, job.steps, lost=lost)


def _hits(loss: Callable[[int], float]) -> Callable[[int], float]:
    return lambda step: 1.0 / (1.0 + loss(step))
