"""Desired, recorded and observed become a plan."""

import sys
from dataclasses import replace

import pytest
from core_values import (
    FAILED,
    LIVE_FAILED,
    LIVE_TUNING,
    OTHER_DATA,
    PENDING,
    PREFIX,
    READY,
    TUNING,
    UNLIMITED,
    brief,
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

from reconciler.core.limits import Limits
from reconciler.core.lockfile import Lockfile
from reconciler.core.observation import Observed
from reconciler.core.ordering import parents_first
from reconciler.core.plan import Scope
from reconciler.core.planning.build import build_plan, in_scope
from reconciler.core.resource import Lifecycle
from reconciler.errors import Location, Problem


def settled(*manifests, **changes):
    """Return lockfile and listing of a fleet that is as its manifests want it."""
    entries = {m.name: entry_of(instance(m), **changes) for m in manifests}
    return lockfile(**entries), seen(*(live(entry.current) for entry in entries.values()))


def planned(manifests, recorded, observed, **options):
    return build_plan(manifests, recorded, observed, policy(**options))


def kinds(plan):
    return [(action.name, action.kind.value) for action in plan.actions]


A, B, C = wanted("a", epochs=1), wanted("b", epochs=2), wanted("c", epochs=3)


def test_nothing_to_do_is_counted_and_not_listed():
    plan = planned([B, A], *settled(A, B))
    assert plan.empty
    assert plan.summary["unchanged"] == plan.unchanged == 2


def test_a_plan_is_sorted_and_carries_what_it_was_made_of():
    warning = Problem(Location("a.yaml", 1, 1), "beware", severity="warning")
    recorded = lockfile()
    plan = build_plan([C, A, B], recorded, Observed(), policy(target=["*"]), warnings=(warning,))
    assert kinds(plan) == [("a", "create"), ("b", "create"), ("c", "create")]
    assert (plan.remote, plan.lineage, plan.serial) == (recorded.remote, "lineage", 3)
    assert (plan.project, plan.scope, plan.warnings) == ("demo", Scope(target=("*",)), (warning,))


def test_a_lockfile_that_was_never_written_has_no_lineage():
    assert build_plan([A], Lockfile(lockfile().remote), Observed(), policy()).lineage is None


SCOPES = [
    ((), (), "a ab b"),
    (("a*",), (), "a ab"),
    (("a*", "b"), (), "a ab b"),
    ((), ("a",), "ab b"),
    (("a*",), ("ab",), "a"),
    (("A",), (), ""),
    (("[ab]",), (), "a b"),
    (("a?",), (), "ab"),
]


@pytest.mark.parametrize(("target", "exclude", "names"), SCOPES)
def test_targets_and_excludes_are_globs(target, exclude, names):
    scope = Scope(target, exclude)
    assert [name for name in ("a", "ab", "b") if in_scope(name, scope)] == names.split()
    assert scope.partial == bool(target or exclude)


def test_a_partial_plan_deletes_and_creates_nothing_outside_its_scope():
    recorded, observed = settled(A, B)
    assert kinds(planned([C], recorded, observed, target=["a"])) == [("a", "delete")]
    assert kinds(planned([C], recorded, observed, target=["c"])) == [("c", "create")]
    assert kinds(planned([C], recorded, observed, exclude=["?"])) == []


def test_only_the_scope_is_counted_and_audited():
    recorded, observed = settled(A, B)
    plan = planned([A, B], recorded, replace(observed, models={}), target=["a"])
    assert (plan.unchanged, [drift.name for drift in plan.drift]) == (0, ["a"])


def test_a_manifest_that_is_gone_takes_its_models_with_it_the_current_one_last():
    former = instance(B)
    recorded = lockfile(a=entry_of(instance(A), retained=(former,), deposed=(instance(C),)))
    plan = planned([], recorded, seen(live(instance(A)), live(former)))
    former = [("delete", name_of(B), "cleanup"), ("delete", name_of(C), "cleanup")]
    assert brief(plan.actions) == [*former, ("delete", name_of(A))]
    assert {action.reason for action in plan.actions} == {
        "has no manifest any more (not the one that serves)",
        "has no manifest any more",
    }


def test_a_name_goes_in_one_run_even_if_only_former_models_are_left():
    former = instance(B)
    recorded = lockfile(a=entry_of(instance(A), retained=(former,)))
    plan = planned([], recorded, seen(live(former)))
    assert brief(plan.actions) == [("delete", name_of(B), "cleanup"), ("delete", name_of(A))]


REMOVALS = {
    "gone": (entry_of(instance(A)), [], {}, "forget", "has no manifest any more; its remote model is gone already"),
    "retained": (
        entry_of(instance(A), deletion="retain"),
        [live(instance(A))],
        {},
        "forget",
        "has no manifest any more; lifecycle.deletion: retain keeps the remote model",
    ),
    "retained, destroyed": (
        entry_of(instance(A), deletion="retain"),
        [live(instance(A))],
        {"destroy": True},
        "delete",
        "is to be destroyed",
    ),
    "an intent": (entry_of(instance(A, PENDING)), [live(instance(A))], {}, "delete", "has no manifest any more"),
    "an intent, somebody else's": (
        entry_of(instance(A, PENDING)),
        [live(instance(A), base="models/foreign")],
        {},
        "forget",
        f"has no manifest any more; {name_of(A).removeprefix(PREFIX)} is another model and stays",
    ),
}


@pytest.mark.parametrize("case", REMOVALS)
def test_removing_a_name(case):
    entry, observed, options, kind, reason = REMOVALS[case]
    (action,) = planned([], lockfile(a=entry), seen(*observed), **options).actions
    assert (action.kind, action.reason, action.cleanup) == (kind, reason, False)


def test_destroying_goes_for_recorded_names_in_scope_whatever_the_manifests_say():
    recorded, observed = settled(A, B)
    assert kinds(planned([A, B, C], recorded, observed, destroy=True)) == [("a", "delete"), ("b", "delete")]
    assert kinds(planned([A, B], recorded, observed, destroy=True, exclude=["b"])) == [("a", "delete")]


def renamed(manifest, name, **changes):
    return replace(manifest, name=name, **changes)


def test_a_declared_rename_is_a_move_and_free():
    recorded, observed = settled(A)
    (move,) = planned([renamed(A, "z", previous_names=("x", "a"))], recorded, observed).actions
    assert (move.kind, move.name, move.previous_name, move.resource) == ("move", "z", "a", name_of(A))
    assert (move.reason, move.revision) == ("renamed from a (previousNames)", revision(A))


def test_a_rename_is_inferred_from_an_equal_revision_and_asks_to_be_written_down():
    (move,) = planned([renamed(A, "z")], *settled(A)).actions
    assert (move.kind, move.previous_name) == ("move", "a")
    assert move.reason == (
        "is of the same revision as a, which has no manifest any more, so it is taken for a rename; "
        "metadata.previousNames: [a] says so for good"
    )


def test_a_rename_does_not_count_as_unchanged_and_goes_with_other_changes():
    plan = planned([renamed(B, "z", previous_names=("a",))], *settled(A))
    assert kinds(plan) == [("z", "move"), ("z", "replace")]
    assert planned([renamed(A, "z")], *settled(A)).unchanged == 0


def test_a_name_that_is_still_wanted_is_no_previous_name():
    plan = planned([A, renamed(B, "z", previous_names=("a",))], *settled(A))
    assert kinds(plan) == [("z", "create")]


def test_a_name_that_is_recorded_already_takes_over_nothing():
    plan = planned([renamed(B, "b", previous_names=("a",))], *settled(A, B))
    assert kinds(plan) == [("a", "delete")]


AMBIGUOUS = {
    "one removed, two added": (
        [A],
        [renamed(A, "y"), renamed(A, "z")],
        "y, z: of the same revision as the removed a; ",
    ),
    "two removed, one added": (
        [A, renamed(A, "b")],
        [renamed(A, "z")],
        "z: of the same revision as the removed a, b; ",
    ),
    "two claim one": (
        [A],
        [renamed(B, "y", previous_names=("a",)), renamed(C, "z", previous_names=("a",))],
        "y, z: all name a in metadata.previousNames, and only one of them can be it; leave it in one",
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_is_ambiguous_is_asked_and_nothing_is_deleted_meanwhile(case):
    before, after, message = AMBIGUOUS[case]
    for order in (after, after[::-1]):
        plan = planned(order, *settled(*before))
        assert len(plan.violations) == 1
        assert plan.violations[0].message.startswith(message)
        assert {kind for _, kind in kinds(plan)} == {"create"}
        assert planned(order, *settled(*before), target=["other"]).violations == ()


def test_a_declaration_settles_what_would_be_ambiguous():
    plan = planned([renamed(A, "y", previous_names=("a",)), renamed(A, "z")], *settled(A))
    assert (kinds(plan), plan.violations) == ([("y", "move"), ("z", "create")], ())


def test_a_partial_plan_does_not_delete_what_a_manifest_outside_it_is_the_new_name_of():
    recorded, observed = settled(A)
    for manifest in (renamed(A, "z"), renamed(B, "z", previous_names=("a",))):
        assert planned([manifest], recorded, observed, exclude=["z"]).empty
        assert planned([manifest], recorded, observed, target=["a"]).empty


def family(**changes):
    root = wanted("root", **changes)
    return root, wanted("child", source={"model": "root"}), wanted("grandchild", source={"model": "child"})


def family_settled(root, child, grandchild):
    made = instance(root)
    second = instance(child, parent=made.revision)
    third = instance(grandchild, parent=second.revision)
    recorded = lockfile(**{root.name: entry_of(made), child.name: entry_of(second), grandchild.name: entry_of(third)})
    return recorded, seen(live(made), live(second, parent=made.resource), live(third, parent=second.resource))


def test_a_family_that_is_as_it_should_be_stays():
    assert planned(family(), *family_settled(*family())).empty


def test_children_wait_for_their_parents():
    plan = planned(family(), lockfile(), Observed())
    assert [(a.name, a.depends_on) for a in plan.actions] == [
        ("child", ("root",)),
        ("grandchild", ("child",)),
        ("root", ()),
    ]


def test_a_parent_that_is_replaced_replaces_its_children_and_their_steps_count():
    plan = planned(family(data=OTHER_DATA), *family_settled(*family()))
    assert kinds(plan) == [("child", "replace"), ("grandchild", "replace"), ("root", "replace")]
    assert plan.actions[0].reason == "its source model root is replaced"
    assert plan.steps.least == sum(action.steps.least for action in plan.actions)


def test_a_parent_that_is_renamed_replaces_nothing():
    _, child, grandchild = family()
    trunk = wanted("trunk")
    moved = [trunk, replace(child, spec={**child.spec, "source": {"model": "trunk"}}), grandchild]
    assert kinds(planned(moved, *family_settled(*family()))) == [("trunk", "move")]


def test_a_whole_family_that_is_renamed_moves_as_a_whole():
    _, child, grandchild = family()
    one = wanted("one", epochs=None)
    two = replace(child, name="two", spec={**child.spec, "source": {"model": "one"}})
    three = replace(grandchild, name="three", spec={**grandchild.spec, "source": {"model": "two"}})
    for first in (one, replace(one, previous_names=("root",))):
        plan = planned([three, two, first], *family_settled(*family()))
        assert kinds(plan) == [("one", "move"), ("three", "move"), ("two", "move")]


def test_the_children_of_a_blocked_parent_are_blocked():
    root, child, grandchild = family()
    failed = lockfile(root=entry_of(instance(root, FAILED)))
    plan = planned([root, child, grandchild], failed, Observed())
    assert [(a.name, a.kind.value, a.blocked_by, a.steps) for a in plan.actions] == [
        ("child", "blocked", "failed", None),
        ("grandchild", "blocked", "failed", None),
        ("root", "blocked", "failed", None),
    ]
    assert plan.actions[0].reason == "its source model root is blocked"


def test_a_child_that_only_waits_is_not_blocked_by_its_parent():
    root, child, _ = family()
    tuning = instance(child, TUNING, parent=revision(root))
    recorded = lockfile(root=entry_of(instance(root, FAILED)), child=entry_of(tuning))
    observed = seen(live(tuning, LIVE_TUNING, parent=name_of(root)))
    assert kinds(planned([root, child], recorded, observed)) == [("child", "wait"), ("root", "blocked")]


@pytest.mark.parametrize("state", [None, TUNING, "gone"])
def test_a_child_cannot_be_tuned_from_a_parent_outside_the_scope_that_does_not_serve(state):
    root, child, _ = family()
    recorded, observed = settled(root)
    if state is TUNING:
        recorded = lockfile(root=entry_of(instance(root, TUNING)))
    if state is None:
        recorded = lockfile()
    plan = planned([root, child], recorded, Observed() if state == "gone" else observed, target=["child"])
    message = "child: its source model root is not ready and not in scope; --target root too"
    assert (kinds(plan), [str(found) for found in plan.violations]) == ([("child", "create")], [message])


def test_a_child_is_tuned_from_what_serves_of_a_parent_outside_the_scope():
    _, child, _ = family()
    newer = wanted("root", epochs=9)
    recorded, observed = settled(wanted("root"))
    (action,) = planned([newer, child], recorded, observed, target=["child"]).actions
    assert (action.kind, action.depends_on) == ("create", ())
    assert action.revision == revision(child, revision(wanted("root")))


def test_a_family_is_replaced_only_with_its_parent_in_scope():
    recorded, observed = family_settled(*family())
    newer = family(epochs=9)
    assert planned(newer, recorded, observed, exclude=["root"]).empty


def test_parents_come_first_whatever_the_order():
    root, child, grandchild = family()
    assert [m.name for m in parents_first([grandchild, child, B, root, A])] == ["a", "b", "root", "child", "grandchild"]


def test_a_fresh_attempt_is_asked_for_by_name():
    plan = planned([A, B], *settled(A, B), again=["a"])
    assert brief(plan.actions) == [("replace", name_of(A, 2))]


def test_what_nobody_records_is_unmanaged_and_what_looks_like_ours_is_orphaned():
    recorded, observed = settled(A)
    foreign = replace(live(instance(B)), resource=f"{PREFIX}foreign", create_time="2023-09-19T19:56:25Z")
    nameless = replace(live(instance(C), LIVE_FAILED), spec={})
    models = {**observed.models, foreign.resource: foreign, nameless.resource: nameless}
    plan = planned([A], recorded, Observed(models=models))
    assert plan.empty
    assert [(u.resource, u.display_name, u.state, u.create_time, u.orphaned) for u in plan.unmanaged] == [
        (name_of(C), "", "failed", None, True),
        (foreign.resource, "numbers", "ready", foreign.create_time, False),
    ]


def test_what_is_about_to_be_reused_is_not_unmanaged():
    plan = planned([A], lockfile(), seen(live(instance(A))))
    assert (kinds(plan), plan.unmanaged) == ([("a", "reuse")], ())


def test_a_lost_lockfile_buys_nothing_again_even_after_gaps():
    plan = planned([A, B], lockfile(), seen(live(instance(A, attempt=2)), live(instance(B, attempt=3), LIVE_TUNING)))
    assert brief(plan.actions) == [("reuse", name_of(A, 2)), ("reuse", name_of(B, 3))]


def test_limits_and_protection_are_violations_of_the_plan():
    recorded, observed = settled(A, B, protect=True)
    plan = planned([], recorded, observed, limits=Limits(max_deletes=1))
    assert len(plan.violations) == 3
    assert planned([], *settled(A, B), limits=UNLIMITED).violations == ()


def test_a_rename_keeps_the_protection():
    recorded, observed = settled(A, protect=True)
    keep = Lifecycle(protect=True)
    plan = planned([renamed(A, "z", lifecycle=keep)], recorded, observed)
    assert (kinds(plan), plan.violations) == ([("z", "move")], ())


class Named(str):
    """A name that counts how often it is looked up: whatever dictionaries do with it becomes a call."""

    __slots__ = ()

    def __eq__(self, other):
        return str.__eq__(self, other)

    def __hash__(self):
        return str.__hash__(self)


def fleet(number, kind):
    """Return manifests, lockfile and listing of a fleet of one kind of work, with names that count."""
    manifests = [wanted(Named(f"model-{index}"), epochs=index + 1) for index in range(number)]
    if kind == "create":
        return manifests, lockfile(), Observed()
    entries = {m.name: entry_of(instance(m)) for m in manifests}
    observed = seen(*(live(entry.current) for entry in entries.values()))
    recorded = replace(lockfile(), models=entries)
    if kind == "rename":
        manifests = [replace(m, name=Named(f"x-{m.name}")) for m in manifests]
    if kind == "chain":
        pairs = zip(manifests[1:], manifests, strict=False)
        manifests[1:] = [replace(m, spec={**m.spec, "source": {"model": parent.name}}) for m, parent in pairs]
        recorded, observed = lockfile(), Observed()
    return ([] if kind == "remove" else manifests), recorded, observed


def calls(function):
    """Count the calls of Python and C functions that a function makes: work, whatever the machine's speed."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("kind", ["unchanged", "create", "rename", "remove", "chain"])
def test_planning_takes_work_in_proportion_to_the_number_of_models(kind):
    few, many = fleet(500, kind), fleet(5_000, kind)
    work_of_few = calls(lambda: build_plan(*few, policy()))
    work_of_many = calls(lambda: build_plan(*many, policy()))
    assert work_of_many < 10.5 * work_of_few


def test_the_current_model_of_a_name_comes_last_of_its_deletions_and_only_it_counts():
    recorded = lockfile(a=entry_of(instance(A), retained=(instance(B),), candidate=instance(C, READY)))
    plan = planned([], recorded, seen(*(live(instance(m)) for m in (A, B, C))), limits=Limits(max_deletes=1))
    assert [action.cleanup for action in plan.actions] == [True, True, False]
    assert plan.violations == ()
