"""The JSON Schemas of what users write, made from the document models; editors complete and check with them."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from reconciler.manifest.document import Part, TunedModelDocument
from reconciler.manifest.project_document import ProjectDocument

__all__ = ["KINDS", "schema"]

KINDS: dict[str, tuple[type[Part], str]] = {
    "project": (ProjectDocument, "tunectl project"),
    "tunedmodel": (TunedModelDocument, "tunectl tuned model"),
}


class _Plain(GenerateJsonSchema):
    """Leaves out what helps no reader: titles that repeat the key, defaults that mean "not set" or repeat a part."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  pydantic's signature
        """Say no, whatever the field."""
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """Keep the defaults that say something."""
        result = super().default_schema(schema)
        if result.get("default") is None or isinstance(result["default"], dict):
            result.pop("default", None)
        return result


def schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``project`` or ``tunedmodel``.

    Raises:
        KeyError: there is no such kind.
    """
    model, title = KINDS[kind]
    body = model.model_json_schema(by_alias=True, schema_generator=_Plain)
    for definition in (body, *body["$defs"].values()):
        definition.pop("title", None)
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": title, **body}
