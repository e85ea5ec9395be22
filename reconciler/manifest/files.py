"""The manifest files of a project: which ones there are, and their bytes. The only reader of manifest paths.

Whatever a path matches and cannot be read is a problem, never silence: a manifest that goes unseen would read as a
model to delete.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from reconciler import confined
from reconciler.errors import Location, Problem, TunectlError
from reconciler.manifest.yamltext import MAX_BYTES

__all__ = ["MATCHES_NOTHING", "find", "open_manifest", "read"]

MATCHES_NOTHING = "matches nothing"
_SUFFIXES = (".yaml", ".yml")


def open_manifest(opener: confined.Opener, path: str) -> BinaryIO:
    """Open a manifest of the opener's root.

    Raises:
        TunectlError: it cannot be opened, see ``confined.open_file``.
    """
    return os.fdopen(opener.open_file(path), "rb", buffering=0)


def read(file: BinaryIO) -> bytes:
    """Return the bytes of an open file; of a file that is too large, enough to tell.

    Raises:
        TunectlError: it cannot be read.
    """
    try:
        return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TunectlError(f"cannot be read: {os.strerror(error.errno or 0)}") from error


def find(root: Path, pattern: str, named_at: Location | None, *, required: bool = True) -> Iterator[str | Problem]:
    """Yield the files a path names, sorted: itself, everything below a folder, or all that a glob matches.

    Problems are yielded in between. In folders, files that are not ``.yaml`` or ``.yml`` and names with a leading dot
    are left out. ``named_at`` is where the user wrote the path. That a path matches nothing is a problem if it is
    ``required`` to match.
    """
    try:
        path = confined.resolve("", _relative(root, pattern))
    except TunectlError as error:
        yield Problem(named_at, f"manifest path '{pattern}' {error.message}", "keep manifests inside the project")
        return
    if os.path.lexists(root / path):
        yield from _tree(root, path) if _is_folder(root, path) else [path]
        return
    matches = sorted(_glob(root, path)) if glob.has_magic(path) else []
    found = [each for match in matches for each in _matched(root, match)]
    if not found and required:
        yield Problem(named_at, f"manifest path '{pattern}' {MATCHES_NOTHING}")
    yield from found


def _relative(root: Path, pattern: str) -> str:
    """Return an absolute path inside the root relative to it; people paste those on the command line."""
    prefix = str(root).rstrip("/") + "/"
    return pattern.removeprefix(prefix) if pattern != str(root) else "."


def _glob(root: Path, pattern: str) -> list[str]:
    return glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207  Path.glob would match hidden files


def _is_folder(root: Path, path: str) -> bool:
    return os.path.isdir(root / path)  # noqa: PTH112  Path.is_dir raises where this says no


def _matched(root: Path, path: str) -> Iterator[str | Problem]:
    if _is_folder(root, path):
        yield from _tree(root, path)
    elif path.lower().endswith(_SUFFIXES):
        yield path


def _tree(root: Path, folder: str) -> Iterator[str | Problem]:
    """Yield the YAML files below a folder."""
    try:
        descriptor = confined.open_folder(root, folder)
    except TunectlError as error:
        yield Problem(Location(folder), error.message, error.hint)
        return
    try:
        with os.scandir(descriptor) as entries:
            found = sorted((entry.name, _kind(entry)) for entry in entries if not entry.name.startswith("."))
    finally:
        os.close(descriptor)
    for name, kind in found:
        path = name if folder == "." else f"{folder}/{name}"
        if not path.isprintable():
            readable = path.encode("utf-8", "backslashreplace").decode()
            yield Problem(Location(folder), f"the name {readable!a} cannot be shown", "rename it")
        elif kind == "folder":
            yield from _tree(root, path)
        elif kind == "link":
            yield Problem(
                Location(path), "is a symbolic link to a folder", "name the folder itself under spec.manifests"
            )
        elif name.lower().endswith(_SUFFIXES):
            yield path


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "link" if entry.is_symlink() and entry.is_dir() else "file"
