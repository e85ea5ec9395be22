"""What a verdict does to an entry, and what the next plan makes of it."""

from dataclasses import replace

import pytest
from core_values import (
    FAILED,
    LIVE_FAILED,
    LIVE_TUNING,
    PENDING,
    READY,
    REJECTED,
    TUNING,
    brief,
    case_of,
    entry_of,
    instance,
    live,
    name_of,
    wanted,
)

from reconciler.core.gate import AbortIf, Gate
from reconciler.core.planning.decision import decide
from reconciler.core.planning.judging import accept, arrive, awaits_gate, awaits_sharing, judged, let_go, reject
from reconciler.core.succession import intend, remove
from reconciler.core.verdict import Check, Verdict

GATE = Gate(max_final_loss=0.5)
LOOSER = Gate(max_final_loss=0.9)
DELETES = replace(GATE, on_fail="delete")
NO = Verdict.of(GATE, [Check("maxFinalLoss", passed=False, measured=0.8, limit=0.5)])
YES = Verdict.of(GATE, [Check("maxFinalLoss", passed=True, measured=0.3, limit=0.5)])
OLD, NEW = wanted(epochs=3), wanted(epochs=5, gate=GATE)
SERVES = instance(OLD)
FRESH = instance(NEW, READY, gate=GATE.canonical)
REFUSED = replace(FRESH, state=REJECTED, verdict=NO, error="maxFinalLoss 0.8 (at most 0.5)")
FORMER = instance(NEW, READY, attempt=2, gate=GATE.canonical)


def with_gate(gate):
    return replace(NEW, gate=gate)


# Transitions


def test_a_candidate_that_is_ready_waits_for_its_verdict_as_a_candidate():
    entry = entry_of(SERVES, candidate=replace(FRESH, state=TUNING, operation="op"))
    arrived = arrive(entry, FRESH.resource, gated=True, create_time="now")
    assert arrived == replace(entry, candidate=replace(FRESH, create_time="now"))


@pytest.mark.parametrize(("gated", "state"), [(True, TUNING), (False, READY)])
def test_a_first_model_with_a_gate_ahead_does_not_serve_by_being_ready(gated, state):
    entry = entry_of(replace(FRESH, state=PENDING, operation="op"))
    assert arrive(entry, FRESH.resource, gated=gated).current == replace(FRESH, state=state)


@pytest.mark.parametrize(("permissions", "waits"), [(None, False), ([], False), ([{"role": "READER"}], True)])
def test_permissions_are_given_before_a_model_serves(permissions, waits):
    spec = FRESH.spec if permissions is None else {**FRESH.spec, "permissions": permissions}
    assert awaits_sharing(replace(FRESH, spec=spec)) == waits


def test_a_rejected_model_that_is_judged_again_stays_rejected_meanwhile():
    for entry in (entry_of(REFUSED), entry_of(SERVES, rejected=(REFUSED,))):
        assert arrive(entry, REFUSED.resource, gated=True) == entry


def test_a_candidate_that_passes_serves_and_the_former_one_is_deposed():
    entry = judged(entry_of(SERVES, candidate=FRESH), FRESH.resource, GATE, YES)
    served = accept(entry, FRESH.resource, retain=0)
    assert served == entry_of(replace(FRESH, verdict=YES), deposed=(SERVES,))


@pytest.mark.parametrize("where", ["rejected", "retained"])
def test_a_former_model_that_passes_is_taken_back(where):
    entry = entry_of(SERVES, **{where: (REFUSED if where == "rejected" else FRESH,)})
    served = accept(judged(entry, FRESH.resource, LOOSER, YES), FRESH.resource, retain=1)
    assert served.current == replace(FRESH, verdict=YES, gate=LOOSER.canonical)
    assert served.retained == (SERVES,)
    assert served.rejected == ()


def test_a_first_model_that_was_rejected_serves_once_it_passes():
    entry = judged(entry_of(REFUSED), REFUSED.resource, LOOSER, YES)
    assert accept(entry, REFUSED.resource, retain=0).current.state is READY


@pytest.mark.parametrize(
    "entry",
    [
        entry_of(SERVES, candidate=FRESH),
        entry_of(SERVES, retained=(FRESH,)),
        entry_of(SERVES, rejected=(REFUSED,)),
    ],
)
def test_what_is_rejected_never_touches_what_serves(entry):
    refused = reject(judged(entry, FRESH.resource, GATE, NO), FRESH.resource, REFUSED.error)
    assert refused == entry_of(SERVES, rejected=(REFUSED,))


