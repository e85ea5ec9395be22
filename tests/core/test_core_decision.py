"""What is done about one name: the table of core/planning/decision.py, row by row, and what lies between its rows."""

from dataclasses import replace

import pytest
from core_values import (
    DATA,
    FAILED,
    LIVE_FAILED,
    LIVE_TUNING,
    LIVE_UNKNOWN,
    OTHER_DATA,
    PENDING,
    PREFIX,
    READY,
    REJECTED,
    TUNING,
    brief,
    case_of,
    entry_of,
    instance,
    live,
    name_of,
    revision,
    wanted,
)

from reconciler.core.address import MAX_ATTEMPT
from reconciler.core.gate import Gate
from reconciler.core.plan import Change, Steps
from reconciler.core.planning.decision import decide, in_making
from reconciler.core.resource import Lifecycle
from reconciler.errors import TunectlError

OLD, NEW, NEWER = wanted(epochs=3), wanted(epochs=5, batch=2), wanted(epochs=7)
SERVES = instance(OLD)
FOREIGN = {"base": "models/foreign"}


def making(state=TUNING, manifest=NEW, **fields):
    return instance(manifest, state, **fields)


def old(state=READY, **fields):
    return instance(OLD, state, **fields)


def keeping(manifest, retain, **fields):
    return replace(manifest, lifecycle=Lifecycle(retain=retain, **fields))


