"""The shelf of row prints may be lost, broken or full at any time: then it is empty, and never wrong."""

from __future__ import annotations

import os

import pytest

from reconciler.core.resource import Dataset
from reconciler.dataset.compare import Version, compare, digest_rows
from reconciler.dataset.shelf import Distrusted, RowShelf

FOLDER = ".tunectl/rows"
CANARY = "canary-7d1f"


def dataset(number: int, *, rows: int = 4) -> tuple[Dataset, list[tuple[int, str, str]]]:
    made = [(line, f"{CANARY} {number} {line}", CANARY, None) for line in range(1, rows + 1)]
    return digest_rows(made), made


def put(shelf: RowShelf, number: int, **options) -> Dataset:
    kept, rows = dataset(number, **options)
    shelf.keep(kept, shelf.printer.prints(rows))
    return kept


@pytest.fixture
def shelf(tmp_path):
    return RowShelf(tmp_path, FOLDER)


def files(root):
    return sorted(path.name for path in (root / FOLDER).iterdir())


def test_another_run_finds_the_prints_in_order_and_no_word_of_a_row(tmp_path, shelf):
    kept = put(shelf, 1)
    again = RowShelf(tmp_path, FOLDER)
    assert again.has(kept)
    assert list(again.prints(kept)) == list(again.printer.prints(dataset(1)[1]))
    for path in (tmp_path / FOLDER).iterdir():
        assert CANARY.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    assert files(tmp_path) == sorted([kept.digest.removeprefix("sha256:"), "key"])


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1])


def of_another_key(path):
    path.with_name("key").unlink()


def of_another_format(path):
    path.write_bytes(b"tunerow9" + path.read_bytes()[8:])


def a_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("/etc/passwd")


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut_short, of_another_key, of_another_format, a_link, a_folder, os.unlink])
def test_what_is_not_whole_is_not_there(tmp_path, shelf, damage):
    kept = put(shelf, 1)
    damage(tmp_path / FOLDER / kept.digest.removeprefix("sha256:"))
    again = RowShelf(tmp_path, FOLDER)
    assert not again.has(kept)


def test_a_flipped_bit_is_noticed_and_the_comparison_done_without(tmp_path, shelf):
    (before, old), (after, new) = dataset(1), dataset(2)
    shelf.keep(before, shelf.printer.prints(old))
    path = tmp_path / FOLDER / before.digest.removeprefix("sha256:")
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(Distrusted):
        list(shelf.prints(before))
    versions = Version(before, lambda: iter(old)), Version(after, lambda: iter(new))
    counts, _ = compare(*versions, shelf, samples=0)
    assert (counts.added, counts.removed, counts.changed) == (4, 4, 0)
    assert list(shelf.prints(before)) == list(shelf.printer.prints(old)), "and the shelf is mended"


def test_a_file_that_vanishes_in_between_is_distrusted(shelf):
    with pytest.raises(Distrusted):
        list(shelf.prints(dataset(3)[0]))


def test_what_was_used_longest_ago_makes_room(tmp_path):
    one = 16 + 16 * 4 + 16
    shelf = RowShelf(tmp_path, FOLDER, largest=2 * one)
    first, second = put(shelf, 1), put(shelf, 2)
    for age, kept in ((100, second), (50, first)):
        os.utime(tmp_path / FOLDER / kept.digest.removeprefix("sha256:"), ns=(10**18 - age, 10**18 - age))
    third = put(shelf, 3)
    assert [shelf.has(kept) for kept in (first, second, third)] == [True, False, True]
    assert not shelf.has(put(shelf, 4, rows=50)), "what is too large for the whole shelf is not kept at all"
    assert shelf.has(third)


def test_what_a_killed_run_left_half_written_is_swept_away_and_what_is_being_written_is_not(tmp_path, shelf):
    put(shelf, 1)
    old, new = (tmp_path / FOLDER / f"{'a' * 64}.{pid}.1" for pid in (1, 2))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    put(RowShelf(tmp_path, FOLDER), 2)  # a run looks through the shelf when it first puts something there
    assert not old.exists()
    assert new.exists()


def test_a_number_of_rows_that_is_not_the_datasets_is_not_kept(tmp_path, shelf):
    kept, rows = dataset(1)
    shelf.keep(kept, shelf.printer.prints(rows[:-1]))
    assert files(tmp_path) == ["key"]


def test_a_shelf_that_cannot_be_written_keeps_nothing_and_says_nothing(tmp_path):
    (tmp_path / ".tunectl").write_text("a file where the folder would be")
    shelf = RowShelf(tmp_path, FOLDER)
    assert not shelf.has(put(shelf, 1))


def test_a_reader_that_fails_leaves_nothing_behind(tmp_path, shelf):
    def broken():
        yield b"0" * 16
        raise RuntimeError

    with pytest.raises(RuntimeError):
        shelf.keep(dataset(1)[0], broken())
    assert files(tmp_path) == ["key"]
