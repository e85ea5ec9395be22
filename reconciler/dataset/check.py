"""Reading a manifest's dataset: every row checked, the whole digested, in one pass and little memory."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

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
        The digest and number of the training examples, and all problems: at most 20 errors a file and the number of
        further ones, and warnings about rows that repeat or contradict each other. Never raises for a user's mistake.
    """
    if known is None:
        known = Known(root, None)
        try:
            return check_dataset(root, source, limits, known=known)
        finally:
            known.save()
    columns = Columns.named(source.input_key, source.output_key)
    if source.path is None:
        training = _check_inline(source, columns, limits)
    else:
        training = _check_file(source.path, source.location, columns, limits, known)
        if training.dataset is not None:
            training = replace(training, dataset=replace(training.dataset, path=source.path))
    if source.validation is None:
        return training
    validation = _check_file(source.validation, source.location, columns, limits, known)
    return DatasetReport(training.dataset, training.problems + validation.problems, validation.dataset)


def read_examples(root: Path, source: DatasetSource) -> Iterator[Example]:
    """Yield the examples of a dataset, in order, one at a time.

    Raises:
        ProblemsError: the dataset cannot be opened, or a row holds no example; at the first one.
    """
    return (Example(text, output) for _, text, output in read_rows(root, source))


def read_rows(root: Path, source: DatasetSource) -> Iterator[Row]:
    """Yield the rows of a dataset: line (of examples in the manifest the number, from 1), input and output.

    Raises:
        ProblemsError: as ``read_examples``.
    """
    if source.path is None:
        yield from ((number, each.input, each.output) for number, (each, _) in enumerate(source.inline, 1))
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
    rows = ((number, each.input, each.output) for number, (each, _) in enumerate(source.inline, 1))
    return _report(inspection, rows, "the dataset", source.location)


def _check_file(path: str, named_at: Location, columns: Columns, limits: ExampleLimits, known: Known) -> DatasetReport:
    question = (path, *columns.inputs, columns.output, str(limits.input_characters), str(limits.output_characters))
    verdict = known.recall(question)
    if verdict is not None:
        return _as_report(verdict, path)
    try:
        read = reader_of(path)
        with buffered(known.open(path)) as file:
            stamp = stamp_of(file)
            verdict = known.look_up(question, stamp)
            if verdict is not None:
                return _as_report(verdict, path)
            begun = known.begin()
            inspection = Inspection(columns, limits, in_file(path))
            report = _report(inspection, rows_of(read, file, columns), f"dataset '{path}'", named_at)
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


def _report(inspection: Inspection, rows: Iterator[Row | Flaw], name: str, named_at: Location) -> DatasetReport:
    inspection.take(rows)
    if inspection.errors:
        return DatasetReport(None, tuple(inspection.report()))
    if not inspection.count:
        return DatasetReport(None, (Problem(named_at, f"{name} holds no examples"),))
    dataset = Dataset(inspection.digest, inspection.count, inspection.characters)
    return DatasetReport(dataset, tuple(inspection.report()))


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
