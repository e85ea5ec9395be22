"""YAML text becomes values with places, within bounds, and never takes the interpreter down."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.manifest import yamltext
from reconciler.manifest.places import Places
from reconciler.manifest.scalars import plain
from reconciler.manifest.yamltext import parse


def value_of(text: str):
    documents, problems = parse(text.encode(), "a.yaml")
    assert problems == []
    (document,) = documents
    return document.value


def problem_of(data: bytes) -> str:
    _, problems = parse(data, "a.yaml")
    (problem,) = problems
    return str(problem)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("", None),
        ("~", None),
        ("null", None),
        ("3", 3),
        ("-3", -3),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("2001-12-14", "2001-12-14"),
        ("=", "="),
        ("-", "-"),
        ("9" * 65, "9" * 65),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    assert plain(text) == value
    assert type(plain(text)) is type(value)


def test_not_a_number_is_a_float():
    assert plain(".nan") != plain(".nan")


def test_quotes_keep_text_as_text_and_tags_of_the_core_schema_are_honoured():
    assert value_of("{a: '3', b: \"true\", c: !!str 3, d: !!int 3, e: ! 3}") == {
        "a": "3",
        "b": "true",
        "c": "3",
        "d": 3,
        "e": "3",
    }


def test_keys_are_text_whatever_they_look_like():
    assert value_of("{1: a, no: b, null: c}") == {"1": "a", "no": "b", "null": "c"}


def test_documents_are_separate_and_empty_ones_are_left_out():
    documents, problems = parse(b"a: 1\n---\n---\n# nothing\n---\nb: 2\n", "a.yaml")
    assert problems == []
    assert [document.value for document in documents] == [{"a": 1}, {"b": 2}]
    assert [document.place.line for document in documents] == [1, 6]


def test_a_byte_order_mark_and_windows_line_ends_make_no_difference():
    documents, _ = parse(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - 2\r\n", "a.yaml")
    assert documents[0].value == {"a": 1, "b": [2]}
    assert Places("a.yaml", documents[0].place)["b.0"].line == 3


def test_every_key_and_item_has_its_place():
    documents, _ = parse(b"a:\n  b: {c: 1}\n  d:\n    - x\n    - e.f: 2\n", "a.yaml")
    places = Places("a.yaml", documents[0].place)
    assert {path: str(place) for path, place in places.items()} == {
        "": "a.yaml:1:1",
        "a": "a.yaml:1:1",
        "a.b": "a.yaml:2:3",
        "a.b.c": "a.yaml:2:7",
        "a.d": "a.yaml:3:3",
        "a.d.0": "a.yaml:4:7",
        "a.d.1": "a.yaml:5:7",
        "a.d.1.e.f": "a.yaml:5:7",
    }
    assert len(places) == 8
    assert "a.x" not in places
    assert "a.b.c.d" not in places
    assert "a..b" not in places
    assert str(places.nearest(("a", "d", 7, "g"))) == "a.yaml:3:3"


def test_an_alias_repeats_a_value_with_its_places():
    documents, _ = parse(b"a: &x {b: 1}\nc: *x\n", "a.yaml")
    assert documents[0].value == {"a": {"b": 1}, "c": {"b": 1}}
    places = Places("a.yaml", documents[0].place)
    assert str(places["c"]) == "a.yaml:2:1"
    assert str(places["c.b"]) == "a.yaml:1:8"


def test_an_equal_key_is_refused_with_both_lines_and_reading_goes_on():
    documents, problems = parse(b"a: 1\nb: [{c: 1,\n  c: 2}]\na: 3\na: 4\n", "a.yaml")
    assert [str(problem) for problem in problems] == [
        "a.yaml:3:3: b[0].c: set twice, on lines 2 and 3 (remove one of them)",
        "a.yaml:4:1: a: set twice, on lines 1 and 4 (remove one of them)",
        "a.yaml:5:1: a: set twice, on lines 1 and 5 (remove one of them)",
    ]
    assert documents[0].value == {"a": 1, "b": [{"c": 1}]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: b: c", "a.yaml:1:5: broken YAML: mapping values are not allowed in this context"),
        (b"a:\n\t- 1\n", "a.yaml:2:1: broken YAML: found character that cannot start any token"),
        (b"a: {b: 1\n", "a.yaml:1: broken YAML: did not find expected ',' or '}', while parsing a flow mapping"),
        (b"a: \xff\n", "a.yaml:1:4: is not UTF-8 from here on"),
        ("a: é\x07\n".encode(), "a.yaml:1:5: holds a character that YAML does not allow"),
        ("a: 1".encode("utf-16"), "a.yaml:1:1: is not UTF-8 from here on"),
        (b"a: *x", "a.yaml:1:4: an alias must come after the whole value it repeats"),
        (b"a: &x [1, *x]", "a.yaml:1:11: an alias must come after the whole value it repeats"),
        (b"--- &x a\n--- *x", "a.yaml:2:5: an alias must come after the whole value it repeats"),
        (b"a: &x 1\n*x : 2", "a.yaml:2:1: an alias cannot be a key"),
        (b"a: &x {b: 1}\nc: {<<: *x}", "a.yaml:2:5: merge keys (<<) are not part of YAML 1.2"),
        (b"a: !!python/object/apply:os.system [id]", "a.yaml:1:4: unknown tag"),
        (b"a: !secret x", "a.yaml:1:4: unknown tag"),
        (b"!x a: 1", "a.yaml:1:1: unknown tag"),
        (b"? [a]\n: 1", "a.yaml:1:3: a key must be a single word or text"),
        (b"? " + b"k" * 300 + b"\n: 1", "a.yaml:1:3: a key of more than 256 characters"),
        (b"a: " + b"x" * 300_000, "a.yaml: is larger than 256 KiB"),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_place(data, message):
    assert problem_of(data).startswith(message)


@pytest.mark.parametrize(
    ("data", "line", "way"),
    [
        (b"a:\n  b: 1\n c: 2\n", 3, "the keys of one mapping begin in one column"),
        (b"a\nb: 1\n", 2, "the keys of one mapping begin in one column"),
        (b"a: b: c", 1, "put text that has ': ' in it in quotes"),
        (b"a:\n  - 1\n  b: 2\n", 3, "the items of one list begin in one column"),
        (b"a: [1, 2\nb: 3\n", 2, "a bracket is still open"),
        (b"a: {b: 1\nc: 2\n", 2, "a bracket is still open"),
        (b'a: "x\nb: 1\n', 2, "a quotation mark is still open"),
        (b"a:\n\t- 1\n", 2, "indent with spaces, not tabs"),
    ],
)
def test_a_file_whose_yaml_is_broken_comes_with_what_is_most_often_behind_it(data, line, way):
    _, (problem,) = parse(data, "a.yaml")
    assert problem.location.line == line
    assert way in problem.hint


def test_documents_before_the_broken_one_are_kept():
    documents, problems = parse(b"a: 1\n---\nb: [\n", "a.yaml")
    assert [document.value for document in documents] == [{"a": 1}]
    assert len(problems) == 1


BILLION_LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 8))
BOMBS = {
    "open lists": ("[" * 100_000, "nested deeper than 64 levels"),
    "open mappings": ("{a: " * 60_000, "nested deeper than 64 levels"),
    "block lists": ("- " * 100_000, "nested deeper than 64 levels"),
    "block keys": ("".join(" " * i + "a:\n" for i in range(500)), "nested deeper than 64 levels"),
    "closed lists": ("[" * 100_000 + "]" * 100_000, "nested deeper than 64 levels"),
    "laughs": (BILLION_LAUGHS, "values, aliases written out"),
    "aliases": ("a: &x 1\nb: [" + ", ".join(["*x"] * 70) + "]", "more than 64 aliases"),
    "nodes": ("[" + "1," * 60_000 + "]", "more than 50,000 values"),
    "questions": ("? " * 100_000, "a key must be a single word or text"),
    "quotes": ("'" * 99_999, "a.yaml"),
    "anchors": ("&a " * 50_000, "a.yaml"),
    "tags": ("!" * 100_000, "a.yaml"),
}
CHILD = """
import resource, sys, time
from reconciler.manifest.yamltext import parse
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
_, problems = parse(data, "a.yaml")
print(time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
print(*problems, sep="\\n")
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_quickly_in_little_memory_and_the_interpreter_lives(name):
    """In a child process, so that a crash of the C parser fails this test and not the run."""
    text, message = BOMBS[name]
    child = subprocess.run(
        [sys.executable, "-c", CHILD], input=text.encode(), capture_output=True, check=False, timeout=60
    )
    assert child.returncode == 0, child.stderr
    figures, _, problems = child.stdout.decode().partition("\n")
    seconds, megabytes = figures.split()
    assert message in problems
    assert float(seconds) < 2
    assert int(megabytes) < 50


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text("ab:-[]{}&*!|>'\"%@`?, \n\t#", max_size=60).map(str.encode)))
def test_any_bytes_give_documents_or_problems_with_a_place(data):
    documents, problems = parse(data, "a.yaml")
    for problem in problems:
        assert problem.location is not None
        assert problem.location.file == "a.yaml"
    for document in documents:
        assert all(place.file == "a.yaml" for place in Places("a.yaml", document.place).values())


def test_the_pure_parser_serves_where_libyaml_is_missing(monkeypatch):
    monkeypatch.setattr(yamltext, "_LOADER", yamltext.yaml.SafeLoader)
    documents, problems = parse(b"a: {b: [1, no]}\nc: [\n", "a.yaml")
    assert documents == []
    assert problems[0].message.startswith("broken YAML")
    documents, problems = parse(b"a: {b: [1, no]}\n", "a.yaml")
    assert documents[0].value == {"a": {"b": [1, "no"]}}
    _, problems = parse(b"[" * 100_000, "a.yaml")
    assert problems[0].message == "nested deeper than 64 levels"
    _, problems = parse(b"a: \x07", "a.yaml")
    assert str(problems[0]).startswith("a.yaml:1:4: holds a character")
