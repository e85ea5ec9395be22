"""The rules of a tuning job's request, each problem with the proto path of its field, as Vertex AI names it.

Limits are those of the discovery document and of the tuning pages; texts are the service's where they are on record
(datasets, adapter sizes), else the emulator's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.emulator.problems import ApiError, violations
from reconciler.emulator.vertex.catalogue import ADAPTER, BETA, EPOCHS, Base
from reconciler.emulator.vertex.schema import OTHER_SPECS

_NAME_LIMIT = 128
_LABELS, _LABEL_LIMIT = 64, 64
_SUPERVISED, _PREFERENCE = "supervisedTuningSpec", "preferenceOptimizationSpec"
_PATHS = {_SUPERVISED: "tuning_job.supervised_tuning_spec", _PREFERENCE: "tuning_job.preference_optimization_spec"}
_JSONL = re.compile(r"gs://[^/]+/.+\.jsonl")
_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+")
_MAX_EPOCHS = 1_000_000

Problem = tuple[str, str]


def refuse(problems: Iterable[Problem]) -> None:
    """Answer what is wrong, if anything is.

    Raises:
        ApiError: INVALID_ARGUMENT, with a violation for each problem.
    """
    found = list(problems)
    if not found:
        return
    lines = "".join(f"{number}.Field: {field}; Message: {text}\t" for number, (field, text) in enumerate(found, 1))
    raise violations(found, f"List of found errors:\t{lines}")


def labels(given: Mapping[str, str], path: str) -> list[Problem]:
    """Return what is wrong with labels: at most 64, keys and values of at most 64 lowercase characters."""
    problems = []
    if len(given) > _LABELS:
        problems.append((path, f"There are {len(given)} labels; at most {_LABELS} are allowed."))
    for key, value in given.items():
        if not key or not (key[0].isalpha() and _label(key)):
            problems.append((path, f"Label key {key[:80]!r} is not valid: {_RULE}, beginning with a letter."))
        if not _label(value):
            problems.append((path, f"The value {value[:80]!r} of label {key[:80]!r} is not valid: {_RULE}."))
    return problems


_RULE = f"up to {_LABEL_LIMIT} lowercase letters, digits, underscores and dashes"


def display_name(name: str, path: str) -> list[Problem]:
    """Return what is wrong with a display name: at most 128 characters."""
    if len(name) <= _NAME_LIMIT:
        return []
    return [(path, f"The display name has {len(name)} characters; at most {_NAME_LIMIT} are allowed.")]


def spec_of(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the value of the tuning spec.

    Raises:
        ApiError: INVALID_ARGUMENT if there is none, UNIMPLEMENTED if it is one that the emulator has not.
    """
    others = [name for name in OTHER_SPECS if name in body]
    if others:
        raise ApiError("UNIMPLEMENTED", f"{others[0]} is not emulated.")
    if body.get("customBaseModel"):
        raise ApiError("UNIMPLEMENTED", "customBaseModel is not emulated.")
    name = next((name for name in (_SUPERVISED, _PREFERENCE) if name in body), None)
    if name is None:
        refuse([("tuning_job.tuning_spec", "Required field is not set.")])
    assert name is not None  # noqa: S101 - refused in the line before
    return name, body[name]


def job(body: Mapping[str, Any], base: Base) -> list[Problem]:
    """Return what is wrong with a job's own fields and its tuning spec."""
    name, spec = spec_of(body)
    path = _PATHS[name]
    return [
        *display_name(body.get("tunedModelDisplayName", ""), "tuning_job.tuned_model_display_name"),
        *labels(body.get("labels", {}), "tuning_job.labels"),
        *_encryption(body.get("encryptionSpec"), base),
        *_service_account(body.get("serviceAccount", "")),
        *_dataset(spec, "trainingDatasetUri", f"{path}.training_dataset_uri", required=True),
        *_dataset(spec, "validationDatasetUri", f"{path}.validation_dataset_uri", required=False),
        *_hyperparameters(spec.get("hyperParameters", {}), base, f"{path}.hyper_parameters"),
    ]


def defaults(body: Mapping[str, Any], base: Base) -> dict[str, Any]:
    """Return a job's fields with the hyperparameters filled in that the request leaves to the service."""
    name, spec = spec_of(body)
    given = {key: value for key, value in spec.get("hyperParameters", {}).items() if value not in {"", _NO_SIZE, 0}}
    chosen: dict[str, Any] = {"epochCount": EPOCHS, "adapterSize": ADAPTER if ADAPTER in base.adapters else ""}
    if "learningRate" not in given:
        chosen["learningRateMultiplier"] = 1.0
    if name == _PREFERENCE:
        chosen["beta"] = BETA
    return {**body, name: {**spec, "hyperParameters": {**chosen, **given}}}


_NO_SIZE = "ADAPTER_SIZE_UNSPECIFIED"


def _label(text: str) -> bool:
    """Lowercase letters of any script, digits, underscores, dashes."""
    good = all(char in "_-" or char.isdigit() or (char.isalpha() and char == char.lower()) for char in text)
    return good and len(text) <= _LABEL_LIMIT


def _encryption(spec: Mapping[str, Any] | None, base: Base) -> list[Problem]:
    path = "tuning_job.encryption_spec"
    if spec is None:
        return []
    if not base.encrypted:
        return [(path, f"Customer-managed encryption keys are not supported for {base.name}.")]
    if not _KEY.fullmatch(spec.get("kmsKeyName", "")):
        return [(f"{path}.kms_key_name", "The key is not of the form projects/*/locations/*/keyRings/*/cryptoKeys/*.")]
    return []


def _service_account(account: str) -> list[Problem]:
    if not account or _ACCOUNT.fullmatch(account):
        return []
    return [("tuning_job.service_account", f"{account[:80]!r} is no service account.")]


def _dataset(spec: Mapping[str, Any], name: str, path: str, *, required: bool) -> list[Problem]:
    uri = spec.get(name, "")
    if not uri:
        return [(path, "Required field is not set.")] if required else []
    if _JSONL.fullmatch(uri):
        return []
    # The service's own words (GoogleCloudPlatform/generative-ai#2081).
    return [(path, f"{path.rpartition('.')[2]} should be a GCS object of type JSONL.")]


def _hyperparameters(given: Mapping[str, Any], base: Base, path: str) -> list[Problem]:
    problems = []
    epochs = given.get("epochCount", 0)
    if not 0 <= epochs <= _MAX_EPOCHS:
        problems.append((f"{path}.epoch_count", f"{epochs} is not in the range of 1 to {_MAX_EPOCHS}."))
    for name, proto in (("learningRateMultiplier", "learning_rate_multiplier"), ("learningRate", "learning_rate")):
        if not 0 <= given.get(name, 0) < float("inf"):
            problems.append((f"{path}.{proto}", "The value must be above 0."))
    if "learningRate" in given and "learningRateMultiplier" in given:
        problems.append((f"{path}.learning_rate", "learning_rate and learning_rate_multiplier exclude each other."))
    if not 0 <= given.get("beta", 0) < float("inf"):
        problems.append((f"{path}.beta", "The value must be above 0."))
    if given.get("batchSize", 0) < 0:
        problems.append((f"{path}.batch_size", "The value must be above 0."))
    size = given.get("adapterSize", _NO_SIZE)
    if size not in {_NO_SIZE, *base.adapters}:
        # The service's own words (googleapis/python-genai#908).
        problems.append((f"{path}.adapter_size", "The adapter size is not supported for this base model."))
    return problems
