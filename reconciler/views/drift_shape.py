"""The JSON shape of what ``drift --format json`` prints, which its JSON Schema comes from."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from reconciler.views.shapes import DriftShape, PinnedShape, Shape, UnmanagedShape


class IgnoredShape(DriftShape):
    """Drift that ``spec.drift.ignore`` covers: why it does not count, and until which day; null for no end."""

    reason: str
    until: str | None


class DriftReportShape(Shape):
    """Everything that is not as the last apply left it."""

    format: Annotated[str, Field(pattern="^tunectl[.]drift/v1$")]
    summary: dict[str, Annotated[int, Field(ge=1)]] = Field(description="How much there is of each kind.")
    coverage: float | None = Field(description="The share of the remote models that the lockfile records, in percent.")
    drift: list[DriftShape] = Field(description="What counts.")
    unmanaged: list[UnmanagedShape] = Field(description="Models that nothing in the lockfile records.")
    ignored: list[IgnoredShape] = Field(description="What the project file lets pass.")
    pinned: list[PinnedShape] = Field(description="Names that a rollback keeps, which is no drift.")


def drift_schema() -> dict[str, Any]:
    """Return the JSON Schema of the report."""
    body = DriftReportShape.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body, "title": "tunectl drift"}
