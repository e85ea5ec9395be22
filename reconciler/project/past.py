"""What a dataset was when a model was tuned on it, and what has changed in it since.

The old version comes from the shelf of row prints, which has no texts, and from git, which has both: the commit that
the lockfile names first, then the commits that touched the file. Whatever is found must have the digest that the
lockfile recorded. Without either there are only the two numbers of examples, and the reason why.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from reconciler.core.canonical import Json
from reconciler.core.datachange import DataChange, RowCounts, Rows
from reconciler.core.lockfile import Instance, Lockfile
from reconciler.core.plan import Plan
from reconciler.core.resource import Dataset, DatasetSource
from reconciler.dataset.check import read_rows, sound_rows
from reconciler.dataset.compare import Version, compare, digest_rows
from reconciler.dataset.files import Broken
from reconciler.dataset.repository import Blob, Repository
from reconciler.dataset.rows import FORMATS, Columns, Row
from reconciler.dataset.shelf import RowShelf
from reconciler.errors import ProblemsError, TunectlError
from reconciler.manifest.yamltext import parse

__all__ = ["Change", "Past", "Tuned", "commit_of"]

SAMPLES = 3
"""Rows that are shown of each sort."""
_COMMITS = 50
_READ = 256 * 1024 * 1024
_POINTER = b"version https://git-lfs"

Change = tuple[DataChange, Rows]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What is recorded of the data a model was tuned on: its digest, and the commit it lay in, if any was noted."""

    dataset: Dataset
    commit: str | None = None


class Past:
    """Compares with what was. A context manager: it may hold former versions in files that have no name."""

    def __init__(self, root: Path, shelf: RowShelf) -> None:
        self._root = root
        self._shelf = shelf
        self._repository = Repository(root)
        self._closing = ExitStack()
        self._told: dict[tuple[str, str, str | None, str | None, str, bool], Change] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def change(self, name: str, tuned: Tuned, source: DatasetSource, now: Dataset, *, samples: bool) -> Change:
        """Return how a manifest's dataset differs from what its model was tuned on; never raises for what is missing.

        Args:
            name: the manifest's name.
            tuned: what the lockfile records.
            source: where the manifest's examples come from now.
            now: the present dataset.
            samples: whether rows are wanted, too, at most three of each sort.
        """
        place = source.path or source.location.file
        question = (tuned.dataset.digest, now.digest, tuned.commit, tuned.dataset.path, place, samples)
        if question not in self._told:
            self._told[question] = self._change(name, tuned, source, now, samples=samples)
        return self._told[question]

    def of_plan(
        self,
        plan: Plan,
        lockfile: Lockfile,
        sources: Mapping[str, tuple[DatasetSource, Dataset]],
        *,
        samples: bool,
    ) -> tuple[Plan, dict[str, Rows]]:
        """Return a plan whose actions say what changed in their data, and by name rows to show."""
        shown: dict[str, Rows] = {}
        actions = []
        for action in plan.actions:
            before, found = action.dataset_before, sources.get(action.name)
            if not action.data_moved or before is None or found is None:
                actions.append(action)
                continue
            source, now = found
            entry = lockfile.models.get(action.previous_name or action.name)
            tuned = Tuned(before, None if entry is None else commit_of(entry.current))
            data, shown[action.name] = self.change(action.name, tuned, source, now, samples=samples)
            actions.append(replace(action, data=data))
        return replace(plan, actions=tuple(actions)), shown

    def at(self, revision: str, name: str, source: DatasetSource) -> tuple[str, Version]:
        """Return the commit that a revision stands for, and the manifest's dataset as it was there.

        Raises:
            TunectlError: there is no such commit, the file was not there, or it holds what is no dataset.
        """
        commit = self._repository.resolve(revision)
        path = source.path or source.location.file
        blob = self._repository.at(commit, path)
        file = self._closing.enter_context(self._open(blob, path))
        version = next(_versions(file, blob, path, name, source), None)
        if version is None:
            raise TunectlError(f"{path} at commit {commit[:12]} holds no examples that can be read")
        return commit, version

    def present(self, source: DatasetSource, now: Dataset) -> Version:
        """Return the dataset as it is now."""
        return Version(now, lambda: read_rows(self._root, source), _place(source))

    def compare(self, old: Version, new: Version, *, samples: bool, kept: bool = True) -> tuple[RowCounts, Rows]:
        """Return what changed between two versions; their prints are kept only if they are ``kept``.

        Raises:
            TunectlError, ProblemsError: see ``dataset.compare.compare``.
        """
        shelf = self._shelf if kept else RowShelf(self._root, None)
        return compare(old, new, shelf, samples=SAMPLES if samples else 0)

    def _change(self, name: str, tuned: Tuned, source: DatasetSource, now: Dataset, *, samples: bool) -> Change:
        known = self._shelf.has(tuned.dataset)
        old, origin, why = Version(tuned.dataset), "cache", ""
        if samples or not known:
            try:
                commit, old = self._in_git(name, tuned, source)
                origin = origin if known else f"git:{commit}"
            except TunectlError as error:
                why = error.message
        if not known and old.rows is None:
            return DataChange(None, unknown=f"no cache of its rows here, and {why}"), ()
        try:
            counts, rows = compare(old, self.present(source, now), self._shelf, samples=SAMPLES if samples else 0)
        except ProblemsError:
            return DataChange(None, unknown="it cannot be read any more"), ()
        except TunectlError as error:
            return DataChange(None, unknown=error.message), ()
        return DataChange(counts, source=origin), rows

    def _in_git(self, name: str, tuned: Tuned, source: DatasetSource) -> tuple[str, Version]:
        """Find the version with the recorded digest: at the commit of the apply, else where the file was last touched.

        Raises:
            TunectlError: with why it is not to be had.
        """
        path = tuned.dataset.path or source.path or source.location.file
        blobs: list[Blob] = []
        if tuned.commit is not None:
            try:
                blobs = [self._repository.at(tuned.commit, path)]
            except TunectlError:
                blobs = []  # rewritten history, or an apply from a tree that was not clean: look further
        first = len(blobs)
        blobs += self._repository.former(path, most=_COMMITS) if not blobs else ()
        found = self._among(blobs, path, name, tuned, source)
        if found is None and first:
            blobs = list(self._repository.former(path, most=_COMMITS))
            found = self._among(blobs, path, name, tuned, source)
        if found is not None:
            return found
        seen = f"none of {len(blobs)} committed versions of {path} is the one it was tuned on"
        raise TunectlError(f"{seen}{self._repository.shallow()}")

    def _among(
        self, blobs: list[Blob], path: str, name: str, tuned: Tuned, source: DatasetSource
    ) -> tuple[str, Version] | None:
        room = _READ
        for place, blob in enumerate(blobs):
            room -= blob.size
            if room < 0 and place:
                break
            with ExitStack() as opened:
                file = opened.enter_context(self._open(blob, path))
                for version in _versions(file, blob, path, name, source):
                    if version.dataset.digest == tuned.dataset.digest:
                        self._closing.push(opened.pop_all())
                        return blob.commit, version
        return None

    def _open(self, blob: Blob, path: str) -> IO[bytes]:
        file = self._repository.open(blob)
        if file.read(len(_POINTER)) == _POINTER:
            file.close()
            raise TunectlError(f"{path} is kept by Git LFS, of which git itself has only a pointer")
        return file


