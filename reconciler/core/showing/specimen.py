"""One trained model as it is looked at: what is recorded, what the service reports, and what lineage remembers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.actual import actual_of
from reconciler.core.canonical import Json
from reconciler.core.estimate import cost_json
from reconciler.core.lineage import Loss, Record, summarise
from reconciler.core.lockfile import Instance, InstanceState
from reconciler.core.observation import Observation
from reconciler.core.resource import Dataset, Spec
from reconciler.core.showing.curve import Curve, curve_of
from reconciler.core.upkeep.choice import Chosen

GONE = "gone"


@dataclass(frozen=True)
class Specimen:
    """A model beside what is known of its training.

    ``seen`` is None if the service does not have the model, ``record`` if no record of lineage tells of it. A model
    that is gone has ``role`` ``gone`` and an instance with what its record kept, which is no spec.
    """

    chosen: Chosen
    seen: Observation | None = None
    record: Record | None = None

    @classmethod
    def of_record(cls, record: Record) -> Specimen:
        """Return a model that only lineage remembers."""
        instance = Instance(
            record.resource,
            record.revision,
            record.attempt,
            dataset=record.dataset,
            total_steps=record.steps,
            create_time=None,
            error=record.error,
        )
        return cls(Chosen(record.name, GONE, instance), record=record)

    @property
    def instance(self) -> Instance:
        """What the lockfile has of it."""
        return self.chosen.instance

    @property
    def state(self) -> str:
        """Its recorded state, or that it is gone."""
        return GONE if self.chosen.role == GONE else self.instance.state.value

    @property
    def missing(self) -> bool:
        """Whether it should be there and the service does not have it."""
        return self.seen is None and self.chosen.role != GONE and self.instance.state is InstanceState.READY

    @cached_property
    def curve(self) -> Curve:
        """Its loss curve, empty where there is none."""
        return curve_of(() if self.seen is None else self.seen.snapshots)

    @property
    def loss(self) -> Loss | None:
        """Its loss curve in numbers: of the curve itself, or as its record tells."""
        drawn = None if self.seen is None else summarise(self.seen.snapshots)
        return drawn if drawn is not None or self.record is None else self.record.loss

    @property
    def spec(self) -> Spec:
        """What its manifest set."""
        return self.instance.spec

    @property
    def resolved(self) -> Spec:
        """The spec as the service reports it, with every value that it chose."""
        return {} if self.seen is None else self.seen.spec

    @property
    def base_model(self) -> str | None:
        """What it comes from in the end."""
        for value in (
            None if self.seen is None else self.seen.base_model,
            self.spec.get("baseModel"),
            None if self.record is None else self.record.base_model,
        ):
            if isinstance(value, str):
                return value
        return None

    @property
    def source(self) -> str | None:
        """The tuned model that it was tuned from, if it was."""
        for spec in (self.resolved, self.spec):
            source = spec.get("source")
            if isinstance(source, Mapping):
                return str(source.get("tunedModel") or source.get("model"))
        parent = None if self.record is None else self.record.parent
        return None if parent is None else parent.resource

    @property
    def dataset(self) -> Dataset | None:
        """What it was tuned on."""
        return self.instance.dataset

    @property
    def steps(self) -> int | None:
        """How many steps its training had."""
        return self.instance.total_steps or (None if self.record is None else self.record.steps)

    @property
    def seconds(self) -> float | None:
        """How long its training took."""
        if self.seen is not None and self.seen.tuning_seconds is not None:
            return self.seen.tuning_seconds
        return None if self.record is None else self.record.seconds

    @property
    def cost(self) -> Mapping[str, Json] | None:
        """What it cost, by the prices of its forecast (``core.actual``)."""
        actual = actual_of(self.instance.forecast, steps=self.instance.total_steps, seconds=self.seconds)
        if actual is not None and actual.cost is not None:
            return cost_json(actual.cost)
        return None if self.record is None else self.record.cost

    @property
    def foreseen(self) -> Mapping[str, Json] | None:
        """What was foreseen of its time and cost."""
        return self.instance.forecast or (None if self.record is None else self.record.predicted)

    @property
    def verdict(self) -> Mapping[str, Json] | None:
        """What its gate came to, as ``Verdict.document``."""
        if self.instance.verdict is not None:
            return self.instance.verdict.document
        return None if self.record is None else self.record.verdict


def last_records(records: Iterable[Record]) -> dict[str, Record]:
    """Map each resource to the record that tells most of its training: the newest with a loss, else the newest."""
    found: dict[str, Record] = {}
    for record in records:
        if record.loss is not None or record.seconds is not None or record.resource not in found:
            found[record.resource] = record
    return found
