"""The JSON shapes that a lockfile is read by, and its JSON Schema; read, they become the value of ``core.lockfile``.

Every key of the published format is required, because a hand-made merge that lost ``candidate`` has lost the record of
a paid job. Keys that later versions of the same format add are optional and unknown ones are ignored. No text is read
here; that is ``codec``.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from reconciler.core.address import MAX_ATTEMPT
from reconciler.core.lineage import History
from reconciler.core.lockfile import Approval, Entry, Instance, InstanceState, Lockfile
from reconciler.core.past.lineage_text import restore
from reconciler.core.provenance import Provenance
from reconciler.core.resource import Dataset, Remote
from reconciler.core.verdict import Check, Verdict

_Text = Annotated[str, Field(min_length=1)]


class _Shape(BaseModel):
    """JSON as it is: no coercion, keys in lowerCamel, unknown keys left out."""

    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel, frozen=True)


class DatasetShape(_Shape):
    """What the lockfile remembers of a dataset."""

    digest: _Text
    examples: Annotated[int, Field(ge=0)]
    path: str | None = None
    uri: str | None = None

    def value(self) -> Dataset:
        """Return the core's value."""
        return Dataset(self.digest, self.examples, path=self.path, uri=self.uri)


class ProvenanceShape(_Shape):
    """Where a model's manifest came from, and who or which run asked for the model."""

    commit: str | None = None
    clean: bool | None = None
    actor: str | None = None
    run: str | None = None

    def value(self) -> Provenance:
        """Return the core's value."""
        return Provenance(self.commit, self.clean, self.actor, self.run)


class HistoryShape(_Shape):
    """The end of a chain of records."""

    records: Annotated[int, Field(ge=1)]
    head: _Text

    def value(self) -> History:
        """Return the core's value."""
        return History(self.records, self.head)


class DepartedShape(HistoryShape):
    """The end of the chain that was given up under a name last, and those of earlier ones, the latest last."""

    earlier: list[HistoryShape] = []

    def ends(self) -> tuple[History, ...]:
        """Return the core's values, the latest last."""
        return (*(shape.value() for shape in self.earlier), self.value())


class CheckShape(_Shape):
    """One check of a gate, with what was measured and the limit it was held to."""

    check: _Text
    passed: bool
    measured: float | None = None
    limit: float | None = None
    note: str | None = None


class VerdictShape(_Shape):
    """What a gate came to; ``gate`` is the digest of its checks. No prompt and no answer."""

    passed: bool
    gate: _Text
    checks: list[CheckShape]

    def value(self) -> Verdict:
        """Return the core's value."""
        checks = (Check(c.check, c.passed, c.measured, c.limit, c.note) for c in self.checks)
        return Verdict(self.passed, self.gate, tuple(checks))


class InstanceShape(_Shape):
    """One remote model of ours."""

    resource: _Text
    revision: str
    attempt: Annotated[int, Field(ge=1, le=MAX_ATTEMPT)]
    state: Annotated[InstanceState, Field(strict=False)]
    operation: str | None
    create_time: str | None
    spec: dict[str, Any]
    dataset: DatasetShape | None
    total_steps: int | None = None
    error: str | None = None
    gate: dict[str, Any] | None = None
    provenance: ProvenanceShape | None = None
    forecast: dict[str, Any] | None = None
    verdict: VerdictShape | None = None
    former_owners: list[str] = []

    def instance(self) -> Instance:
        """Return the core's value."""
        return Instance(
            resource=self.resource,
            revision=self.revision,
            attempt=self.attempt,
            state=self.state,
            operation=self.operation,
            create_time=self.create_time,
            spec=self.spec,
            dataset=None if self.dataset is None else self.dataset.value(),
            total_steps=self.total_steps,
            error=self.error,
            gate=self.gate,
            provenance=None if self.provenance is None else self.provenance.value(),
            forecast=self.forecast,
            verdict=None if self.verdict is None else self.verdict.value(),
            former_owners=tuple(self.former_owners),
        )


class EntryShape(InstanceShape):
    """One manifest name: its current model's keys lie flat beside those of the entry."""

    candidate: InstanceShape | None
    retained: list[InstanceShape]
    rejected: list[InstanceShape]
    failed: list[InstanceShape]
    deposed: list[InstanceShape]
    pin: str | None
    protect: bool
    deletion: str = "delete"
    history: HistoryShape | None = None
    pin_over: str | None = None

    def value(self) -> Entry:
        """Return the core's value."""
        return Entry(
            current=self.instance(),
            candidate=None if self.candidate is None else self.candidate.instance(),
            retained=tuple(shape.instance() for shape in self.retained),
            rejected=tuple(shape.instance() for shape in self.rejected),
            failed=tuple(shape.instance() for shape in self.failed),
            deposed=tuple(shape.instance() for shape in self.deposed),
            pin=self.pin,
            protect=self.protect,
            deletion=self.deletion,
            history=None if self.history is None else self.history.value(),
            pin_over=self.pin_over,
        )


class RemoteShape(_Shape):
    """The remote that a lockfile belongs to."""

    type: _Text
    endpoint: _Text
    project: str | None
    location: str | None


class ApprovalShape(_Shape):
    """The approved plan that an unfinished apply carries out."""

    digest: _Text
    actions: dict[str, str]


class LockfileShape(_Shape):
    """A whole lockfile."""

    format: Annotated[str, Field(pattern="^tunectl[.]lock/v1$")]
    lineage: _Text
    serial: Annotated[int, Field(ge=1)]
    write_id: _Text
    remote: RemoteShape
    models: dict[str, EntryShape]
    approval: ApprovalShape | None = None
    fence: Annotated[int, Field(ge=0)] = 0
    unwritten: list[dict[str, Any]] = []
    departed: dict[str, DepartedShape] = {}

    @model_validator(mode="after")
    def _holds_records(self) -> Self:
        for number, document in enumerate(self.unwritten):
            try:
                restore(document)
            except ValueError as error:
                raise ValueError(f"unwritten.{number} {error}") from error
        return self

    def value(self) -> Lockfile:
        """Return the core's value."""
        remote, approval = self.remote, self.approval
        return Lockfile(
            remote=Remote(remote.type, remote.endpoint, remote.project, remote.location),
            lineage=self.lineage,
            serial=self.serial,
            write_id=self.write_id,
            models={name: shape.value() for name, shape in self.models.items()},
            approval=None if approval is None else Approval(approval.digest, approval.actions),
            fence=self.fence,
            unwritten=tuple(self.unwritten),
            departed={name: shape.ends() for name, shape in self.departed.items()},
        )


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the lockfile."""
    body = LockfileShape.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body, "title": "tunectl lockfile"}
