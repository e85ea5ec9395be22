"""What a word on the command line names: a manifest's datasets, or a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.resource import DatasetSource
from reconciler.core.text import did_you_mean, meant, sanitize
from reconciler.errors import Location, Problem, ProblemsError, UsageError

if TYPE_CHECKING:
    from reconciler.manifest.load import LoadedManifest

_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A dataset file as somebody typed it: ``root`` is the folder it is opened in, which no path may leave."""

    word: str
    root: Path
    source: DatasetSource

    def relabelled(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """Return problems whose places say what was typed."""
        return tuple(map(self._relabelled, problems))

    def _relabelled(self, problem: Problem) -> Problem:
        place = problem.location
        if place is None or place.file not in {self.source.path, self.word}:
            return problem
        return replace(problem, location=Location(self.word, place.line, place.column))

    @contextmanager
    def named(self) -> Iterator[None]:
        """Let the problems of a reading say what was typed."""
        try:
            yield
        except ProblemsError as error:
            raise ProblemsError(self.relabelled(error.problems)) from error


def data_file(word: str, root: Path, *, input_key: str | None, output_key: str | None) -> DataFile:
    """Return the file that a word names, within the project if it lies there."""
    absolute = os.path.normpath(Path.cwd() / word)
    inner = os.path.relpath(absolute, os.path.realpath(root))
    outside = inner == os.pardir or inner.startswith(os.pardir + os.sep)
    folder, path = (Path(absolute).parent, Path(absolute).name) if outside else (root, Path(inner).as_posix())
    return DataFile(word, folder, DatasetSource(Location(word), path, input_key=input_key, output_key=output_key))


def sort_out(
    words: Sequence[str], manifests: Sequence[LoadedManifest]
) -> tuple[tuple[LoadedManifest, ...], tuple[str, ...]]:
    """Return the manifests and the files that words name; without words all manifests that have data.

    Raises:
        UsageError: a word names neither; with the name that may have been meant.
    """
    by_name = {manifest.desired.name: manifest for manifest in manifests}
    if not words:
        return tuple(manifest for manifest in manifests if manifest.source is not None), ()
    files = tuple(word for word in words if word not in by_name and is_file(word))
    for word in words:
        if word in by_name or word in files:
            continue
        hint = did_you_mean(meant(word, by_name), otherwise="name a manifest, or a .jsonl, .json, .csv or .tsv file")
        raise UsageError(f"{sanitize(word)}: no manifest of that name, and no such file", hint=hint)
    return tuple(by_name[word] for word in dict.fromkeys(words) if word in by_name), files


def is_file(word: str) -> bool:
    """Tell whether a word is meant as a file, there or not."""
    return Path(word).is_file() or "/" in word or word.lower().endswith(_ENDINGS)


def judging(manifest: LoadedManifest) -> Iterator[tuple[str, DatasetSource]]:
    """Yield the datasets of a manifest, each with what it is for."""
    source = manifest.source
    if source is not None:
        yield "training", replace(source, validation=None)
        if source.validation is not None:
            yield "validation", replace(source, path=source.validation, inline=(), validation=None, uri=None)
    if manifest.evaluation is not None:
        yield "gate", manifest.evaluation
