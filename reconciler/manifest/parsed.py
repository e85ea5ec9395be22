"""Manifest files as YAML documents; a file that has not changed since an earlier run is not parsed again.

Half of a plan's time would go into YAML otherwise. What is kept is what the parser made of a file without a mistake;
validation comes after, in every run. Files with examples in them are parsed every time: no training row is copied.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from reconciler.confined import Opener
from reconciler.errors import Problem
from reconciler.kept import Kept, Stamp
from reconciler.manifest.files import open_manifest, read
from reconciler.manifest.places import Place
from reconciler.manifest.yamltext import Document, parse

__all__ = ["Parsed"]

FORMAT: Final = "tunectl.manifests/v1"
"""Also the version of the parser: other rules make other documents of the same bytes."""
_ROWS = b"examples"


class Parsed:
    """The documents of a project's files. ``cache`` is the file that remembers them, relative to the root, if any."""

    def __init__(self, root: Path, cache: str | None) -> None:
        self._opener = Opener(root)
        self._kept = Kept(root, cache, form=FORMAT)

    def documents(self, path: str) -> tuple[list[Document], list[Problem]]:
        """Return the documents of a file and the problems met on the way, as ``yamltext.parse`` does.

        Raises:
            TunectlError: it cannot be opened or read.
        """
        status = self._opener.status(path)
        known = None if status is None else _read_back(self._kept.find(path, Stamp.by(status)))
        if known is not None:
            return known, []
        with open_manifest(self._opener, path) as file:
            before = Stamp.of(file.fileno())
            known = _read_back(self._kept.find(path, before))
            if known is not None:
                return known, []
            begun = self._kept.begin()
            data = read(file)
            after = Stamp.of(file.fileno())
        documents, problems = parse(data, path)
        if not problems and _ROWS not in data:
            self._kept.keep(path, _written(documents), begun=begun, before=before, after=after)
        return documents, problems

    def close(self) -> None:
        """Let go of open folders, and write what is new."""
        self._opener.close()
        self._kept.save()


def _written(documents: list[Document]) -> list[Any]:
    return [[document.value, document.place.written(document.value)] for document in documents]


def _read_back(kept: Any) -> list[Document] | None:
    """Return documents that were kept, None if there are none or they are not as we write them."""
    try:
        return None if kept is None else [Document(value, Place.of(place)) for value, place in kept]
    except (ValueError, TypeError, IndexError, KeyError):
        return None
