"""Every row of a dataset is read, checked and digested; the format makes no difference, the content does."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.canonical import canonical_json
from reconciler.core.examples import digest_line, digest_of
from reconciler.core.resource import Dataset, DatasetSource, Example, ExampleLimits
from reconciler.dataset import DatasetReport, check_dataset, read_examples, repeats, rows
from reconciler.errors import Location, ProblemsError

CANARY = "canary-7f3a9c"
PLACE = Location("manifests/a.yaml", 7, 5)
EXAMPLES = (
    Example("1", "2"),
    Example("twenty two", "twenty three"),
    Example('a "quoted", piece', "two\nlines\r\nand\ttab \\ back"),
    Example("é 模 😀 \u2028", " padded "),
)


@pytest.fixture
def check(tmp_path):
    """Write a dataset and check it."""

    def run(name: str, content: str | bytes, **source) -> DatasetReport:
        limits = source.pop("limits", ExampleLimits())
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        (tmp_path / name).write_bytes(data)
        wanted = DatasetSource(location=PLACE, path=name, **source)
        report = check_dataset(tmp_path, wanted, limits)
        assert CANARY not in "".join(str(problem) for problem in report.problems)
        if report.dataset is not None:
            examples = list(read_examples(tmp_path, wanted))
            assert report.dataset == Dataset(digest_of(examples), len(examples))
            assert report.dataset.characters == sum(len(each.input) + len(each.output) for each in examples)
        return report

    return run


def told(report: DatasetReport) -> list[str]:
    return [str(problem) for problem in report.problems]


def as_csv(delimiter: str, header: tuple[str, ...] = ("text_input", "output"), line_end: str = "\r\n") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([header, *((each.input, each.output) for each in EXAMPLES)])
    return text.getvalue()


def as_objects(text_input: str = "text_input", output: str = "output") -> list[dict[str, str]]:
    return [{text_input: each.input, output: each.output} for each in EXAMPLES]


def as_lines(objects: list[dict[str, str]], line_end: str = "\n", **options) -> str:
    return "".join(json.dumps(each, **options) + line_end for each in objects)


SPELLINGS = {
    "a.jsonl": as_lines(as_objects()),
    "unescaped.jsonl": as_lines(as_objects(), ensure_ascii=False),
    "windows.jsonl": as_lines(as_objects("textInput"), "\r\n"),
    "spaced.ndjson": "\n \n" + as_lines(as_objects(), "\n\n\t\n", indent=None, separators=(" , ", " : ")),
    "unended.jsonl": as_lines(as_objects()).rstrip("\n"),
    "bom.jsonl": b"\xef\xbb\xbf" + as_lines(as_objects()).encode(),
    "turned.jsonl": as_lines([{"output": each.output, "id": 7, "text_input": each.input} for each in EXAMPLES]),
    "CAPS.JSONL": as_lines(as_objects()),
    "a.json": json.dumps(as_objects()),
    "indented.json": "\ufeff  " + json.dumps(as_objects(), indent=4, ensure_ascii=False) + "\n\n",
    "a.csv": as_csv(","),
    "unix.csv": as_csv(",", line_end="\n"),
    "bom.csv": b"\xef\xbb\xbf" + as_csv(",", ("textInput", "output")).encode(),
    "blank.csv": "\n\n" + as_csv(",") + "\r\n\r\n",
    "a.tsv": as_csv("\t"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_one_content_has_one_digest_in_every_format(check, name):
    report = check(name, SPELLINGS[name])
    assert report == DatasetReport(Dataset(digest_of(EXAMPLES), 4), ())


def test_inline_examples_have_the_digest_of_a_file(tmp_path):
    source = DatasetSource(location=PLACE, inline=tuple((each, PLACE) for each in EXAMPLES))
    assert check_dataset(tmp_path, source, ExampleLimits()) == DatasetReport(Dataset(digest_of(EXAMPLES), 4), ())
    assert tuple(read_examples(tmp_path, source)) == EXAMPLES


def test_columns_may_have_other_names(check):
    report = check("a.jsonl", as_lines(as_objects("question", "answer")), input_key="question", output_key="answer")
    assert report.dataset == Dataset(digest_of(EXAMPLES), 4)
    report = check("a.csv", as_csv(",", ("output", "text_input")), input_key="output", output_key="text_input")
    assert report.dataset == Dataset(digest_of(EXAMPLES), 4)


def test_the_digest_is_the_one_that_is_documented():
    assert digest_of([Example("1", "2"), Example("two", "three")]) == (
        "sha256:f50953fc7c6b187e6606de0c427d38364390183265dad65677a7c22ab4baddcf"
    )
    assert digest_of([]) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.text(), st.text())
def test_a_line_of_the_digest_is_canonical_json(text, output):
    assert digest_line(text, output) == canonical_json([text, output]) + b"\n"


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4), st.lists(st.tuples(st.text(), st.text()), max_size=4))
def test_different_examples_have_different_digests(left, right):
    same = digest_of(Example(*each) for each in left) == digest_of(Example(*each) for each in right)
    assert same == (left == right)


def test_one_character_or_the_order_changes_the_digest():
    digests = {
        digest_of(examples)
        for examples in (
            EXAMPLES,
            EXAMPLES[::-1],
            EXAMPLES[:3],
            (Example("1", "2 "), *EXAMPLES[1:]),
            (Example("12", ""), *EXAMPLES[1:]),
        )
    }
    assert len(digests) == 5


ROWS = [
    ("{}", "a.jsonl:2: text_input is missing"),
    ('{"text_input": "CANARY"}', "a.jsonl:2: output is missing"),
    ('{"output": "CANARY"}', "a.jsonl:2: text_input is missing"),
    ('{"text_input": "", "output": "CANARY"}', "a.jsonl:2: text_input is empty"),
    ('{"text_input": " \\n\\t", "output": "CANARY"}', "a.jsonl:2: text_input is empty"),
    ('{"text_input": "CANARY", "output": ""}', "a.jsonl:2: output is empty"),
    ('{"text_input": 1, "output": "CANARY"}', "a.jsonl:2: text_input must be text, not a number (put it in quotes)"),
    ('{"text_input": "CANARY", "output": 2.5}', "a.jsonl:2: output must be text, not a number (put it in quotes)"),
    (
        '{"text_input": "CANARY", "output": true}',
        "a.jsonl:2: output must be text, not true or false (put it in quotes)",
    ),
    ('{"text_input": "CANARY", "output": null}', "a.jsonl:2: output must be text, not null (put it in quotes)"),
    ('{"text_input": ["CANARY"], "output": "a"}', "a.jsonl:2: text_input must be text, not a list (put it in quotes)"),
    (
        '{"text_input": {"x": "CANARY"}, "output": "a"}',
        "a.jsonl:2: text_input must be text, not an object (put it in quotes)",
    ),
    ('{"text_input": "CANARY", "textInput": "b", "output": "c"}', "a.jsonl:2: has both text_input and textInput"),
    ('{"text_input": "CANARY", "output": "b", "output": "c"}', "a.jsonl:2: sets a key twice"),
    ('["CANARY", "b"]', "a.jsonl:2: must be an object with text_input and output"),
    ('"CANARY"', "a.jsonl:2: must be an object with text_input and output"),
    ("NaN", "a.jsonl:2: must be an object with text_input and output"),
    ('{"text_input": "CANARY"', "a.jsonl:2:31: broken JSON: Expecting ',' delimiter"),
    ('{"text_input": "CANARY" "output": "b"}', "a.jsonl:2:32: broken JSON: Expecting ',' delimiter"),
    ("CANARY", "a.jsonl:2:1: broken JSON: Expecting value"),
    ('{"text_input": "a", "output": "b"} CANARY', "a.jsonl:2:36: broken JSON: Extra data"),
    ('{"text_input": "a\tCANARY", "output": "b"}', "a.jsonl:2:18: broken JSON: Invalid control character at"),
    ("[" * 100_000, "a.jsonl:2: broken JSON: nested too deeply, or a number too long"),
    ('{"x": ' + "9" * 5_000 + "}", "a.jsonl:2: broken JSON: nested too deeply, or a number too long"),
    (
        '{"text_input": "\\ud800CANARY", "output": "b"}',
        "a.jsonl:2: holds half of a surrogate pair, which is no character",
    ),
]


@pytest.mark.parametrize(("row", "message"), ROWS, ids=lambda text: text[:50])
def test_a_bad_row_is_told_by_its_line_and_never_quoted(check, row, message):
    good = '{"text_input": "1", "output": "2"}\n'
    report = check("a.jsonl", good + row.replace("CANARY", CANARY) + "\n" + good.replace("1", "3"))
    assert told(report) == [message]
    assert report.dataset is None


def test_rows_after_a_bad_one_are_still_checked(check):
    report = check("a.jsonl", '{"text_input": "1", "output": "2"}\n{\n\n[]\n{"output": "x"}')
    assert [problem.location.line for problem in report.problems] == [2, 4, 5]


def test_many_bad_rows_are_counted_not_listed(check):
    report = check("a.jsonl", "{}\n" * 1_020)
    assert told(report)[-2:] == ["a.jsonl:20: text_input is missing", "a.jsonl: and 1,000 more rows are wrong"]
    assert len(report.problems) == 21


def test_examples_too_long_for_the_base_model_are_told_with_both_numbers(check):
    objects = [{"text_input": "é" * 40_001, "output": "y"}, {"text_input": "é" * 40_000, "output": "y" * 5_001}]
    limits = ExampleLimits(input_characters=40_000, output_characters=5_000)
    assert told(check("a.jsonl", as_lines(objects, ensure_ascii=False), limits=limits)) == [
        "a.jsonl:1: text_input has 40,001 characters, the base model takes 40,000",
        "a.jsonl:2: output has 5,001 characters, the base model takes 5,000",
    ]
    assert check("a.jsonl", as_lines(objects)).dataset is not None, "without published limits nothing is too long"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,CANARY\n", "a.csv:1: the header has no column text_input and no column output"),
        ("text_input,CANARY\n", "a.csv:1: the header has no column output"),
        ("CANARY,output\n", "a.csv:1: the header has no column text_input"),
        ("text_input,output,text_input\n", "a.csv:1: the header names a column twice"),
        ("text_input,textInput,output\n", "a.csv:1: the header has both text_input and textInput"),
        ("text_input;output\na;b\n", "a.csv:1: the header has no column text_input and no column output"),
        ("text_input,output\nCANARY\n", "a.csv:2: has 1 cell, the header has 2"),
        ('text_input,output\n"two\nlines",b\nCANARY,b,c\n', "a.csv:4: has 3 cells, the header has 2"),
        ("text_input,output\nCANARY,\n", "a.csv:2: output is empty"),
        ('text_input,output\na,b\n"CANARY,b\nc,d\n', "a.csv:3: cannot be split into cells: a quote is misplaced"),
        ('text_input,output\n"CANARY"x,b\n', "a.csv:2: cannot be split into cells: a quote is misplaced"),
        (f"text_input,output\n{'x' * 140_000},b\n", "a.csv:2: cannot be split into cells: a quote is misplaced"),
        ("text_input,output\r\na\rCANARY,b\r\n", "a.csv:2: cannot be split into cells"),
    ],
)
def test_bad_cells_are_told_by_the_line_their_row_starts_on(check, content, message):
    report = check("a.csv", content.replace("CANARY", CANARY))
    assert len(report.problems) == 1
    assert told(report)[0].startswith(message)
    assert report.dataset is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.json:1: broken JSON: expected a list of objects"),
        ('{"text_input": "CANARY"}', "a.json:1: broken JSON: expected a list of objects"),
        ('[\n{"text_input": "a", "output": "b"}\n', "a.json:3: broken JSON: expected ',' or the end of the list"),
        (
            '[\n{"text_input": "a", "output": "b"}]\nCANARY',
            "a.json:2: broken JSON: expected ',' or the end of the list",
        ),
        ('[\n{"text_input": "a", "output": "b"},\n]', "a.json:3:1: broken JSON: Expecting value"),
        ('[{"text_input": "a",\n"output": CANARY}]', "a.json:2:11: broken JSON: Expecting value"),
        ('[{"text_input": "a", "output": "b"},\n\n{"output": "CANARY"}\n]', "a.json:3: text_input is missing"),
        ('[\n{"a": 1, "a": 2}]', "a.json:2: sets a key twice"),
        ("[" * 100_000, "a.json:1: broken JSON: nested too deeply, or a number too long"),
        ("[,]", "a.json:1:2: broken JSON: Expecting value"),
    ],
)
def test_bad_json_lists_are_told_by_line(check, content, message):
    assert told(check("a.json", content.replace("CANARY", CANARY))) == [message]


def test_a_json_file_of_any_size_is_not_read(check, monkeypatch):
    monkeypatch.setattr(rows, "MAX_JSON", 1 << 20)
    assert told(check("a.json", " " * ((1 << 20) + 1))) == [
        "a.json:1: is larger than 1 MiB (use .jsonl, which may be of any size)"
    ]


def test_a_line_of_any_length_is_not_read(check, monkeypatch):
    monkeypatch.setattr("reconciler.dataset.files.MAX_LINE", 1 << 20)
    assert told(check("a.jsonl", "{}\n" + "x" * (1 << 20))) == [
        "a.jsonl:1: text_input is missing",
        "a.jsonl:2:1: broken JSON: Expecting value",
    ]
    assert told(check("a.jsonl", "x" * ((1 << 20) + 1))) == ["a.jsonl:1: the line is longer than 1 MiB"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json", "a.tsv"])
def test_what_is_not_utf_8_is_told_by_line_and_column(check, name):
    report = check(name, SPELLINGS[name].encode().replace(b"22", b"").replace(b"twenty two", b"tw\xe9"))
    (message,) = told(report)
    assert message.endswith("is not UTF-8 from here on (save the file as UTF-8)")
    line = 1 if name == "a.json" else 2 if name == "a.jsonl" else 3
    assert message.startswith(f"{name}:{line}:")


def test_utf_16_is_recognised(check):
    assert told(check("a.csv", "text_input,output".encode("utf-16"))) == ["a.csv:1: is UTF-16 (save the file as UTF-8)"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", ""),
        ("a.jsonl", "\n \n"),
        ("a.json", "[]"),
        ("a.json", " [ ] "),
        ("a.csv", ""),
        ("a.csv", "text_input,output\n"),
        ("a.tsv", "\ufeff"),
    ],
)
def test_a_dataset_without_examples_is_an_error_where_the_manifest_names_it(check, name, content):
    assert told(check(name, content)) == [f"manifests/a.yaml:7:5: dataset '{name}' holds no examples"]


def test_no_inline_examples_are_an_error_too(tmp_path):
    report = check_dataset(tmp_path, DatasetSource(location=PLACE), ExampleLimits())
    assert told(report) == ["manifests/a.yaml:7:5: the dataset holds no examples"]


def test_an_inline_example_is_told_by_its_place_in_the_manifest(tmp_path):
    places = [Location("manifests/a.yaml", 10, 9), Location("manifests/a.yaml", 10, 40)]
    source = DatasetSource(location=PLACE, inline=((Example("a", "b"), places[0]), (Example(CANARY, " "), places[1])))
    assert told(check_dataset(tmp_path, source, ExampleLimits())) == ["manifests/a.yaml:10:40: output is empty"]


@pytest.mark.parametrize("name", ["a.txt", "a", "a.parquet", "jsonl"])
def test_an_unknown_format_is_refused_with_the_known_ones(check, name):
    assert told(check(name, "")) == [
        f"manifests/a.yaml:7:5: dataset '{name}' is of no known format: .jsonl, .ndjson, .json, .csv, .tsv"
    ]


class TestWarnings:
    def test_a_row_that_repeats_another_is_told_with_both_lines(self, check):
        report = check("a.csv", f"text_input,output\na,1\nb,2\na,1\n\n{CANARY},3\na,1\n{CANARY},3\n")
        assert told(report) == [
            "a.csv:4: 3 rows repeat an earlier row exactly: line 4 (line 2), line 7 (line 2), line 8 (line 6)"
        ]
        assert [problem.severity for problem in report.problems] == ["warning"]
        assert report.dataset is not None
        assert report.dataset.examples == 6

    def test_one_input_with_two_outputs_is_told_with_both_lines(self, check):
        report = check("a.csv", f"text_input,output\n{CANARY},1\nb,2\n{CANARY},{CANARY}\n")
        assert told(report) == ["a.csv:4: 1 row gives an earlier row's input another output: line 4 (line 2)"]
        assert report.problems[0].severity == "warning"

    def test_many_are_counted(self, check):
        report = check("a.csv", "text_input,output\na,1\n" + "a,1\n" * 1_000 + "a,2\n" * 7)
        assert [message.rpartition(")")[2] for message in told(report)] == [" and 995 more", " and 2 more"]

    def test_errors_and_warnings_come_together(self, check):
        report = check("a.csv", "text_input,output\na,1\na,1\n,1\n")
        assert [problem.severity for problem in report.problems] == ["error", "warning"]
        assert report.dataset is None

    def test_memory_for_them_is_bounded_and_what_is_remembered_still_counts(self, monkeypatch):
        monkeypatch.setattr(repeats, "_REMEMBERED", 3)
        seen = repeats.Repeats()
        for line, text in enumerate("abcdeeab", 1):
            seen.see(line, text, "x")
        (warning,) = seen.warnings(lambda line: Location("a", line))
        assert str(warning) == "a:7: 2 rows repeat an earlier row exactly: line 7 (line 1), line 8 (line 2)"


class TestValidation:
    def test_is_checked_the_same_way_and_is_no_part_of_the_digest(self, check, tmp_path):
        (tmp_path / "eval.csv").write_text("question,answer\na,b\n,c\n")
        report = check(
            "a.jsonl",
            as_lines(as_objects("question", "answer")),
            validation="eval.csv",
            input_key="question",
            output_key="answer",
        )
        assert told(report) == ["eval.csv:3: question is empty"]
        assert report.dataset == Dataset(digest_of(EXAMPLES), 4)

    def test_that_is_missing_is_told(self, check):
        report = check("a.jsonl", as_lines(as_objects()), validation="eval.csv")
        assert told(report) == ["manifests/a.yaml:7:5: dataset 'eval.csv' does not exist"]

    def test_may_stand_beside_inline_examples(self, tmp_path):
        (tmp_path / "eval.jsonl").write_text("{}")
        source = DatasetSource(location=PLACE, inline=((EXAMPLES[0], PLACE),), validation="eval.jsonl")
        report = check_dataset(tmp_path, source, ExampleLimits())
        assert told(report) == ["eval.jsonl:1: text_input is missing"]


def test_reading_raises_at_the_first_row_that_is_none(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text_input": "1", "output": "2"}\n{}\n')
    examples = read_examples(tmp_path, DatasetSource(location=PLACE, path="a.jsonl"))
    assert next(examples) == Example("1", "2")
    with pytest.raises(ProblemsError) as caught:
        next(examples)
    assert [str(problem) for problem in caught.value.problems] == ["a.jsonl:2: text_input is missing"]


def test_a_failing_disk_is_told(check, monkeypatch):
    def fail(file, columns):
        yield 1, "a", "b", None
        raise OSError(5, "Input/output error")

    monkeypatch.setitem(rows.FORMATS, ".jsonl", fail)
    assert told(check("a.jsonl", "")) == ["manifests/a.yaml:7:5: dataset 'a.jsonl' cannot be read: Input/output error"]


@pytest.mark.parametrize("name", ["big.jsonl", "big.csv"])
def test_a_large_file_needs_little_memory(tmp_path, name):
    """Eight megabytes pass through under two; the rows are equal so that remembering them costs nothing."""
    row = (
        json.dumps({"text_input": "x" * 500, "output": "y" * 500}) if name.endswith("l") else f"{'x' * 500},{'y' * 500}"
    )
    head = "" if name.endswith("l") else "text_input,output\n"
    (tmp_path / name).write_text(head + (row + "\n") * 8_000)
    tracemalloc.start()
    try:
        report = check_dataset(tmp_path, DatasetSource(location=PLACE, path=name), ExampleLimits(40_000, 5_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.dataset is not None
    assert report.dataset.examples == 8_000
    assert peak < 2_000_000
