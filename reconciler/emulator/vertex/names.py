"""Resource names and ids as Vertex AI makes them: answers carry the project's number, the server makes the ids."""

from __future__ import annotations

import hashlib
import zlib

_FIRST_PROJECT = 100_000_000_000
_FIRST_ID, _IDS = 10**18, 8 * 10**18


def project_number(project: str) -> str:
    """Return the number of a project; the emulator makes one up for each id, always the same."""
    return project if project.isdigit() else str(_FIRST_PROJECT + zlib.crc32(project.encode()))


def number_from(*what: object) -> str:
    """Return a server-made id, nineteen digits that depend on nothing but the arguments."""
    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return str(_FIRST_ID + int.from_bytes(digest[:8]) % _IDS)


def parent_name(project: str, location: str) -> str:
    """Return ``projects/{number}/locations/{location}``."""
    return f"projects/{project}/locations/{location}"
