"""What a tuning will take: steps by arithmetic, time by the project's own past, money by its own prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from reconciler.core.canonical import Json
from reconciler.core.descent import base_model_of
from reconciler.core.estimate import Forecast, Pace, Steps, Total, Variant
from reconciler.core.lockfile import Lockfile
from reconciler.core.observation import ModelState, Observed
from reconciler.core.pace import Run, Runs
from reconciler.core.plan import TRAINS, Action
from reconciler.core.price import Price, cost_of, find_price, totals
from reconciler.core.resource import Capabilities, Dataset, Desired, Spec, with_values

__all__ = ["Forecaster", "known_runs", "total", "tuning_steps"]


def tuning_steps(spec: Spec, dataset: Dataset | None, capabilities: Capabilities) -> Steps | None:
    """Return the number of tuning steps a model takes: ``ceil(examples * epochs / batch)``.

    Batches run across the borders of epochs: 15 examples, 3 epochs and batches of 2 are 23 steps, as the service's own
    CreateTunedModelMetadata.totalSteps says. Where the manifest leaves a hyperparameter to the service, and the service
    has published several defaults without saying when each applies, the answer is a range. None without a dataset
    whose examples were counted, or if the provider publishes no default.
    """
    if dataset is None or not dataset.counted:
        return None
    epochs = _choices(spec, "epochCount", capabilities)
    batches = _choices(spec, "batchSize", capabilities)
    if not epochs or not batches:
        return None
    least = _ceil(dataset.examples * min(epochs), max(batches))
    most = _ceil(dataset.examples * max(epochs), min(batches))
    return Steps(least, most)


def known_runs(recorded: Lockfile, observed: Observed, capabilities: Capabilities) -> Iterator[Run]:
    """Yield the trainings of recorded models that are over and of which the service still says how long they took.

    The steps are those that the service announced, failing that those which follow from the hyperparameters it reports
    and the number of examples that the lockfile remembers.
    """
    for entry in recorded.models.values():
        for instance in entry.instances():
            seen = observed.get(instance.resource)
            if seen is None or seen.tuning_seconds is None or seen.state is not ModelState.READY:
                continue
            steps = instance.total_steps
            if steps is None:
                counted = tuning_steps(seen.spec, instance.dataset, capabilities)
                steps = None if counted is None else counted.exact
            if steps is not None:
                yield Run(instance.resource, seen.base_model, steps, seen.tuning_seconds)


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Everything that a forecast rests on; the same for all models of a plan.

    ``by_name`` are all manifests, which say what models are tuned from, as do those that were ``observed``.
    """

    capabilities: Capabilities
    prices: tuple[Price, ...]
    runs: Runs
    by_name: Mapping[str, Desired]
    observed: Observed

    def foresee(self, actions: Iterable[Action]) -> Iterator[Action]:
        """Yield the actions, those that train with a forecast, as far as there is anything to say."""
        for action in actions:
            manifest = self.by_name.get(action.name)
            if action.kind in TRAINS and manifest is not None and manifest.dataset is not None:
                yield replace(action, forecast=self.forecast(manifest, action.steps))
            else:
                yield action

    def forecast(self, manifest: Desired, steps: Steps | None) -> Forecast | None:
        """Return what tuning a manifest's model takes besides the steps, or None if nothing is known."""
        base = base_model_of(manifest, self.by_name, self.observed)
        pace = None if steps is None else self.runs.pace(base)
        told = Forecast(uncounted=self.capabilities.uncounted if steps is None else None)
        if pace is not None and steps is not None:
            told = Forecast(_time(pace, steps.least), _time(pace, steps.most), pace)
        if self.prices:
            told = self._priced(told, manifest, steps, base)
        return None if told == Forecast() else told

    def vary(self, manifest: Desired, settings: Mapping[str, Json]) -> Variant:
        """Return what tuning a manifest's model anew would take with some settings changed."""
        changed = replace(manifest, spec=_with(manifest.spec, settings))
        if manifest.dataset is None:
            return Variant(manifest.name, settings, note="has no dataset, so nothing can train it")
        steps = tuning_steps(changed.spec, manifest.dataset, self.capabilities)
        return Variant(manifest.name, settings, steps, self.forecast(changed, steps))

    def _priced(self, told: Forecast, manifest: Desired, steps: Steps | None, base: str | None) -> Forecast:
        price, dataset = find_price(self.prices, base), manifest.dataset
        if price is None:
            return replace(told, unpriced=f"no price for {base or 'what it is tuned from, which is not known'}")
        epochs = _choices(manifest.spec, "epochCount", self.capabilities)
        cost = cost_of(
            price,
            steps=None if steps is None else (steps.least, steps.most),
            epochs=(min(epochs), max(epochs)) if epochs else None,
            characters=None if dataset is None else dataset.characters,
        )
        unpriced = "what it is priced by is not known: set hyperparameters" if cost is None else None
        return replace(told, cost=cost, unpriced=unpriced)


def total(actions: Iterable[Action]) -> Total:
    """Return what the trainings among some actions take together."""
    trainings = [action for action in actions if action.kind in TRAINS and action.dataset is not None]
    told = {action.name: action.forecast or Forecast() for action in trainings}
    after = {action.name: action.depends_on for action in trainings}
    costs = totals(each.cost for each in told.values() if each.cost is not None)
    return Total(
        seconds=_longest({name: each.seconds for name, each in told.items()}, after),
        seconds_at_most=_longest({name: each.seconds_at_most for name, each in told.items()}, after),
        costs=costs,
        unpriced=tuple(sorted(name for name, each in told.items() if each.unpriced is not None)),
    )


def _longest(seconds: Mapping[str, float | None], after: Mapping[str, tuple[str, ...]]) -> float | None:
    """Return the length of the longest chain; None of nothing, and if any part of it is not known."""
    known = {name: each for name, each in seconds.items() if each is not None}
    if not seconds or len(known) < len(seconds):
        return None
    before = {name: [parent for parent in after[name] if parent in known] for name in known}
    ends: dict[str, float] = {}
    for name in TopologicalSorter(before).static_order():
        ends[name] = known[name] + max((ends[parent] for parent in before[name]), default=0.0)
    return max(ends.values())


def _time(pace: Pace, steps: int) -> float:
    """Return seconds, to a tenth."""
    return round(pace.seconds_per_step * steps, 1)


def _with(spec: Spec, settings: Mapping[str, Json]) -> Spec:
    """Return a spec with other settings; another base model takes the place of a parent."""
    changed = with_values(spec, settings)
    if "baseModel" in settings:
        changed.pop("source", None)
    return changed


def _choices(spec: Spec, key: str, capabilities: Capabilities) -> tuple[int, ...]:
    """Return the value of a hyperparameter, or every value the service may choose if it is left out."""
    hyperparameters = spec.get("hyperparameters")
    given = hyperparameters.get(key) if isinstance(hyperparameters, Mapping) else None
    return (given,) if isinstance(given, int) else capabilities.defaults.get(key, ())


def _ceil(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
