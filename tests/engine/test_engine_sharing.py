"""Whole applies with permissions: who may use a model before it serves, and what a failed grant leaves behind."""

from __future__ import annotations

import pytest

from reconciler.core.lockfile import InstanceState
from reconciler.core.permission import OWNER, READER, WRITER, Permission
from reconciler.core.plan import Scope
from reconciler.core.resource import Lifecycle
from reconciler.engine.applying.apply import apply
from reconciler.engine.looking.approval import check_approval
from reconciler.errors import InvalidArgument, NotFound, PermissionDenied
from reconciler.testing.fake_provider import ME

ADA_READS = {"role": READER, "user": "ada@example.com"}
ADA_WRITES = {"role": WRITER, "user": "ada@example.com"}
ALL_READ = {"role": READER, "everyone": True}


@pytest.fixture
def shared(bench):
    """A model that Ada may ask."""
    bench.want("numbers", permissions=[ADA_READS])
    bench.apply()
    bench.provider.calls.clear()
    return bench


def serving(bench, name="numbers"):
    return bench.lockfile.models[name].current.resource


def roles(bench, resource=None):
    listed = bench.provider.permissions(resource or serving(bench))
    return {permission.grantee: permission.role for permission in listed if permission.role != OWNER}


def sharing_calls(bench):
    return [method for method, _ in bench.provider.calls if method in {"permissions", "grant", "revoke", "update"}]


def refuse_once(bench, method, error=None):
    """Let the first call of a method fail."""
    failing = [error or PermissionDenied("no")]

    def before(called, _):
        if called == method and failing:
            raise failing.pop()

    bench.provider.before = before


def test_a_new_model_has_its_permissions_before_it_serves(bench):
    bench.want("numbers", permissions=[ADA_READS, ALL_READ])
    states = []
    bench.provider.before = lambda method, _: (
        method == "grant" and states.append(bench.lockfile.models["numbers"].current.state)
    )
    bench.apply()
    assert len(states) == 2
    assert InstanceState.READY not in states
    assert roles(bench) == {"user:ada@example.com": READER, "everyone": READER}
    assert bench.plan().empty


def test_readers_of_the_old_model_can_read_the_new_one_before_the_old_one_goes(shared):
    old = serving(shared)
    shared.want("numbers", permissions=[ADA_READS], hyperparameters={"epochCount": 9})
    shared.apply()
    assert serving(shared) != old
    methods = [method for method, _ in shared.provider.calls if method in {"grant", "delete"}]
    assert methods == ["grant", "delete"]
    assert roles(shared) == {"user:ada@example.com": READER}


def test_only_the_difference_is_sent(shared):
    shared.want("numbers", permissions=[ADA_WRITES, ALL_READ])
    assert shared.kinds() == [("numbers", "update")]
    shared.provider.calls.clear()
    shared.apply()
    assert sharing_calls(shared) == ["permissions", "permissions", "grant", "grant"]
    assert roles(shared) == {"user:ada@example.com": WRITER, "everyone": READER}
    assert shared.plan().empty


def test_who_is_not_listed_loses_their_role_and_the_owner_keeps_theirs(shared):
    shared.provider.grant(serving(shared), Permission(WRITER, "group", "else@example.com"))
    shared.want("numbers", permissions=[])
    shared.apply()
    assert roles(shared) == {}
    assert [p.email for p in shared.provider.permissions(serving(shared))] == [ME]
    assert shared.plan().empty


def test_without_the_key_nothing_is_asked_and_nothing_changed(shared):
    shared.want("numbers")
    assert shared.plan().empty
    assert sharing_calls(shared) == []
    assert roles(shared) == {"user:ada@example.com": READER}


def test_fields_and_permissions_change_together(shared):
    shared.want("numbers", permissions=[], temperature=0.5)
    shared.apply()
    assert (roles(shared), shared.provider.get(serving(shared)).spec["temperature"]) == ({}, 0.5)
    assert shared.lockfile.models["numbers"].current.spec["permissions"] == []