# Each row: what is wanted, the entry, what is observed, what is done: (kind, resource[, "cleanup"]).
ROWS = {
    "nothing recorded, our id, compatible": (NEW, None, [live(making())], [("reuse", name_of(NEW))]),
    "nothing recorded, our id, tuning": (NEW, None, [live(making(), LIVE_TUNING)], [("reuse", name_of(NEW))]),
    "nothing recorded, our id, failed": (NEW, None, [live(making(), LIVE_FAILED)], [("blocked", name_of(NEW))]),
    "nothing recorded, our id, something else": (NEW, None, [live(making(), **FOREIGN)], [("create", name_of(NEW, 2))]),
    "nothing recorded, two ids, something else": (
        NEW,
        None,
        [live(making(), **FOREIGN), live(making(attempt=2), **FOREIGN)],
        [("create", name_of(NEW, 3))],
    ),
    "nothing recorded, no such id": (NEW, None, [], [("create", name_of(NEW))]),
    "first create pending, not there": (NEW, entry_of(making(PENDING)), [], [("create", name_of(NEW))]),
    "first create tuning, not there": (NEW, entry_of(making()), [], [("create", name_of(NEW))]),
    "candidate pending, not there": (
        NEW,
        entry_of(SERVES, candidate=making(PENDING)),
        [live(SERVES)],
        [("replace", name_of(NEW))],
    ),
    "candidate tuning, not there": (
        NEW,
        entry_of(SERVES, candidate=making()),
        [live(SERVES)],
        [("replace", name_of(NEW))],
    ),
    "candidate ready, not there": (
        NEW,
        entry_of(SERVES, candidate=making(READY)),
        [live(SERVES)],
        [("replace", name_of(NEW))],
    ),
    "candidate and what served, neither there": (
        NEW,
        entry_of(SERVES, candidate=making()),
        [],
        [("create", name_of(NEW))],
    ),
    "first create pending, something else there": (
        NEW,
        entry_of(making(PENDING)),
        [live(making(), **FOREIGN)],
        [("create", name_of(NEW, 2)), ("forget", name_of(NEW), "cleanup")],
    ),
    "candidate pending, something else there": (
        NEW,
        entry_of(SERVES, candidate=making(PENDING)),
        [live(SERVES), live(making(), **FOREIGN)],
        [("replace", name_of(NEW, 2)), ("forget", name_of(NEW), "cleanup")],
    ),
    "first create pending, there": (NEW, entry_of(making(PENDING)), [live(making())], [("wait", name_of(NEW))]),
    "first create tuning, there": (NEW, entry_of(making()), [live(making(), LIVE_TUNING)], [("wait", name_of(NEW))]),
    "first create tuning, failed there": (
        NEW,
        entry_of(making()),
        [live(making(), LIVE_FAILED, topK=1)],
        [("wait", name_of(NEW))],
    ),
    "candidate tuning, there": (
        NEW,
        entry_of(SERVES, candidate=making()),
        [live(SERVES), live(making(), LIVE_TUNING)],
        [("wait", name_of(NEW))],
    ),
    "candidate ready, there": (
        NEW,
        entry_of(SERVES, candidate=making(READY)),
        [live(SERVES), live(making())],
        [("wait", name_of(NEW))],
    ),
    "in the making, there, patched": (
        replace(NEW, spec={**NEW.spec, "topK": 5}),
        entry_of(making()),
        [live(making(), LIVE_TUNING)],
        [("wait", name_of(NEW)), ("update", name_of(NEW))],
    ),
    "wanted serves, nothing differs": (OLD, entry_of(SERVES), [live(SERVES)], []),
    "wanted serves, state unknown": (OLD, entry_of(SERVES), [live(SERVES, LIVE_UNKNOWN)], []),
    "wanted serves, a field differs": (
        OLD,
        entry_of(SERVES),
        [live(SERVES, displayName="other")],
        [("update", SERVES.resource)],
    ),
    "wanted serves, failed there": (OLD, entry_of(SERVES), [live(SERVES, LIVE_FAILED)], [("blocked", SERVES.resource)]),
    "wanted serves, tuning there": (OLD, entry_of(SERVES), [live(SERVES, LIVE_TUNING)], [("wait", SERVES.resource)]),
    "wanted serves, not there": (OLD, entry_of(SERVES), [], [("create", SERVES.resource)]),
    "wanted serves in attempt 2, not there": (OLD, entry_of(old(attempt=2)), [], [("create", name_of(OLD, 2))]),
    "wanted failed as first create": (NEW, entry_of(making(FAILED)), [], [("blocked", name_of(NEW))]),
    "wanted failed as candidate": (
        NEW,
        entry_of(SERVES, failed=(making(FAILED),)),
        [live(SERVES)],
        [("blocked", name_of(NEW))],
    ),
    "wanted was rejected": (
        NEW,
        entry_of(SERVES, rejected=(making(REJECTED),)),
        [live(SERVES)],
        [("blocked", name_of(NEW))],
    ),
    "wanted is retained": (
        NEW,
        entry_of(SERVES, retained=(making(READY),)),
        [live(SERVES), live(making())],
        [("reuse", name_of(NEW))],
    ),
    "wanted is retained, not there": (
        NEW,
        entry_of(SERVES, retained=(making(READY),)),
        [live(SERVES)],
        [("replace", name_of(NEW, 2))],
    ),
    "wanted is retained, failed there": (
        keeping(NEW, 1),
        entry_of(SERVES, retained=(making(READY),)),
        [live(SERVES), live(making(), LIVE_FAILED)],
        [("replace", name_of(NEW, 2))],
    ),
    "wanted was replaced and still exists": (
        NEW,
        entry_of(SERVES, deposed=(making(READY),)),
        [live(SERVES), live(making())],
        [("reuse", name_of(NEW))],
    ),
    "wanted was superseded and is still tuning": (
        NEW,
        entry_of(SERVES, deposed=(making(),)),
        [live(SERVES), live(making(), LIVE_TUNING)],
        [("reuse", name_of(NEW))],
    ),
    "wanted was superseded before it was sent, something else there": (
        NEW,
        entry_of(SERVES, deposed=(making(PENDING),)),
        [live(SERVES), live(making(), **FOREIGN)],
        [("replace", name_of(NEW, 2)), ("forget", name_of(NEW), "cleanup")],
    ),
    "another serves": (NEW, entry_of(SERVES), [live(SERVES)], [("replace", name_of(NEW))]),
    "another serves, our id is live": (
        NEW,
        entry_of(SERVES),
        [live(SERVES), live(making())],
        [("reuse", name_of(NEW))],
    ),
    "another serves, our id is live and failed": (
        NEW,
        entry_of(SERVES),
        [live(SERVES), live(making(), LIVE_FAILED)],
        [("blocked", name_of(NEW))],
    ),
    "another serves, not there": (NEW, entry_of(SERVES), [], [("create", name_of(NEW))]),
    "another is tuning": (
        NEW,
        entry_of(old(TUNING)),
        [live(SERVES, LIVE_TUNING)],
        [("create", name_of(NEW)), ("delete", SERVES.resource, "cleanup")],
    ),
    "another failed": (NEW, entry_of(old(FAILED)), [live(SERVES, LIVE_FAILED)], [("create", name_of(NEW))]),
    "another is pending, not there": (
        NEW,
        entry_of(old(PENDING)),
        [],
        [("create", name_of(NEW)), ("delete", SERVES.resource, "cleanup")],
    ),
    "another is pending, something else there": (
        NEW,
        entry_of(old(PENDING)),
        [live(SERVES, **FOREIGN)],
        [("create", name_of(NEW)), ("forget", SERVES.resource, "cleanup")],
    ),
    "another candidate is tuning": (
        NEWER,
        entry_of(SERVES, candidate=making()),
        [live(SERVES), live(making(), LIVE_TUNING)],
        [("replace", name_of(NEWER)), ("delete", name_of(NEW), "cleanup")],
    ),
    "another candidate while the wanted serves": (
        OLD,
        entry_of(SERVES, candidate=making()),
        [live(SERVES), live(making(), LIVE_TUNING)],
        [("delete", name_of(NEW), "cleanup")],
    ),
    "another candidate while the wanted is blocked": (
        NEWER,
        entry_of(SERVES, candidate=making(), failed=(instance(NEWER, FAILED),)),
        [live(SERVES), live(making(), LIVE_TUNING)],
        [("blocked", name_of(NEWER)), ("delete", name_of(NEW), "cleanup")],
    ),
    "a replaced one is to be deleted": (
        OLD,
        entry_of(SERVES, deposed=(making(READY),)),
        [live(SERVES), live(making())],
        [("delete", name_of(NEW), "cleanup")],
    ),
    "a replaced one is gone and still recorded": (
        OLD,
        entry_of(SERVES, deposed=(making(READY),)),
        [live(SERVES)],
        [("delete", name_of(NEW), "cleanup")],
    ),
    "retained, rejected and failed ones stay": (
        keeping(OLD, 1),
        entry_of(
            SERVES,
            retained=(making(READY),),
            rejected=(instance(NEWER, REJECTED),),
            failed=(making(FAILED, attempt=2),),
        ),
        [live(SERVES), live(making())],
        [],
    ),
}


