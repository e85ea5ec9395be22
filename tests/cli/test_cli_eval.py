"""``eval`` judges by hand and changes nothing; ``cancel`` stops what is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop

MORE = {"hyperparameters": {"epochCount": 5, "batchSize": 2, "learningRate": 0.001}}
MET: dict[str, Any] = {"prompts": [{"input": "20", "number": 21}]}
UNMET: dict[str, Any] = {"prompts": [{"input": "20", "equals": "SECRET"}]}


def lock(workshop: Workshop) -> bytes:
    return (workshop.root / "tunectl.lock").read_bytes()


def test_the_model_that_serves_is_held_to_a_gate_and_nothing_changes(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", gate=MET)
    before = lock(workshop)
    ended = workshop.run("eval", "numbers")
    assert f"numbers  {workshop.serving('numbers')}: passed" in ended.out
    assert "prompts  1         all 1  passed" in ended.out
    assert lock(workshop) == before
    (path,) = (workshop.root / ".tunectl" / "gates" / "numbers").glob("*-eval/answers.jsonl")
    assert f"answers: {path.parent.relative_to(workshop.root)}" in ended.out


def test_a_gate_that_is_not_met_by_hand_ends_with_7(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", gate=UNMET)
    ended = workshop.run("eval", "numbers", expect=7)
    assert "not met (not as expected: prompts[0])" in ended.out
    assert "gate not met: numbers; nothing was changed" in ended.err
    assert "SECRET" not in ended.text


def test_a_program_reads_one_document(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", gate=UNMET)
    document = workshop.run("eval", "numbers", "--format", "json", expect=7).json()
    (model,) = document["models"]
    assert (document["format"], model["name"], model["passed"]) == ("tunectl.eval/v1", "numbers", False)
    assert model["checks"][0]["measured"] == 0


def test_a_candidate_and_a_rejected_model_can_be_judged_by_hand(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", **MORE, gate=UNMET)
    workshop.apply(expect=7)
    (refused,) = workshop.entry("numbers")["rejected"]
    ended = workshop.run("eval", "numbers", "--candidate", expect=7)
    assert refused["resource"] in ended.out
    workshop.want("numbers", **MORE, gate={"dataset": {"path": "datasets/numbers.jsonl", "noWorseThanCurrent": 0.1}})
    ended = workshop.run("eval", "numbers", "--candidate")
    assert "dataset.noWorseThanCurrent  1         at least 0.9  passed" in ended.out


def test_any_model_of_the_service_can_be_judged(workshop: Workshop) -> None:
    workshop.want("other")
    workshop.apply()
    workshop.want("numbers", gate=MET)
    ended = workshop.run("eval", "numbers", "--resource", workshop.serving("other"))
    assert workshop.serving("other") in ended.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("number",), 64, "did you mean numbers?"),
        (("numbers",), 1, "its manifest has no gate that judges a model"),
        (("numbers", "other", "--resource", "tunedModels/x"), 64, "--resource is one model"),
        (("gated", "--candidate"), 1, "there is no model to serve, or that was rejected"),
        ((), 64, "NAME"),
    ],
)
def test_what_cannot_be_judged_says_why(workshop: Workshop, arguments: tuple[str, ...], code: int, said: str) -> None:
    workshop.want("gated", gate=MET)
    workshop.apply()
    assert said in workshop.run("eval", *arguments, expect=code).err


def test_a_service_that_is_down_gives_no_verdict_by_hand_either(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", gate=MET)
    workshop.fault("status,code=503,method=POST,path=generateText,count=forever")
    ended = workshop.run("eval", "numbers", expect=1)
    assert ended.out == ""


def test_a_running_tuning_is_stopped_recorded_and_not_bought_again(workshop: Workshop) -> None:
    workshop.apply()
    old = workshop.serving("numbers")
    workshop.want("numbers", **MORE)
    workshop.apply("--no-wait")
    workshop.clock.advance(4)

    ended = workshop.run("cancel", "numbers", "-y")

    assert "Cancelled: numbers." in ended.out
    (failed,) = workshop.entry("numbers")["failed"]
    assert failed["error"].startswith("cancelled by hand at step ")
    assert workshop.serving("numbers") == old
    assert workshop.kinds() == [("numbers", "blocked")]
    assert "cancelled by hand" in workshop.plan()["actions"][0]["reason"]
    workshop.apply(expect=4)
    workshop.apply("--replace", "numbers")
    assert workshop.bought() == 3
    assert len(workshop.remote()) == 1


def test_where_nothing_is_tuned_nothing_can_be_cancelled(workshop: Workshop) -> None:
    workshop.apply()
    assert "nothing is being tuned" in workshop.fails(1, "cancel", "numbers", "-y")
    assert "did you mean numbers?" in workshop.fails(64, "cancel", "number", "-y")
    assert "-y" in workshop.fails(64, "cancel", "numbers")


def test_a_tuning_that_is_over_is_for_apply_to_record(workshop: Workshop) -> None:
    workshop.apply("--no-wait")
    workshop.clock.advance(60)
    assert "the tuning is over already" in workshop.fails(1, "cancel", "numbers", "-y")
    workshop.apply()
    assert workshop.serving("numbers")


def test_a_service_that_refuses_to_cancel_leaves_everything_as_it_was(workshop: Workshop) -> None:
    workshop.apply("--no-wait")
    workshop.clock.advance(2)
    workshop.fault("status,code=400,method=POST,path=:cancel")
    assert "cancel the tuning" in workshop.fails(1, "cancel", "numbers", "-y")
    workshop.apply()
    assert workshop.serving("numbers")
