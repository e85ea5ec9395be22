"""How a spec is spelt by the service: prefixed names, float32 numbers, integers. Pure, and light on purpose.

Nothing that parses answers may be imported here: a command that only checks manifests needs these rules and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from reconciler.core import canonical
from reconciler.core.canonical import Json
from reconciler.core.resource import Spec
from reconciler.errors import InvalidArgument
from reconciler.ports.provider import Normalized
from reconciler.providers.fields import ignored, refused, without
from reconciler.providers.google.dialect import Dialect

__all__ = ["field", "normalized", "rounded"]

_FLOATS: Final = frozenset({"temperature", "topP"})
_INTEGERS: Final = frozenset({"topK"})
_HYPER_FLOATS: Final = frozenset({"learningRate", "learningRateMultiplier"})
_HYPER_INTEGERS: Final = frozenset({"epochCount", "batchSize"})

_float32 = lru_cache(maxsize=4096)(canonical.float32)


_ABSENT: Final = (
    refused("encryptionKey", "generativelanguage has no customer-managed keys"),
    refused("hyperparameters.adapterSize", "generativelanguage has no adapters to size"),
    refused("hyperparameters.beta", "generativelanguage does no preference tuning"),
    ignored("serviceAccount", "not kept by generativelanguage"),
)
_PREFERENCE: Final = refused("method", "generativelanguage does supervised tuning only", "set method: supervised")


def normalized(spec: Spec, dialect: Dialect) -> Normalized:
    """Return a spec in the service's spelling: prefixed names, float32 numbers, integers.

    Raises:
        InvalidArgument: a number that the API's types cannot hold, or a hyperparameter this version does not have.
    """
    known = without(spec, _ABSENT)
    method = known.spec.get("method", "supervised")
    kept = {path: field(path, value, dialect) for path, value in known.spec.items() if path != "method"}
    return Normalized(kept, known.remarks if method == "supervised" else (*known.remarks, _PREFERENCE))


def field(path: str, value: Json, dialect: Dialect) -> Json:
    """Return one field of a spec in the service's spelling."""
    if path in _FLOATS:
        return _float(path, value)
    if path in _INTEGERS:
        return _integer(path, value)
    if isinstance(value, str):
        return _prefixed("models/", value) if path == "baseModel" else value
    if path == "source" and isinstance(value, Mapping) and isinstance(parent := value.get("tunedModel"), str):
        return {**value, "tunedModel": _prefixed("tunedModels/", parent)}
    if path == "hyperparameters" and isinstance(value, Mapping):
        return _hyperparameters(value, dialect)
    return value


def rounded(number: float | None) -> float | None:
    """Return a number in its float32 spelling; one too large for float32 is nothing we ever sent and stays."""
    if number is None:
        return None
    try:
        return _float32(number)
    except OverflowError:
        return number


def _hyperparameters(given: Mapping[str, Json], dialect: Dialect) -> dict[str, Json]:
    if "learningRateMultiplier" in given and not dialect.learning_rate_multiplier:
        raise InvalidArgument(
            f"hyperparameters.learningRateMultiplier: {dialect.version} does not have this field",
            hint="set provider.apiVersion to v1beta, or give learningRate",
        )
    if given.keys() >= _HYPER_FLOATS:
        # A protobuf oneof: the service would keep the last of the two and say nothing.
        raise InvalidArgument(
            "hyperparameters: learningRate and learningRateMultiplier exclude each other", hint="give one of them"
        )
    return {name: _hyperparameter(name, value) for name, value in given.items()}


def _hyperparameter(name: str, value: Json) -> Json:
    path = f"hyperparameters.{name}"
    if name in _HYPER_FLOATS:
        return _float(path, value)
    return _integer(path, value) if name in _HYPER_INTEGERS else value


_Limit: Final = 2**31


def _integer(path: str, value: Json) -> int:
    number = _number(path, value)
    if not number.is_integer() or not -_Limit <= number < _Limit:
        raise InvalidArgument(f"{path}: {value} is no 32-bit integer")
    return int(number)


def _float(path: str, value: Json) -> float:
    number = _number(path, value)
    try:
        return _float32(number)
    except OverflowError:
        raise InvalidArgument(f"{path}: {value} is beyond float32, which ends at 3.4e38") from None


def _number(path: str, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidArgument(f"{path}: a number is needed here, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number - number != 0:
        raise InvalidArgument(f"{path}: a finite number is needed here")
    return number


def _prefixed(prefix: str, name: str) -> str:
    return name if name.startswith(prefix) else f"{prefix}{name}"
