"""A large dataset that has not changed is not read again; whenever that is in doubt, it is."""

from __future__ import annotations

import json
import os

import pytest

from reconciler import kept
from reconciler.core.resource import DatasetSource, ExampleLimits
from reconciler.dataset import Known, check, check_dataset, known
from reconciler.errors import Location

PLACE = Location("manifests/a.yaml", 7, 5)
CACHE = ".tunectl/datasets.json"
CANARY = "canary-51c0"
HOUR = 3_600_000_000_000


class Desk:
    """A project with one large dataset, a clock that tests turn, and a count of readings."""

    def __init__(self, root, monkeypatch) -> None:
        self.root = root
        self.file = root / "rows.jsonl"
        self.readings = 0
        self.late = HOUR
        self.write("2")
        reader = check.reader_of

        def counted(path):
            read = reader(path)

            def reading(file, columns):
                self.readings += 1
                return read(file, columns)

            return reading

        monkeypatch.setattr(check, "reader_of", counted)

    def write(self, answer: str, *, rows: int = 3000) -> None:
        row = {"text_input": "a question", "output": answer}
        lines = (json.dumps({**row, "text_input": f"{CANARY} question {number:06d}"}) for number in range(rows))
        self.file.write_text("\n".join(lines) + "\n")

    def now(self) -> int:
        return self.file.stat().st_ctime_ns + self.late

    def look(self, *, limits: ExampleLimits | None = None, times: int = 1, **source):
        """Check as a run of its own would, and return the report and how often the file was read."""
        self.readings = 0
        remembered = Known(self.root, CACHE, now=self.now)
        wanted = DatasetSource(location=PLACE, path="rows.jsonl", **source)
        for _ in range(times):
            report = check_dataset(self.root, wanted, limits or ExampleLimits(), known=remembered)
        remembered.save()
        return report, self.readings


@pytest.fixture
def desk(tmp_path, monkeypatch):
    return Desk(tmp_path, monkeypatch)


def test_a_second_run_reads_nothing_and_says_the_same(desk):
    first, readings = desk.look()
    assert (first.dataset.examples, readings) == (3000, 1)
    again, readings = desk.look()
    assert (again, readings) == (first, 0)
    assert again.dataset.characters == first.dataset.characters == 3000 * len(f"{CANARY} question 0000002")


def test_within_a_run_a_file_is_read_once_however_small_and_however_often_it_is_named(desk):
    desk.write("2", rows=3)
    desk.late = 0
    assert desk.look(times=5)[1] == 1


def test_warnings_are_told_again_from_the_cache(desk):
    desk.file.write_text(desk.file.read_text() + desk.file.read_text().splitlines()[0] + "\n")
    first, _ = desk.look()
    assert [problem.severity for problem in first.problems] == ["warning"]
    assert desk.look() == (first, 0)


def changed_content(desk):
    desk.write("3")


def changed_content_and_time_put_back(desk):
    before = desk.file.stat()
    desk.write("3")
    os.utime(desk.file, ns=(before.st_atime_ns, before.st_mtime_ns))


def another_file_in_its_place(desk):
    before = desk.file.stat()
    other = desk.file.with_suffix(".new")
    other.write_bytes(desk.file.read_bytes().replace(b'"2"', b'"3"'))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(desk.file)


def one_row_more(desk):
    with desk.file.open("a") as file:
        file.write('{"text_input": "x", "output": "y"}\n')


@pytest.mark.parametrize(
    "change", [changed_content, changed_content_and_time_put_back, another_file_in_its_place, one_row_more]
)
def test_whatever_changes_the_file_has_it_read_again(desk, change):
    first, _ = desk.look()
    change(desk)
    second, readings = desk.look()
    assert readings == 1
    assert second.dataset != first.dataset


@pytest.mark.parametrize("asked", [{"input_key": "text_input"}, {"limits": ExampleLimits(1000, 1000)}])
def test_another_question_about_the_same_file_is_another_reading(desk, asked):
    desk.look()
    assert desk.look(**asked)[1] == 1


