"""Multisets of row prints, counted and compared in bounded memory, however often a row or an input repeats.

Prints are dealt into 256 buckets by a byte of their hash, in one temporary file without a name, and looked at bucket by
bucket: once by row, where equal rows cancel out, then what is left by input. A bucket of 65,536 rows takes some 20 MB,
so memory stays below 40 MB up to 16 million rows and grows by about 2 bytes a row beyond. Versions of up to 65,536 rows
never touch the disk.
"""

from __future__ import annotations

import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from struct import Struct
from typing import IO, Self

from reconciler.dataset.prints import HALF, WIDTH

__all__ = ["Census", "Difference", "difference", "take_census"]

_BUCKETS = 256
_SHARE = 65_536
_BLOCK = 8_192
_CANDIDATES = 10_000
_LEFT = Struct(f"<{WIDTH}sI")
_PRINT = Struct(f"{WIDTH}s")


@dataclass(frozen=True, slots=True)
class Difference:
    """How two multisets of rows differ; rows of one input are paired as changed first, what is left came or went.

    ``fresh`` and ``gone`` are prints that the new or the old one alone has, or has more of; ``altered`` are the inputs
    whose output changed. At most 10,000 of each, for those who look for an example.
    """

    added: int
    removed: int
    changed: int
    duplicates: int
    duplicates_before: int
    fresh: frozenset[bytes]
    gone: frozenset[bytes]
    altered: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Census:
    """One multiset: its rows, those that repeat an earlier one, and the inputs that have more than one output."""

    rows: int
    duplicates: int
    conflicts: int


def difference(old: Iterable[bytes], new: Iterable[bytes], *, rows: int) -> Difference:
    """Return how two versions differ; ``rows`` is about how many the larger one has.

    Raises:
        OSError: the temporary folder is full or not to be written.
    """
    with ExitStack() as stack:
        before, after, lost, won = (stack.enter_context(_Buckets(rows, width)) for width in _WIDTHS)
        before.deal(old, at=HALF)
        after.deal(new, at=HALF)
        repeated_before = repeated = 0
        for bucket in range(before.count):
            was, now = Counter(before.records(bucket, _PRINT)), Counter(after.records(bucket, _PRINT))
            repeated_before += was.total() - len(was)
            repeated += now.total() - len(now)
            lost.deal(_beyond(was, now), at=0)
            won.deal(_beyond(now, was), at=0)
        return _paired(lost, won, repeated=repeated, repeated_before=repeated_before)


def take_census(prints: Iterable[bytes], *, rows: int) -> Census:
    """Count one version; ``rows`` is about how many it has. Raises as ``difference``."""
    with _Buckets(rows, WIDTH) as all_rows, _Buckets(rows, WIDTH) as distinct:
        all_rows.deal(prints, at=HALF)
        total = different = conflicts = 0
        for bucket in range(all_rows.count):
            found = Counter(all_rows.records(bucket, _PRINT))
            total += found.total()
            different += len(found)
            distinct.deal(found, at=0)
        for bucket in range(distinct.count):
            inputs = Counter(row[:HALF] for row in distinct.records(bucket, _PRINT))
            conflicts += sum(outputs > 1 for outputs in inputs.values())
        return Census(total, total - different, conflicts)


_WIDTHS = (WIDTH, WIDTH, _LEFT.size, _LEFT.size)


def _beyond(these: Counter[bytes], those: Counter[bytes]) -> Iterator[bytes]:
    """Yield the rows that one bucket has more of than the other, each with how many more."""
    return (_LEFT.pack(row, number - those[row]) for row, number in these.items() if number > those[row])


def _paired(lost: _Buckets, won: _Buckets, *, repeated: int, repeated_before: int) -> Difference:
    """Pair what went with what came by input, and keep some of each for those who look for an example."""
    added = removed = changed = 0
    fresh: set[bytes] = set()
    gone: set[bytes] = set()
    altered: set[bytes] = set()
    for bucket in range(lost.count):
        went, came = _by_input(lost, bucket), _by_input(won, bucket)
        both = {key: min(number, came[key]) for key, number in went.items() if key in came}
        pairs = sum(both.values())
        changed += pairs
        removed += went.total() - pairs
        added += came.total() - pairs
        altered.update(key for key, _ in zip(both, range(_CANDIDATES - len(altered)), strict=False))
        _gather(gone, lost, bucket)
        _gather(fresh, won, bucket)
    return Difference(
        added, removed, changed, repeated, repeated_before, frozenset(fresh), frozenset(gone), frozenset(altered)
    )


def _by_input(left: _Buckets, bucket: int) -> Counter[bytes]:
    inputs: Counter[bytes] = Counter()
    for record in left.records(bucket, Struct(f"{_LEFT.size}s")):
        row, number = _LEFT.unpack(record)
        inputs[row[:HALF]] += number
    return inputs


def _gather(found: set[bytes], left: _Buckets, bucket: int) -> None:
    for record in left.records(bucket, Struct(f"{_LEFT.size}s")):
        if len(found) >= _CANDIDATES:
            return
        found.add(record[:WIDTH])


class _Buckets:
    """Records of one width, dealt by one of their bytes; a context manager, since it may hold a file."""

    def __init__(self, rows: int, width: int) -> None:
        self.count = 1 if rows <= _SHARE else _BUCKETS
        self._width = width
        self._block = _BLOCK // width * width if self.count > 1 else 0
        self._open = [bytearray() for _ in range(self.count)]
        self._placed = [array("Q") for _ in range(self.count)]
        self._file: IO[bytes] | None = None
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def deal(self, records: Iterable[bytes], *, at: int) -> None:
        """Put each record into the bucket that its byte ``at`` names."""
        if self.count == 1:
            self._open[0] += b"".join(records)
            return
        buckets, block = self._open, self._block
        for record in records:
            bucket = buckets[record[at]]
            bucket += record
            if len(bucket) >= block:
                self._put_down(record[at])

    def records(self, bucket: int, shape: Struct) -> Iterator[bytes]:
        """Yield the records of a bucket."""
        for block in self._blocks(bucket):
            yield from map(_FIRST, shape.iter_unpack(block))

    def _blocks(self, bucket: int) -> Iterator[bytes | bytearray]:
        for start in self._placed[bucket]:
            assert self._file is not None  # noqa: S101  what was put down was put down in a file
            self._file.seek(start)
            yield self._file.read(self._block)
        yield self._open[bucket]

    def _put_down(self, bucket: int) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  closed with the buckets
        self._file.seek(self._end)
        block = self._open[bucket]
        written = 0
        while written < len(block):
            written += self._file.write(block[written:])
        self._placed[bucket].append(self._end)
        self._end += len(block)
        block.clear()


_FIRST = itemgetter(0)
