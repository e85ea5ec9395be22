"""Two versions of a dataset side by side: what changed in numbers, and a few rows for who may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from reconciler.core.datachange import RowCounts, RowSample
from reconciler.core.examples import digest_line
from reconciler.core.resource import Dataset
from reconciler.core.text import clip
from reconciler.dataset.multiset import Difference, difference
from reconciler.dataset.prints import HALF, Printer
from reconciler.dataset.rows import Row
from reconciler.dataset.shelf import Distrusted, RowShelf
from reconciler.errors import TunectlError

__all__ = ["Version", "compare", "digest_rows"]

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a dataset. ``rows`` reads it anew; None if only its prints may be at hand.

    ``place`` says where the row of a line stands.
    """

    dataset: Dataset
    rows: Callable[[], Iterator[Row]] | None = None
    place: Callable[[int], str] = str


def digest_rows(rows: Iterable[Row]) -> Dataset:
    """Return digest and number of rows."""
    total, count = sha256(), 0
    for _, text, output, context in rows:
        total.update(digest_line(text, output, context, errors="surrogatepass"))
        count += 1
    return Dataset(f"sha256:{total.hexdigest()}", count)


def compare(old: Version, new: Version, shelf: RowShelf, *, samples: int) -> tuple[RowCounts, tuple[RowSample, ...]]:
    """Return what changed, and at most ``samples`` rows of each sort; both versions' prints are put on the shelf.

    Raises:
        TunectlError: a version is not to be had, or is not what its digest says.
        ProblemsError: a version cannot be read.
    """
    try:
        found = _difference(old, new, shelf)
    except Distrusted:
        for version in (old, new):
            shelf.drop(version.dataset)
        found = _difference(old, new, shelf)
    except OSError as error:
        raise TunectlError(f"the rows cannot be compared: {error.strerror or 'no room'}") from error
    counts = RowCounts(found.added, found.removed, found.changed, found.duplicates, found.duplicates_before)
    return counts, tuple(_samples(found, old, new, shelf.printer, samples)) if samples else ()


def _difference(old: Version, new: Version, shelf: RowShelf) -> Difference:
    rows = max(old.dataset.examples, new.dataset.examples)
    return difference(_prints(old, shelf), _prints(new, shelf), rows=rows)


def _prints(version: Version, shelf: RowShelf) -> Iterator[bytes]:
    """Return the prints of a version, from the shelf once they are there."""
    if not shelf.has(version.dataset):
        if version.rows is None:
            raise TunectlError("its rows are not at hand")
        shelf.keep(version.dataset, _printed(version, version.rows(), shelf.printer))
        if not shelf.has(version.dataset):
            return _printed(version, version.rows(), shelf.printer)
    return shelf.prints(version.dataset)


def _printed(version: Version, rows: Iterator[Row], printer: Printer) -> Iterator[bytes]:
    """Yield prints, and make sure on the way that they are those of the version."""
    total = sha256()
    for _, text, output, context in rows:
        line = digest_line(text, output, context, errors="surrogatepass")
        total.update(line)
        yield printer.print_as(text, context, line)
    if f"sha256:{total.hexdigest()}" != version.dataset.digest:
        raise TunectlError("it changed while it was being compared")


@dataclass(slots=True)
class _Search:
    """A look for examples of what changed, each row once: those of its own side, and those whose output changed."""

    found: frozenset[bytes]
    altered: frozenset[bytes]
    printer: Printer
    most: int
    alone: list[Row] = field(default_factory=list)
    paired: dict[bytes, Row] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)

    def look(self, rows: Iterable[Row], *, alone: int, keys: frozenset[bytes] | None, paired: int) -> None:
        """Go through rows until there is enough; ``keys`` are the inputs that are wanted, None for any that changed."""
        for row in rows:
            if len(self.alone) >= alone and len(self.paired) >= paired:
                return
            made = self.printer.print_of(*row[1:])
            if made not in self.found or made in self._seen:
                continue
            self._seen.add(made)
            key = made[:HALF]
            if key not in self.altered:
                if len(self.alone) < alone:
                    self.alone.append(row)
            elif len(self.paired) < paired and (keys is None or key in keys):
                self.paired.setdefault(key, row)


def _samples(found: Difference, old: Version, new: Version, printer: Printer, most: int) -> Iterator[RowSample]:
    altered = min(most, found.changed)
    came = _Search(found.fresh, found.altered, printer, most)
    if new.rows is not None:
        came.look(new.rows(), alone=min(most, found.added), keys=None, paired=altered)
    went = _Search(found.gone, found.altered, printer, most)
    if old.rows is not None:
        wanted = frozenset(came.paired)
        went.look(old.rows(), alone=min(most, found.removed), keys=wanted, paired=len(wanted))
    for line, text, output, _ in came.alone:
        yield _sample("added", new.place(line), text, output)
    for line, text, output, _ in went.alone:
        yield _sample("removed", old.place(line), text, output)
    for key, (line, text, output, _) in came.paired.items():
        former = went.paired.get(key)
        yield _sample("changed", new.place(line), text, output, None if former is None else former[2])


def _sample(kind: str, place: str, text: str, output: str, former: str | None = None) -> RowSample:
    cut = None if former is None else clip(former, _LONGEST)
    return RowSample(kind, place, clip(text, _LONGEST), clip(output, _LONGEST), cut)
