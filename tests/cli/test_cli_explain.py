"""``tunectl explain``: every field has a page, and a model says why it is what it is."""

from __future__ import annotations

import pytest

from reconciler.manifest.explain import DOCUMENTS, explain, fields, look_up

ALL = [(document, path) for document in DOCUMENTS for path in fields(document)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_field_has_words_of_its_own(document):
    for path in fields(document):
        found = explain(document, path)
        assert found.about.endswith("."), path
        assert found.takes, path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spec.hyperparameters.batchSize", [("manifest", "spec.hyperparameters.batchSize")]),
        ("hyperparameters.batchsize", [("manifest", "spec.hyperparameters.batchSize")]),
        ("gate.prompts[0].equals", [("manifest", "spec.gate.prompts[].equals")]),
        ("spec.gate.prompts[].equals", [("manifest", "spec.gate.prompts[].equals")]),
        ("limits.maxSteps", [("project", "spec.limits.maxSteps")]),
        ("project:metadata.name", [("project", "metadata.name")]),
        ("metadata.name", [("manifest", "metadata.name")]),
        ("nothing", []),
    ],
)
def test_a_field_is_found_by_what_is_clear(text, expected):
    assert look_up(text) == expected


def test_every_whole_path_finds_itself():
    for document, path in ALL:
        assert look_up(f"{document}:{path}") == [(document, path)]


def test_a_page_says_what_it_takes_and_what_a_change_costs(workshop):
    page = workshop.run("explain", "batchSize").out
    assert page.splitlines()[0] == "spec.hyperparameters.batchSize"
    assert "takes     a whole number of at least 1" in page
    assert "a change  a new training" in page
    assert "in place" in workshop.run("explain", "temperature").out
    assert "the lockfile only" in workshop.run("explain", "lifecycle.protect").out
    assert "epochCount" in workshop.run("explain", "hyperparameters").out
    document = workshop.run("explain", "--format", "json", "spec.source").json()
    assert document["excludes"] == ["baseModel"]
    assert [each["name"] for each in document["fields"]] == ["model", "tunedModel"]


def test_a_page_needs_no_project(workshop):
    workshop.write("tunectl.yaml", "kind: [")
    assert "spec.topK" in workshop.run("explain", "topK").out


def test_without_anything_it_lists_what_a_model_is_made_of(workshop):
    assert "hyperparameters" in workshop.run("explain").out


def test_a_model_tells_its_fields_their_places_and_what_a_plan_would_do(workshop):
    page = workshop.run("explain", "numbers").out
    assert "create: does not exist" in page
    assert "manifests/numbers.yaml:" in page
    workshop.apply()
    assert "nothing: it is as its manifest asks" in workshop.run("explain", "numbers").out
    document = workshop.run("explain", "--format", "json", "numbers").json()
    assert document["resource"] == workshop.serving("numbers")
    places = {each["field"]: each["place"] for each in document["fields"]}
    assert places["spec.baseModel"].startswith("manifests/numbers.yaml:")


@pytest.mark.parametrize("width", [80, 100])
def test_on_a_terminal_the_page_of_a_model_keeps_to_its_width_and_loses_nothing(workshop, monkeypatch, width):
    whole = workshop.run("explain", "numbers").out
    assert max(map(len, whole.splitlines())) > width
    monkeypatch.setattr("reconciler.cli.commands.explain.columns", lambda: width)
    narrow = workshop.run("explain", "numbers").out
    assert max(map(len, narrow.splitlines())) <= width
    assert set(whole.replace(",", " ").split()) <= set(narrow.replace(",", " ").split())


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("temprature", "spec.temperature"), ("nubers", "numbers"), ("spec.hyperparameter.batchSize", "batchSize")],
)
def test_a_misspelt_word_is_told_what_may_have_been_meant(workshop, asked, meant):
    assert f"did you mean {meant}" in workshop.fails(64, "explain", asked).replace("spec.hyperparameters.", "")


def test_a_word_with_many_meanings_lists_them(workshop):
    said = workshop.fails(64, "explain", "path")
    assert "spec.dataset.path" in said
    assert "spec.gate.dataset.path" in said
