"""Mending drift and nothing else: what is mended, what waits, and that nothing is ever tuned for a manifest's sake."""

from dataclasses import replace
from datetime import date

import pytest
from core_values import (
    FAILED,
    LIVE_TUNING,
    OTHER_DATA,
    TUNING,
    brief,
    entry_of,
    instance,
    live,
    lockfile,
    name_of,
    policy,
    seen,
    wanted,
)

from reconciler.core.observation import Observed
from reconciler.core.plan import Kind, Scope
from reconciler.core.planning.build import build_plan
from reconciler.core.planning.healing import EFFECTS
from reconciler.core.planning.tolerance import Tolerance
from reconciler.core.resource import Lifecycle

A = wanted("a", epochs=1, temperature=0.5)
MADE = instance(A)


def healing(manifests, recorded, observed, *, effect="update", target=(), tolerances=()):
    asked = replace(policy(target=target), scope=Scope(tuple(target), only="drift", max_effect=effect))
    return build_plan(manifests, recorded, observed, replace(asked, tolerances=tuple(tolerances)))


def moved(**fields):
    """Return the listing in which somebody changed a field of ``a``."""
    return seen(live(MADE, **fields))


MENDED = {
    "changed outside": (A, {"temperature": 0.9}, ["spec.temperature"]),
    "and the dataset moved": (replace(A, dataset=OTHER_DATA), {"temperature": 0.9}, ["spec.temperature"]),
    "and the epochs moved": (wanted("a", epochs=9, temperature=0.5), {"temperature": 0.9}, ["spec.temperature"]),
    "and another field of the manifest moved": (
        wanted("a", epochs=1, temperature=0.5, description="new"),
        {"temperature": 0.9},
        ["spec.temperature"],
    ),
    "and protection is asked for": (
        replace(A, lifecycle=Lifecycle(protect=True)),
        {"temperature": 0.9},
        ["spec.temperature"],
    ),
    "only the manifest moved": (wanted("a", epochs=1, temperature=0.7), {}, []),
    "what the manifest does not manage": (A, {"topK": 3}, []),
    "what the manifest wants by now": (wanted("a", epochs=1, temperature=0.9), {"temperature": 0.9}, []),
    "nothing": (A, {}, []),
}


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("case", MENDED)
def test_fields_that_drifted_are_patched_and_no_others(case, effect):
    manifest, remote, paths = MENDED[case]
    plan = healing([manifest], lockfile(a=entry_of(MADE)), moved(**remote), effect=effect)
    assert [change.path for action in plan.actions for change in action.changes] == paths
    assert all(action.kind is Kind.UPDATE and action.heals and action.steps is None for action in plan.actions)
    assert [action.resource for action in plan.actions] == [MADE.resource] * len(paths)


