"""One spelling per value: canonical JSON, digests over it, and float32 numbers as the service prints them."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value. Read-only by convention: values of this type are shared, never changed in place."""

_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_ROUND_TRIP = 9
"""So many decimal digits tell every float32 from its neighbours."""


def canonical_json(value: Json) -> bytes:
    """Return the one UTF-8 spelling of a JSON value: keys sorted, no white space, no ASCII escapes.

    Integral floats are written as integers, so that ``3.0`` and ``3`` are one value, as they are in protobuf JSON.

    Raises:
        ValueError: for NaN and infinities, which JSON does not have.
    """
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest(value: Json) -> str:
    """Return ``sha256:<64 hex>`` over the canonical JSON of a value."""
    return f"sha256:{hashlib.sha256(canonical_json(value)).hexdigest()}"


def float32(number: float) -> float:
    """Return the number as the service will report it: rounded to float32, in the shortest spelling that keeps it.

    The API's temperature, topP and learningRate are proto3 ``float``; protobuf's JSON mapping prints the shortest
    decimal that reads back as the same float32 (0.95 stays 0.95 although float32(0.95) is 0.949999988…). All numbers
    that are one float32 give one answer.

    Raises:
        OverflowError: if the number is finite and beyond float32, which ends at about 3.4e38.
    """
    exact: float = struct.unpack("<f", struct.pack("<f", float(number)))[0]
    for digits in range(1, _ROUND_TRIP):
        candidate = float(f"{exact:.{digits}g}")
        if same_number(candidate, exact):
            return candidate
    return float(f"{exact:.{_ROUND_TRIP}g}")


def same_number(left: float, right: float) -> bool:
    """Tell whether two numbers are one float32; the two zeros are one number, beyond float32 each is its own."""
    if left == right:
        return True
    try:
        return struct.pack("<f", float(left)) == struct.pack("<f", float(right))
    except OverflowError:
        return False


def plain(value: Json) -> object:
    """Return a copy in plain dicts and lists, with integral floats as integers."""
    kind = type(value)
    if kind in _AS_THEY_ARE:  # first, because most are, and the abstract types take their time
        return value
    if kind is dict or isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}  # type: ignore[union-attr]  # as kind says
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value