def test_a_grant_that_fails_keeps_the_old_model_serving_and_the_next_apply_goes_on(shared):
    old = serving(shared)
    shared.want("numbers", permissions=[ADA_READS], hyperparameters={"epochCount": 9})
    refuse_once(shared, "grant")
    outcome = shared.apply()
    entry = shared.lockfile.models["numbers"]
    assert "permission of user:ada@example.com: no" in outcome.failed["numbers"]
    assert (entry.current.resource, entry.candidate.state) == (old, InstanceState.TUNING)
    assert old in shared.provider.models
    paid = shared.provider.paid()
    assert shared.kinds() == [("numbers", "wait")]
    assert shared.apply().complete
    assert shared.provider.paid() == paid
    assert serving(shared) == entry.candidate.resource
    assert roles(shared) == {"user:ada@example.com": READER}
    assert shared.plan().empty


def test_the_approval_of_an_interrupted_apply_covers_its_permissions(bench):
    bench.want("numbers", permissions=[ADA_READS])
    approved = bench.plan().digest
    refuse_once(bench, "grant")
    bench.apply()
    check_approval(bench.plan(), bench.lockfile, approved)


@pytest.mark.parametrize("permissions", [[ADA_WRITES], [ADA_READS, ALL_READ], []])
def test_no_approval_covers_other_permissions(bench, permissions):
    bench.want("numbers", permissions=[ADA_READS])
    approved = bench.plan().digest
    bench.want("numbers", permissions=permissions)
    assert bench.plan().digest != approved


def test_one_failure_holds_up_no_other_change_and_all_are_told(shared):
    shared.want("numbers", permissions=[ALL_READ, {"role": READER, "user": "x@example.com"}], temperature=0.5)
    shared.provider.before = lambda method, _: _deny() if method == "grant" else None
    outcome = shared.apply()
    message = outcome.failed["numbers"]
    assert "permission of everyone: no (and 1 more: user:x@example.com)" in message
    assert roles(shared) == {}
    assert shared.provider.get(serving(shared)).spec["temperature"] == 0.5
    shared.provider.before = lambda *_: None
    assert shared.apply().complete
    assert roles(shared) == {"everyone": READER, "user:x@example.com": READER}


def _deny():
    raise PermissionDenied("no")


def test_permissions_that_may_not_be_read_are_an_error_and_not_none(shared):
    refuse_once(shared, "permissions", PermissionDenied("no", status="PERMISSION_DENIED"))
    with pytest.raises(PermissionDenied, match=r"^numbers: no") as caught:
        shared.plan()
    assert "lifecycle.ignore" in (caught.value.hint or "")


def test_what_is_out_of_scope_is_not_asked_for(shared):
    shared.want("other")
    assert shared.kinds(scope=Scope(target=("other",))) == [("other", "create")]
    assert sharing_calls(shared) == []


def test_what_is_gone_meanwhile_needs_no_revoking(shared):
    shared.want("numbers", permissions=[])
    refuse_once(shared, "revoke", NotFound("gone"))
    assert shared.apply().complete


def test_who_became_the_owner_meanwhile_is_left_alone(shared):
    shared.want("numbers", permissions=[ADA_WRITES])
    shown = shared.preview()
    shared.provider.transfer(serving(shared), "ada@example.com")
    assert apply(shared.world(), shown, shared.options()).complete
    assert roles(shared) == {f"user:{ME}": WRITER}


def test_a_kept_model_that_is_taken_back_gets_what_the_manifest_says_now(shared):
    shared.want("numbers", permissions=[ADA_READS], lifecycle=Lifecycle(retain=1), hyperparameters={"epochCount": 9})
    shared.apply()
    shared.want("numbers", permissions=[ALL_READ], lifecycle=Lifecycle(retain=1))
    assert [kind for _, kind in shared.kinds()] == ["reuse", "update"]
    paid = shared.provider.paid()
    shared.apply()
    assert shared.provider.paid() == paid
    assert roles(shared) == {"everyone": READER}
    assert shared.plan().empty


