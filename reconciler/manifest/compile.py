"""One document to one desired model: defaults merged, validated once, and checked for what a type cannot say.

Rules between documents stand in ``relations``; the dataset's content is the business of ``dataset``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from reconciler import confined
from reconciler.core.canonical import Json
from reconciler.core.resource import DatasetSource, Desired, Example, Lifecycle
from reconciler.errors import Problem, TunectlError
from reconciler.manifest.document import DatasetPart, Gate, Hyperparameters, LifecyclePart, Spec, TunedModelDocument
from reconciler.manifest.duration import parse_duration
from reconciler.manifest.merge import merge
from reconciler.manifest.places import Places, spell
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
    "hyperparameters",
    "temperature",
    "topP",
    "topK",
    "permissions",
)
_CAN_DRIFT = (*_SPEC, "dataset", *(f"hyperparameters.{key}" for key in keys(Hyperparameters)))
_DISPLAY_NAME = {"generativelanguage": 40, "vertex": 128}  # TunedModel.display_name; TuningJob.tuned_model_display_name


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A model as its manifest wants it, without its dataset's digest yet, and where the dataset comes from."""

    desired: Desired
    source: DatasetSource | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A valid document on its way, and the problems it still turns out to have."""

    model: TunedModelDocument
    places: Places
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, steps: Steps, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(self.places.nearest(steps), f"{spell(steps)}: {message}", hint))


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
    draft = _Draft(model, places, problems)
    assert isinstance(spec, Mapping)  # noqa: S101  the validation that has just passed says so
    manifest = _build(draft, spec, config)
    return (None if draft.problems else manifest), draft.problems


def _no_manifest(value: Json, places: Places) -> Problem:
    if not isinstance(value, Mapping) or "kind" not in value:
        hint = "move files that are no manifests out of the manifests' folder"
        return Problem(places[""], "is no manifest: it has no apiVersion and kind", hint)
    kind = value["kind"]
    shown = f", not '{kind[:60]}'" if isinstance(kind, str) and kind.isprintable() else ""
    way_past = "a project file is called tunectl.yaml" if kind == "Project" else suggest(str(kind), [KIND])
    return Problem(places.nearest(("kind",)), f"kind: must be {KIND}{shown}", way_past)


def _build(draft: _Draft, raw: Mapping[str, Json], config: ProjectConfig) -> LoadedManifest:
    metadata, spec = draft.model.metadata, draft.model.spec
    _check_display_name(draft, config.provider.type)
    _check_names(draft)
    _check_permissions(draft)
    if spec.base_model is None and spec.source is None:
        draft.refuse(("spec",), "needs one of baseModel, source")
    desired = Desired(
        name=metadata.name,
        spec={"displayName": metadata.name, **{key: raw[key] for key in _SPEC if key in raw}},
        labels=metadata.labels or {},
        previous_names=tuple(metadata.previous_names or ()),
        lifecycle=_lifecycle(draft, spec.lifecycle or LifecyclePart()),
        gate=None if spec.gate is None else _gate(draft, spec.gate),
        where=draft.places,
    )
    return LoadedManifest(desired, None if spec.dataset is None else _dataset(draft, spec.dataset))


def _check_display_name(draft: _Draft, provider: str) -> None:
    name, given = draft.model.metadata.name, draft.model.spec.display_name
    limit = _DISPLAY_NAME[provider]
    if given is not None and len(given) > limit:
        draft.refuse(("spec", "displayName"), f"must be at most {limit} characters, not {len(given)}")
    elif given is None and len(name) > limit:
        message = f"defaults to the name, which has {len(name)} characters; at most {limit} are allowed"
        draft.refuse(("spec", "displayName"), message, "set spec.displayName")


def _check_names(draft: _Draft) -> None:
    former = draft.model.metadata.previous_names or []
    for index, name in enumerate(former):
        steps: Steps = ("metadata", "previousNames", index)
        if name == draft.model.metadata.name:
            draft.refuse(steps, f"'{name}' is the manifest's present name")
        elif name in former[:index]:
            draft.refuse(steps, f"'{name}' is listed twice")


def _check_permissions(draft: _Draft) -> None:
    permissions = draft.model.spec.permissions or []
    grantees = [each.user or each.group or "everyone" for each in permissions]
    for index, grantee in enumerate(grantees):
        if grantee in grantees[:index]:
            draft.refuse(
                ("spec", "permissions", index), f"a second role for {grantee}", "keep one; WRITER includes READER"
            )


def _lifecycle(draft: _Draft, part: LifecyclePart) -> Lifecycle:
    return Lifecycle(
        protect=part.protect,
        retain=part.retain,
        ignore=tuple(_ignored(draft, index, path) for index, path in enumerate(part.ignore)),
        timeout=parse_duration(part.timeout),
        deletion=part.deletion,
    )


def _ignored(draft: _Draft, index: int, path: str) -> str:
    """Return a field whose drift is ignored as a path within the spec."""
    inner = path.removeprefix("spec.")
    if inner not in _CAN_DRIFT:
        draft.refuse(("spec", "lifecycle", "ignore", index), "is no field that can drift", suggest(inner, _CAN_DRIFT))
    return inner


def _gate(draft: _Draft, gate: Gate) -> Mapping[str, Json]:
    """Return the gate as it is written, with its dataset's path relative to the project."""
    steps: Steps = ("spec", "gate")
    written: dict[str, Json] = gate.model_dump(by_alias=True, exclude_unset=True)
    if not written.keys() - {"onFail"}:
        draft.refuse(steps, "checks nothing", "leave it out, or set maxFinalLoss, prompts, dataset or command")
    if gate.command is not None and not gate.command:
        draft.refuse((*steps, "command"), "names no program")
    for index, check in enumerate(gate.prompts or []):
        if check.matches is not None and not _compiles(check.matches):
            draft.refuse((*steps, "prompts", index, "matches"), "is no valid regular expression")
    if gate.dataset is not None:
        if gate.dataset.tolerance is not None and gate.dataset.scorer != "numeric":
            draft.refuse((*steps, "dataset", "tolerance"), "is for scorer numeric only")
        if gate.dataset.min_score is None and gate.dataset.no_worse_than_current is None:
            draft.refuse((*steps, "dataset"), "needs minScore or noWorseThanCurrent")
        dataset = gate.dataset.model_dump(by_alias=True, exclude_unset=True)
        written["dataset"] = {**dataset, "path": _resolve(draft, (*steps, "dataset", "path"), gate.dataset.path)}
    return written


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _dataset(draft: _Draft, part: DatasetPart) -> DatasetSource:
    """Return where the examples come from. Column names are for files; examples in the manifest have their own keys."""
    steps: Steps = ("spec", "dataset")
    validation = None if part.validation is None else _resolve(draft, (*steps, "validation"), part.validation)
    if part.examples is not None:
        places = [draft.places.nearest((*steps, "examples", index)) for index in range(len(part.examples))]
        examples = (Example(each.text_input or each.text_input_camel or "", each.output) for each in part.examples)
        return DatasetSource(
            location=draft.places.nearest((*steps, "examples")),
            inline=tuple(zip(examples, places, strict=True)),
            validation=validation,
        )
    if part.path is None:
        draft.refuse(steps, "needs one of path, examples")
    return DatasetSource(
        location=draft.places.nearest((*steps, "path")),
        path=None if part.path is None else _resolve(draft, (*steps, "path"), part.path),
        input_key=part.input_key,
        output_key=part.output_key,
        validation=validation,
    )


def _resolve(draft: _Draft, steps: Steps, text: str) -> str:
    """Return a path relative to the project; it is written relative to the file it stands in."""
    folder = posixpath.dirname(draft.places.nearest(steps).file)
    try:
        return confined.resolve(folder, text)
    except TunectlError as error:
        draft.refuse(steps, error.message, error.hint)
        return ""
