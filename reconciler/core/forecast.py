"""What a tuning will take, as far as arithmetic goes."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.core.plan import Steps
from reconciler.core.resource import Capabilities, Dataset, Spec


def tuning_steps(spec: Spec, dataset: Dataset | None, capabilities: Capabilities) -> Steps | None:
    """Return the number of tuning steps a model takes: ``ceil(examples * epochs / batch)``.

    Batches run across the borders of epochs: 15 examples, 3 epochs and batches of 2 are 23 steps, as the service's own
    CreateTunedModelMetadata.totalSteps says. Where the manifest leaves a hyperparameter to the service, and the service
    has published several defaults without saying when each applies, the answer is a range. None without a dataset, or
    if the provider publishes no default.
    """
    if dataset is None:
        return None
    hyperparameters = spec.get("hyperparameters")
    given = hyperparameters if isinstance(hyperparameters, Mapping) else {}
    epochs = _choices(given.get("epochCount"), capabilities.defaults.get("epochCount", ()))
    batches = _choices(given.get("batchSize"), capabilities.defaults.get("batchSize", ()))
    if not epochs or not batches:
        return None
    least = _ceil(dataset.examples * min(epochs), max(batches))
    most = _ceil(dataset.examples * max(epochs), min(batches))
    return Steps(least, most)


def _choices(given: object, defaults: tuple[int, ...]) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else defaults


def _ceil(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
