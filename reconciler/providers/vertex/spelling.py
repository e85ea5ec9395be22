"""How a spec is spelt by Vertex AI, and what of it Vertex AI does not keep. Pure, and light on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconciler.core.canonical import Json
from reconciler.core.resource import Spec
from reconciler.errors import InvalidArgument
from reconciler.ports.provider import Normalized, Remark
from reconciler.providers.fields import ignored, refused, without
from reconciler.providers.vertex.dialect import ADAPTERS
from reconciler.providers.vertex.labels import kept
from reconciler.providers.vertex.places import Place

__all__ = ["base_name", "normalized", "parent_name"]

_INT32: Final = 2**31
_PUBLISHER: Final = re.compile(r"(.*/)?publishers/google/models/|models/")
_HOME: Final = r"(projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/)?"
_PARENT: Final = re.compile(_HOME + r"(?P<model>models/[^/@]+)(@(?P<version>[^/@]+))?")
_JOB: Final = re.compile(_HOME + r"tuningJobs/(?P<job>[a-z0-9][a-z0-9_-]*)")
_VERDICTS: Final = (
    *(ignored(path, "not kept by vertex") for path in ("temperature", "topP", "topK")),
    # Of Gemini models the service chooses both; for open models (v1beta1) it would take them, beside an outputUri.
    refused(
        "hyperparameters.learningRate",
        "vertex takes no learning rate for Gemini models, only a factor on its own",
        "set hyperparameters.learningRateMultiplier",
    ),
    refused("hyperparameters.batchSize", "vertex chooses the batch size of Gemini models itself"),
    refused("permissions", "vertex shares models by IAM, not by permissions of their own", "use IAM"),
)
_BETA: Final = refused("hyperparameters.beta", "is for preference tuning", "set spec.method: preference")


def normalized(spec: Spec, *, home: Place = Place()) -> Normalized:  # noqa: B008  it is frozen
    """Return a spec in the service's spelling, without what the service does not keep.

    ``home`` is where tunings are; a parent that is said to be elsewhere is an error, as far as that can be told.

    Raises:
        InvalidArgument: a number that the API's types cannot hold.
    """
    known = without(spec, _VERDICTS)
    remarks, fields = list(known.remarks), dict(known.spec)
    given = fields.get("hyperparameters")
    if isinstance(given, Mapping):
        fields["hyperparameters"] = {name: _hyperparameter(name, value) for name, value in given.items()}
        if "beta" in given and fields.get("method") != "preference":
            remarks.append(_BETA)
    if isinstance(base := fields.get("baseModel"), str):
        fields["baseModel"] = base_name(base)
    if isinstance(labels := fields.pop("labels", None), Mapping):
        fields["labels"], lost = kept(labels)
        remarks += lost
    source = fields.get("source")
    if isinstance(source, Mapping) and isinstance(parent := source.get("tunedModel"), str):
        name = parent_name(parent)
        fields["source"] = {**source, "tunedModel": name or parent}
        if name is None:
            remarks.append(_nameless(parent))
        elif home.excludes(there := _place_of(parent)):
            remarks.append(_elsewhere(there, home))
    return Normalized(fields, tuple(remarks))


def base_name(name: str) -> str:
    """Return a base model's short name, after ``models/`` or ``publishers/google/models/``, if it has either."""
    return _PUBLISHER.sub("", name, count=1)


def parent_name(name: str) -> str | None:
    """Return the name of a tuned model to go on from: ``tuningJobs/ID`` or ``models/ID@VERSION``, or None.

    Project and location have to be those of the provider. A model without a version would be another one some day.
    """
    if job := _JOB.fullmatch(name):
        return f"tuningJobs/{job['job']}"
    model = _PARENT.fullmatch(name)
    return f"{model['model']}@{model['version']}" if model and model["version"] else None


def _place_of(name: str) -> Place:
    """Return where a tuned model is said to be, as far as its name says it."""
    match = _JOB.fullmatch(name) or _PARENT.fullmatch(name)
    return Place(match["project"] or "", match["location"] or "") if match else Place()


def _elsewhere(there: Place, home: Place) -> Remark:
    what = f"is in {there}, and this project tunes in {home}"
    hint = "a model is tuned further where its tuning was; of one that is served elsewhere name the job: tuningJobs/123"
    return Remark("source.tunedModel", what, hint, severity="error")


def _nameless(parent: str) -> Remark:
    versionless = _PARENT.fullmatch(parent) is not None
    hint = f"write {parent}@1" if versionless else "it looks like tuningJobs/123 or models/123@1"
    what = "names a model without its version" if versionless else "is the name of no tuned model"
    return Remark("source.tunedModel", what, hint, severity="error")


def _hyperparameter(name: str, value: Json) -> Json:
    path = f"hyperparameters.{name}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgument(f"{path}: a number is needed here, not {type(value).__name__}")
    if name in {"epochCount", "adapterSize"}:
        if value != value // 1 or not 0 <= value < _INT32:
            raise InvalidArgument(f"{path}: {value} is no whole number from 0")
        if name == "adapterSize" and value not in ADAPTERS:
            raise InvalidArgument(f"{path}: {value} is none of {', '.join(map(str, ADAPTERS))}")
        return int(value)
    return float(value)
