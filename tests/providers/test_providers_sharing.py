"""Permissions over the wire: what is sent, what is read, and a fake that keeps the same contract."""

from __future__ import annotations

import pytest
from providers_kit import MODEL, bench, error, ok

from reconciler.core.permission import OWNER, READER, WRITER, Permission
from reconciler.errors import AlreadyExists, InvalidArgument, MalformedAnswer, PermissionDenied, Unavailable
from reconciler.testing.fake_provider import FakeProvider, _Model
from reconciler.testing.fakes import FakeClock
from reconciler.testing.sharing_contract import SharingContract

ADA = Permission(WRITER, "user", "ada@example.com")
TAKEN = error(409, "ALREADY_EXISTS")


def wire(number=1, **fields):
    usual = {"granteeType": "USER", "emailAddress": "ada@example.com", "role": "READER"}
    return {"name": f"{MODEL}/permissions/{number}", **usual, **fields}


def listing(*permissions, **more):
    return ok({"permissions": [*permissions], **more})


class FakeWorld:
    """The fake behind the little that a contract needs."""

    base_model, pages = "models/text-bison-001", 1

    def __init__(self):
        self.provider = FakeProvider(FakeClock())

    def populate(self, count):
        names = [f"tunedModels/m{number}" for number in range(count)]
        self.provider.models.update((name, _Model({}, (), 0.0, 0.0)) for name in names)
        return names

    def methods(self):
        return [method for method, _ in self.provider.calls]


class TestFake(SharingContract):
    @pytest.fixture
    def world(self):
        return FakeWorld()


@pytest.mark.parametrize("version", ["v1beta", "v1beta3"])
def test_a_grant_is_one_request(version):
    there = bench(ok(wire()), api_version=version)
    there.provider.grant(MODEL, ADA)
    assert there.service.seen == [f"POST /{version}/{MODEL}/permissions"]
    assert there.service.body() == {"granteeType": "USER", "emailAddress": "ada@example.com", "role": "WRITER"}


def test_everyone_is_sent_without_an_address():
    there = bench(ok(wire()))
    there.provider.grant(MODEL, Permission(READER, "everyone"))
    assert there.service.body() == {"granteeType": "EVERYONE", "role": "READER"}


def test_a_known_permission_is_patched_in_its_role_alone():
    there = bench(ok(wire()))
    there.provider.grant(MODEL, Permission(WRITER, "user", "ada@example.com", id=f"{MODEL}/permissions/7"))
    (request,) = there.service.requests
    assert (request.method, request.url.path) == ("PATCH", f"/v1beta/{MODEL}/permissions/7")
    assert (dict(request.url.params), there.service.body()) == ({"updateMask": "role"}, {"role": "WRITER"})


# Each row: what is listed after a 409, and the requests that follow.
MET = {
    "the same role": (wire(role="WRITER"), []),
    "another role": (wire(7), ["PATCH"]),
    "the owner": (wire(role="OWNER"), []),
    "in another case": (wire(emailAddress="ADA@example.com", role="WRITER"), []),
}


@pytest.mark.parametrize(("listed", "follow"), MET.values(), ids=MET)
def test_a_grant_that_meets_its_own_first_try_compares(listed, follow):
    there = bench(TAKEN, listing(listed), ok(wire()))
    there.provider.grant(MODEL, ADA)
    assert [request.method for request in there.service.requests] == ["POST", "GET", *follow]


def test_a_conflict_with_nobody_is_told():
    with pytest.raises(AlreadyExists):
        bench(TAKEN, listing(wire(emailAddress="bob@example.com"))).provider.grant(MODEL, ADA)


def test_a_lost_answer_to_a_grant_is_asked_for_again():
    there = bench(error(503, "UNAVAILABLE"), TAKEN, listing(wire(role="WRITER")))
    there.provider.grant(MODEL, ADA)
    assert [request.method for request in there.service.requests] == ["POST", "POST", "GET"]


def test_a_transfer_is_never_sent_twice():
    there = bench(error(503, "UNAVAILABLE"))
    with pytest.raises(Unavailable):
        there.provider.transfer(MODEL, "ada@example.com")
    assert there.service.seen == [f"POST /v1beta/{MODEL}:transferOwnership"]
    assert there.service.body() == {"emailAddress": "ada@example.com"}


def test_names_and_numbers_of_enums_are_read_and_unknown_ones_kept():
    there = bench(
        listing(wire(1, granteeType=2, role=2), wire(2, granteeType="DOMAIN", role="AUDITOR"), nextPageToken="more"),
        listing({"name": f"{MODEL}/permissions/3", "granteeType": "EVERYONE", "role": 1}),
    )
    read = [(each.kind, each.email, each.role, each.id[-1]) for each in there.provider.permissions(MODEL)]
    assert read == [
        ("group", "ada@example.com", WRITER, "1"),
        ("domain", "ada@example.com", "AUDITOR", "2"),
        ("everyone", "", OWNER, "3"),
    ]
    assert [dict(r.url.params) for r in there.service.requests] == [
        {"pageSize": "1000"},
        {"pageSize": "1000", "pageToken": "more"},
    ]


@pytest.mark.parametrize("name", ["tunedModels/x", "tunedModels/x/permissions/../../y", "permissions/1", ""])
def test_a_permission_with_a_name_that_leads_elsewhere_is_malformed(name):
    with pytest.raises(MalformedAnswer):
        bench(listing(wire() | {"name": name})).provider.permissions(MODEL)


def test_a_handle_that_leads_elsewhere_is_never_sent():
    there = bench(ok({}))
    for send in (there.provider.grant, there.provider.revoke):
        with pytest.raises(InvalidArgument):
            send(MODEL, Permission(READER, "everyone", id="tunedModels/x?y"))
    assert there.service.seen == []


def test_a_refusal_names_the_model_and_what_was_wanted():
    with pytest.raises(PermissionDenied, match=f"list the permissions of {MODEL}"):
        bench(error(403, "PERMISSION_DENIED")).provider.permissions(MODEL)


def test_a_read_only_provider_shares_nothing():
    there = bench(listing(), read_only=True)
    assert there.provider.permissions(MODEL) == ()
    with pytest.raises(RuntimeError, match="read-only"):
        there.provider.grant(MODEL, ADA)
