"""Numbers and times in the spelling of protobuf's JSON mapping. Nothing here knows the API's messages."""

from __future__ import annotations

import math
import struct
import time

MICRO = 1_000
SECOND = 1_000_000_000
_INT32 = 2**31
_INT64 = 2**63
_NAMED = frozenset({"NaN", "Infinity", "-Infinity"})


def float32(number: float) -> float:
    """Return the shortest decimal that names the float32 nearest to ``number``.

    Raises:
        OverflowError: if it is finite and beyond float32.
    """
    wanted = struct.pack("<f", number)
    exact: float = struct.unpack("<f", wanted)[0]
    for digits in (6, 7, 8):
        short = float(f"{exact:.{digits}g}")
        if struct.pack("<f", short) == wanted:
            return short
    return float(f"{exact:.9g}")


def json_float(number: float) -> float | str:
    """Return a float32 as protobuf's JSON writes it: a number, or the name of what JSON has no number for."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return float32(number)


def read_float(value: object) -> float | None:
    """Read a float field: a number, a number in a string, or NaN and Infinity by name; None if it is neither."""
    number = read_double(value)
    if number is None or not math.isfinite(number):
        return number
    try:
        return float32(number)
    except OverflowError:
        return None


def read_double(value: object) -> float | None:
    """Read a double field: as ``read_float`` does, with all its digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if value in _NAMED:
            return float(value.lower().replace("infinity", "inf"))
        number = _decimal(value)
    else:
        number = _as_float(value) if isinstance(value, int | float) else None
    return number if number is not None and math.isfinite(number) else None


def read_int(value: object, *, bits: int) -> int | None:
    """Read an int32 or int64 field: 3, 3.0 or "3"; None for anything else (3.5, true) or out of range."""
    limit = _INT32 if bits == 32 else _INT64  # noqa: PLR2004 - the two widths protobuf has
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = _integer(value)
    if isinstance(value, float):
        value = int(value) if math.isfinite(value) and value.is_integer() else None
    if isinstance(value, int) and -limit <= value < limit:
        return value
    return None


def read_bool(value: object) -> bool | None:
    """Read a bool field: true, false, or either in a string."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def nanoseconds(seconds: float) -> int:
    """Return seconds since the epoch in nanoseconds, cut to microseconds as the service stores times."""
    return int(seconds * 1_000_000) * MICRO


def timestamp(moment: int) -> str:
    """Return nanoseconds since the epoch as RFC 3339 with 0, 3, 6 or 9 fractional digits, as few as keep the value."""
    seconds, rest = divmod(moment, SECOND)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    if not rest:
        return f"{text}Z"
    digits = f"{rest:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z"


def _as_float(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _decimal(text: str) -> float | None:
    """Read a decimal number; Python's own spellings (``1_000``, ``inf``, spaces) are none."""
    if not text or text.strip("+-.0123456789eE"):
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _integer(text: str) -> int | float | None:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= len(str(_INT64)):
        return int(text)
    return _decimal(text)
