"""The JSON shapes of a record of lineage, which its JSON Schema comes from; ``core.lineage_text`` reads records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from reconciler.core.lineage import Event

if TYPE_CHECKING:
    from pydantic.config import JsonDict

_Digest = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]


def _config(*always: str) -> ConfigDict:
    """JSON as it is, keys in lowerCamel. What is not known is left out of it, but for these keys."""
    schema: JsonDict = {"required": list(always)}
    return ConfigDict(strict=True, extra="allow", alias_generator=to_camel, frozen=True, json_schema_extra=schema)


class DatasetShape(BaseModel):
    """The data a model was made of."""

    model_config = _config("digest", "examples")

    digest: _Digest = Field(description="Over the examples, in order.")
    examples: _Count
    characters: _Count = Field(description="Of all examples together.")
    path: str = Field(description="Where the file lay in the project.")


class ParentShape(BaseModel):
    """The model that a model was tuned from."""

    model_config = _config("resource")

    resource: str
    name: str = Field(description="The manifest's name, if it is one of ours.")
    revision: str


class ProvenanceShape(BaseModel):
    """Where a change came from."""

    model_config = _config()

    commit: str = Field(description="The git commit of the project's folder.")
    clean: bool = Field(description="Whether the folder's files were those of the commit.")
    actor: str = Field(description="TUNECTL_ACTOR, GITHUB_ACTOR or the login's name.")
    run: str = Field(description="The address of the CI run.")


class LossShape(BaseModel):
    """A loss curve in five numbers; points that are no number are counted and left out of the rest."""

    model_config = _config("points")

    points: _Count
    first: float
    last: float
    least: float
    least_step: int
    nan: _Count


class RecordShape(BaseModel):
    """One line of the log: one thing that happened to one name."""

    model_config = _config(
        "format", "project", "name", "number", "event", "time", "resource", "revision", "attempt", "hash"
    )

    format: Literal["tunectl.lineage/v1"]
    project: str = Field(description="metadata.name of the project file.")
    name: str = Field(description="The manifest's name.")
    number: Annotated[int, Field(ge=1)] = Field(description="The place in the chain.")
    prev: _Digest = Field(description="The hash of the record before it; the first one has none.")
    event: Event
    time: str = Field(description="When it was recorded, RFC 3339 in UTC.")
    resource: str = Field(description="The model it happened to.")
    revision: str
    attempt: Annotated[int, Field(ge=1)]
    manifest: _Digest = Field(description="Of what the manifest asked for: spec, dataset digest and gate.")
    dataset: DatasetShape
    base_model: str = Field(description="The base model, that of the parent for a model tuned from another.")
    parent: ParentShape
    provenance: ProvenanceShape = Field(description="Of the run that asked for the model.")
    recorded_by: ProvenanceShape = Field(description="Of the run that recorded it, if it is another.")
    operation: str = Field(description="The tuning operation.")
    steps: _Count
    seconds: float = Field(description="How long the tuning took.")
    loss: LossShape
    verdict: dict[str, Any] = Field(description="The outcome of the gate, without answers.")
    predicted: dict[str, Any] = Field(description="What the forecast said.")
    cost: dict[str, Any] = Field(description="What it came to.")
    replaced: str = Field(description="The model that served until then.")
    former_name: str = Field(description="What the name was before it was renamed.")
    merges: list[_Digest] = Field(description="The last records of branches that are joined to the chain here.")
    error: str
    hash: _Digest = Field(description="sha256 over the canonical JSON of everything else in the record.")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a record."""
    body = RecordShape.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body, "title": "tunectl record of lineage"}