A, B, C = (instance(wanted(epochs=number)) for number in (11, 12, 13))
AGAIN = instance(OLD, attempt=2)
ALL = [live(model) for model in (SERVES, A, B, C, AGAIN)]
# Each row: how many are to be kept, what is kept, what is there, what is done.
SURPLUS = {
    "as many as there are": (2, (A, B), ALL, {}, []),
    "fewer": (1, (A, B, C), ALL, {}, [("delete", B.resource, "cleanup"), ("delete", C.resource, "cleanup")]),
    "none": (0, (A,), ALL, {}, [("delete", A.resource, "cleanup")]),
    "one that is gone takes no place": (1, (A, B), [live(SERVES), live(B)], {}, []),
    "another attempt of what serves": (0, (AGAIN,), ALL, {}, []),
    "the way back of a rollback": (0, (A,), ALL, {"pin": SERVES.revision, "pin_over": A.revision}, []),
}


@pytest.mark.parametrize("row", SURPLUS)
def test_more_former_models_than_are_to_be_kept_are_let_go_of(row):
    retain, retained, observed, fields, expected = SURPLUS[row]
    entry = entry_of(SERVES, retained=retained, **fields)
    assert brief(decide(case_of(keeping(OLD, retain), entry, observed, pinned=bool(fields)))) == expected


def test_what_served_is_forgotten_and_what_never_did_is_deleted_if_nothing_that_served_is_to_go():
    failed = old(FAILED, attempt=3)
    entry = entry_of(SERVES, retained=(A,), deposed=(B, failed), deletion="retain")
    actions = decide(case_of(keeping(OLD, 0, deletion="retain"), entry, ALL))
    assert brief(actions) == [
        ("forget", B.resource, "cleanup"),
        ("delete", failed.resource, "cleanup"),
        ("forget", A.resource, "cleanup"),
    ]
    assert actions[0].reason == "was replaced; lifecycle.deletion: retain keeps the remote model"


@pytest.mark.parametrize("row", ROWS)
def test_the_table(row):
    manifest, entry, observed, expected = ROWS[row]
    assert brief(decide(case_of(manifest, entry, observed))) == expected


