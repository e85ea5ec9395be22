"""Permissions: what differs, what a plan shows of it, and what of it is drift."""

from dataclasses import replace

import pytest
from core_values import (
    CAPABILITIES,
    LIVE_TUNING,
    TUNING,
    brief,
    case_of,
    entry_of,
    instance,
    live,
    lockfile,
    seen,
    wanted,
)

from reconciler.core.permission import OWNER, READER, WRITER, Permission, as_written, declared, parse_grantee, wider
from reconciler.core.planning.decision import decide
from reconciler.core.planning.drift import audit
from reconciler.core.planning.sharing import grantee_in, permission_changes, reshared, to_ask, wanted_role
from reconciler.core.resource import Lifecycle

ABLE = replace(CAPABILITIES, permissions=True)
ME = Permission(OWNER, "user", "me@example.com", id="p/1")
ADA_READS = {"role": READER, "user": "ada@example.com"}
ADA_WRITES = {"role": WRITER, "user": "ada@example.com"}
MATH_READS = {"role": READER, "group": "math@example.com"}
ALL_READ = {"role": READER, "everyone": True}
ADA, MATH, ALL = (f"spec.permissions[{who}]" for who in ("user:ada@example.com", "group:math@example.com", "everyone"))


def roles(*written):
    return declared({"permissions": list(written)}) or ()


def shown(changes):
    return [(change.path, change.before, change.after) for change in changes]


# Each row: what is there besides the owner, what is wanted, and what has to change.
DIFFERENCES = {
    "nothing": ([], [], []),
    "the same": ([ADA_READS, ALL_READ], [ALL_READ, ADA_READS], []),
    "one to grant": ([], [ADA_READS], [(ADA, None, READER)]),
    "one to take away": ([ADA_READS], [], [(ADA, READER, None)]),
    "another role": ([ADA_READS], [ADA_WRITES], [(ADA, READER, WRITER)]),
    "everyone in place of a group": ([MATH_READS], [ALL_READ], [(ALL, None, READER), (MATH, READER, None)]),
    "the case of an address": ([{"role": READER, "user": "Ada@Example.COM"}], [ADA_READS], []),
    "the owner, who may do everything": ([], [{"role": READER, "user": "ME@example.com"}], []),
}


