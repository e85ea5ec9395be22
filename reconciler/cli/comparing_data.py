"""Two versions of a dataset that a command line names, found and held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.cli.naming_data import DataFile, data_file, is_file, sort_out
from reconciler.core.datachange import DataChange
from reconciler.dataset.check import read_rows
from reconciler.dataset.compare import Version, digest_rows
from reconciler.errors import Problem, ProblemsError, UsageError
from reconciler.project.past import Tuned, commit_of
from reconciler.views.datasets import Comparison

if TYPE_CHECKING:
    from reconciler.core.resource import Dataset
    from reconciler.manifest.load import LoadedManifest
    from reconciler.wiring import Session


def since_apply(session: Session, word: str, *, samples: bool) -> Comparison:
    """Compare what a model was tuned on with what its manifest has now."""
    manifests, files = sort_out([word], session.reading.loaded())
    if files or not manifests:
        hint = "give a second file, or --from-commit" if is_file(word) else None
        raise UsageError(f"{word}: a file has no recorded version to compare with", hint=hint)
    now = _present(session, manifests[0])
    store = session.store()
    entry = store.load().lockfile.models.get(word)
    before = None if entry is None else entry.current.dataset
    if entry is None or before is None:
        raise UsageError(
            f"{word}: the lockfile {store.address} records no dataset of it",
            hint="nothing was applied yet, or the model was imported; --from-commit compares with a commit",
        )
    source = manifests[0].source
    assert source is not None  # noqa: S101  a dataset that was read comes from somewhere
    tuned = Tuned(before, commit_of(entry.current))
    change, rows = session.past.change(word, tuned, source, now, samples=samples)
    place = source.path or str(source.location)
    return Comparison(word, before, "as applied", now, place, change, rows)


def since_commit(
    session: Session, word: str, revision: str, keys: dict[str, str | None], *, samples: bool
) -> Comparison:
    """Compare a dataset with what it was at a commit."""
    manifests, _ = sort_out([word], session.reading.loaded())
    if manifests:
        source, now = manifests[0].source, _present(session, manifests[0])
    else:
        file = data_file(word, session.config.root, **keys)
        if file.root != session.config.root:
            raise UsageError(f"{word}: lies outside of the project, whose commits are looked at")
        source, now = file.source, _digested(file).dataset
    assert source is not None  # noqa: S101  a dataset that was read comes from somewhere
    commit, before = session.past.at(revision, word, source)
    place = source.path or str(source.location)
    counts, rows = session.past.compare(before, session.past.present(source, now), samples=samples)
    change = DataChange(counts, source=f"git:{commit}")
    return Comparison(word, before.dataset, f"commit {commit[:12]}", now, place, change, rows)


def of_files(session: Session, old: str, new: str, keys: dict[str, str | None], *, samples: bool) -> Comparison:
    """Compare two files, of whatever formats."""
    usual: dict[str, str | None] = dict.fromkeys(keys)
    before, after = (
        _digested(data_file(word, session.config.root, **keys), data_file(word, session.config.root, **usual))
        for word in (old, new)
    )
    counts, rows = session.past.compare(before, after, samples=samples, kept=False)
    return Comparison(
        f"{old} -> {new}", before.dataset, old, after.dataset, new, DataChange(counts, source="file"), rows
    )


def _present(session: Session, manifest: LoadedManifest) -> Dataset:
    """Return a manifest's dataset as it is now.

    Raises:
        ProblemsError: it has none, or one that is wrong.
    """
    desired, problems = session.reading.check([manifest])
    dataset = desired[0].dataset
    if dataset is None:
        where = desired[0].locate("spec")
        missing = Problem(where, f"{desired[0].name}: has no dataset", "give it spec.dataset")
        raise ProblemsError(tuple(problems) or (missing,))
    if not dataset.counted:
        where = desired[0].locate("spec.dataset.uri")
        raise ProblemsError((Problem(where, f"{dataset.uri}: its rows are not read here, so none can be compared"),))
    return dataset


def _digested(file: DataFile, otherwise: DataFile | None = None) -> Version:
    """Return what a file holds; one that has not the columns asked for may have those of ``otherwise``."""
    if otherwise is not None and otherwise != file:
        try:
            return _digested(file)
        except ProblemsError as error:
            try:
                return _digested(otherwise)
            except ProblemsError:
                raise error from None
    with file.named():
        dataset = digest_rows(read_rows(file.root, file.source))
    return Version(dataset, lambda: read_rows(file.root, file.source), lambda line: f"{file.word}:{line}")
