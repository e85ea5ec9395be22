"""Going back to a former model, and what a pin keeps: against the manifest, for children, through renames."""

from dataclasses import replace

import pytest
from core_values import (
    FAILED,
    LIVE_FAILED,
    OTHER_DATA,
    PENDING,
    READY,
    REJECTED,
    TUNING,
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

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, InstanceState
from reconciler.core.plan import Pinned
from reconciler.core.planning.build import build_plan
from reconciler.core.resource import Lifecycle
from reconciler.core.revision import source_of
from reconciler.core.succession import intend, promote, take_back, unpin
from reconciler.core.upkeep.rollback import find_target, roll_back, short_revision, targets
from reconciler.errors import FailedPrecondition, UsageError

OLD, NEW, NEXT = wanted(epochs=1), wanted(epochs=2), wanted(epochs=3)
A, B, C = instance(OLD), instance(NEW), instance(NEXT)
SERVES_B = Entry(current=B, retained=(A,))
PINNED = Entry(current=A, retained=(B,), pin=A.revision, pin_over=B.revision)


def back(entry, target=A, *, asked=B.revision, retain=1, gone=False):
    return roll_back("numbers", entry, target, asked=asked, retain=retain, gone=gone)


def plan(manifests, recorded, *observed, again=()):
    return build_plan(manifests, recorded, seen(*observed), policy(again=again))


def kinds(plan):
    return [(action.name, action.kind.value, action.resource) for action in plan.actions]


def test_the_model_that_served_last_serves_again_and_is_pinned():
    assert back(SERVES_B).after == PINNED


def test_back_and_back_again_ends_where_it_began_without_a_pin():
    assert back(back(SERVES_B).after, B).after == SERVES_B


@pytest.mark.parametrize("retain", [0, 1])
def test_the_model_rolled_back_from_is_kept_even_if_none_is_to_be_retained(retain):
    after = back(SERVES_B, retain=retain).after
    assert (after.retained, after.deposed) == ((B,), ())


def test_a_model_that_is_gone_is_not_kept():
    assert back(SERVES_B, gone=True).after == Entry(current=A, pin=A.revision, pin_over=B.revision)


def test_what_the_manifest_asks_for_needs_no_pin():
    after = back(SERVES_B, asked=A.revision).after
    assert (after.current, after.pin, after.pin_over) == (A, None, None)


def test_a_replacement_in_the_making_is_not_pinned_against():
    rollback = back(replace(SERVES_B, candidate=replace(C, state=TUNING)), asked=C.revision)
    assert (rollback.pinned, rollback.replacement) == (False, replace(C, state=TUNING))
    assert rollback.after.candidate == replace(C, state=TUNING)


def test_a_training_that_the_manifest_asks_for_no_more_does_not_keep_the_pin_away():
    rollback = back(replace(SERVES_B, candidate=replace(C, state=TUNING)))
    assert (rollback.pinned, rollback.replacement) == (True, None)


def test_only_what_served_can_be_gone_back_to():
    entry = Entry(
        current=B,
        retained=(A,),
        rejected=(replace(C, state=REJECTED),),
        failed=(replace(instance(wanted(epochs=4)), state=FAILED),),
        deposed=(instance(wanted(epochs=5)),),
    )
    assert targets(entry) == (A,)


AGAIN = instance(OLD, attempt=2)
SEVERAL = Entry(current=C, retained=(B, AGAIN, A))
MEANT = {
    "nothing said": (None, B),
    "a hash": (A.revision, AGAIN),
    "the beginning of a hash": (A.revision[:13], AGAIN),
    "a hash without its head": (short_revision(B.revision), B),
    "upper case": (short_revision(B.revision).upper(), B),
    "an attempt": ("2", AGAIN),
    "an id": (short(A.resource), A),
    "a resource name": (A.resource, A),
}


@pytest.mark.parametrize("case", MEANT)
def test_a_former_model_is_named_by_revision_attempt_or_resource(case):
    text, meant = MEANT[case]
    assert find_target("numbers", SEVERAL, text, retain=1) == meant


REJECTED_ONE = replace(instance(wanted(epochs=6)), state=REJECTED)
FAILED_ONE = replace(instance(wanted(epochs=7)), state=FAILED)
DEPOSED_ONE = instance(wanted(epochs=8))
MAKING = replace(instance(wanted(epochs=9)), state=TUNING)
FULL = replace(SEVERAL, rejected=(REJECTED_ONE,), failed=(FAILED_ONE,), deposed=(DEPOSED_ONE,), candidate=MAKING)
WRONG = {
    "the current one": (C.resource, "serves already"),
    "a rejected one": (REJECTED_ONE.resource, "was rejected by its gate and never served"),
    "a failed one": (short_revision(FAILED_ONE.revision), "failed and never served"),
    "a deposed one": (short(DEPOSED_ONE.resource), "was replaced and is to be deleted"),
    "one in the making": (short(MAKING.resource), "is still in the making"),
    "an unknown one": ("sha256:0000", "no former model has such a revision, attempt or id"),
    "too short a hash": (short_revision(B.revision)[:3], "no former model has"),
    "an attempt of two revisions": ("1", "fits more than one former model"),
    "an unknown attempt": ("77", "no former model has"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_gone_back_to_is_refused_with_what_can(case):
    text, reason = WRONG[case]
    with pytest.raises(UsageError, match=reason) as caught:
        find_target("numbers", FULL, text, retain=1)
    assert short(A.resource) in str(caught.value.hint)
    assert short_revision(B.revision) in str(caught.value.hint)


def test_a_typing_error_in_an_id_is_answered_with_the_one_meant():
    with pytest.raises(UsageError) as caught:
        find_target("numbers", SEVERAL, f"{short(A.resource)}0", retain=1)
    assert str(caught.value.hint).startswith(f"did you mean {short(A.resource)}? ")


NOTHING = {
    "nothing kept": (Entry(current=B), "no former model is kept"),
    "only what is to be deleted": (Entry(current=B, deposed=(A,)), "no former model is kept"),
    "a first model in the making": (Entry(current=replace(B, state=PENDING), retained=(A,)), "is pending and serves"),
    "a first model that failed": (Entry(current=replace(B, state=FAILED)), "is failed and serves nothing yet"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_without_a_former_model_or_a_serving_one_there_is_no_going_back(case):
    entry, reason = NOTHING[case]
    with pytest.raises(FailedPrecondition, match=reason):
        find_target("numbers", entry, None, retain=0)


def test_who_keeps_models_already_is_not_told_to():
    with pytest.raises(FailedPrecondition) as raised:
        find_target("numbers", Entry(current=B), None, retain=2)
    assert raised.value.hint == f"spec.lifecycle.retain is 2: the next replacement keeps {short(B.resource)}"


def test_a_pinned_model_is_left_in_place_and_the_plan_says_so():
    found = plan([NEW], lockfile(numbers=PINNED), live(A), live(B))
    assert found.empty
    assert found.unchanged == 0
    assert found.pinned == (Pinned("numbers", A.resource, A.revision, B.revision),)


def test_a_pin_takes_no_part_in_the_digest():
    pinned = plan([NEW], lockfile(numbers=PINNED), live(A), live(B))
    plain = plan([replace(OLD, lifecycle=Lifecycle(retain=1))], lockfile(numbers=unpin(PINNED)), live(A), live(B))
    assert pinned.digest == plain.digest


def test_fields_that_can_be_patched_follow_the_manifest_all_the_same():
    (update,) = plan([wanted(epochs=2, temperature=0.1)], lockfile(numbers=PINNED), live(A), live(B)).actions
    assert (update.kind.value, update.resource) == ("update", A.resource)
    assert [change.path for change in update.changes] == ["spec.temperature"]


def test_another_revision_in_the_manifest_ends_the_pin():
    found = plan([NEXT], lockfile(numbers=PINNED), live(A), live(B))
    assert kinds(found) == [("numbers", "replace", name_of(NEXT))]
    assert found.actions[0].reason.endswith("; the pin of the rollback ends")
    assert found.pinned == ()


def test_a_manifest_that_comes_round_to_the_pinned_revision_ends_the_pin_for_good():
    (update,) = plan([OLD], lockfile(numbers=PINNED), live(A), live(B)).actions
    assert [(c.path, c.before, c.after, c.effect) for c in update.changes] == [("pin", A.revision, None, "local")]


def test_unpinned_the_manifest_is_followed_again_free_of_charge():
    found = plan([NEW], lockfile(numbers=unpin(PINNED)), live(A), live(B))
    assert kinds(found) == [("numbers", "reuse", B.resource)]


def test_a_fresh_attempt_is_one_of_what_the_manifest_asks_for():
    found = plan([NEW], lockfile(numbers=PINNED), live(A), live(B), again=["numbers"])
    assert kinds(found) == [("numbers", "replace", name_of(NEW, 2))]
    assert found.actions[0].reason == "a fresh attempt was asked for (--replace); the pin of the rollback ends"


@pytest.mark.parametrize("observed", [(live(B),), (live(A, LIVE_FAILED), live(B))], ids=["gone", "failed"])
def test_a_pinned_model_that_does_not_serve_any_more_gives_way(observed):
    found = plan([NEW], lockfile(numbers=PINNED), *observed)
    assert kinds(found)[0] == ("numbers", "reuse", B.resource)


def test_what_the_pinned_model_was_tuned_on_is_not_bought_again_when_it_is_gone():
    entry = Entry(current=A, pin=A.revision, pin_over=B.revision)
    (create,) = plan([NEW], lockfile(numbers=entry)).actions
    assert (create.kind.value, create.revision) == ("create", B.revision)
    assert "the model that the rollback pinned is gone" in create.reason


def test_a_pinned_name_can_be_renamed_without_being_named():
    new = wanted("digits", epochs=2)
    found = plan([new], lockfile(numbers=PINNED), live(A), live(B))
    assert kinds(found) == [("digits", "move", A.resource)]
    assert [pin.name for pin in found.pinned] == ["digits"]


def test_a_pin_ends_when_another_model_is_to_serve():
    lifecycle = {"protect": False, "deletion": "delete"}
    assert intend(PINNED, replace(C, state=PENDING), **lifecycle).pin is None
    assert intend(PINNED, replace(AGAIN, state=PENDING), **lifecycle).pin == A.revision
    assert take_back(PINNED, B.resource, retain=1).pin is None
    assert promote(replace(PINNED, candidate=C), C.resource, retain=1).pin_over is None


def test_a_model_that_is_gone_pushes_out_none_that_is_kept():
    entry = Entry(current=C, retained=(B, A))
    assert take_back(entry, A.resource, retain=1, gone=True) == Entry(current=A, retained=(B,))


# A child is tuned from ``numbers``; its revision holds that of its parent.

CHILD = wanted("child", source={"model": "numbers"})
CHILD_OF_B = instance(CHILD, parent=B.revision)
CHILD_OF_A = instance(CHILD, parent=A.revision)


def seen_child(child, parent):
    return live(child, parent=parent.resource)


def test_going_back_with_a_parent_retrains_no_child():
    recorded = lockfile(numbers=PINNED, child=entry_of(CHILD_OF_B))
    found = plan([NEW, CHILD], recorded, live(A), live(B), seen_child(CHILD_OF_B, B))
    assert found.empty
    assert found.unchanged == 1


def test_a_child_of_the_pinned_parent_stays_as_well():
    recorded = lockfile(numbers=PINNED, child=entry_of(CHILD_OF_A))
    assert plan([NEW, CHILD], recorded, live(A), live(B), seen_child(CHILD_OF_A, A)).empty


def test_a_new_child_is_tuned_from_the_parent_that_serves():
    (create,) = plan([NEW, CHILD], lockfile(numbers=PINNED), live(A), live(B)).actions
    assert create.revision == CHILD_OF_A.revision
    assert source_of(CHILD, create.revision, PINNED) == A


def test_a_child_that_was_begun_before_the_rollback_is_finished_from_the_parent_it_was_begun_with():
    pending = replace(CHILD_OF_B, state=PENDING)
    (create,) = plan([NEW, CHILD], lockfile(numbers=PINNED, child=entry_of(pending)), live(A), live(B)).actions
    assert (create.resource, create.revision) == (CHILD_OF_B.resource, CHILD_OF_B.revision)
    assert source_of(CHILD, create.revision, PINNED) == B


def test_an_intent_of_a_parent_that_was_rejected_is_not_tuned_from_another_under_its_revision():
    pending = replace(CHILD_OF_B, state=PENDING)
    parent = replace(PINNED, retained=(), rejected=(replace(B, state=InstanceState.REJECTED),))
    recorded = lockfile(numbers=parent, child=entry_of(pending))
    actions = plan([NEW, CHILD], recorded, live(A), live(B)).actions
    (create,) = [action for action in actions if action.kind.value == "create"]
    assert (create.name, create.revision) == ("child", CHILD_OF_A.revision)
    assert source_of(CHILD, create.revision, parent) == A


def test_a_changed_child_is_tuned_from_the_pinned_parent():
    changed = wanted("child", source={"model": "numbers"}, data=OTHER_DATA)
    recorded = lockfile(numbers=PINNED, child=entry_of(CHILD_OF_B))
    (found,) = plan([NEW, changed], recorded, live(A), live(B), seen_child(CHILD_OF_B, B)).actions
    assert found.revision == revision(changed, A.revision)


def test_a_child_goes_back_by_itself_and_stays_there_beside_its_pinned_parent():
    before = instance(wanted("child", source={"model": "numbers"}, epochs=4), parent=B.revision)
    child = roll_back("child", Entry(CHILD_OF_B, retained=(before,)), before, asked=CHILD_OF_B.revision, retain=1)
    recorded = lockfile(numbers=PINNED, child=child.after)
    observed = (live(A), live(B), seen_child(CHILD_OF_B, B), seen_child(before, B))
    found = plan([NEW, CHILD], recorded, *observed)
    assert found.empty
    assert [pin.name for pin in found.pinned] == ["child", "numbers"]


def test_a_parent_that_is_replaced_after_all_replaces_its_children():
    recorded = lockfile(numbers=PINNED, child=entry_of(CHILD_OF_B))
    found = plan([NEXT, CHILD], recorded, live(A), live(B), seen_child(CHILD_OF_B, B))
    assert [(a.name, a.kind.value) for a in found.actions] == [("child", "replace"), ("numbers", "replace")]


def test_out_of_scope_a_pinned_parent_keeps_the_children_of_both():
    recorded = lockfile(numbers=PINNED, child=entry_of(CHILD_OF_B))
    found = build_plan(
        [NEW, CHILD], recorded, seen(live(A), live(B), seen_child(CHILD_OF_B, B)), policy(target=["child"])
    )
    assert found.empty
    assert found.pinned == ()


def test_a_pin_is_of_no_account_when_a_name_is_destroyed():
    found = build_plan([], lockfile(numbers=PINNED), seen(live(A), live(B)), policy(destroy=True))
    assert {action.resource for action in found.actions} == {A.resource, B.resource}
    assert found.pinned == ()


def test_protection_and_a_pin_go_together():
    guarded = replace(PINNED, protect=True)
    manifest = replace(NEW, lifecycle=Lifecycle(protect=True))
    assert plan([manifest], lockfile(numbers=guarded), live(A), live(B)).empty


def test_what_serves_is_ready_after_going_back():
    assert back(SERVES_B).target.state is READY
