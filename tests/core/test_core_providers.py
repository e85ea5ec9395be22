"""What providers differ in reaches the core as data: fields that only some have, records that stay, labels, bases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_values import (
    BASE,
    CAPABILITIES,
    DATA,
    LIVE_FAILED,
    LIVE_TUNING,
    REMOTE,
    brief,
    case_of,
    entry_of,
    instance,
    live,
    lockfile,
    name_of,
    policy,
    revision,
    seen,
    wanted,
)

from reconciler.core.plan import Action, Kind, Plan
from reconciler.core.planning.build import build_plan
from reconciler.core.planning.decision import decide
from reconciler.core.planning.drift import remote_drift
from reconciler.core.planning.requirements import unmet
from reconciler.core.resource import BaseModel, Effect, Lifecycle
from reconciler.core.revision import compatible, settle
from reconciler.core.upkeep.rebuild import Identity, rebuild

KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
LABELLED = replace(CAPABILITIES, effects={**CAPABILITIES.effects, "labels": Effect.UPDATE}, labels=True)
M = wanted(epochs=3)


class TestRevisions:
    def test_a_method_and_a_key_are_part_of_what_a_model_is_made_of(self):
        revisions = {
            revision(manifest)
            for manifest in (M, wanted(epochs=3, method="preference"), wanted(epochs=3, encryptionKey=KEY))
        }
        assert len(revisions) == 3

    def test_writing_out_the_usual_method_is_no_other_revision(self):
        assert revision(wanted(epochs=3, method="supervised")) == revision(M)

    @pytest.mark.parametrize(
        ("made", "asked", "same"),
        [
            ({"encryptionKey": KEY}, {}, True),
            ({"encryptionKey": KEY}, {"encryptionKey": f"{KEY}2"}, False),
            ({}, {"encryptionKey": KEY}, False),
            ({"method": "preference"}, {}, False),
            ({"method": "preference"}, {"method": "preference", "encryptionKey": KEY}, False),
        ],
    )
    def test_a_key_that_is_no_longer_named_asks_for_nothing_new_and_another_method_does(self, made, asked, same):
        recorded = instance(wanted(epochs=3, **made))
        settled = settle(wanted(epochs=3, **asked), [recorded], {recorded.resource: live(recorded)})
        assert (settled == recorded.revision) is same

    @pytest.mark.parametrize("field", ["encryptionKey", "method"])
    def test_what_is_ignored_asks_for_nothing_new(self, field):
        recorded = instance(M)
        value = {"encryptionKey": KEY, "method": "preference"}[field]
        asked = wanted(epochs=3, lifecycle=Lifecycle(ignore=(field,)), **{field: value})
        assert settle(asked, [recorded], {recorded.resource: live(recorded)}) == recorded.revision

    @pytest.mark.parametrize("field", [{"encryptionKey": KEY}, {"method": "preference"}])
    def test_a_live_model_without_them_is_not_the_wanted_one(self, field):
        manifest = wanted(epochs=3, **field)
        made = instance(manifest)
        assert compatible(manifest, live(made))
        assert not compatible(manifest, live(instance(M)))


class TestRecords:
    """A service that keeps failed tunings for ever lists what nobody can manage or delete."""

    def test_are_neither_unmanaged_nor_orphaned(self):
        failed = replace(live(instance(wanted("gone")), LIVE_FAILED), record=True)
        plan = build_plan([], lockfile(), seen(failed), policy())
        assert plan.unmanaged == ()

    def test_block_the_revision_that_failed_even_if_nothing_records_it(self):
        failed = replace(live(instance(M), LIVE_FAILED), record=True)
        (action,) = decide(case_of(M, observed=[failed]))
        assert (action.kind, action.blocked_by) == (Kind.BLOCKED, "failed")

    @pytest.mark.parametrize("state", [LIVE_FAILED, LIVE_TUNING])
    def test_of_a_tuning_that_was_cancelled_block_nothing_but_its_id_is_used_up(self, state):
        stopped = replace(live(instance(M), state), record=state is LIVE_FAILED, cancelled=True)
        assert brief(decide(case_of(M, observed=[stopped]))) == [("create", name_of(M, 2))]

    def test_are_not_what_a_lost_lockfile_is_made_of(self):
        stopped = replace(live(instance(M), LIVE_FAILED), record=True, cancelled=True)
        found = rebuild([M], seen(stopped), Identity(REMOTE, "demo", CAPABILITIES))
        assert (found.lockfile.models, found.orphaned, found.missing) == ({}, (), ("numbers",))

    def test_a_model_that_lost_its_id_to_a_better_one_is_an_orphan(self):
        twin = replace(live(instance(M)), resource="tunedModels/1234", duplicate=True)
        (found,) = build_plan([], lockfile(), seen(twin), policy()).unmanaged
        assert found.orphaned


class TestLabels:
    def test_drift_key_by_key_and_only_those_that_the_manifest_sets(self):
        manifest = wanted(epochs=3, labels={"team": "math", "tier": "one"})
        made = instance(manifest)
        changed = live(made, labels={"team": "art", "tier": "one", "theirs": "x"})
        names = frozenset({"numbers"})
        record = lockfile(numbers=entry_of(made))
        (drift,) = remote_drift([manifest], record, seen(changed), names=names, capabilities=LABELLED)
        assert (drift.path, drift.before, drift.after) == ("spec.labels.team", "math", "art")
        assert remote_drift([manifest], record, seen(changed), names=names, capabilities=CAPABILITIES) == ()
        ignoring = replace(manifest, lifecycle=Lifecycle(ignore=("labels",)))
        assert remote_drift([ignoring], record, seen(changed), names=names, capabilities=LABELLED) == ()

    def test_are_patched_key_by_key(self):
        manifest = wanted(epochs=3, labels={"team": "math", "new": "yes"})
        made = instance(wanted(epochs=3, labels={"team": "math"}))
        case = replace(case_of(manifest, entry_of(made), [live(made)]), capabilities=LABELLED)
        (action,) = decide(case)
        assert [(change.path, change.before, change.after) for change in action.changes] == [
            ("spec.labels.new", None, "yes")
        ]


@pytest.mark.parametrize(
    ("bases", "complete", "severity"),
    [
        ((), True, "error"),
        ((), False, "warning"),
        ((BaseModel(BASE, tunable=False),), False, "error"),
        ((BaseModel(BASE, tunable=True),), False, None),
    ],
)
def test_a_base_model_that_is_not_listed_is_left_to_a_service_that_does_not_list_them_all(bases, complete, severity):
    plan = Plan("demo", REMOTE, actions=(Action("numbers", Kind.CREATE, "x"),))
    problems = unmet(plan, [replace(M, dataset=DATA)], bases, complete=complete)
    assert [problem.severity for problem in problems] == ([severity] if severity else [])


def test_what_can_be_patched_follows_from_what_a_change_costs():
    assert CAPABILITIES.in_place == ("description", "displayName", "temperature", "topK", "topP")
