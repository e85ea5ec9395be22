"""``tunectl fmt``: rewrites what is not in style, says which, and harms no file."""

from __future__ import annotations

import io

import pytest

HEAD = "apiVersion: tunectl/v1\nkind: TunedModel\nmetadata: {name: b}\n# base\n"
UNTIDY = f"{HEAD}spec:\n    baseModel:   models/text-bison-001\n"
TIDY = f"{HEAD}spec:\n  baseModel: models/text-bison-001\n"


@pytest.fixture
def untidy(workshop):
    workshop.write("manifests/b.yaml", UNTIDY)
    workshop.write("manifests/c.yaml", TIDY)
    (workshop.root / "manifests/numbers.yaml").unlink(missing_ok=True)
    workshop.write("tunectl.yaml", "kind: Project\napiVersion: tunectl/v1\nmetadata: {name: demo}\n")
    return workshop


def text_of(workshop, path):
    return (workshop.root / path).read_text()


def test_rewrites_what_is_not_in_style_and_lists_it(untidy):
    (untidy.root / "manifests/b.yaml").chmod(0o640)
    assert untidy.run("fmt").out.splitlines() == ["manifests/b.yaml", "tunectl.yaml"]
    assert text_of(untidy, "manifests/b.yaml") == TIDY
    assert (untidy.root / "manifests/b.yaml").stat().st_mode & 0o777 == 0o640
    assert untidy.run("fmt").out == ""
    assert sorted(path.name for path in (untidy.root / "manifests").glob(".*")) == []


def test_check_and_diff_change_nothing_and_tell(untidy):
    assert untidy.run("fmt", "--check", expect=1).out.splitlines() == ["manifests/b.yaml", "tunectl.yaml"]
    shown = untidy.run("fmt", "--check", "--diff", "manifests/b.yaml", expect=1).out
    assert "-    baseModel:   models/text-bison-001" in shown
    assert "+  baseModel: models/text-bison-001" in shown
    assert untidy.run("fmt", "--diff", "manifests/c.yaml").out == ""
    assert text_of(untidy, "manifests/b.yaml") == UNTIDY


def test_a_broken_file_is_told_with_its_place_and_the_others_are_done(untidy):
    untidy.write("manifests/a.yaml", "a: [\n")
    ended = untidy.run("fmt", expect=1)
    assert "manifests/a.yaml:" in ended.err
    assert text_of(untidy, "manifests/b.yaml") == TIDY
    assert text_of(untidy, "manifests/a.yaml") == "a: [\n"


def test_standard_input_is_a_filter(untidy, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(UNTIDY.encode())))
    assert untidy.run("fmt", "-").out == TIDY


@pytest.mark.parametrize("path", ["manifests/none.yaml", "../elsewhere.yaml"])
def test_a_path_that_names_nothing_is_an_error(untidy, path):
    assert path.rpartition("/")[2] in untidy.fails(1, "fmt", path)


def test_a_link_stays_a_link(untidy):
    untidy.write("real.txt", UNTIDY)
    (untidy.root / "manifests/link.yaml").symlink_to("../real.txt")
    untidy.run("fmt", "manifests/link.yaml")
    assert (untidy.root / "manifests/link.yaml").is_symlink()
    assert text_of(untidy, "real.txt") == TIDY
