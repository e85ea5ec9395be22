"""All manifests of a project, and everything that is wrong with them, in one go."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler import confined
from reconciler.errors import Location, Problem, TunectlError
from reconciler.manifest.compile import LoadedManifest, compile_document
from reconciler.manifest.files import MATCHES_NOTHING, find
from reconciler.manifest.parsed import Parsed
from reconciler.manifest.project import FILE_NAMES, ProjectConfig
from reconciler.manifest.relations import check_relations
from reconciler.manifest.verdict import in_order
from reconciler.manifest.yamltext import Document, parse

__all__ = ["LoadedManifest", "LoadedManifests", "compile_text", "load_manifests"]


@dataclass(frozen=True, slots=True)
class LoadedManifests:
    """What could be loaded, in the order of files and documents, and every problem, in the order of places."""

    manifests: tuple[LoadedManifest, ...]
    problems: tuple[Problem, ...]


def load_manifests(
    config: ProjectConfig, *, paths: Sequence[str] | None = None, cache: str | None = None, may_be_empty: bool = False
) -> LoadedManifests:
    """Load the manifests of a project. Mistakes of the user are returned, never raised.

    Args:
        config: the project; its ``manifests`` say where to look.
        paths: return only what these files, folders and globs hold, relative to the project's root. The project's
            other manifests are still known, as parents and as names that are taken.
        cache: the file, relative to the project's root, that remembers parsed files from one run to the next.
        may_be_empty: whether there may be no manifest yet; only for those who are about to write the first one.
    """
    named = [(path, config.where.get(f"spec.manifests.{index}")) for index, path in enumerate(config.manifests)]
    files, problems = _find(config, named, may_be_empty=may_be_empty)
    others: list[str] = []
    if paths is not None:
        chosen, problems = _find(config, [(path, None) for path in paths])
        others = [file for file in files if file not in chosen]
        files = chosen
    manifests: list[LoadedManifest] = []
    empty = True
    parsed = Parsed(config.root, cache)
    for file in (*others, *files):  # of two equal names the second is reported, so what was asked for comes last
        loaded, found = _load_file(config, file, parsed)
        manifests += loaded
        problems += found
        empty = empty and (file in others or not (loaded or found))
    parsed.close()
    if empty and not may_be_empty:
        empty_paths = [problem for problem in problems if problem.message.endswith(MATCHES_NOTHING)]
        problems = [problem for problem in problems if problem not in empty_paths]  # said once, at its place
        place = empty_paths[0].location if empty_paths else None
        problems.append(_nothing(config, [path for path, _ in named] if paths is None else paths, place))
    problems += check_relations([manifest.desired for manifest in manifests], complete=not problems)
    return LoadedManifests(
        tuple(manifest for manifest in manifests if _file(manifest) in files),
        in_order(each for each in problems if _file(each) not in others),
    )


def _find(
    config: ProjectConfig, named: Iterable[tuple[str, Location | None]], *, may_be_empty: bool = False
) -> tuple[dict[str, None], list[Problem]]:
    """Return the files that the paths name, each once, in order."""
    files: dict[str, None] = {}
    problems: list[Problem] = []
    for pattern, place in named:
        for found in find(config.root, pattern, place, required=not may_be_empty):
            if isinstance(found, Problem):
                problems.append(found)
            elif found != config.file:
                files[found] = None
    return files, problems


def _load_file(config: ProjectConfig, file: str, parsed: Parsed) -> tuple[list[LoadedManifest], list[Problem]]:
    try:
        documents, problems = parsed.documents(file)
    except TunectlError as error:
        return [], [Problem(Location(file), error.message, error.hint)]
    manifests: list[LoadedManifest] = []
    for document in documents:
        if _is_project(document, file):
            continue
        manifest, found = compile_document(document, file, config)
        problems += found
        if manifest is not None:
            manifests.append(manifest)
    return manifests, problems


def compile_text(config: ProjectConfig, file: str, data: bytes) -> tuple[list[LoadedManifest], list[Problem]]:
    """Return the manifests of a file that is not written yet, and what would be wrong with it."""
    documents, problems = parse(data, file)
    manifests = []
    for document in documents:
        manifest, found = compile_document(document, file, config)
        problems += found
        manifests += [] if manifest is None else [manifest]
    return manifests, problems


def _is_project(document: Document, file: str) -> bool:
    """Tell whether this is the project file of a folder further down, which is no mistake."""
    if posixpath.basename(file) not in FILE_NAMES:
        return False
    return isinstance(document.value, Mapping) and document.value.get("kind") == "Project"


def _file(thing: LoadedManifest | Problem) -> str | None:
    place = thing.location if isinstance(thing, Problem) else thing.desired.locate("")
    return None if place is None else place.file


def _nothing(config: ProjectConfig, paths: Sequence[str], place: Location | None) -> Problem:
    message = f'no manifests found in {", ".join(paths)}; an empty set is never read as "delete everything"'
    if config.file is None:
        return Problem(
            place, message, "there is no tunectl.yaml here: -C DIR works in another folder, tunectl init begins"
        )
    usual = "write a manifest (tunectl init makes one), or use tunectl destroy"
    return Problem(place, message, next(filter(None, (_alike(config, path) for path in paths)), usual))


def _alike(config: ProjectConfig, path: str) -> str | None:
    """Return the question whether another name was meant, of a folder that does not exist."""
    try:
        os.close(confined.open_folder(config.root, path))
    except TunectlError as error:
        return error.hint
    return None
