"""The commands as functions: the same plan, the same refusals, errors for exit codes, and not a word printed."""

from __future__ import annotations

import subprocess
import sys
import typing

import pytest
from cli_kit import clean_environment

import reconciler
from reconciler import api, apply, plan
from reconciler.core.event import Finished, Planned
from reconciler.errors import (
    GateNotMet,
    PartialFailure,
    ProblemsError,
    Refused,
    StalePlan,
    UsageError,
    WaitTimedOut,
)


@pytest.fixture
def quick(workshop, monkeypatch, capsys):
    """The workshop, with the functions using its clock and its emulator."""
    start = api.Invocation

    def invocation(**values):
        return start(**values, clock=workshop.clock)

    monkeypatch.setattr(api, "Invocation", invocation)
    yield workshop
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_plan_is_the_value_that_the_command_prints(quick):
    shown = plan(quick.root, environ=quick.environ)
    assert [(action.name, action.kind.value) for action in shown.actions] == quick.kinds()
    assert shown.digest == quick.plan()["digest"]
    quick.capsys.readouterr()


def test_apply_carries_out_what_was_approved_and_tells_what_happens(quick):
    events = []
    shown = plan(quick.root, environ=quick.environ)
    outcome = apply(quick.root, expect_digest=shown.digest, environ=quick.environ, on_event=events.append)
    assert outcome.done["create"] == 1
    assert isinstance(events[0], Planned)
    assert any(isinstance(event, Finished) for event in events)
    assert plan(quick.root, environ=quick.environ).empty
    assert quick.entry("numbers")["state"] == "ready"


def test_another_folder_needs_no_change_of_the_current_one(quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    assert len(plan(quick.root, environ=quick.environ).actions) == 1


def test_selections_are_those_of_the_command(quick):
    quick.want("letters", metadata={"labels": {"team": "words"}})
    for options in ({"target": ["let*"]}, {"exclude": ["numbers"]}, {"select": ["team=words"]}):
        assert [a.name for a in plan(quick.root, environ=quick.environ, **options).actions] == ["letters"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": ["nubers"]}, "did you mean numbers?"),
        ({"replace": ["nobody"]}, "there is no model of that name"),
        ({"select": ["a=b=c"]}, "must be key=value"),
        ({"select": ["team=nobody"]}, "no manifest has such labels"),
        ({"config": "absent.yaml"}, "absent.yaml"),
    ],
)
def test_what_fits_nothing_is_an_error_of_ours(quick, options, said):
    with pytest.raises((UsageError, ProblemsError)) as caught:
        plan(quick.root, environ=quick.environ, **options)
    problems = getattr(caught.value, "problems", ())
    assert said in " ".join([caught.value.message, *map(str, problems)])


def test_a_wrong_variable_is_an_error_of_ours(quick):
    with pytest.raises(UsageError, match="TUNECTL_HTTP_TIMEOUT"):
        plan(quick.root, environ={**quick.environ, "TUNECTL_HTTP_TIMEOUT": "soon"})


def test_all_problems_come_in_one_error(quick):
    quick.want("bad", temperature=7)
    quick.want("worse", topK=0)
    with pytest.raises(ProblemsError) as caught:
        plan(quick.root, environ=quick.environ)
    assert len(caught.value.problems) == 2
    assert all(problem.location for problem in caught.value.problems)


def test_another_digest_is_refused_and_nothing_applied(quick):
    with pytest.raises(StalePlan):
        apply(quick.root, expect_digest="sha256:" + "0" * 64, environ=quick.environ)
    assert quick.bought() == 0


def test_a_limit_refuses_and_its_exact_override_allows(quick):
    apply(quick.root, environ=quick.environ)
    quick.project(
        provider={"endpoint": quick.environ["TUNECTL_ENDPOINT"]} if "TUNECTL_ENDPOINT" in quick.environ else {},
        limits={"maxSteps": 1},
    )
    quick.dataset(20)
    with pytest.raises(Refused) as caught:
        apply(quick.root, environ=quick.environ)
    assert caught.value.violations[0].rule == "limits.maxSteps"
    assert apply(quick.root, allow_steps=1000, environ=quick.environ).done["replace"] == 1


def test_a_failed_training_is_an_error_with_the_rest_applied(quick):
    quick.want("letters")
    quick.fault("fail,model=numbers.*")
    with pytest.raises(PartialFailure):
        apply(quick.root, environ=quick.environ)
    assert quick.entry("letters")["state"] == "ready"


def test_a_wait_that_ends_early_is_an_error_and_training_goes_on(quick):
    with pytest.raises(WaitTimedOut):
        apply(quick.root, timeout=0.001, environ=quick.environ)
    assert quick.entry("numbers")["state"] == "tuning"


def test_without_waiting_the_outcome_says_what_runs(quick):
    assert apply(quick.root, wait=False, environ=quick.environ).running


def test_a_model_is_judged_by_its_gate_before_it_serves(quick):
    apply(quick.root, environ=quick.environ)
    former = quick.serving("numbers")
    quick.want("numbers", hyperparameters={"epochCount": 5}, gate={"prompts": [{"input": "4", "equals": "no such"}]})
    with pytest.raises(GateNotMet, match="numbers"):
        apply(quick.root, environ=quick.environ)
    assert quick.serving("numbers") == former


def test_the_surface_is_exact_and_typed():
    assert reconciler.__all__ == ["__version__", "apply", "plan"]
    for function in (plan, apply):
        hints = typing.get_type_hints(function)
        assert hints["return"] is not None
        assert all(name in function.__doc__ for name in hints if name != "return")
    with pytest.raises(AttributeError, match="nothing"):
        _ = reconciler.nothing


def test_importing_the_package_imports_nothing_else():
    code = "import sys, reconciler; print([m for m in sys.modules if m.startswith('reconciler.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['reconciler._version']"
