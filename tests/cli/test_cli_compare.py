"""``tunectl compare``: two models side by side, and what of it may be read by whom."""

from __future__ import annotations

from typing import Any

import pytest
from cli_kit import HYPERPARAMETERS, Workshop


@pytest.fixture
def pair(workshop: Workshop) -> Workshop:
    """A model that serves and a former one that is kept; both were asked by a gate."""
    gate = {"prompts": [{"input": "17", "equals": "18"}]}
    workshop.want("numbers", lifecycle={"retain": 1}, gate=gate)
    workshop.apply()
    workshop.dataset(20)
    faster = {**HYPERPARAMETERS, "epochCount": 2}
    workshop.want("numbers", lifecycle={"retain": 1}, gate=gate, hyperparameters=faster)
    workshop.apply()
    return workshop


def facts(document: dict[str, Any]) -> dict[str, tuple[Any, Any, bool]]:
    return {f"{f['group']}: {f['label']}": (f["left"], f["right"], f["differs"]) for f in document["facts"]}


def test_a_former_model_and_its_successor_stand_side_by_side(pair: Workshop) -> None:
    document = pair.run("compare", "numbers@retained", "numbers", "--format", "json").json()
    found = facts(document)
    assert document["format"] == "tunectl.comparison/v1"
    assert found["hyperparameters: epochCount"] == (3, 2, True)
    assert found["model: base model"][2] is False
    assert found["data: examples"] == (15, 20, True)
    assert found["training: steps"] == (23, 20, True)
    assert found["gate: passed"] == (True, True, False)
    assert found["loss: final"][0] != found["loss: final"][1]
    assert (document["data"]["added"], document["data"]["removed"]) == (5, 0)
    assert document["answers"]["asked"] == 1


def test_the_table_marks_what_differs_and_ends_with_where(pair: Workshop) -> None:
    out = pair.run("compare", "numbers@retained", "numbers").out
    lines = out.splitlines()
    assert any(line.startswith("  ! epochCount") for line in lines)
    assert any(line.startswith("    batchSize") for line in lines)
    assert "rows     5 added" in out
    assert "answers  1 question: 0 better, 0 worse, 1 as good" in out
    assert lines[-1].endswith("differences, in hyperparameters, data, training, loss.")


def test_markdown_is_a_table(pair: Workshop) -> None:
    out = pair.run("compare", "numbers@retained", "numbers", "--format", "markdown").out
    assert "| --- | --- | --- | --- |" in out
    assert "| hyperparameters&#58; epochCount | 3 | 2 | differs |" in out


def test_nothing_but_reads_goes_over_the_wire(pair: Workshop) -> None:
    pair.emulator.clear_requests()
    pair.run("compare", "numbers@retained", "numbers")
    assert {method for method, _ in pair.requests()} == {"GET"}


def test_answers_are_shown_when_they_are_asked_for_and_never_in_a_document(workshop: Workshop) -> None:
    gate = {"prompts": [{"input": "the-question", "contains": "zzz"}, {"input": "3", "matches": "."}], "onFail": "keep"}
    workshop.want("numbers", gate={"prompts": [{"input": "3", "matches": "."}]}, lifecycle={"retain": 1})
    workshop.apply()
    workshop.want("numbers", gate=gate, lifecycle={"retain": 1}, hyperparameters={**HYPERPARAMETERS, "epochCount": 2})
    workshop.apply(expect=7)
    told = next((workshop.root / ".tunectl/gates/numbers").glob("*/answers.jsonl"))
    for file in (workshop.root / ".tunectl/gates/numbers").glob("*/answers.jsonl"):
        if "the-question" in file.read_text():
            told = file
    serving = next(f for f in (workshop.root / ".tunectl/gates/numbers").glob("*/answers.jsonl") if f != told)
    serving.write_text(
        told.read_text().replace('"score": 0.0', '"score": 1.0').replace('"answer": "', '"answer": "was ')
    )
    plain = workshop.run("compare", "numbers", "numbers@rejected").out
    assert "answers  2 questions: 0 better, 1 worse, 1 as good" in plain
    assert "the-question" not in plain
    shown = workshop.run("compare", "numbers", "numbers@rejected", "--show-answers").out
    assert 'asked     "the-question"' in shown
    assert 'left      "was ' in shown
    document = workshop.run("compare", "numbers", "numbers@rejected", "--show-answers", "--format", "json")
    assert "the-question" not in document.out
    assert document.json()["answers"]["scores"][0] == {"question": "prompts[0]", "left": 1.0, "right": 0.0}


def test_a_model_that_is_gone_is_compared_as_lineage_remembers_it(workshop: Workshop) -> None:
    workshop.apply()
    former = workshop.entry("numbers")
    workshop.want("numbers", hyperparameters={**HYPERPARAMETERS, "epochCount": 2})
    workshop.apply()
    revision = former["revision"].removeprefix("sha256:")[:12]
    for word in (f"numbers@{revision}", former["resource"]):
        document = workshop.run("compare", word, "numbers", "--format", "json").json()
        assert document["left"]["role"] == "gone"
        found = facts(document)
        assert found["training: steps"] == (23, 15, True)
        assert found["hyperparameters: epochCount"] == (None, 2, False)
        assert found["loss: final"][2] is True


def test_without_kept_answers_and_rows_the_rest_is_compared_and_the_reason_said(pair: Workshop) -> None:
    for folder in ("gates", "rows"):
        for file in sorted((pair.root / ".tunectl" / folder).rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
    document = pair.run("compare", "numbers@retained", "numbers", "--format", "json").json()
    assert document["answers"] is None
    assert "its rows are not at hand" in document["data"]["unknown"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("numbrs", "numbers"), "did you mean numbers?"),
        (("numbers", "numbers@candidat"), "to choose from: numbers@"),
        (("numbers",), "Missing argument"),
        (("numbers@retaned", "numbers"), "did you mean numbers@retained?"),
    ],
)
def test_a_word_that_means_no_model_leads_to_one(pair: Workshop, words: tuple[str, ...], said: str) -> None:
    assert said in pair.fails(64, "compare", *words)
