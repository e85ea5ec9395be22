"""The shape of a dataset in numbers: rows, repeats, contradictions, lengths. One pass, little memory, no estimates."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.examples import digest_line
from reconciler.core.resource import Dataset, DatasetSource
from reconciler.core.showing.datafacts import Lengths, Stats
from reconciler.dataset.check import reader_of, rows_of
from reconciler.dataset.files import Broken, Flaw, open_dataset
from reconciler.dataset.inspection import in_file, problem
from reconciler.dataset.multiset import take_census
from reconciler.dataset.prints import KEY, Printer
from reconciler.dataset.rows import Columns, Row
from reconciler.errors import Problem, ProblemsError, TunectlError

__all__ = ["take_stats"]

_ROW = 20
_PERCENTILE = 95


def take_stats(root: Path, source: DatasetSource) -> Stats:
    """Go through a dataset once.

    A count of lengths takes memory for each different length, of which a file of n bytes can have no more than the
    root of 2n.

    Raises:
        ProblemsError: it cannot be opened, or not be read to its end.
        TunectlError: there is no room for temporary files.
    """
    tally = _Tally()
    try:
        if source.path is None:
            rows: Iterator[Row | Flaw] = (
                (0, example.input, example.output, example.context) for example, _ in source.inline
            )
            return _counted(tally, rows, len(source.inline))
        columns = Columns.named(source.input_key, source.output_key)
        read = reader_of(source.path)
        with open_dataset(root, source.path) as file:
            size = os.fstat(file.fileno()).st_size
            return _counted(tally, rows_of(read, file, columns), size // _ROW)
    except OSError as error:
        raise TunectlError(f"the rows cannot be counted: {error.strerror or 'no room'}") from error
    except TunectlError as error:
        place = Problem(source.location, f"dataset '{source.path}' {error.message}", error.hint)
        raise ProblemsError((place,)) from error
    except Broken as error:
        raise ProblemsError((problem(error.flaw, in_file(source.path or "")),)) from error


@dataclass(slots=True)
class _Tally:
    """What has been seen on the way."""

    wrong: int = 0
    inputs: Counter[int] = field(default_factory=Counter)
    outputs: Counter[int] = field(default_factory=Counter)
    printer: Printer = field(default_factory=lambda: Printer(os.urandom(KEY)))
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def prints(self, rows: Iterator[Row | Flaw]) -> Iterator[bytes]:
        """Count the rows and yield the prints of the good ones."""
        for row in rows:
            if isinstance(row, Flaw):
                self.wrong += 1
                continue
            _, text, output, context = row
            if not text or not output or text.isspace() or output.isspace():
                self.wrong += 1
                continue
            self.inputs[len(text)] += 1
            self.outputs[len(output)] += 1
            line = digest_line(text, output, context, errors="surrogatepass")
            self.digest.update(line)
            yield self.printer.print_as(text, context, line)


def _counted(tally: _Tally, rows: Iterator[Row | Flaw], guess: int) -> Stats:
    census = take_census(tally.prints(rows), rows=guess)
    return Stats(
        dataset=Dataset(f"sha256:{tally.digest.hexdigest()}", census.rows),
        wrong=tally.wrong,
        duplicates=census.duplicates,
        conflicts=census.conflicts,
        input=_lengths(tally.inputs),
        output=_lengths(tally.outputs),
    )


def _lengths(counts: Counter[int]) -> Lengths:
    total = counts.total()
    if not total:
        return Lengths()
    wanted = [(total + 1) // 2, -(-total * _PERCENTILE // 100)]
    found, seen = [], 0
    for length, number in sorted(counts.items()):
        seen += number
        while wanted and seen >= wanted[0]:
            found.append(length)
            del wanted[0]
    characters = sum(length * number for length, number in counts.items())
    return Lengths(min(counts), found[0], found[1], max(counts), characters)
