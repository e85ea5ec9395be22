"""Whether the outputs of a dataset can be what a scorer expects: a second look at a file that is known to be good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from reconciler.core.resource import DatasetSource
from reconciler.dataset.check import reader_of, rows_of
from reconciler.dataset.files import Broken, Flaw, open_dataset
from reconciler.dataset.rows import Columns
from reconciler.errors import Location, Problem, TunectlError

__all__ = ["check_expected"]

_SHOWN = 20


def check_expected(root: Path, source: DatasetSource, complaint: Callable[[str], str | None]) -> list[Problem]:
    """Return a problem for each output that cannot be expected, at most 20 and the number of further ones.

    Args:
        root: the project's folder, which no path may leave.
        source: a file whose rows were checked before.
        complaint: returns what is wrong with an output, without quoting it, or None.
    """
    columns = Columns.named(source.input_key, source.output_key)
    path = source.path or ""
    try:
        wrong = list(_wrong(root, path, columns, complaint))
    except TunectlError as error:
        return [Problem(source.location, f"dataset '{path}' {error.message}", error.hint)]
    except Broken as error:
        return [Problem(Location(path, error.flaw.line, error.flaw.column), error.flaw.message, error.flaw.hint)]
    problems = [Problem(Location(path, line), f"{columns.output} {said}") for line, said in wrong[:_SHOWN]]
    if len(wrong) > _SHOWN:
        problems.append(Problem(Location(path), f"and {len(wrong) - _SHOWN:,} more rows are wrong"))
    return problems


def _wrong(
    root: Path, path: str, columns: Columns, complaint: Callable[[str], str | None]
) -> Iterator[tuple[int, str]]:
    with open_dataset(root, path) as file:
        for row in rows_of(reader_of(path), file, columns):
            if isinstance(row, Flaw):
                continue
            said = complaint(row[2])
            if said is not None:
                yield row[0], said
