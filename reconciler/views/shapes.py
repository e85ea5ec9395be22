"""The JSON shapes of a plan document: what a saved plan is checked against, and where its JSON Schema comes from."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from reconciler.core.estimate import Forecast, Pace, Steps
from reconciler.core.plan import Kind, Scope
from reconciler.core.price import Cost

_Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]
_Amount = Annotated[str, Field(pattern=r"^[0-9]{1,30}([.][0-9]{1,30})?$")]


class Shape(BaseModel):
    """JSON as it is: no coercion, keys in lowerCamel. Later versions of the format may add keys."""

    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel, frozen=True)


class RemoteShape(Shape):
    """Which remote the plan is for."""

    type: str
    endpoint: str
    project: str | None
    location: str | None


class LockfileShape(Shape):
    """Which state of the lockfile the plan was made from."""

    lineage: str | None
    serial: _Count


class ScopeShape(Shape):
    """The globs of --target and --exclude, the terms of --select, and --only with --max-effect if they were given."""

    target: list[str]
    exclude: list[str]
    select: list[str] = []
    only: str | None = None
    max_effect: str | None = None

    def value(self) -> Scope:
        """Return the core's value."""
        return Scope(tuple(self.target), tuple(self.exclude), tuple(self.select), self.only, self.max_effect)


class ChangeShape(Shape):
    """One field that differs."""

    path: str
    before: Any
    after: Any
    effect: str


class DatasetMarkShape(Shape):
    """A dataset by content digest and number of examples."""

    digest: str
    examples: _Count


class DatasetShape(DatasetMarkShape):
    """The dataset of an action, and what changed in it, in rows; null where the old version is not to be had.

    A row has changed if its input had another output. ``duplicates`` repeat an earlier row. ``comparedWith`` is
    ``cache`` or ``git:<commit>``. Older plans know only ``added`` and ``removed``. ``uri`` is where a service that
    trains from a bucket reads it; of an object that the manifest names, nobody counts the examples: 0.
    """

    uri: str | None = None

    added: _Count | None
    removed: _Count | None
    changed: _Count | None = None
    reordered: bool | None = None
    duplicates: _Count | None = None
    duplicates_before: _Count | None = None
    compared_with: str | None = None
    unknown: str | None = None
    before: DatasetMarkShape | None


class LifecycleShape(Shape):
    """How the model is replaced and removed; ``timeout`` in seconds."""

    protect: bool
    retain: _Count
    ignore: list[str]
    timeout: float
    deletion: str


class CostShape(Shape):
    """What something costs, as decimal texts; ``perStep`` and ``perModel`` of a price by the step."""

    amount: _Amount
    amount_at_most: _Amount
    currency: str
    estimate: bool
    per_step: _Amount | None = None
    per_model: _Amount | None = None

    def value(self) -> Cost:
        """Return the core's value."""
        return Cost(
            Decimal(self.amount),
            Decimal(self.amount_at_most),
            self.currency,
            self.estimate,
            None if self.per_step is None else Decimal(self.per_step),
            None if self.per_model is None else Decimal(self.per_model),
        )


class PaceShape(Shape):
    """What a forecast of time rests on: the median over some trainings, of one base model or of several."""

    seconds_per_step: float
    runs: _Count
    base_model: str | None


class ForecastShape(Shape):
    """What a training takes; ``unpriced`` is why there is no cost in spite of prices, ``uncounted`` why no steps."""

    steps: _Count | None
    steps_at_most: _Count | None
    seconds: float | None
    seconds_at_most: float | None
    pace: PaceShape | None
    cost: CostShape | None
    unpriced: str | None
    uncounted: str | None = None

    def value(self) -> Forecast:
        """Return the core's value."""
        pace = self.pace
        return Forecast(
            seconds=self.seconds,
            seconds_at_most=self.seconds_at_most,
            pace=None if pace is None else Pace(pace.seconds_per_step, pace.runs, pace.base_model),
            cost=None if self.cost is None else self.cost.value(),
            unpriced=self.unpriced,
            uncounted=self.uncounted,
        )

    @property
    def bought(self) -> Steps | None:
        """The steps."""
        return None if self.steps is None else Steps(self.steps, self.steps_at_most or self.steps)


class VariantShape(ForecastShape):
    """What a model would take with some settings changed, or a note why that cannot be told."""

    name: str
    set: dict[str, Any]
    note: str | None


class TotalShape(Shape):
    """What all trainings of a plan take together: the longest chain, a sum for each currency, names without a price."""

    seconds: float | None
    seconds_at_most: float | None
    costs: list[CostShape]
    unpriced: list[str]


class ActionShape(Shape):
    """One thing apply will do to one name."""

    name: str
    action: Annotated[Kind, Field(strict=False)]
    resource: str | None
    previous: str | None
    reason: str
    changes: list[ChangeShape]
    dataset: DatasetShape | None
    steps: _Count | None
    steps_at_most: _Count | None
    digest: _Digest
    revision: str | None
    attempt: int
    previous_name: str | None
    depends_on: list[str]
    blocked_by: str | None
    cleanup: bool
    outgoing: list[str] = []
    gate: dict[str, Any] | None
    lifecycle: LifecycleShape | None
    forecast: ForecastShape | None = None


class DriftShape(Shape):
    """Something that is not as the last apply left it."""

    name: str
    kind: str
    message: str
    resource: str | None
    path: str | None
    before: Any
    after: Any
    update_time: str | None


class UnmanagedShape(Shape):
    """A remote model that nothing in the lockfile records."""

    resource: str
    display_name: str
    state: str
    create_time: str | None
    orphaned: bool


class LeftOutShape(Shape):
    """Something that a plan of drift alone leaves to one that does all."""

    name: str
    action: Annotated[Kind, Field(strict=False)]
    reason: str


class PinnedShape(Shape):
    """A name that a rollback keeps at another revision than its manifest asks for."""

    name: str
    resource: str
    revision: str
    over: str


class ProblemShape(Shape):
    """One warning with its place."""

    severity: str
    message: str
    hint: str | None
    file: str | None
    line: int | None
    column: int | None


class ViolationShape(Shape):
    """One reason why apply would refuse, its place, and the rule that says so; older plans have the message alone."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    rule: str | None = None


class PlanShape(Shape):
    """The plan document."""

    format: Annotated[str, Field(pattern="^tunectl[.]plan/v1$")]
    tool: str
    project: str
    digest: _Digest
    remote: RemoteShape
    lockfile: LockfileShape
    scope: ScopeShape
    summary: dict[str, _Count]
    steps: _Count
    steps_at_most: _Count
    actions: list[ActionShape]
    drift: list[DriftShape]
    unmanaged: list[UnmanagedShape]
    warnings: list[ProblemShape]
    violations: list[ViolationShape]
    left_out: list[LeftOutShape] = []
    pinned: list[PinnedShape] = []
    forecast: TotalShape | None = None
    what_if: list[VariantShape] = []


class SavedShape(PlanShape):
    """A plan in a file: the document, the names of --replace, and a checksum over all the rest."""

    replace: list[str]
    checksum: _Digest


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of the plan document; a saved plan fits it too."""
    body = PlanShape.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body, "title": "tunectl plan"}
