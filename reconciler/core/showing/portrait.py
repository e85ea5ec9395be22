"""What a manifest can say of a live model that somebody else made, and what of it no manifest can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.canonical import Json
from reconciler.core.observation import Observation
from reconciler.core.permission import EVERYONE, GROUP, OWNER, READER, USER, WRITER, as_written
from reconciler.core.resource import Capabilities, Spec

_ORDER = ("displayName", "description", "baseModel", "source", "hyperparameters", "temperature", "topP", "topK")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_RATES = ("learningRate", "learningRateMultiplier")
_LEAST_RATE, _LARGEST_RATE = 1e-37, 3e38
"""What a 32-bit float holds, as the manifest's own rule has it."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """What a manifest can say of a live model.

    ``left_out`` maps fields to why a manifest cannot hold their values; they are not managed. ``ignore`` are fields
    that a manifest always sets, and that therefore have to be left alone explicitly.
    """

    spec: Spec
    left_out: Mapping[str, str]
    ignore: tuple[str, ...] = ()


def portray(seen: Observation, capabilities: Capabilities) -> Portrait:
    """Return what a manifest can say of a model, hyperparameters as the service resolved them."""
    spec: dict[str, Json] = {}
    left_out: dict[str, str] = {}
    ignore: tuple[str, ...] = ()
    for key in sorted(seen.spec, key=lambda key: (_ORDER.index(key) if key in _ORDER else len(_ORDER), key)):
        value = seen.spec[key]
        if capabilities.effect(key) is None or key == "labels" or value is None:
            continue
        if key == "displayName":
            why = _shown_badly(str(value), capabilities.display_name_limit)
            ignore = () if why is None else ("displayName",)
        elif key == "hyperparameters" and isinstance(value, Mapping):
            value, why = _hyperparameters(value, left_out), None
        else:
            why = _refused(key, value)
        if why is not None:
            left_out[key] = why
        elif value not in ("", {}):
            spec[key] = value
    if seen.permissions is not None:
        spec["permissions"] = _sayable(seen, left_out)
    return Portrait(spec, left_out, ignore)


def _shown_badly(text: str, limit: int) -> str | None:
    if not text:
        return "it has none, and a manifest always has one"
    if _CONTROL.search(text) or _SURROGATE.search(text):
        return "it has characters that a manifest cannot hold"
    return f"it has {len(text)} characters, more than the service's own {limit}" if len(text) > limit else None


def _refused(key: str, value: Json) -> str | None:
    if key in {"temperature", "topP"} and not _within(value, 0, 1):
        return f"{value} is not from 0 to 1"
    if key == "topK" and not _whole(value, 1):
        return f"{value} is no whole number from 1"
    if isinstance(value, str) and _SURROGATE.search(value):
        return "it has characters that a manifest cannot hold"
    return None


def _hyperparameters(given: Mapping[str, Json], left_out: dict[str, str]) -> dict[str, Json]:
    """Return those that a manifest can hold; of the two rates, which exclude each other, the first."""
    kept: dict[str, Json] = {}
    for key, value in given.items():
        path = f"hyperparameters.{key}"
        if key in _RATES and any(rate in kept for rate in _RATES):
            left_out[path] = "the other rate is given"
        elif (key in {"epochCount", "batchSize"} and not _whole(value, 1)) or (
            key in _RATES and not _within(value, _LEAST_RATE, _LARGEST_RATE)
        ):
            left_out[path] = f"{value} is beyond what a manifest can say"
        elif value is not None:
            kept[key] = value
    return kept


def _sayable(seen: Observation, left_out: dict[str, str]) -> list[Json]:
    kept = []
    for permission in seen.permissions or ():
        named = permission.kind == EVERYONE or (
            permission.kind in {USER, GROUP} and _EMAIL.fullmatch(permission.email) is not None
        )
        if permission.role == OWNER:
            continue
        if named and permission.role in {READER, WRITER}:
            kept.append(permission)
        else:
            left_out[f"permissions[{permission.grantee}]"] = "a manifest cannot say who that is, or which role"
    return as_written(kept)


def _whole(value: Json, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _within(value: Json, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
