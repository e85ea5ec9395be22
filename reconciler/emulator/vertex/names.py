"""Resource names and ids as Vertex AI makes them: answers carry the project's number, the server makes the ids."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

_FIRST_PROJECT = 100_000_000_000
_FIRST_ID, _IDS = 10**18, 8 * 10**18


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource is: its project by number, its location, its id."""

    project: str
    location: str
    id: str

    @property
    def parent(self) -> str:
        """The resource name of the location."""
        return f"projects/{self.project}/locations/{self.location}"


def project_number(project: str) -> str:
    """Return the number of a project; the emulator makes one up for each id, always the same."""
    return project if project.isdigit() else str(_FIRST_PROJECT + zlib.crc32(project.encode()))


def number_from(*what: object) -> str:
    """Return a server-made id, nineteen digits that depend on nothing but the arguments."""
    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return str(_FIRST_ID + int.from_bytes(digest[:8]) % _IDS)


def place_of(name: str) -> Place:
    """Return the place of a resource name that this world has made."""
    _, project, _, location, _, record_id = name.split("/")[:6]
    return Place(project, location, record_id)