def _versions(file: IO[bytes], blob: Blob, path: str, name: str, source: DatasetSource) -> Iterator[Version]:
    """Yield what a file of then may be read as: with the columns of today, then with the usual ones."""
    for read in _readings(file, path, name, source):
        try:
            dataset = digest_rows(read())
        except (Broken, TunectlError):
            continue
        if dataset.examples:
            yield Version(dataset, read, _place_then(blob, path))


def commit_of(instance: Instance) -> str | None:
    """Return the commit that an instance was applied from, if the lockfile knows it."""
    return None if instance.provenance is None else instance.provenance.commit


def _place(source: DatasetSource) -> Callable[[int], str]:
    if source.path is None:
        return lambda number: str(source.inline[number - 1][1])
    return lambda line: f"{source.path}:{line}"


def _place_then(blob: Blob, path: str) -> Callable[[int], str]:
    return lambda line: f"{blob.commit[:12]}:{path}:{line}"


def _readings(file: IO[bytes], path: str, name: str, source: DatasetSource) -> Iterator[Callable[[], Iterator[Row]]]:
    if path.endswith((".yaml", ".yml")):
        yield lambda: _inline(file, path, name)
        return
    reader = FORMATS.get(posixpath.splitext(path)[1].lower())
    if reader is None:
        raise TunectlError(f"{path} is of no known format")
    for columns in dict.fromkeys((Columns.named(source.input_key, source.output_key), Columns())):

        def read(columns: Columns = columns) -> Iterator[Row]:
            file.seek(0)
            return sound_rows(reader(file, columns))  # type: ignore[arg-type]  # IO[bytes] is what BinaryIO names

        yield read


def _inline(file: IO[bytes], path: str, name: str) -> Iterator[Row]:
    """Yield the examples that a manifest of then held, read leniently: the digest says whether they are the ones."""
    file.seek(0)
    documents, _ = parse(file.read(), path)
    for document in documents:
        if _part(document.value, "metadata", "name") != name:
            continue
        examples = _part(document.value, "spec", "dataset", "examples")
        for number, example in enumerate(examples if isinstance(examples, list) else (), 1):
            text, output = _part(example, "text_input") or _part(example, "textInput"), _part(example, "output")
            if isinstance(text, str) and isinstance(output, str):
                yield number, text, output, None


def _part(value: Json, *keys: str) -> Json:
    """Return what lies under the keys of nested mappings, None if there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
