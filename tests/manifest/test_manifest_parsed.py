"""What is remembered of a manifest says the same as the file, place by place; when in doubt it is parsed anew."""

from __future__ import annotations

import json
import os

import pytest

from reconciler import kept
from reconciler.manifest import parsed as parsing
from reconciler.manifest.parsed import Parsed
from reconciler.manifest.places import Places

CACHE = ".tunectl/manifests.json"
TEXT = """\
# a comment
kind: TunedModel
metadata: {name: a, labels: {a.b/c: x}, previousNames: [b, c]}
spec:
  list:
    - {one: 1.5, two: [yes, null, .nan, 0x10]}
    - plain
  again: &anchor {k: v}
  more: *anchor
---
second: document
"""


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Let files count as old enough to be remembered."""
    monkeypatch.setattr(kept, "_SETTLED", -(10**12))


class Desk:
    """One file, and what a run of its own says of it."""

    def __init__(self, root, monkeypatch) -> None:
        self.root = root
        self.parsings = 0
        self.file = root / "a.yaml"
        self.file.write_text(TEXT)
        parse = parsing.parse

        def counted(data, path):
            self.parsings += 1
            return parse(data, path)

        monkeypatch.setattr(parsing, "parse", counted)

    def look(self, cache=CACHE):
        self.parsings = 0
        parsed = Parsed(self.root, cache)
        documents, problems = parsed.documents("a.yaml")
        parsed.close()
        return documents, problems, self.parsings


@pytest.fixture
def desk(tmp_path, monkeypatch):
    return Desk(tmp_path, monkeypatch)


def places(documents):
    return [dict(Places("a.yaml", document.place).items()) for document in documents]


def test_values_and_places_are_the_same_from_the_cache(desk):
    first, _, parsed = desk.look()
    again, problems, parsed_again = desk.look()
    assert (parsed, parsed_again, problems) == (1, 0, [])
    assert repr([document.value for document in again]) == repr(
        [document.value for document in first]
    )  # nan is not nan
    assert places(again) == places(first)
    steps = [("metadata", "labels", "a.b/c"), ("spec", "list", 0, "two", 3), ("spec", "more", "k"), ("spec", "no"), ()]
    for path in [*steps, ("spec", "list", 9), ("spec", "list", "0"), ("kind", "deeper")]:
        was, is_now = first[0].place.find(path), desk.look()[0][0].place.find(path)
        assert (was and (was.line, was.column)) == (is_now and (is_now.line, is_now.column)), path


def test_another_content_is_parsed_anew(desk):
    desk.look()
    before = desk.file.stat()
    desk.file.write_text(TEXT.replace("plain", "other"))
    os.utime(desk.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    documents, _, parsed = desk.look()
    assert parsed == 1
    assert "other" in json.dumps(documents[0].value)


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: [\n", "dataset: {examples: [{text_input: canary, output: x}]}\n"])
def test_files_with_mistakes_and_files_with_rows_are_not_remembered(desk, text):
    desk.file.write_text(text)
    desk.look()
    assert desk.look()[2] == 1
    assert not (desk.root / CACHE).exists()


def test_without_a_cache_every_file_is_parsed(desk):
    desk.look(None)
    assert desk.look(None)[2] == 1


@pytest.mark.parametrize(
    "written", [7, [7], [[{}]], [[{}, "place"]], [[{}, [1]]], [[{}, [1, 2, 3, 4]]], [[{}, ["1", 2]]]]
)
def test_what_is_not_as_we_write_it_is_parsed_anew(desk, written):
    first = desk.look()[0]
    cache = json.loads((desk.root / CACHE).read_text())
    cache["files"]["a.yaml"][1] = written
    (desk.root / CACHE).write_text(json.dumps(cache))
    documents, _, parsed = desk.look()
    assert parsed == 1
    assert places(documents) == places(first)