FORCED = {
    "nothing recorded": (NEW, None, [], [("create", name_of(NEW))]),
    "nothing recorded, ours is live": (NEW, None, [live(making())], [("create", name_of(NEW, 2))]),
    "the wanted serves": (OLD, entry_of(SERVES), [live(SERVES)], [("replace", name_of(OLD, 2))]),
    "the wanted serves in attempt 2": (OLD, entry_of(old(attempt=2)), [], [("create", name_of(OLD, 3))]),
    "the wanted failed": (NEW, entry_of(making(FAILED)), [], [("create", name_of(NEW, 2))]),
    "the wanted was rejected": (
        NEW,
        entry_of(SERVES, rejected=(making(REJECTED),)),
        [live(SERVES), live(making())],
        [("replace", name_of(NEW, 2))],
    ),
    "the wanted is retained": (
        keeping(NEW, 1),
        entry_of(SERVES, retained=(making(READY),)),
        [live(SERVES), live(making())],
        [("replace", name_of(NEW, 2))],
    ),
    "the wanted is tuning already": (
        NEW,
        entry_of(SERVES, candidate=making()),
        [live(SERVES), live(making(), LIVE_TUNING)],
        [("wait", name_of(NEW))],
    ),
    "its fresh attempt is tuning already": (
        OLD,
        entry_of(SERVES, candidate=old(TUNING, attempt=2)),
        [live(SERVES), live(old(attempt=2), LIVE_TUNING)],
        [("wait", name_of(OLD, 2))],
    ),
    "another is in the making": (
        OLD,
        entry_of(SERVES, candidate=making()),
        [live(SERVES), live(making(), LIVE_TUNING)],
        [("replace", name_of(OLD, 2)), ("delete", name_of(NEW), "cleanup")],
    ),
}


@pytest.mark.parametrize("row", FORCED)
def test_a_fresh_attempt_is_bought_on_demand_and_never_beside_one_under_way(row):
    manifest, entry, observed, expected = FORCED[row]
    actions = decide(case_of(manifest, entry, observed, forced=True))
    assert brief(actions) == expected
    assert all("--replace" in a.reason for a in actions if a.kind in {"create", "replace"} and entry is not None)


def test_an_id_that_is_held_by_what_we_may_not_see_is_passed_over():
    case = case_of(NEW, forced=True)
    hidden = replace(case, observed=replace(case.observed, hidden=frozenset({name_of(NEW), name_of(NEW, 2)})))
    assert brief(decide(hidden)) == [("create", name_of(NEW, 3))]


def test_a_lost_lockfile_finds_the_best_of_all_attempts():
    lost = [
        live(making(attempt=1), LIVE_FAILED),
        live(making(attempt=2)),
        live(making(attempt=4), LIVE_TUNING),
        live(making(attempt=7), **FOREIGN),
    ]
    orphans = {name_of(NEW): (7, 4, 2, 1)}
    assert brief(decide(case_of(NEW, None, lost, orphans=orphans))) == [("reuse", name_of(NEW, 2))]
    assert brief(decide(case_of(NEW, None, lost[2:], orphans=orphans))) == [("reuse", name_of(NEW, 4))]
    assert brief(decide(case_of(NEW, None, lost[:1], orphans=orphans))) == [("blocked", name_of(NEW))]
    assert brief(decide(case_of(NEW, None, lost[3:], orphans=orphans))) == [("create", name_of(NEW))]


def test_an_attempt_behind_a_gap_that_another_name_records_is_not_taken():
    other = live(making(attempt=2))
    case = case_of(NEW, None, [other], orphans={name_of(NEW): (2,)}, owner={other.resource: "other"})
    assert brief(decide(case)) == [("create", name_of(NEW))]


def test_two_names_never_share_one_model():
    case = case_of(NEW, None, [live(making())], owner={name_of(NEW): "other"})
    assert brief(decide(case)) == [("create", name_of(NEW, 2))]


def test_a_vanished_model_under_an_id_of_a_former_name_gets_an_id_of_its_own():
    moved = replace(SERVES, resource=f"{PREFIX}former-0123456789ab")
    assert brief(decide(case_of(OLD, entry_of(moved)))) == [("create", name_of(OLD))]


def test_a_name_runs_out_of_attempts_with_a_message():
    taken = {name_of(NEW, attempt): "other" for attempt in range(1, MAX_ATTEMPT + 1)}
    with pytest.raises(TunectlError, match="numbers: all 99 attempts of this revision are used up") as caught:
        decide(case_of(NEW, None, owner=taken))
    assert caught.value.hint


