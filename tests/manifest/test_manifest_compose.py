"""Manifests as text: whatever a service sends is read back as it was, and new files never take an old one's place."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import TunectlError
from reconciler.manifest.compose import compose, scalar
from reconciler.manifest.writing import make_folder, take_away, take_folders_away, write_new
from reconciler.manifest.yamltext import parse

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def composed(spec, *, folder="manifests", head=(), notes=(), labels=(), lifecycle=()):
    return compose(
        "x", spec, folder=folder, head=head, notes=dict(notes), labels=dict(labels), lifecycle=dict(lifecycle)
    )


def read_back(text):
    documents, problems = parse(text.encode(), "x.yaml")
    assert problems == []
    (document,) = documents
    return document.value


@settings(deadline=None)
@given(texts)
def test_every_text_is_read_back_as_it_was(text):
    assert read_back(composed({"description": text}))["spec"]["description"] == text


ODD = ["true", "null", "1.5", "~", "- x", "a: b", "a #b", " x", "x ", "", "'", '"', "\x85", "\U0001f916", "\u2028"]


@pytest.mark.parametrize("text", ODD)
def test_texts_that_yaml_would_take_for_something_else_stay_texts(text):
    assert read_back(composed({"description": text}))["spec"]["description"] == text


@settings(deadline=None)
@given(texts, texts)
def test_no_comment_escapes_into_the_document(head, note):
    text = composed({"baseModel": "b"}, head=[head], notes=[(head, note)])
    assert read_back(text) == {
        "apiVersion": "tunectl/v1",
        "kind": "TunedModel",
        "metadata": {"name": "x"},
        "spec": {"baseModel": "b"},
    }


def test_a_manifest_reads_well():
    text = composed(
        {
            "displayName": "number generator",
            "source": {"tunedModel": "tunedModels/p"},
            "hyperparameters": {"epochCount": 3, "learningRate": 1e-05},
            "temperature": 0.7,
            "permissions": [{"role": "READER", "everyone": True}],
        },
        folder="a/b",
        head=["One line."],
        notes={"topK": "0 is no whole number from 1"},
        labels={"team": "math"},
        lifecycle={"protect": True, "ignore": ["topK"]},
    )
    assert text == (
        "# yaml-language-server: $schema=../../schemas/tunedmodel.schema.json\n"
        "# One line.\n"
        "apiVersion: tunectl/v1\n"
        "kind: TunedModel\n"
        "metadata:\n"
        "  name: x\n"
        "  labels: {team: math}\n"
        "spec:\n"
        "  displayName: number generator\n"
        "  source: {tunedModel: tunedModels/p}\n"
        "  hyperparameters: {epochCount: 3, learningRate: 1e-05}\n"
        "  temperature: 0.7\n"
        "  permissions:\n"
        "    - {role: READER, everyone: true}\n"
        "  # topK is not managed: 0 is no whole number from 1\n"
        "  lifecycle: {protect: true, ignore: [topK]}\n"
    )
    assert read_back(text)["spec"]["hyperparameters"] == {"epochCount": 3, "learningRate": 1e-05}


def test_a_name_that_reads_as_something_else_is_in_quotes():
    text = compose("true", {}, folder="", head=[], notes={}, labels={}, lifecycle={})
    assert read_back(text)["metadata"] == {"name": "true"}


def test_an_empty_list_stays_one():
    assert read_back(composed({"permissions": []}))["spec"]["permissions"] == []


@pytest.mark.parametrize(("folder", "up"), [(".", ""), ("", ""), ("m", "../"), ("a/b/c", "../../../")])
def test_the_schema_is_found_from_every_folder(folder, up):
    assert f"$schema={up}schemas/" in composed({}, folder=folder)


def test_plain_words_need_no_quotes():
    assert [scalar(value) for value in ("models/text-bison-001", "a@b.c", True, 3)] == [
        "models/text-bison-001",
        "a@b.c",
        "true",
        "3",
    ]


OTHERWISE = [
    "yes",
    "No",
    "ON",
    "off",
    "y",
    "N",
    "true",
    "Null",
    "~",
    "12",
    "0x1f",
    "1:30",
    "2024-01-02",
    "1e3",
    ".inf",
    "",
]


@pytest.mark.parametrize("text", OTHERWISE)
def test_text_that_any_reader_of_yaml_takes_for_something_else_is_quoted(text):
    assert scalar(text) == f'"{text}"'
    assert yaml.safe_load(scalar(text)) == text


@pytest.mark.parametrize("folder", [".", "manifests", "a/b/c"])
def test_a_new_file_is_made_and_taken_away(tmp_path, folder):
    made = make_folder(tmp_path, folder)
    assert make_folder(tmp_path, folder) == []
    write_new(tmp_path, folder, "x.yaml", "text\n")
    assert (tmp_path / folder / "x.yaml").read_text() == "text\n"
    take_away(tmp_path, folder, "x.yaml")
    take_away(tmp_path, folder, "x.yaml")
    assert list((tmp_path / folder).iterdir()) == []
    take_folders_away(tmp_path, made)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_in_use_stays(tmp_path):
    made = make_folder(tmp_path, "a/b")
    (tmp_path / "a" / "notes").write_text("")
    take_folders_away(tmp_path, made)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["notes"]


def test_nothing_is_overwritten_and_no_link_followed(tmp_path):
    (tmp_path / "x.yaml").write_text("old")
    (tmp_path / "y.yaml").symlink_to(tmp_path / "elsewhere")
    for name in ("x.yaml", "y.yaml"):
        with pytest.raises(TunectlError, match="is there already"):
            write_new(tmp_path, ".", name, "new")
    assert (tmp_path / "x.yaml").read_text() == "old"
    assert not (tmp_path / "elsewhere").exists()


def test_no_folder_leads_out_of_the_project(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "out").symlink_to(tmp_path)
    (project / "file").write_text("")
    for folder in ("out", "out/deeper", "file", "file/deeper"):
        with pytest.raises(TunectlError, match=f"^{folder.split('/')[0]}"):
            make_folder(project, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project"]


def test_what_the_file_system_refuses_is_said(tmp_path):
    with pytest.raises(TunectlError, match="cannot be written"):
        write_new(tmp_path, ".", "x" * 300, "")
    with pytest.raises(TunectlError, match="cannot be made"):
        make_folder(tmp_path, "x" * 300)