def test_a_first_model_that_is_rejected_stays_the_only_one_and_does_not_serve():
    entry = entry_of(replace(FRESH, state=TUNING))
    refused = reject(judged(entry, FRESH.resource, GATE, NO), FRESH.resource, REFUSED.error)
    assert refused == entry_of(REFUSED)


def test_a_rejected_first_model_is_remembered_when_another_is_meant():
    assert intend(entry_of(REFUSED), SERVES, protect=False, deletion="delete").rejected == (REFUSED,)


@pytest.mark.parametrize("step", [arrive, judged, reject])
def test_news_of_a_model_that_is_not_recorded_are_void(step):
    entry = entry_of(SERVES)
    given = {"arrive": {"gated": True}, "judged": {"gate": GATE, "verdict": NO}, "reject": {"why": ""}}[step.__name__]
    assert step(entry, "tunedModels/other", **given) is entry


def test_a_rejected_model_that_is_deleted_by_its_gate_stays_on_record_until_the_name_ends():
    gone = replace(REFUSED, gate=DELETES.canonical)
    entry = entry_of(SERVES, rejected=(gone,))
    assert gone.disposed
    assert let_go(entry, gone.resource) is entry
    assert remove(entry, SERVES.resource) is None


def test_any_other_model_that_is_let_go_of_leaves_the_record():
    assert let_go(entry_of(SERVES, rejected=(REFUSED,)), REFUSED.resource) == entry_of(SERVES)
    assert let_go(entry_of(SERVES, deposed=(FRESH,)), FRESH.resource) == entry_of(SERVES)


@pytest.mark.parametrize(
    ("gate", "verdict", "awaits"),
    [(GATE, None, True), (GATE, NO, True), (GATE, YES, False), (Gate(abort_if=AbortIf(3.0)), None, False)],
)
def test_only_checks_of_a_finished_model_are_waited_for(gate, verdict, awaits):
    assert awaits_gate(replace(FRESH, gate=gate.canonical, verdict=verdict)) is awaits
    assert not awaits_gate(replace(FRESH, gate=None))


# Plans

PLANS = {
    "rejected by this gate": (NEW, entry_of(SERVES, rejected=(REFUSED,)), [live(SERVES), live(FRESH)], ["blocked"]),
    "by this gate, with other consequences": (
        with_gate(replace(GATE, abort_if=AbortIf(9.0))),
        entry_of(SERVES, rejected=(REFUSED,)),
        [live(SERVES), live(FRESH)],
        ["blocked"],
    ),
    "by another gate": (
        with_gate(LOOSER),
        entry_of(SERVES, rejected=(REFUSED,)),
        [live(SERVES), live(FRESH)],
        ["reuse"],
    ),
    "by a gate that is removed": (
        with_gate(None),
        entry_of(SERVES, rejected=(REFUSED,)),
        [live(SERVES), live(FRESH)],
        ["reuse"],
    ),
    "by another gate, and gone": (
        with_gate(LOOSER),
        entry_of(SERVES, rejected=(REFUSED,)),
        [live(SERVES)],
        ["blocked"],
    ),
    "by another gate, and broken since": (
        with_gate(LOOSER),
        entry_of(SERVES, rejected=(REFUSED,)),
        [live(SERVES), live(FRESH, LIVE_FAILED)],
        ["blocked"],
    ),
    "the first of its name": (NEW, entry_of(REFUSED), [live(FRESH)], ["blocked"]),
    "the first of its name, by another gate": (with_gate(LOOSER), entry_of(REFUSED), [live(FRESH)], ["reuse"]),
    "another attempt has failed since, but the gate changed": (
        with_gate(LOOSER),
        entry_of(SERVES, rejected=(REFUSED,), failed=(replace(FORMER, state=FAILED),)),
        [live(SERVES), live(FRESH)],
        ["reuse"],
    ),
    "another attempt has failed since": (
        NEW,
        entry_of(SERVES, rejected=(REFUSED,), failed=(replace(FORMER, state=FAILED),)),
        [live(SERVES), live(FRESH)],
        ["blocked"],
    ),
    "to be deleted, and still there": (
        with_gate(DELETES),
        entry_of(SERVES, rejected=(replace(REFUSED, gate=DELETES.canonical),)),
        [live(SERVES), live(FRESH)],
        ["blocked", "delete"],
    ),
    "to be deleted, and gone": (
        with_gate(DELETES),
        entry_of(SERVES, rejected=(replace(REFUSED, gate=DELETES.canonical),)),
        [live(SERVES)],
        ["blocked"],
    ),
    "ready and not judged yet": (NEW, entry_of(SERVES, candidate=FRESH), [live(SERVES), live(FRESH)], ["wait"]),
    "the first of its name, not judged yet": (NEW, entry_of(replace(FRESH, state=TUNING)), [live(FRESH)], ["wait"]),
}