def test_an_intent_whose_manifest_moved_in_an_ignored_field_is_still_ours():
    ignoring = replace(wanted(epochs=9), lifecycle=Lifecycle(ignore=("hyperparameters.epochCount",)))
    pending = old(PENDING)
    case = case_of(ignoring, entry_of(pending), [live(pending, LIVE_TUNING)], revision=pending.revision)
    assert brief(decide(case)) == [("wait", pending.resource)]


def test_what_is_reused_is_patched_in_the_same_plan():
    renamed = replace(NEW, spec={**NEW.spec, "topK": 3}, lifecycle=Lifecycle(protect=True))
    entry = entry_of(SERVES, retained=(making(READY),))
    reuse, update = decide(case_of(renamed, entry, [live(SERVES), live(making())]))
    assert brief([reuse, update]) == [("reuse", name_of(NEW)), ("update", name_of(NEW))]
    assert update.changes == (
        Change("spec.lifecycle.protect", False, True, "local"),
        Change("spec.topK", None, 3, "update"),
    )
    assert [c.path for c in decide(case_of(renamed, None, [live(making())]))[1].changes] == ["spec.topK"]


def test_a_replacement_says_what_it_replaces_why_and_what_it_costs():
    now = wanted(
        epochs=5,
        batch=2,
        data=OTHER_DATA,
        base="models/newer",
        lifecycle=Lifecycle(retain=2),
        gate=Gate(max_final_loss=1.0),
    )
    (action,) = decide(case_of(now, entry_of(SERVES), [live(SERVES)]))
    assert (
        action.reason
        == "cannot change in place: baseModel, dataset, hyperparameters.batchSize, hyperparameters.epochCount"
    )
    assert action.changes == (
        Change("spec.baseModel", "models/text-bison-001", "models/newer", "replace"),
        Change("spec.dataset", DATA.digest, OTHER_DATA.digest, "replace"),
        Change("spec.hyperparameters.batchSize", 4, 2, "replace"),
        Change("spec.hyperparameters.epochCount", 3, 5, "replace"),
    )
    assert (action.previous, action.dataset_before, action.dataset) == (SERVES.resource, DATA, OTHER_DATA)
    assert (action.revision, action.attempt, action.steps) == (revision(now), 1, Steps(50, 50))
    assert (action.lifecycle, action.gate) == (now.lifecycle, now.gate.canonical)


def test_a_hyperparameter_that_the_service_does_not_show_is_no_change():
    multiplied = replace(OLD, spec={**OLD.spec, "hyperparameters": {"epochCount": 3, "learningRateMultiplier": 2}})
    now = replace(multiplied, dataset=OTHER_DATA)
    made = instance(multiplied)
    shown = live(made)
    shown = replace(shown, spec={**shown.spec, "hyperparameters": {"epochCount": 3}})
    (action,) = decide(case_of(now, entry_of(made), [shown]))
    assert [change.path for change in action.changes] == ["spec.dataset"]


def test_an_ignored_dataset_is_no_reason():
    now = wanted(epochs=5, data=OTHER_DATA, lifecycle=Lifecycle(ignore=("dataset",)))
    (action,) = decide(case_of(now, entry_of(SERVES), [live(SERVES)]))
    assert [change.path for change in action.changes] == ["spec.hyperparameters.epochCount"]


REASONS = {
    "does not exist": (NEW, None, [], "does not exist"),
    "gone": (OLD, entry_of(SERVES), [], "is gone from the remote"),
    "pending": (NEW, entry_of(making(PENDING)), [], "was about to be created when the last run ended"),
    "vanished": (NEW, entry_of(making()), [], "vanished before it could serve"),
    "taken": (NEW, entry_of(making(PENDING)), [live(making(), **FOREIGN)], "the recorded id is taken by another model"),
    "ready": (NEW, entry_of(making()), [live(making())], "is ready; apply records it"),
    "switch": (
        NEW,
        entry_of(SERVES, candidate=making()),
        [live(SERVES), live(making())],
        "is ready; apply switches to it",
    ),
    "failed": (NEW, entry_of(making()), [live(making(), LIVE_FAILED)], "has failed; apply records it"),
    "tuning": (NEW, entry_of(making()), [live(making(), LIVE_TUNING)], "is still tuning"),
    "blocked by a failure": (
        NEW,
        entry_of(making(FAILED, error="diverged")),
        [],
        (
            "attempt 1 of this revision failed: diverged; "
            "change the manifest, or buy another attempt: `tunectl apply --replace numbers`"
        ),
    ),
    "rejected": (
        NEW,
        entry_of(SERVES, rejected=(making(REJECTED, attempt=2),)),
        [live(SERVES)],
        (
            "the gate of attempt 2 changed, but the rejected model is gone and cannot be judged again; "
            "buy another attempt: `tunectl apply --replace numbers`"
        ),
    ),
    "nothing to name": (wanted(), entry_of(SERVES), [live(SERVES)], "another revision is wanted"),
    "update": (OLD, entry_of(SERVES), [live(SERVES, displayName="x")], "differs in displayName"),
}


