"""The examples of a gate: read like any other dataset, judged by what their scorer can expect, part of the gate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from reconciler.errors import StalePlan
from reconciler.project.overrides import Overrides
from reconciler.wiring import Session, open_project

if TYPE_CHECKING:
    from cli_kit import Workshop

EVAL = "manifests/datasets/eval.jsonl"


def reading(workshop: Workshop) -> Session:
    """What reads manifests and datasets; nothing of it has to be closed while no service is asked."""
    config = open_project(workshop.root, None)
    return Session(config, Overrides(cache=False), report=lambda _: None, clock=workshop.clock, environ={})


def gated(workshop: Workshop, **dataset: object) -> None:
    workshop.want("numbers", gate={"dataset": {"path": "datasets/eval.jsonl", "minScore": 0.5, **dataset}})


def test_the_examples_of_a_gate_belong_to_it_so_that_other_examples_are_another_gate(workshop: Workshop) -> None:
    gated(workshop)
    workshop.dataset(4, path=EVAL)
    (first,) = reading(workshop).manifests().desired
    workshop.write(EVAL, (workshop.root / EVAL).read_text().replace('"2"', '"two"'))
    (second,) = reading(workshop).manifests().desired
    assert first.gate.dataset.examples == second.gate.dataset.examples == 4
    assert first.gate.checks_digest != second.gate.checks_digest
    assert first.gate.canonical["dataset"]["digest"] == first.gate.dataset.digest


def test_examples_that_changed_since_the_plan_are_not_asked(workshop: Workshop) -> None:
    gated(workshop)
    workshop.dataset(4, path=EVAL)
    read = reading(workshop)
    read.manifests()
    assert [example.output for example in read.reading.data.evaluation("numbers")] == ["2", "3", "4", "5"]
    workshop.dataset(5, path=EVAL)
    with pytest.raises(StalePlan, match="the gate's dataset"):
        read.reading.data.evaluation("numbers")


@pytest.mark.parametrize(
    ("scorer", "output", "said"),
    [
        ("numeric", "five", "manifests/datasets/eval.jsonl:2: error: output is no number"),
        ("json", "{", "manifests/datasets/eval.jsonl:2: error: output is no JSON"),
        ("regex", "(", "eval.jsonl:2: error: output is no valid regular expression (at character 1)"),
        ("exact", " ", "manifests/datasets/eval.jsonl:2: error: output is empty"),
    ],
)
def test_an_output_that_its_scorer_cannot_expect_is_an_error_at_its_line(
    workshop: Workshop, scorer: str, output: str, said: str
) -> None:
    gated(workshop, scorer=scorer)
    rows = [{"text_input": "4", "output": "5"}, {"text_input": "5", "output": output}]
    workshop.write(EVAL, "".join(json.dumps(row) + "\n" for row in rows))
    assert said in workshop.run("validate", expect=1).text


def test_a_file_that_does_not_exist_is_an_error_where_the_gate_names_it(workshop: Workshop) -> None:
    gated(workshop)
    said = workshop.run("validate", expect=1).text
    assert "error: dataset 'manifests/datasets/eval.jsonl' does not exist" in said
    assert "manifests/numbers.yaml:" in said