@pytest.mark.parametrize("case", PLANS)
def test_what_a_plan_makes_of_a_verdict(case):
    manifest, entry, observed, kinds = PLANS[case]
    actions = decide(case_of(manifest, entry, observed))
    assert [kind for kind, *_ in brief(actions)] == kinds
    assert all(action.steps is None for action in actions)


@pytest.mark.parametrize(
    ("gate", "entry", "reason"),
    [
        (
            GATE,
            entry_of(SERVES, rejected=(REFUSED,)),
            (
                "attempt 1 of this revision was rejected by its gate: final loss 0.8 (maxFinalLoss: at most 0.5); "
                "change the manifest or its gate, or buy another attempt: `tunectl apply --replace numbers`"
            ),
        ),
        (
            LOOSER,
            entry_of(SERVES, rejected=(REFUSED,)),
            f"the gate changed: {name_of(NEW).rpartition('/')[2]} was rejected and is judged again; nothing is bought",
        ),
        (
            None,
            entry_of(SERVES, rejected=(REFUSED,)),
            f"{name_of(NEW).rpartition('/')[2]} was rejected by a gate that is removed; nothing is bought",
        ),
        (GATE, entry_of(SERVES, candidate=FRESH), "is ready; apply judges it by its gate"),
        (GATE, entry_of(SERVES, candidate=replace(FRESH, verdict=YES)), "is ready; apply switches to it"),
        (
            GATE,
            entry_of(SERVES, retained=(FRESH,)),
            "this revision was tuned before and still exists; nothing is bought; it serves once it has passed the gate",
        ),
        (
            GATE,
            entry_of(SERVES, retained=(replace(FRESH, verdict=YES),)),
            "this revision was tuned before and still exists; nothing is bought",
        ),
    ],
)
def test_a_plan_says_what_the_gate_has_to_do_with_it(gate, entry, reason):
    action = decide(case_of(with_gate(gate), entry, [live(SERVES), live(FRESH)]))[0]
    assert (action.reason, action.previous) == (reason, SERVES.resource)


def test_the_latest_attempt_that_was_rejected_is_the_one_that_counts():
    second = replace(REFUSED, resource=name_of(NEW, 2), attempt=2, verdict=Verdict.of(LOOSER, NO.checks))
    entry = entry_of(SERVES, rejected=(REFUSED, second))
    seen = [live(SERVES), live(REFUSED), live(second)]
    assert brief(decide(case_of(with_gate(LOOSER), entry, seen))) == [("blocked", name_of(NEW, 2))]
    assert brief(decide(case_of(NEW, entry, seen))) == [("reuse", name_of(NEW, 2))]


@pytest.mark.parametrize("gate", [None, LOOSER])
def test_a_gate_that_changes_on_a_model_that_serves_is_recorded_and_judges_nothing(gate):
    serves = replace(FRESH, verdict=YES)
    (action,) = decide(case_of(with_gate(gate), entry_of(serves), [live(FRESH)]))
    (change,) = action.changes
    assert (action.kind, change.path, change.effect) == ("update", "spec.gate", "local")
    assert str(change.before).startswith("sha256:")
    assert (change.after is None) == (gate is None)


def test_a_gate_that_changes_while_a_model_is_tuned_is_recorded_by_an_approved_update():
    entry = entry_of(SERVES, candidate=replace(FRESH, state=TUNING))
    seen = [live(SERVES), live(FRESH, LIVE_TUNING)]
    assert [kind for kind, *_ in brief(decide(case_of(with_gate(LOOSER), entry, seen)))] == ["wait", "update"]
    assert [kind for kind, *_ in brief(decide(case_of(NEW, entry, seen)))] == ["wait"]


def test_a_fresh_attempt_of_a_rejected_revision_can_be_asked_for():
    case = case_of(NEW, entry_of(SERVES, rejected=(REFUSED,)), [live(SERVES), live(FRESH)], forced=True)
    assert brief(decide(case)) == [("replace", name_of(NEW, 2))]
