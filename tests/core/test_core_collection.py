"""What ``gc`` removes, what it leaves, and how an orphaned model is proven to be ours."""

from dataclasses import replace

import pytest
from core_values import (
    FAILED,
    PENDING,
    PREFIX,
    PROJECT,
    READY,
    REJECTED,
    REMOTE,
    TUNING,
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

from reconciler.core.address import remote_id
from reconciler.core.limits import Limits
from reconciler.core.resource import Lifecycle
from reconciler.core.upkeep.collection import Past, collect

WANTED = wanted(epochs=1)
SERVES = instance(WANTED)
A, B, C = (instance(wanted(epochs=number)) for number in (11, 12, 13))


def collected(manifest, entry, observed, **options):
    return collect([manifest], lockfile(numbers=entry), seen(*observed), policy(), **options)


def keeping(retain, **fields):
    return replace(WANTED, lifecycle=Lifecycle(retain=retain, **fields))


def other(state, number=11, **fields):
    return instance(wanted(epochs=number), state, **fields)


def same(state, attempt=2):
    return instance(WANTED, state, attempt=attempt)


NEXT = wanted(epochs=2)
# Each row: manifest, entry, what of it is there, what is done.
ROWS = {
    "nothing but what serves": (WANTED, entry_of(SERVES), [], []),
    "what was replaced": (WANTED, entry_of(SERVES, deposed=(A,)), [A], [("delete", A.resource, "cleanup")]),
    "more than is to be kept": (
        keeping(1),
        entry_of(SERVES, retained=(A, B)),
        [A, B],
        [("delete", B.resource, "cleanup")],
    ),
    "another attempt of what serves": (
        WANTED,
        entry_of(SERVES, retained=(same(READY),)),
        [same(READY)],
        [("delete", same(READY).resource, "cleanup")],
    ),
    "the way back": (
        WANTED,
        entry_of(A, retained=(SERVES,), pin=A.revision, pin_over=SERVES.revision),
        [A],
        [],
    ),
    "an attempt that failed": (
        WANTED,
        entry_of(SERVES, failed=(other(FAILED),)),
        [A],
        [("delete", A.resource, "cleanup")],
    ),
    "an attempt that was rejected": (
        WANTED,
        entry_of(SERVES, rejected=(other(REJECTED),)),
        [A],
        [("delete", A.resource, "cleanup")],
    ),
    "a failure of what is asked for": (
        NEXT,
        entry_of(SERVES, failed=(instance(NEXT, FAILED),)),
        [instance(NEXT)],
        [],
    ),
    "a rejection of what is asked for": (
        NEXT,
        entry_of(SERVES, rejected=(instance(NEXT, REJECTED),)),
        [instance(NEXT)],
        [],
    ),
    "a rejection of what is pinned over": (
        NEXT,
        entry_of(A, rejected=(instance(NEXT, REJECTED),), pin=A.revision, pin_over=revision(NEXT)),
        [A, instance(NEXT)],
        [],
    ),
    "a rejection of what serves by now": (
        WANTED,
        entry_of(SERVES, rejected=(same(REJECTED),)),
        [same(READY)],
        [("delete", same(READY).resource, "cleanup")],
    ),
    "what was replaced and is asked for again": (
        NEXT,
        entry_of(SERVES, deposed=(instance(NEXT),)),
        [instance(NEXT)],
        [],
    ),
    "what is kept and asked for again": (NEXT, entry_of(SERVES, retained=(instance(NEXT),)), [instance(NEXT)], []),
    "what is in the making": (NEXT, entry_of(SERVES, candidate=instance(NEXT, TUNING)), [instance(NEXT)], []),
    "a first create that failed": (WANTED, entry_of(instance(WANTED, FAILED)), [], []),
    "what is gone already": (
        keeping(2),
        entry_of(SERVES, retained=(A,), deposed=(B,), failed=(other(FAILED, 13),)),
        [],
        [("forget", B.resource, "cleanup"), ("forget", C.resource, "cleanup"), ("forget", A.resource, "cleanup")],
    ),
    "an intent under an id of somebody else's": (
        WANTED,
        entry_of(SERVES, deposed=(other(PENDING),)),
        [replace(A, spec={**A.spec, "baseModel": "models/theirs"})],
        [("forget", A.resource, "cleanup")],
    ),
    "what served and is never to be deleted": (
        keeping(0, deletion="retain"),
        entry_of(SERVES, retained=(A,), deposed=(B,), failed=(other(FAILED, 13),)),
        [A, B, C],
        [("forget", B.resource, "cleanup"), ("forget", A.resource, "cleanup"), ("delete", C.resource, "cleanup")],
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_what_nobody_needs_is_removed_and_nothing_else(row):
    manifest, entry, there, expected = ROWS[row]
    observed = [live(SERVES), *(live(model, base=model.spec["baseModel"]) for model in there)]
    assert brief(collected(manifest, entry, observed).actions) == expected


def test_a_name_without_a_manifest_is_left_to_apply():
    entry = entry_of(SERVES, deposed=(A,))
    assert collect([wanted("other")], lockfile(numbers=entry), seen(live(SERVES), live(A)), policy()).empty


def test_protection_is_of_the_name_and_of_what_serves():
    entry = entry_of(SERVES, protect=True, deposed=(A,))
    found = collected(replace(WANTED, lifecycle=Lifecycle(protect=True)), entry, [live(SERVES), live(A)])
    assert brief(found.actions) == [("delete", A.resource, "cleanup")]
    assert found.violations == ()


def test_what_was_kept_on_purpose_counts_against_the_limit():
    entry = entry_of(SERVES, retained=(A, B), deposed=(C,))
    observed = seen(live(SERVES), live(A), live(B), live(C))
    found = collect([WANTED], lockfile(numbers=entry), observed, policy(limits=Limits(max_deletes=1)))
    (violation,) = found.violations
    assert str(violation).startswith("2 deletions are over limits.maxDeletes = 1; --allow-deletes 2")


def orphan(name, made_of, attempt=1):
    """A live model under the id of a name and a revision, that nothing records."""
    tail = remote_id(remote_project=REMOTE.project, project=PROJECT, name=name, revision=made_of, attempt=attempt)
    return replace(live(A), resource=PREFIX + tail)


def said(plan):
    return [warning.message.partition("; ")[2] for warning in plan.warnings]


OLD_REVISION = "sha256:" + "0" * 64
LONG = "a-name-that-is-longer-than-what-an-id-has-room-for"


def told(model, *names, of=OLD_REVISION):
    """What a log tells of a model that we made."""
    return Past(made={model.resource: frozenset((name, of) for name in names or ("numbers",))})


THEIRS = {"base": "models/theirs"}
# Each row: name and revision the id follows from, what the model is, who the log says it was, whether it is removed.
PROOF = {
    "a former revision, recorded": ("numbers", A.revision, live(A), None, True),
    "a former revision, recorded, but something else": ("numbers", A.revision, live(A, **THEIRS), None, False),
    "a former name that stands in the id": ("digits", A.revision, live(A), None, True),
    "a revision that only the log knows": ("numbers", OLD_REVISION, live(A), ["numbers"], True),
    "a former name that only the log knows": (LONG, OLD_REVISION, live(A), [LONG, "numbers"], True),
    "a name in the log from which the id does not follow": (LONG, OLD_REVISION, live(A), ["numbers"], False),
    "a long name that nobody knows": (LONG, A.revision, live(A), None, False),
    "a revision that nobody knows": ("numbers", OLD_REVISION, live(A), None, False),
}


@pytest.mark.parametrize("row", PROOF)
def test_an_orphaned_model_is_ours_only_if_that_can_be_proven(row):
    name, made_of, what, names, ours = PROOF[row]
    model = replace(what, resource=orphan(name, made_of).resource)
    past = None if names is None else told(model, *names)
    entry = entry_of(SERVES, retained=(replace(A, resource="tunedModels/kept"),))
    observed = [live(SERVES), model, replace(live(A), resource="tunedModels/kept")]
    found = collected(keeping(1), entry, observed, past=past, orphans=True)
    assert brief(found.actions) == ([("delete", model.resource, "cleanup")] if ours else [])
    assert said(found) == (
        [] if ours else ["its id is like ours, but nothing known here proves that we made it; it stays"]
    )


@pytest.mark.parametrize("attempt", [1, 2, 99])
def test_every_attempt_of_a_known_revision_is_ours(attempt):
    model = orphan("numbers", OLD_REVISION, attempt)
    found = collected(WANTED, entry_of(SERVES), [live(SERVES), model], past=told(model), orphans=True)
    assert [(action.resource, action.attempt) for action in found.actions] == [(model.resource, attempt)]


def test_orphaned_models_are_only_named_unless_asked_for():
    model = orphan("numbers", OLD_REVISION)
    found = collected(WANTED, entry_of(SERVES), [live(SERVES), model], past=told(model))
    assert found.empty
    assert said(found) == [
        "made for numbers, revision 000000000000, and recorded nowhere; `tunectl gc --orphans` deletes it"
    ]


def test_what_somebody_else_made_is_not_even_named():
    theirs = replace(live(A), resource="tunedModels/somebody-elses")
    found = collected(WANTED, entry_of(SERVES), [live(SERVES), theirs], orphans=True)
    assert (found.actions, found.warnings) == ((), ())


def test_another_projects_model_of_the_same_name_and_revision_is_not_ours():
    tail = remote_id(remote_project=REMOTE.project, project="second", name="numbers", revision=OLD_REVISION)
    theirs = replace(live(A), resource=PREFIX + tail)
    assert collected(WANTED, entry_of(SERVES), [live(SERVES), theirs], past=told(theirs), orphans=True).empty


def test_a_model_that_a_manifest_asks_for_is_not_deleted_but_taken_up():
    found = collected(NEXT, entry_of(SERVES), [live(SERVES), live(instance(NEXT))], orphans=True)
    assert found.empty
    assert said(found) == ["numbers asks for this very revision; `tunectl apply` takes it up"]


def test_a_further_attempt_of_what_serves_is_not_needed():
    found = collected(WANTED, entry_of(SERVES), [live(SERVES), live(same(READY))], orphans=True)
    assert [action.resource for action in found.actions] == [name_of(WANTED, 2)]


def test_what_was_let_go_of_on_purpose_stays():
    model = orphan("numbers", OLD_REVISION)
    past = replace(told(model), forgotten=frozenset({model.resource}))
    found = collected(WANTED, entry_of(SERVES), [live(SERVES), model], past=past, orphans=True)
    assert found.empty
    assert said(found) == ["it was let go of on purpose, as a model of numbers; it stays"]


def test_without_a_lockfile_nothing_is_orphaned():
    found = collect(
        [WANTED],
        lockfile(),
        seen(orphan("numbers", OLD_REVISION)),
        policy(),
        past=told(orphan("numbers", OLD_REVISION)),
        orphans=True,
    )
    assert [violation.rule for violation in found.violations] == ["lockfile"]
    assert "`tunectl lock rebuild`" in str(found.violations[0])


def test_orphaned_models_count_against_the_limit():
    models = [orphan("numbers", OLD_REVISION, number) for number in (1, 2)]
    recorded = lockfile(numbers=entry_of(SERVES))
    limited = policy(limits=Limits(max_deletes=1))
    past = Past(made={**told(models[0]).made, **told(models[1]).made})
    found = collect([WANTED], recorded, seen(live(SERVES), *models), limited, past=past, orphans=True)
    assert [violation.rule for violation in found.violations] == ["limits.maxDeletes"]


def test_other_names_are_not_looked_at():
    recorded = lockfile(numbers=entry_of(SERVES, deposed=(A,)))
    observed = seen(live(SERVES), live(A), orphan("numbers", revision(WANTED), 2))
    found = collect([WANTED], recorded, observed, policy(target=["other"]), orphans=True)
    assert found.empty