@pytest.mark.parametrize("case", REASONS)
def test_every_action_says_why(case):
    manifest, entry, observed, reason = REASONS[case]
    assert decide(case_of(manifest, entry, observed))[0].reason == reason


@pytest.mark.parametrize(
    ("entry", "observed", "end"),
    [
        (
            entry_of(making()),
            [live(making(), LIVE_TUNING)],
            "ask again afterwards, or stop this one first: `tunectl cancel numbers`",
        ),
        (entry_of(SERVES, candidate=making()), [live(SERVES), live(making())], "ask again afterwards"),
    ],
)
def test_a_fresh_attempt_that_is_put_off_is_said_to_be(entry, observed, end):
    """A request that is silently dropped looks as if it had been heard."""
    (action,) = decide(case_of(NEW, entry, observed, forced=True))
    assert action.kind == "wait"
    said = "--replace numbers buys nothing while this attempt of the same revision is on its way: "
    assert action.reason.endswith(f"; {said}{end}")


@pytest.mark.parametrize(("state", "verdict"), [(FAILED, "failed"), (REJECTED, "rejected")])
def test_blocked_says_by_what(state, verdict):
    entry = entry_of(SERVES, **{verdict: (making(state),)})
    assert decide(case_of(NEW, entry, [live(SERVES)]))[0].blocked_by == verdict


@pytest.mark.parametrize(
    ("failed", "rejected", "said"),
    [((1,), 2, "rejected"), ((1, 3), 2, "failed"), ((1, 2), None, "failed")],
    ids=["rejected last", "failed last", "failed only"],
)
def test_of_several_attempts_the_last_one_says_what_blocks(failed, rejected, said):
    refused = () if rejected is None else (making(REJECTED, attempt=rejected),)
    entry = entry_of(SERVES, failed=tuple(making(FAILED, attempt=n) for n in failed), rejected=refused)
    (action,) = decide(case_of(NEW, entry, [live(SERVES)]))
    assert (action.blocked_by, action.attempt) == (said, max(*failed, rejected or 0))


def test_a_child_is_replaced_because_its_parent_is():
    child = wanted("child", source={"model": "root"})
    made = instance(child, parent="sha256:1")
    case = case_of(child, entry_of(made), [live(made, parent="tunedModels/root")], revision="sha256:new")
    (action,) = decide(case)
    assert (action.kind, action.reason) == ("replace", "its source model root is replaced")


def test_an_intent_of_a_child_is_ours_only_if_it_comes_from_its_parent():
    child = wanted("child", source={"model": "root"})
    pending = instance(child, PENDING, parent="sha256:1")
    options = {"revision": pending.revision, "parent_resource": "tunedModels/root"}
    ours = case_of(child, entry_of(pending), [live(pending, parent="tunedModels/root")], **options)
    assert [kind for kind, *_ in brief(decide(ours))] == ["wait"]
    other = case_of(child, entry_of(pending), [live(pending, parent="tunedModels/other")], **options)
    assert [kind for kind, *_ in brief(decide(other))] == ["create", "forget"]


IN_MAKING = [
    (entry_of(SERVES), None),
    (entry_of(SERVES, candidate=making(READY)), name_of(NEW)),
    (entry_of(making()), name_of(NEW)),
    (entry_of(making(FAILED)), None),
]


@pytest.mark.parametrize(("entry", "resource"), IN_MAKING)
def test_what_is_to_serve_but_does_not_yet_is_in_the_making(entry, resource):
    found = in_making(entry)
    assert (found and found.resource) == resource
