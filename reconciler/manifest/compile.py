"""One document to one desired model: defaults merged, validated once, and checked for what a type cannot say.

Rules between documents stand in ``relations``; the dataset's content is the business of ``dataset``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pydantic import ValidationError

from reconciler.core.canonical import Json
from reconciler.core.permission import as_written, declared
from reconciler.core.resource import DatasetSource, Desired, Example, Lifecycle
from reconciler.errors import Problem
from reconciler.manifest.document import DatasetPart, Hyperparameters, LifecyclePart, Spec, TunedModelDocument
from reconciler.manifest.draft import Draft
from reconciler.manifest.duration import parse_duration
from reconciler.manifest.gate import build_gate, gate_source
from reconciler.manifest.kinds import OBJECT_URI
from reconciler.manifest.merge import merge
from reconciler.manifest.places import Places
from reconciler.manifest.project import ProjectConfig
from reconciler.manifest.shape import Steps, keys
from reconciler.manifest.verdict import alternatives, findings, suggest
from reconciler.manifest.yamltext import Document

__all__ = ["LoadedManifest", "compile_document"]

KIND = "TunedModel"
_SPEC = (
    "displayName",
    "description",
    "baseModel",
    "source",
    "method",
    "hyperparameters",
    "temperature",
    "topP",
    "topK",
    "encryptionKey",
    "serviceAccount",
    "permissions",
)
_CAN_DRIFT = (*_SPEC, "labels", "dataset", *(f"hyperparameters.{key}" for key in keys(Hyperparameters)))


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A model as its manifest wants it, without the digests of its datasets yet, and where those come from.

    ``evaluation`` are the examples of ``gate.dataset``.
    """

    desired: Desired
    source: DatasetSource | None
    evaluation: DatasetSource | None = None


def compile_document(
    document: Document, file: str, config: ProjectConfig
) -> tuple[LoadedManifest | None, list[Problem]]:
    """Return the manifest a document holds, or None and what is wrong with it."""
    value = document.value
    places = Places(file, document.place, config.where)
    if not isinstance(value, Mapping) or value.get("kind") != KIND:
        return None, [_no_manifest(value, places)]
    spec = merge(Spec, config.defaults, value.get("spec", {}))
    value = {**value, "spec": spec} if spec or "spec" in value else value
    problems = list(alternatives(TunedModelDocument, value, places))
    try:
        model = TunedModelDocument.model_validate(value)
    except ValidationError as error:
        return None, [*problems, *findings(TunedModelDocument, error, places)]
    draft = Draft(model, places, problems)
    assert isinstance(spec, Mapping)  # noqa: S101  the validation that has just passed says so
    manifest = _build(draft, spec)
    return (None if draft.problems else manifest), draft.problems


def _no_manifest(value: Json, places: Places) -> Problem:
    if not isinstance(value, Mapping) or "kind" not in value:
        hint = "move files that are no manifests out of the manifests' folder"
        return Problem(places[""], "is no manifest: it has no apiVersion and kind", hint)
    kind = value["kind"]
    shown = f", not '{kind[:60]}'" if isinstance(kind, str) and kind.isprintable() else ""
    way_past = "a project file is called tunectl.yaml" if kind == "Project" else suggest(str(kind), [KIND])
    return Problem(places.nearest(("kind",)), f"kind: must be {KIND}{shown}", way_past)


def _build(draft: Draft, raw: Mapping[str, Json]) -> LoadedManifest:
    metadata, spec = draft.model.metadata, draft.model.spec
    _check_names(draft)
    _check_permissions(draft)
    if spec.base_model is None and spec.source is None:
        draft.refuse(("spec",), "needs one of baseModel, source")
    gate = None if spec.gate is None else build_gate(draft, spec.gate)
    desired = Desired(
        name=metadata.name,
        spec=_written(metadata.name, raw),
        labels=metadata.labels or {},
        previous_names=tuple(metadata.previous_names or ()),
        lifecycle=_usual() if spec.lifecycle is None else _lifecycle(spec.lifecycle, _ignored(draft, spec.lifecycle)),
        gate=gate,
        where=draft.places,
    )
    evaluation = None if spec.gate is None or spec.gate.dataset is None else gate_source(draft, spec.gate.dataset)
    return LoadedManifest(desired, None if spec.dataset is None else _dataset(draft, spec.dataset), evaluation)


