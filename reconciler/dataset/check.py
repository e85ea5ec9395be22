"""Reading a manifest's dataset: every row checked, the whole digested, in one pass and little memory."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from reconciler.core.canonical import digest
from reconciler.core.resource import Dataset, DatasetSource, Example, ExampleLimits
from reconciler.dataset.files import Broken, Flaw, buffered, open_dataset
from reconciler.dataset.inspection import Inspection, in_file, problem
from reconciler.dataset.known import Known, Question, Stamp, Verdict, stamp_of
from reconciler.dataset.rows import FORMATS, Columns, Row
from reconciler.errors import Location, Problem, ProblemsError, TunectlError

__all__ = ["DatasetReport", "check_dataset", "read_examples", "read_rows", "reader_of", "rows_of", "sound_rows"]


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What a look at a dataset has shown. ``dataset`` is None when an example is wrong or unreadable.

    ``validation`` is the same of the validation file, None also if there is none.
    """

    dataset: Dataset | None
    problems: tuple[Problem, ...]
    validation: Dataset | None = None


def check_dataset(
    root: Path, source: DatasetSource, limits: ExampleLimits, *, known: Known | None = None
) -> DatasetReport:
    """Check every example of a dataset, and of its validation file if it has one, and digest it.

    Args:
        root: the project's folder, which no path may leave.
        source: what the manifest says.
        limits: the longest example the service accepts, in characters (code points).
        known: what is known of files already; what is found out now is added to it. Without it every file is read.

    Returns:
        The digest and number of the training examples (of an object in a bucket, no more than a digest of its name),
        and all problems: at most 20 errors a file and the number of further ones, and warnings about rows that repeat
        or contradict each other. Never raises for a user's mistake.
    """
    if known is None:
        known = Known(root, None)
        try:
            return check_dataset(root, source, limits, known=known)
        finally:
            known.save()
    columns = Columns.named(source.input_key, source.output_key)
    if source.uri is not None:
        training = DatasetReport(Dataset(digest({"uri": source.uri}), 0, uri=source.uri), ())
    elif source.path is None:
        training = _check_inline(source, columns, limits)
    else:
        training = _check_file(source.path, source.location, columns, limits, known)
    excess = tuple(_check_size(source, limits, training.dataset))
    if excess:
        training = replace(training, problems=(*training.problems, *excess))
    if source.validation is None:
        return training
    validation = _check_file(source.validation, source.validation_location or source.location, columns, limits, known)
    share = _check_share(source, limits, training.dataset, validation.dataset)
    return DatasetReport(training.dataset, (*training.problems, *validation.problems, *share), validation.dataset)


def read_examples(root: Path, source: DatasetSource) -> Iterator[Example]:
    """Yield the examples of a dataset, in order, one at a time.

    Raises:
        ProblemsError: the dataset cannot be opened, or a row holds no example; at the first one.
    """
    return (Example(*row[1:]) for row in read_rows(root, source))


def read_rows(root: Path, source: DatasetSource) -> Iterator[Row]:
    """Yield the rows of a dataset: line (of examples in the manifest the number, from 1), input, output and context.

    Raises:
        ProblemsError: as ``read_examples``.
    """
    if source.path is None:
        yield from (
            (number, each.input, each.output, each.context) for number, (each, _) in enumerate(source.inline, 1)
        )
        return
    columns = Columns.named(source.input_key, source.output_key)
    try:
        read = reader_of(source.path)
        with open_dataset(root, source.path) as file:
            yield from sound_rows(rows_of(read, file, columns))
    except TunectlError as error:
        raise ProblemsError((_unopened(source.path, source.location, error),)) from error
    except Broken as error:
        raise ProblemsError((problem(error.flaw, in_file(source.path)),)) from error


def sound_rows(rows: Iterator[Row | Flaw]) -> Iterator[Row]:
    """Yield the rows; raises Broken at the first one that holds no example."""
    for row in rows:
        if isinstance(row, Flaw):
            raise Broken(row)
        yield row


def _check_inline(source: DatasetSource, columns: Columns, limits: ExampleLimits) -> DatasetReport:
    """Check examples that stand in the manifest; rows are counted, and found again by their number."""

    def locate(number: int, _column: int | None) -> Location:
        return source.inline[number - 1][1]

    inspection = Inspection(columns, limits, locate)
    rows = ((number, each.input, each.output, each.context) for number, (each, _) in enumerate(source.inline, 1))
    return _report(inspection, rows, "the dataset", source.location)


