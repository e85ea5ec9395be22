"""What a gate asks for, what came of it, and when a verdict still stands."""

import math
from dataclasses import replace

import pytest

from reconciler.core.canonical import canonical_json
from reconciler.core.gate import AbortIf, Gate, GateDataset, PromptCheck
from reconciler.core.observation import Snapshot
from reconciler.core.scorers import Scorer
from reconciler.core.verdict import (
    Check,
    Verdict,
    check_command,
    check_losses,
    check_prompts,
    check_scores,
    describe,
    hopeless,
    proven,
)

DATASET = GateDataset(min_score=0.8, no_worse_than_current=0.02, digest="sha256:rows", examples=15)
FULL = Gate(
    max_final_loss=0.5,
    max_loss_increase=0.1,
    prompts=(PromptCheck("SECRET four", Scorer.EXACT, "SECRET five"),),
    dataset=DATASET,
    command=("python", "score.py"),
    abort_if=AbortIf(10.0, 50),
)

ANOTHER = {
    "a limit": replace(FULL, max_final_loss=0.6),
    "no limit": replace(FULL, max_loss_increase=None),
    "another question": replace(FULL, prompts=(PromptCheck("three", Scorer.EXACT, "SECRET five"),)),
    "another answer": replace(FULL, prompts=(PromptCheck("SECRET four", Scorer.EXACT, "six"),)),
    "another tolerance": replace(FULL, prompts=(replace(FULL.prompts[0], tolerance=1.0),)),
    "other examples": replace(FULL, dataset=replace(DATASET, digest="sha256:others")),
    "another scorer": replace(FULL, dataset=replace(DATASET, scorer=Scorer.F1)),
    "a lower score": replace(FULL, dataset=replace(DATASET, min_score=0.7)),
    "another program": replace(FULL, command=("python", "other.py")),
}
SAME_CHECKS = {
    "what happens to a rejected model": replace(FULL, on_fail="delete"),
    "when a tuning is given up": replace(FULL, abort_if=None),
    "how long the program may take": replace(FULL, command_timeout=1.0),
}


def test_neither_what_is_recorded_nor_a_repr_holds_a_text_of_a_prompt():
    assert b"SECRET" not in canonical_json(FULL.canonical)
    assert "SECRET" not in repr(FULL)
    assert FULL.canonical["prompts"]["count"] == 1


@pytest.mark.parametrize("gate", [Gate(), Gate(max_final_loss=1.0)])
def test_what_a_gate_does_not_ask_for_is_not_recorded(gate):
    assert set(gate.canonical) == {"onFail"} | ({"maxFinalLoss"} if gate.max_final_loss else set())


@pytest.mark.parametrize("changed", ANOTHER.values(), ids=ANOTHER)
def test_a_verdict_does_not_stand_when_the_checks_change(changed):
    verdict = Verdict.of(FULL, [Check("maxFinalLoss", passed=True)])
    assert proven(FULL, verdict)
    assert not proven(changed, verdict)


@pytest.mark.parametrize("changed", SAME_CHECKS.values(), ids=SAME_CHECKS)
def test_a_verdict_stands_when_only_its_consequences_change(changed):
    assert changed.canonical != FULL.canonical
    assert proven(changed, Verdict.of(FULL, []))


def test_without_a_gate_everything_is_proven_and_with_one_nothing_is_until_it_passed():
    assert proven(None, None)
    assert proven(Gate(abort_if=AbortIf(3.0)), None)
    assert not proven(FULL, None)
    assert not proven(FULL, Verdict.of(FULL, [Check("command", passed=False)]))


@pytest.mark.parametrize(
    ("loss", "current", "passed"),
    [
        (0.5, 0.4, [True, True]),
        (0.51, 0.5, [False, True]),
        (0.45, 0.3, [True, False]),
        (0.4, None, [True, True]),
        (math.nan, 0.4, [False, False]),
        (math.inf, 0.4, [False, False]),
        (0.4, math.nan, [True, True]),
        (0.1 + 0.2, 0.2, [True, True]),
    ],
)
def test_the_final_loss_is_held_to_its_limit_and_to_the_model_that_serves(loss, current, passed):
    assert [check.passed for check in check_losses(FULL, loss, current)] == passed


def test_only_the_loss_checks_that_are_asked_for_are_made():
    assert check_losses(Gate(), 9.0, 1.0) == []
    assert [c.name for c in check_losses(Gate(max_loss_increase=0.0), 0.5, 0.5)] == ["maxLossIncrease"]


def test_every_question_has_to_be_answered_as_expected_and_the_wrong_ones_are_named_by_number():
    assert check_prompts([1.0] * 14) == Check("prompts", passed=True, measured=14, limit=14)
    check = check_prompts([1.0, 0.0, *[1.0] * 12])
    assert (check.passed, check.measured, check.note) == (False, 13, "not as expected: prompts[1]")
    assert str(check_prompts([0.0] * 14).note).endswith("prompts[9] and 4 more")


@pytest.mark.parametrize(
    ("scores", "current", "passed"),
    [
        ([1] * 12 + [0] * 3, [1] * 12 + [0] * 3, [True, True]),
        ([1] * 11 + [0] * 4, [0.75] * 15, [False, True]),
        ([0.9], [0.93], [True, False]),
        ([0.9], [0.92], [True, True]),
        ([0.9], None, [True, True]),
    ],
)
def test_the_mean_score_is_held_to_its_limit_and_to_the_model_that_serves(scores, current, passed):
    assert [check.passed for check in check_scores(DATASET, scores, current)] == passed


def test_a_program_says_yes_with_zero_only():
    assert check_command(0) == Check("command", passed=True)
    assert not check_command(1).passed
    assert check_command(3).note == "ended with status 3"


def test_one_check_that_does_not_pass_is_enough():
    verdict = Verdict.of(FULL, [Check("a", passed=True), Check("b", passed=False, measured=0.25, limit=0.5)])
    assert not verdict.passed
    assert [describe(check) for check in verdict.unmet] == ["b 0.25 (at least 0.5)"]
    assert (
        describe(Check("maxFinalLoss", passed=True, measured=0.1, limit=0.5))
        == "final loss 0.1 (maxFinalLoss: at most 0.5)"
    )
    assert describe(Check("command", passed=False, note="ended with status 3")) == "command: ended with status 3"


LIMIT = AbortIf(mean_loss_above=10.0, after_step=50)


@pytest.mark.parametrize(
    ("step", "loss", "limit", "given_up"),
    [
        (50, 10.1, LIMIT, True),
        (51, 10.0, LIMIT, False),
        (49, 99.0, LIMIT, False),
        (60, math.inf, LIMIT, True),
        (60, 99.0, None, False),
        (1, math.nan, LIMIT, True),
        (1, math.nan, None, True),
        (60, None, LIMIT, False),
    ],
)
def test_a_tuning_is_given_up_when_its_loss_is_above_the_limit_from_a_step_on_or_no_number(step, loss, limit, given_up):
    why = hopeless(Snapshot(step=step, epoch=1, mean_loss=loss), limit)
    assert (why is not None) is given_up
    assert why is None or f"at step {step}" in why


def test_a_tuning_that_reports_no_loss_is_not_given_up():
    assert hopeless(None, LIMIT) is None