@pytest.mark.parametrize("late", [-HOUR, 0, 1_999_999_999])
def test_a_file_that_was_written_just_now_or_in_the_future_is_not_remembered(desk, late):
    """It could be written once more within the same tick of the clock, and nobody would see it."""
    desk.late = late
    desk.look()
    assert not (desk.root / CACHE).exists()
    assert desk.look()[1] == 1
    desk.late = 2_000_000_000
    desk.look()
    assert desk.look()[1] == 0


def test_a_file_that_changes_while_it_is_read_is_not_remembered(desk, monkeypatch):
    stamps = iter((known.Stamp(1, 1, 10**6, 1, 1), known.Stamp(1, 1, 10**6, 2, 1)))
    monkeypatch.setattr(check, "stamp_of", lambda _: next(stamps))
    desk.look()
    assert not (desk.root / CACHE).exists()


def test_small_files_are_remembered_too(desk):
    desk.write("2", rows=3)
    desk.look()
    assert desk.look()[1] == 0


def test_bad_files_are_not_remembered(desk):
    desk.write(" ")
    desk.look()
    assert not (desk.root / CACHE).exists()


def test_the_cache_holds_no_word_of_a_row(desk):
    desk.file.write_text(desk.file.read_text() + desk.file.read_text().splitlines()[0] + "\n")
    desk.look()
    assert CANARY not in (desk.root / CACHE).read_text()


KEY = "rows.jsonl\0text_input\0textInput\0output\0None\0None"


def files(content):
    return json.dumps({"format": known.FORMAT, "files": content})


def verdict(desk, *content):
    """A cache that speaks of just the file that is there, and says this of it."""
    with desk.file.open("rb") as file:
        return files({KEY: [list(known.stamp_of(file)), *content]})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        "\ud800",
        '{"format": "tunectl.datasets/v9", "files": {}}',
        f'{{"format": "{known.FORMAT}"}}',
        files([1]),
        files({KEY: 1}),
        files({KEY: [[1, 2, 3], ["sha256:0", 3, 9, []]]}),
        files({KEY: ["12345", ["sha256:0", 3, 9, []]]}),
    ],
)
def test_a_broken_cache_is_no_cache_and_is_replaced(desk, content):
    (desk.root / ".tunectl").mkdir()
    (desk.root / CACHE).write_bytes(content.encode("utf-8", "surrogatepass"))
    first, readings = desk.look()
    assert (first.dataset.examples, readings) == (3000, 1)
    assert desk.look() == (first, 0)


@pytest.mark.parametrize(
    "content",
    [
        [],
        [["sha256:0", 3, 9, []], "more"],
        ["sha256:0"],
        [[None, 3, 9, []]],
        [["sha256:0", "3", 9, []]],
        [["sha256:0", 3, "9", []]],
        [["sha256:0", True, 9, []]],
        [["sha256:0", 3, 9, [["x", "y"]]]],
        [["sha256:0", 3, 9, [[1, 2]]]],
        [["sha256:0", 3, 9, 7]],
    ],
)
def test_a_verdict_that_is_not_as_we_write_it_is_none(desk, content):
    (desk.root / ".tunectl").mkdir()
    (desk.root / CACHE).write_text(verdict(desk, *content))
    report, readings = desk.look()
    assert (report.dataset.examples, readings) == (3000, 1)


def test_a_cache_that_is_too_large_is_not_read(desk, monkeypatch):
    desk.look()
    monkeypatch.setattr(kept, "LARGEST", 10)
    assert desk.look()[1] == 1


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(desk):
    (desk.root / ".tunectl").write_text("a file where the folder should be")
    report, _ = desk.look()
    assert report.problems == ()


def test_the_cache_is_never_written_through_a_link(desk, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (desk.root / ".tunectl").symlink_to(outside)
    desk.look()
    assert list(outside.iterdir()) == []
    (desk.root / ".tunectl").unlink()
    (desk.root / ".tunectl").mkdir()
    (desk.root / CACHE).symlink_to(outside / "victim")
    desk.look()
    assert list(outside.iterdir()) == []


def test_a_full_cache_keeps_what_this_run_has_asked_for(desk, monkeypatch):
    desk.look()
    monkeypatch.setattr(kept, "_MOST", 1)
    desk.look(input_key="text_input")
    assert desk.look(input_key="text_input")[1] == 0
    assert desk.look()[1] == 1
