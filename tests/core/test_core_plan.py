"""The plan as a value, and the digest that reviewers approve."""

from dataclasses import replace
from typing import get_args

import pytest
from core_values import REMOTE
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import event
from reconciler.core.plan import Action, Change, Drift, Kind, Plan, Scope, Steps, Unmanaged
from reconciler.core.resource import Dataset, Lifecycle, Remote
from reconciler.errors import Problem, Violation

ACTION = Action(
    "a",
    Kind.REPLACE,
    "because",
    resource="tunedModels/a",
    previous="tunedModels/b",
    revision="sha256:r",
    attempt=1,
    changes=(Change("spec.topK", 1, 2, "update"),),
    dataset=Dataset("sha256:d", 15),
    steps=Steps(3, 4),
    lifecycle=Lifecycle(),
    gate={"maxFinalLoss": 0.5, "prompts": [{"input": "a"}]},
)
PLAN = Plan("demo", REMOTE, actions=(ACTION,), scope=Scope(("a",), ("b",)), lineage="l", serial=1)


def with_action(**fields):
    return replace(PLAN, actions=(replace(ACTION, **fields),))


COVERED = {
    "type": replace(PLAN, remote=replace(REMOTE, type="vertex")),
    "endpoint": replace(PLAN, remote=replace(REMOTE, endpoint="https://other.invalid")),
    "project": replace(PLAN, remote=replace(REMOTE, project="other")),
    "location": replace(PLAN, remote=replace(REMOTE, location="us-central1")),
    "target": replace(PLAN, scope=Scope((), ("b",))),
    "exclude": replace(PLAN, scope=Scope(("a",), ())),
    "name": with_action(name="z"),
    "kind": with_action(kind=Kind.CREATE),
    "resource": with_action(resource="tunedModels/z"),
    "previous": with_action(previous=None),
    "revision": with_action(revision="sha256:z"),
    "change": with_action(changes=(Change("spec.topK", 1, 3, "update"),)),
    "changes": with_action(changes=()),
    "dataset": with_action(dataset=Dataset("sha256:z", 15)),
    "no dataset": with_action(dataset=None),
    "steps": with_action(steps=Steps(3, 5)),
    "no steps": with_action(steps=None),
    "gate": with_action(gate={"maxFinalLoss": 0.6}),
    "no gate": with_action(gate=None),
    "protect": with_action(lifecycle=Lifecycle(protect=True)),
    "retain": with_action(lifecycle=Lifecycle(retain=1)),
    "ignore": with_action(lifecycle=Lifecycle(ignore=("topK",))),
    "timeout": with_action(lifecycle=Lifecycle(timeout=1.0)),
    "deletion": with_action(lifecycle=Lifecycle(deletion="retain")),
    "no lifecycle": with_action(lifecycle=None),
    "another action": replace(PLAN, actions=(ACTION, replace(ACTION, name="b"))),
    "no action": replace(PLAN, actions=()),
}


@pytest.mark.parametrize("case", COVERED)
def test_the_digest_covers(case):
    assert COVERED[case].digest != PLAN.digest


def test_no_two_different_plans_have_one_digest():
    assert len({plan.digest for plan in COVERED.values()}) == len(COVERED)


LEFT_OUT = {
    "serial": replace(PLAN, serial=2),
    "lineage": replace(PLAN, lineage="other"),
    "unchanged": replace(PLAN, unchanged=7),
    "drift": replace(PLAN, drift=(Drift("a", "missing", "x"),)),
    "unmanaged": replace(PLAN, unmanaged=(Unmanaged("tunedModels/x", "x", "ready"),)),
    "warnings": replace(PLAN, warnings=(Problem(None, "x"),)),
    "violations": replace(PLAN, violations=(Violation("x"),)),
    "waiting": replace(PLAN, actions=(ACTION, Action("w", Kind.WAIT, "x"))),
    "reason": with_action(reason="other"),
    "number of examples": with_action(dataset=Dataset("sha256:d", 16)),
    "the order of targets": replace(PLAN, scope=Scope(("a", "a"), ("b",))),
    "the order of a gate's keys": with_action(gate={"prompts": [{"input": "a"}], "maxFinalLoss": 0.5}),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_the_digest_leaves_out(case):
    assert LEFT_OUT[case].digest == PLAN.digest


def test_the_digest_of_a_move_covers_the_former_name():
    digests = {replace(PLAN, actions=(Action("a", Kind.MOVE, "x", previous_name=name),)).digest for name in ("b", "c")}
    assert len(digests) == 2


def test_digests_never_change_from_one_version_to_the_next():
    assert PLAN.digest == "sha256:9df57e546a3942f76b16b3088483aec97008dbdd2ff11b18af9ed5baddc3eeb1"
    assert (
        Plan("demo", Remote("t", "e")).digest
        == "sha256:b30c39d07816ff1a4203cff15bcbf7623244b8772b65da3f9ffde772513d9fbb"
    )


@given(st.lists(st.sampled_from(list(Kind))))
def test_the_summary_counts_every_action_once(kinds):
    plan = Plan("demo", REMOTE, actions=tuple(Action("a", kind, "x") for kind in kinds), unchanged=3)
    assert sum(plan.summary.values()) == len(kinds) + 3
    assert plan.summary.keys() == {kind.value for kind in Kind} | {"unchanged"}
    assert plan.empty == (not kinds)


def test_steps_of_a_plan_add_up():
    actions = (with_action().actions[0], replace(ACTION, steps=Steps(10, 20)), replace(ACTION, steps=None))
    assert replace(PLAN, actions=actions).steps == Steps(13, 24)


def test_every_event_has_a_name_of_its_own():
    events = get_args(event.Event)
    names = {event.type_of(object.__new__(each)) for each in events}
    assert len(names) == len(events)