def _written(name: str, raw: Mapping[str, Json]) -> dict[str, Json]:
    """Return the spec as it is written; permissions are a set, so their order and the case of addresses say nothing."""
    spec: dict[str, Json] = {"displayName": name, **{key: raw[key] for key in _SPEC if key in raw}}
    permissions = declared(spec)
    return spec if permissions is None else {**spec, "permissions": as_written(permissions)}


def _check_names(draft: Draft) -> None:
    former = draft.model.metadata.previous_names or []
    for index, name in enumerate(former):
        steps: Steps = ("metadata", "previousNames", index)
        if name == draft.model.metadata.name:
            draft.refuse(steps, f"'{name}' is the manifest's present name")
        elif name in former[:index]:
            draft.refuse(steps, f"'{name}' is listed twice")


def _check_permissions(draft: Draft) -> None:
    permissions = draft.model.spec.permissions or []
    grantees = [(each.user or each.group or "everyone").lower() for each in permissions]
    for index, grantee in enumerate(grantees):
        if grantee in grantees[:index]:
            draft.refuse(
                ("spec", "permissions", index), f"a second role for {grantee}", "keep one; WRITER includes READER"
            )


@cache
def _usual() -> Lifecycle:
    """Return the lifecycle of a manifest that says nothing of one."""
    return _lifecycle(LifecyclePart(), ())


def _lifecycle(part: LifecyclePart, ignored: tuple[str, ...]) -> Lifecycle:
    return Lifecycle(
        protect=part.protect,
        retain=part.retain,
        ignore=ignored,
        timeout=parse_duration(part.timeout),
        deletion=part.deletion,
    )


def _ignored(draft: Draft, part: LifecyclePart) -> tuple[str, ...]:
    """Return the fields whose drift is ignored as paths within the spec."""
    fields = tuple(path.removeprefix("spec.") for path in part.ignore)
    for index, name in enumerate(fields):
        if name not in _CAN_DRIFT:
            steps: Steps = ("spec", "lifecycle", "ignore", index)
            draft.refuse(steps, "is no field that can drift", suggest(name, _CAN_DRIFT))
    return fields


def _dataset(draft: Draft, part: DatasetPart) -> DatasetSource:
    """Return where the examples come from. Column names are for files; examples in the manifest have their own keys."""
    steps: Steps = ("spec", "dataset")
    validation, validation_uri = _validation(draft, part.validation)
    place = None if part.validation is None else draft.places.nearest((*steps, "validation"))
    if part.uri is not None:
        return DatasetSource(
            location=draft.places.nearest((*steps, "uri")),
            input_key=part.input_key,
            output_key=part.output_key,
            validation=validation,
            uri=part.uri,
            validation_uri=validation_uri,
            validation_location=place,
        )
    if part.examples is not None:
        places = [draft.places.nearest((*steps, "examples", index)) for index in range(len(part.examples))]
        examples = (Example(each.text_input or each.text_input_camel or "", each.output) for each in part.examples)
        return DatasetSource(
            location=draft.places.nearest((*steps, "examples")),
            inline=tuple(zip(examples, places, strict=True)),
            validation=validation,
            validation_uri=validation_uri,
            validation_location=place,
        )
    if part.path is None:
        draft.refuse(steps, "needs one of path, uri, examples")
    location = draft.places.nearest((*steps, "path"))
    return DatasetSource(
        location=location,
        path=None if part.path is None else draft.resolve((*steps, "path"), part.path, location),
        input_key=part.input_key,
        output_key=part.output_key,
        validation=validation,
        validation_uri=validation_uri,
        validation_location=place,
    )


def _validation(draft: Draft, given: str | None) -> tuple[str | None, str | None]:
    """Return the path of a validation file, or the URI of an object in its place."""
    steps: Steps = ("spec", "dataset", "validation")
    if given is None or not given.startswith("gs://"):
        return (None if given is None else draft.resolve(steps, given)), None
    if re.fullmatch(OBJECT_URI, given) is None:
        draft.refuse(steps, "must be a file, or an object such as gs://bucket/data.jsonl")
    return None, given