@pytest.mark.parametrize(("before", "after", "changes"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_permissions_differ_by_grantee_and_owners_never(before, after, changes):
    assert shown(permission_changes((ME, *roles(*before)), roles(*after))) == changes


def test_a_manifest_without_the_key_declares_nothing_and_an_empty_list_declares_nobody():
    assert declared({"displayName": "x"}) is None
    assert declared({"permissions": []}) == ()


def test_the_written_form_has_one_order_and_lower_case_whatever_was_read():
    written = [{"role": WRITER, "user": "Zoe@Example.com"}, MATH_READS, ALL_READ]
    assert as_written((ME, *roles(*written))) == [
        ALL_READ,
        MATH_READS,
        {"role": WRITER, "user": "zoe@example.com"},
    ]
    assert declared({"permissions": as_written(roles(*written))}) == roles(
        ALL_READ, MATH_READS, {"role": WRITER, "user": "zoe@example.com"}
    )


@pytest.mark.parametrize("grantee", ["everyone", "group:math@example.com", "user:a:b]@example.com", "domain:x@y"])
def test_a_grantee_is_read_back_from_the_path_of_a_change(grantee):
    (change,) = permission_changes((), (parse_grantee(grantee, READER),))
    assert grantee_in(change.path) == grantee
    assert wanted_role(change) == parse_grantee(grantee, READER)


def test_changes_are_carried_out_in_a_spec_and_leave_the_rest_of_it():
    spec = {"displayName": "x", "permissions": [ADA_READS, MATH_READS]}
    changes = permission_changes(roles(ADA_READS, ALL_READ), roles(ADA_WRITES))
    assert reshared(spec, changes) == {"displayName": "x", "permissions": [MATH_READS, ADA_WRITES]}
    assert reshared({}, permission_changes((), roles(ALL_READ))) == {"permissions": [ALL_READ]}


def test_other_paths_are_about_nobody():
    assert grantee_in("spec.temperature") is None
    (change,) = permission_changes(roles(ADA_READS), ())
    assert wanted_role(change) is None
    with pytest.raises(ValueError, match=r"spec\.topK"):
        wanted_role(replace(change, path="spec.topK"))


WIDER = [
    (None, READER, True),
    (READER, WRITER, True),
    (WRITER, READER, False),
    (READER, None, False),
    (READER, "X", True),
]


@pytest.mark.parametrize(("before", "after", "answer"), WIDER)
def test_a_role_that_nobody_knows_is_feared(before, after, answer):
    assert wider(before, after) is answer


def shared(*written, **fields):
    return wanted(permissions=as_written(roles(*written)), **fields)


def decided(manifest, entry=None, observed=(), **fields):
    return decide(replace(case_of(manifest, entry, observed, **fields), capabilities=ABLE))


def with_roles(observation, *written):
    return replace(observation, permissions=(ME, *roles(*written)))


M = shared(ADA_READS)
MADE = instance(M)


def case_actions(manifest, *live_roles, entry=None):
    found = decided(manifest, entry or entry_of(MADE), [with_roles(live(MADE), *live_roles)])
    return [(a.kind.value, shown(a.changes)) for a in found]


def test_a_model_that_serves_is_updated_in_what_differs():
    assert case_actions(M, ADA_READS) == []
    assert case_actions(M, ALL_READ) == [("update", [(ALL, READER, None), (ADA, None, READER)])]
    assert case_actions(shared(), ADA_READS) == [("update", [(ADA, READER, None)])]


@pytest.mark.parametrize(
    "manifest", [wanted(), replace(M, lifecycle=Lifecycle(ignore=("permissions",)))], ids=["no key", "ignored"]
)
def test_what_the_manifest_does_not_say_or_ignores_is_left_alone(manifest):
    assert case_actions(manifest, ALL_READ) == []


def test_permissions_that_nobody_asked_for_are_not_compared():
    assert decided(M, entry_of(MADE), [live(MADE)]) == ()


def test_permissions_are_no_part_of_the_revision():
    assert instance(M).revision == instance(shared(ALL_READ)).revision == instance(wanted()).revision


def test_a_create_shows_whom_it_lets_in():
    (create,) = decided(M)
    assert (create.kind.value, shown(create.changes)) == ("create", [(ADA, None, READER)])


def test_a_replacement_shows_in_what_it_differs_from_the_one_that_serves():
    new = shared(ADA_READS, ALL_READ, epochs=9)
    (replacing,) = decided(new, entry_of(MADE), [with_roles(live(MADE), ADA_WRITES)])
    assert shown(replacing.changes)[1:] == [(ALL, None, READER), (ADA, WRITER, READER)]
    (unasked,) = decided(new, entry_of(MADE), [live(MADE)])
    assert shown(unasked.changes)[1:] == [(ALL, None, READER)]


def test_a_replacement_keeps_to_the_manifest_also_where_later_changes_are_ignored():
    new = replace(shared(ALL_READ, epochs=9), lifecycle=Lifecycle(ignore=("permissions",)))
    (replacing,) = decided(new, entry_of(MADE), [live(MADE)])
    assert shown(replacing.changes)[1:] == [(ALL, None, READER), (ADA, READER, None)]


def test_what_is_in_the_making_is_compared_with_what_it_was_begun_with():
    making = entry_of(replace(MADE, state=TUNING))
    assert brief(decided(M, making, [live(MADE, LIVE_TUNING)])) == [("wait", MADE.resource)]
    wait, update = decided(shared(), making, [live(MADE, LIVE_TUNING)])
    assert (wait.kind.value, shown(update.changes)) == ("wait", [(ADA, READER, None)])


def test_a_model_that_is_found_by_its_id_is_shared_as_a_new_one():
    reuse, update = decided(M, None, [live(MADE)])
    assert (reuse.kind.value, shown(update.changes)) == ("reuse", [(ADA, None, READER)])


def test_a_provider_without_permissions_changes_none():
    (create,) = decide(case_of(M))
    assert create.changes == ()


def asked(*manifests, entries, chosen=lambda _: True):
    observations = [live(entry.current) for entry in entries.values()]
    return to_ask(manifests, lockfile(**entries), seen(*observations), ABLE, chosen)


def test_only_models_that_serve_and_declare_permissions_are_asked_for():
    silent = instance(wanted("silent"))
    making = instance(shared(ADA_READS, name="making"), TUNING)
    entries = {"numbers": entry_of(MADE), "silent": entry_of(silent), "making": entry_of(making)}
    manifests = (M, wanted("silent"), shared(ADA_READS, name="making"), shared(name="new"))
    assert asked(*manifests, entries=entries) == {MADE.resource: "numbers"}
    assert asked(*manifests, entries=entries, chosen=lambda name: name != "numbers") == {}
    assert asked(wanted("silent"), entries=entries) == {}
    assert to_ask((M,), lockfile(numbers=entry_of(MADE)), seen(), ABLE, lambda _: True) == {}
    assert to_ask((M,), lockfile(numbers=entry_of(MADE)), seen(live(MADE)), CAPABILITIES, lambda _: True) == {}


def test_a_renamed_model_is_asked_for_under_its_new_name():
    renamed = shared(ADA_READS, name="digits", previous=["numbers"])
    assert asked(renamed, entries={"numbers": entry_of(MADE)}) == {MADE.resource: "digits"}


# Each row: the manifest, what the service lists besides the owner, and the drift: (kind, path, before, after).
DRIFT = {
    "as applied": (M, [ADA_READS], []),
    "somebody was let in": (M, [ADA_READS, ALL_READ], [("widened", ALL, None, READER)]),
    "a role was raised": (M, [ADA_WRITES], [("widened", ADA, READER, WRITER)]),
    "somebody was shut out": (M, [], [("narrowed", ADA, READER, None)]),
    "changed to what the manifest wants now": (shared(ADA_WRITES), [ADA_WRITES], []),
    "the manifest moved on": (shared(ADA_WRITES), [ADA_READS], [("manifest", ADA, READER, WRITER)]),
    "both moved": (
        shared(ADA_WRITES),
        [],
        [("manifest", ADA, READER, WRITER), ("narrowed", ADA, READER, None)],
    ),
    "unmanaged now": (wanted(), [ALL_READ], []),
    "ignored": (replace(M, lifecycle=Lifecycle(ignore=("permissions",))), [ALL_READ], []),
}


@pytest.mark.parametrize(("manifest", "listed", "expected"), DRIFT.values(), ids=DRIFT)
def test_permissions_drift_both_ways(manifest, listed, expected):
    observed = seen(with_roles(live(MADE), *listed))
    names = frozenset({"numbers"})
    entries = lockfile(numbers=entry_of(MADE))
    drift = audit([manifest], entries, observed, names=names, now=0.0, capabilities=ABLE)
    assert [(each.kind, each.path, each.before, each.after) for each in drift] == expected


def test_who_became_the_owner_has_lost_nothing():
    owner = replace(live(MADE), permissions=(Permission(OWNER, "user", "ada@example.com"),))
    entries, names = lockfile(numbers=entry_of(MADE)), frozenset({"numbers"})
    assert audit([M], entries, seen(owner), names=names, now=0.0, capabilities=ABLE) == ()
