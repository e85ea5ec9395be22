"""Versions of a dataset are compared as multisets, exactly, in memory that does not grow with them."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.datachange import RowCounts
from reconciler.core.resource import Dataset
from reconciler.dataset import multiset
from reconciler.dataset.compare import Version, compare, digest_rows
from reconciler.dataset.multiset import Census, difference, take_census
from reconciler.dataset.prints import Printer
from reconciler.dataset.shelf import RowShelf
from reconciler.errors import TunectlError

PRINTER = Printer(b"k" * 32)
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12)


def prints(pairs):
    return [PRINTER.print_of(text, output) for text, output in pairs]


def version(*pairs: tuple[str, str]) -> Version:
    rows = [(number, *pair, None) for number, pair in enumerate(pairs, 1)]
    return Version(digest_rows(rows), lambda: iter(rows), lambda line: f"rows.jsonl:{line}")


def counted(old, new):
    """The same by the definition: equal rows cancel, what is left is paired by input."""
    left, came = Counter(old) - Counter(new), Counter(new) - Counter(old)
    went_by, came_by = Counter(), Counter()
    for row, number in left.items():
        went_by[row[0]] += number
    for row, number in came.items():
        came_by[row[0]] += number
    changed = (went_by & came_by).total()
    return came.total() - changed, left.total() - changed, changed


@given(ROWS, ROWS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_counts_are_those_of_the_definition_in_memory_and_on_disk(old, new, on_disk):
    share, block = multiset._SHARE, multiset._BLOCK
    multiset._SHARE, multiset._BLOCK = (0, 32) if on_disk else (share, block)
    try:
        found = difference(prints(old), prints(new), rows=len(old) + 1)
        census = take_census(prints(new), rows=len(new) + 1)
    finally:
        multiset._SHARE, multiset._BLOCK = share, block
    assert (found.added, found.removed, found.changed) == counted(old, new)
    assert (found.duplicates, found.duplicates_before) == (len(new) - len(set(new)), len(old) - len(set(old)))
    several = sum(len({output for text, output in new if text == key}) > 1 for key in "abc")
    assert census == Census(len(new), len(new) - len(set(new)), several)


def made(number: int) -> bytes:
    return PRINTER.print_of(str(number), "")


@pytest.mark.parametrize("same", [False, True], ids=["rows that differ", "one row over and over"])
def test_memory_stays_flat(same, monkeypatch):
    monkeypatch.setattr(multiset, "_SHARE", 1024)
    monkeypatch.setattr(multiset, "_BLOCK", 256)
    rows = {count: [made(0 if same else number) for number in range(count)] for count in (20_000, 60_000)}
    peaks = []
    for count, old in rows.items():
        tracemalloc.start()
        found = difference(old, (print_ for print_ in reversed(old)), rows=count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (found.added, found.removed, found.changed) == (0, 0, 0)
    assert peaks[1] < 1_000_000, "60,000 rows on each side"
    assert peaks[1] < 1.6 * peaks[0]


SHELFLESS = pytest.mark.parametrize("folder", [None, ".tunectl/rows"], ids=["without a shelf", "with a shelf"])


@SHELFLESS
def test_samples_are_the_first_rows_of_each_sort_with_their_places(tmp_path, folder):
    old = version(("same", "1"), ("gone", "2"), ("changed", "3"), ("gone too", "4"))
    new = version(("fresh", "5"), ("changed", "6"), ("same", "1"), ("fresh too", "7"))
    counts, samples = compare(old, new, RowShelf(tmp_path, folder), samples=1)
    assert counts == RowCounts(2, 2, 1)
    assert [(s.kind, s.place, s.input, s.output, s.former) for s in samples] == [
        ("added", "rows.jsonl:1", "fresh", "5", None),
        ("removed", "rows.jsonl:2", "gone", "2", None),
        ("changed", "rows.jsonl:2", "changed", "6", "3"),
    ]


def test_a_sample_does_not_show_itself_in_a_traceback_or_a_log(tmp_path):
    shelf = RowShelf(tmp_path, None)
    _, samples = compare(version(("a", "b")), version(("secret", "word")), shelf, samples=3)
    assert "secret" not in repr(samples)
    assert "word" not in repr(samples)


def test_the_same_rows_in_another_order_are_reordered(tmp_path):
    counts, samples = compare(
        version(("a", "1"), ("b", "2"), ("a", "1")),
        version(("a", "1"), ("a", "1"), ("b", "2")),
        RowShelf(tmp_path, None),
        samples=3,
    )
    assert counts.reordered
    assert (counts.duplicates, counts.duplicates_before, samples) == (1, 1, ())


def test_prints_alone_give_the_counts_and_the_rows_that_came(tmp_path):
    shelf = RowShelf(tmp_path, ".tunectl/rows")
    old, new = version(("a", "1"), ("b", "2")), version(("a", "1"), ("b", "3"), ("c", "4"))
    shelf.keep(old.dataset, shelf.printer.prints([(1, "a", "1", None), (2, "b", "2", None)]))
    counts, samples = compare(Version(old.dataset), new, shelf, samples=3)
    assert counts == RowCounts(1, 0, 1)
    assert [(s.kind, s.input, s.former) for s in samples] == [("added", "c", None), ("changed", "b", None)]


def test_a_version_that_moves_while_it_is_read_is_refused(tmp_path):
    old, new = version(("a", "1")), version(("b", "2"))
    moved = Version(new.dataset, lambda: iter([(1, "b", "3", None)]))
    for folder in (None, ".tunectl/rows"):
        with pytest.raises(TunectlError, match="changed while"):
            compare(old, moved, RowShelf(tmp_path, folder), samples=0)
    assert not RowShelf(tmp_path, ".tunectl/rows").has(new.dataset)


def test_a_version_that_is_nowhere_is_refused(tmp_path):
    with pytest.raises(TunectlError, match="not at hand"):
        compare(Version(Dataset("sha256:" + "0" * 64, 1)), version(("a", "1")), RowShelf(tmp_path, None), samples=0)


def test_no_room_for_temporary_files_is_an_error_of_ours(tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(multiset, "_SHARE", 0)
    monkeypatch.setattr(multiset, "_BLOCK", 16)
    monkeypatch.setattr(multiset.tempfile, "TemporaryFile", full)
    with pytest.raises(TunectlError, match="No space left"):
        compare(version(("a", "1")), version(("b", "2")), RowShelf(tmp_path, None), samples=0)