LEFT = {
    "a training": (replace(A, dataset=OTHER_DATA), {"temperature": 0.9}, [("replace", "spec.dataset")]),
    "a patch": (wanted("a", epochs=1, temperature=0.7), {}, [("update", "spec.temperature")]),
    "part of a patch": (
        wanted("a", epochs=1, temperature=0.5, description="new"),
        {"temperature": 0.9},
        [("update", "spec.description")],
    ),
    "nothing": (A, {"temperature": 0.9}, []),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_waits_is_said(case):
    manifest, remote, expected = LEFT[case]
    plan = healing([manifest], lockfile(a=entry_of(MADE)), moved(**remote))
    assert [
        (a.kind.value, c.path) for a in plan.left_out for c in a.changes if "temper" not in c.path or not remote
    ] == (expected)
    assert plan.scope.partial


def test_the_digest_of_a_mending_is_its_own_and_knows_no_dataset():
    """An approval of mending must not depend on data that the mending never touches."""
    recorded = lockfile(a=entry_of(MADE))
    before = healing([A], recorded, moved(temperature=0.9))
    after = healing([replace(A, dataset=OTHER_DATA)], recorded, moved(temperature=0.9))
    assert before.digest == after.digest
    whole = build_plan([A], recorded, moved(temperature=0.9), policy())
    assert whole.digest != before.digest
    assert before.digest != healing([A], recorded, moved(temperature=0.9), effect="replace").digest


MISSING = {
    "update": (A, "update", []),
    "the same revision": (A, "replace", [("create", MADE.resource)]),
    "a manifest that moved on": (replace(A, dataset=OTHER_DATA), "replace", []),
    "a manifest that is gone": (None, "replace", []),
}


@pytest.mark.parametrize("case", MISSING)
def test_a_missing_model_is_tuned_again_only_if_asked_and_only_as_the_one_it_was(case):
    manifest, effect, expected = MISSING[case]
    plan = healing([manifest] if manifest else [], lockfile(a=entry_of(MADE)), Observed(), effect=effect)
    assert brief(plan.actions) == expected
    assert len(plan.left_out) == 1 - len(expected)


def test_a_child_is_brought_back_after_its_parent():
    child = wanted("kid", source={"model": "a"}, epochs=1)
    kid = instance(child, parent=MADE.revision)
    recorded = lockfile(a=entry_of(MADE), kid=entry_of(kid))
    plan = healing([A, child], recorded, Observed(), effect="replace")
    assert [(a.name, a.kind.value, a.depends_on) for a in plan.actions] == [
        ("a", "create", ()),
        ("kid", "create", ("a",)),
    ]
    grown = healing([replace(A, dataset=OTHER_DATA), child], recorded, Observed(), effect="replace")
    assert (grown.actions, [a.name for a in grown.left_out]) == ((), ["a", "kid"])


def test_a_child_waits_with_a_parent_that_stands_though_its_manifest_moved():
    child = wanted("kid", source={"model": "a"}, epochs=1)
    kid = instance(child, parent=MADE.revision)
    recorded = lockfile(a=entry_of(MADE), kid=entry_of(kid))
    plan = healing([replace(A, dataset=OTHER_DATA), child], recorded, seen(live(MADE)), effect="replace")
    assert brief(plan.actions) == [("create", kid.resource)]
    assert next((action.name, action.kind.value) for action in plan.left_out) == ("a", "replace")


def test_nothing_else_is_done_be_it_ever_so_overdue():
    """Creating, deleting, cleaning up, waiting, renaming and what is blocked: all of it waits."""
    new, gone, old = wanted("new", epochs=2), wanted("gone", epochs=3), wanted("old", epochs=4)
    broken, busy = wanted("broken", epochs=5), wanted("busy", epochs=6)
    recorded = lockfile(
        a=entry_of(MADE, deposed=(instance(A, attempt=2),)),
        gone=entry_of(instance(gone)),
        old=entry_of(instance(old)),
        broken=entry_of(instance(broken, FAILED)),
        busy=entry_of(instance(busy, TUNING)),
    )
    renamed = wanted("renamed", epochs=4, previous=["old"])
    observed = seen(
        live(MADE),
        live(instance(gone)),
        live(instance(old), displayName="changed"),
        live(instance(busy), LIVE_TUNING),
    )
    plan = healing([A, new, broken, busy, renamed], recorded, observed, effect="replace")
    assert plan.actions == ()
    assert sorted((a.name, a.kind.value) for a in plan.left_out) == [
        ("a", "delete"),
        ("broken", "blocked"),
        ("busy", "wait"),
        ("gone", "delete"),
        ("new", "create"),
        ("renamed", "move"),
        ("renamed", "update"),
    ]


def test_a_candidate_in_the_making_is_neither_deleted_nor_waited_for():
    grown = replace(A, dataset=OTHER_DATA)
    recorded = lockfile(a=entry_of(MADE, candidate=instance(grown, TUNING)))
    observed = seen(live(MADE, temperature=0.9), live(instance(grown), LIVE_TUNING))
    plan = healing([grown], recorded, observed)
    assert brief(plan.actions) == [("update", MADE.resource)]
    assert [action.kind for action in plan.left_out] == [Kind.WAIT]


def test_drift_that_a_project_lives_with_is_left_alone():
    rule = Tolerance("a", "a trial", path="spec.temperature", until=date(2027, 1, 31))
    drifted = moved(temperature=0.9, displayName="changed")
    plan = healing([A], lockfile(a=entry_of(MADE)), drifted, tolerances=[rule])
    assert [change.path for action in plan.actions for change in action.changes] == ["spec.displayName"]


def test_only_names_in_scope_are_mended():
    b = wanted("b", epochs=2, temperature=0.5)
    recorded = lockfile(a=entry_of(MADE), b=entry_of(instance(b)))
    observed = seen(live(MADE, temperature=0.9), live(instance(b), temperature=0.9))
    assert [action.name for action in healing([A, b], recorded, observed, target=["b"]).actions] == ["b"]


def test_an_ambiguous_rename_is_no_reason_to_leave_drift():
    twins = [wanted("x", epochs=4), wanted("y", epochs=4)]
    recorded = lockfile(a=entry_of(MADE), old=entry_of(instance(wanted("old", epochs=4))))
    observed = seen(live(MADE, temperature=0.9), live(recorded.models["old"].current))
    plan = healing([A, *twins], recorded, observed)
    assert (brief(plan.actions), plan.violations) == ([("update", name_of(A))], ())
    assert build_plan([A, *twins], recorded, observed, policy()).violations