def _check_file(path: str, named_at: Location, columns: Columns, limits: ExampleLimits, known: Known) -> DatasetReport:
    ruled = (limits.input_characters, limits.output_characters, limits.tokens, limits.conversations, limits.completions)
    question = (path, *columns.inputs, columns.output, *map(str, ruled))
    verdict = known.recall(question)
    if verdict is not None:
        return _as_report(verdict, path)
    try:
        read = reader_of(path)
        seen = known.stamp(path)
        verdict = None if seen is None else known.look_up(question, seen)
        if verdict is not None:
            return _as_report(verdict, path)
        with buffered(known.open(path)) as file:
            stamp = stamp_of(file)
            verdict = known.look_up(question, stamp)
            if verdict is not None:
                return _as_report(verdict, path)
            begun = known.begin()
            inspection = Inspection(columns, limits, in_file(path))
            report = _report(inspection, rows_of(read, file, columns), f"dataset '{path}'", named_at, path)
            _learn(known, question, report, begun, stamp, stamp_of(file))
            return report
    except TunectlError as error:
        return DatasetReport(None, (_unopened(path, named_at, error),))


def _learn(known: Known, question: Question, report: DatasetReport, begun: int, before: Stamp, after: Stamp) -> None:
    """Keep the verdict on a good file; a bad one is read again, for its mistakes are about to be mended."""
    if report.dataset is None:
        return
    warnings = tuple((each.location.line if each.location else None, each.message) for each in report.problems)
    known.learn(question, Verdict(report.dataset, warnings), begun=begun, before=before, after=after)


def _as_report(verdict: Verdict, path: str) -> DatasetReport:
    warnings = (Problem(Location(path, line), text, severity="warning") for line, text in verdict.warnings)
    return DatasetReport(verdict.dataset, tuple(warnings))


def _report(
    inspection: Inspection, rows: Iterator[Row | Flaw], name: str, named_at: Location, path: str | None = None
) -> DatasetReport:
    inspection.take(rows)
    if inspection.errors:
        return DatasetReport(None, tuple(inspection.report()))
    if not inspection.count:
        return DatasetReport(None, (Problem(named_at, f"{name} holds no examples"),))
    dataset = Dataset(inspection.digest, inspection.count, inspection.characters, path=path)
    return DatasetReport(dataset, tuple(inspection.report()))


def _check_size(source: DatasetSource, limits: ExampleLimits, dataset: Dataset | None) -> Iterator[Problem]:
    """Yield what is too much of a dataset; a file has a byte for each character at least, and its upload counts all."""
    if dataset is None:
        return
    for what, number, most in (
        ("examples", dataset.examples, limits.examples),
        ("characters, and as a file more bytes", dataset.characters or 0, limits.bytes),
    ):
        if most is not None and number > most:
            name = "the dataset" if source.path is None else f"dataset '{source.path}'"
            yield Problem(source.location, f"{name} has {number:,} {what}; the service takes {most:,}")


def _check_share(
    source: DatasetSource, limits: ExampleLimits, training: Dataset | None, validation: Dataset | None
) -> Iterator[Problem]:
    """Yield what is too much of a validation dataset, which may be no more than a share of a large dataset."""
    if validation is None or limits.validation_examples is None:
        return
    most, why = limits.validation_examples, ""
    trained = 0 if training is None else training.examples
    if limits.validation_share is not None and trained > limits.share_from:
        share = int(trained * limits.validation_share)
        if share < most:
            most, why = share, f", {limits.validation_share:.0%} of the {trained:,} that are trained on"
    if validation.examples > most:
        message = f"validation dataset '{source.validation}' has {validation.examples:,} examples"
        place = source.validation_location or source.location
        yield Problem(place, f"{message}; the service takes {most:,}{why}")


Reader = Callable[[BinaryIO, Columns], Iterator[Row | Flaw]]


def reader_of(path: str) -> Reader:
    """Return what reads a file of this name.

    Raises:
        TunectlError: its format is not known.
    """
    read = FORMATS.get(posixpath.splitext(path)[1].lower())
    if read is None:
        raise TunectlError(f"is of no known format: {', '.join(FORMATS)}")
    return read


def rows_of(read: Reader, file: BinaryIO, columns: Columns) -> Iterator[Row | Flaw]:
    """Yield the rows of an open file.

    Raises:
        TunectlError: it cannot be read.
    """
    try:
        yield from read(file, columns)
    except OSError as error:
        raise TunectlError(f"cannot be read: {os.strerror(error.errno or 0)}") from error


def _unopened(path: str, named_at: Location, error: TunectlError) -> Problem:
    return Problem(named_at, f"dataset '{path}' {error.message}", error.hint)