def test_a_kept_model_that_was_shared_outside_is_brought_in_line_when_it_is_taken_back(shared):
    shared.want("numbers", permissions=[ADA_READS], lifecycle=Lifecycle(retain=1), hyperparameters={"epochCount": 9})
    shared.apply()
    (kept,) = shared.lockfile.models["numbers"].retained
    shared.provider.grant(kept.resource, Permission(WRITER, "everyone"))
    shared.want("numbers", permissions=[ADA_READS], lifecycle=Lifecycle(retain=1))
    shared.apply()
    assert (serving(shared), roles(shared)) == (kept.resource, {"user:ada@example.com": READER})
    assert shared.plan().empty


def test_a_stop_between_two_grants_leaves_the_rest_for_the_next_apply(bench):
    bench.want("numbers", permissions=[ADA_READS, ALL_READ])
    bench.provider.after = lambda method, _: bench.stop.request(15) if method == "grant" else None
    outcome = bench.apply()
    assert outcome.stopped
    assert bench.lockfile.models["numbers"].current.state is not InstanceState.READY
    bench.provider.after = lambda *_: None
    bench.stop = type(bench.stop)()
    assert bench.apply().complete
    assert roles(bench) == {"user:ada@example.com": READER, "everyone": READER}


def test_a_first_model_whose_end_was_only_waited_for_is_shared_by_the_next_apply(bench):
    bench.want("numbers", permissions=[ADA_READS])
    bench.apply(options=bench.options(wait=False))
    outcome = bench.wait()
    assert outcome.unshared == ["numbers"]
    assert roles(bench) == {}
    assert bench.lockfile.models["numbers"].current.state is not InstanceState.READY
    assert bench.kinds() == [("numbers", "wait")]
    assert bench.apply().complete
    assert roles(bench) == {"user:ada@example.com": READER}
    assert bench.plan().empty


def test_a_candidate_whose_end_was_only_waited_for_is_shared_before_it_serves(shared):
    old = serving(shared)
    shared.want("numbers", permissions=[ADA_READS], hyperparameters={"epochCount": 9})
    shared.apply(options=shared.options(wait=False))
    shared.wait()
    assert serving(shared) == old
    shared.apply()
    assert serving(shared) != old
    assert roles(shared) == {"user:ada@example.com": READER}


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 5))
def test_a_kill_at_any_request_is_healed_by_the_next_apply_and_nothing_is_bought_twice(shared, when, call):
    """Of a replacement with two grants: the old model's listing, the new one's, and each grant."""
    shared.want("numbers", permissions=[ADA_WRITES, ALL_READ], hyperparameters={"epochCount": 9})
    seen = []

    def kill(method, _):
        if method in {"permissions", "grant"}:
            seen.append(method)
            if len(seen) == call:
                raise Killed

    setattr(shared.provider, when, kill)
    with pytest.raises(Killed):
        shared.apply()
    shared.provider.before = shared.provider.after = lambda *_: None
    shared.apply()
    assert shared.provider.paid() == 1
    assert roles(shared) == {"user:ada@example.com": WRITER, "everyone": READER}
    assert len(shared.provider.models) == 1
    assert shared.plan().empty


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["permissions", "grant", "revoke", "update"])
def test_a_kill_in_the_middle_of_an_update_is_healed_too(shared, when, method):
    shared.want("numbers", permissions=[ALL_READ], temperature=0.5)

    def kill(called, _):
        if called == method:
            raise Killed

    setattr(shared.provider, when, kill)
    with pytest.raises(Killed):
        shared.apply()
    shared.provider.before = shared.provider.after = lambda *_: None
    shared.apply()
    assert roles(shared) == {"everyone": READER}
    assert shared.plan().empty


def test_a_stop_before_sharing_says_what_was_left(bench):
    bench.want("numbers", permissions=[ADA_READS])
    bench.provider.after = lambda method, _: bench.stop.request(15) if method == "poll" else None
    bench.clock.on_sleep = lambda: bench.clock.advance(100)
    outcome = bench.apply()
    assert outcome.stopped
    assert outcome.skipped == {"numbers": "the run was stopped"}


def test_a_mistyped_address_is_the_error_of_its_model_alone(bench):
    bench.want("numbers", permissions=[ADA_READS])
    bench.want("other")
    refuse_once(bench, "grant", InvalidArgument("no such user"))
    outcome = bench.apply()
    assert (list(outcome.failed), outcome.done["create"]) == (["numbers"], 1)
