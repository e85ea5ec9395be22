"""Whose a job is: the labels that carry our id, and what of a manifest's labels the service can keep. Pure.

TuningJob.labels: keys and values have at most 64 characters, lower-case letters, digits, ``_`` and ``-``; Google copies
them to the model and the endpoint. 63 is what all of Google Cloud agrees on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.core.canonical import Json
from reconciler.ports.provider import Origin, Remark

__all__ = ["ID", "SOURCE", "identifier_of", "kept", "marks", "theirs"]

ID: Final = "tunectl-id"
"""The id that follows from the manifest (``core.address``); what ``tuningJobs/<id>`` means."""
SOURCE: Final = "tunectl-source"
"""The id of the model it was tuned from, if that is a job's."""

_OURS: Final = "tunectl-"
_MOST: Final = 58
"""A resource takes 64 labels, six of which are ours."""
_IDENTIFIER: Final = re.compile(r"[a-z]([a-z0-9_-]{0,61}[a-z0-9])?")
_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VALUE: Final = re.compile(r"[a-z0-9_-]{0,63}")
_REVISION_SHOWN: Final = 12


def marks(identifier: str, *, origin: Origin | None, source: str | None) -> dict[str, str]:
    """Return our own labels of a job. The id alone decides whose it is; the rest is for people and their filters."""
    found = {ID: identifier}
    if origin is not None:
        found |= {
            f"{_OURS}project": origin.project.lower(),
            f"{_OURS}name": origin.name,
            f"{_OURS}revision": origin.revision.removeprefix("sha256:")[:_REVISION_SHOWN],
            f"{_OURS}attempt": str(origin.attempt),
        }
    return found if source is None else {**found, SOURCE: source}


def identifier_of(labels: Mapping[str, str]) -> str | None:
    """Return our id in a job's labels, if there is one."""
    found = labels.get(ID, "")
    return found if _IDENTIFIER.fullmatch(found) else None


def theirs(labels: Mapping[str, str]) -> dict[str, Json]:
    """Return the labels that are not our own."""
    return {key: value for key, value in labels.items() if not key.startswith(_OURS)}


def kept(labels: Mapping[str, Json]) -> tuple[dict[str, Json], tuple[Remark, ...]]:
    """Return what of a manifest's labels the service can keep, and a remark on each that it cannot."""
    lost = {remark.path.partition(".")[2]: remark for remark in _complaints(labels)}
    return {key: value for key, value in labels.items() if key not in lost}, tuple(lost.values())


def _complaints(labels: Mapping[str, Json]) -> Iterator[Remark]:
    for number, (key, value) in enumerate(sorted(labels.items())):
        why = None
        if key.startswith(_OURS):
            why = f"the prefix {_OURS} is tunectl's own"
        elif not _KEY.fullmatch(key):
            why = (
                "a key has lower-case letters, digits, _ and -, begins with a letter, and is at most 63 characters long"
            )
        elif not isinstance(value, str) or not _VALUE.fullmatch(value):
            why = "a value has lower-case letters, digits, _ and -, and is at most 63 characters long"
        elif number >= _MOST:
            why = f"there is room for {_MOST} labels"
        if why is not None:
            yield Remark(f"labels.{key}", f"not kept by vertex ({why}); not sent")
