"""The two checksums that Cloud Storage keeps of an object, in its spelling: base64 of MD5 and of big-endian CRC32C."""

from __future__ import annotations

import base64
import hashlib

_POLYNOMIAL = 0x82F63B78


def _table() -> tuple[int, ...]:
    entries = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)  # noqa: PLW2901 - shifted out bit by bit
        entries.append(value)
    return tuple(entries)


_TABLE = _table()


def crc32c(data: bytes) -> str:
    """Return the CRC32C (Castagnoli, RFC 3720) of some bytes in base64; some eight megabytes a second."""
    value, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return base64.b64encode((value ^ 0xFFFFFFFF).to_bytes(4)).decode()


def md5(data: bytes) -> str:
    """Return the MD5 of some bytes in base64, which names content here and protects nothing."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
