"""What every provider must do about permissions, as tests; ``provider_contract.ProviderContract`` inherits them.

A provider whose capabilities say that its models cannot be shared must refuse, and send nothing.
"""
# ruff: noqa: S101 - a contract is made of asserts

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from reconciler.core.permission import EVERYONE, GROUP, OWNER, READER, USER, WRITER, Permission
from reconciler.errors import InvalidArgument, NotFound
from reconciler.ports.provider import Provider

if TYPE_CHECKING:
    from reconciler.testing.contract_world import ProviderWorld

GROUP_READS = Permission(READER, GROUP, "math@example.com")
USER_WRITES = Permission(WRITER, USER, "ada@example.com")
EVERYONE_READS = Permission(READER, EVERYONE)
MORE_THAN_A_PAGE = 12
"""The service's own page is 10."""

_CALLS: dict[str, Callable[[Provider, str], object]] = {
    "permissions": lambda provider, resource: provider.permissions(resource),
    "grant": lambda provider, resource: provider.grant(resource, GROUP_READS),
    "revoke": lambda provider, resource: provider.revoke(resource, GROUP_READS),
    "transfer": lambda provider, resource: provider.transfer(resource, "ada@example.com"),
}


class SharingContract:
    """The part of ``ports.provider.Provider`` that is about who may use a model."""

    @pytest.fixture
    def shared(self, world: ProviderWorld) -> str:
        """Return a model that nobody but its owner may use."""
        if not world.provider.capabilities.permissions:
            pytest.skip("this provider's models cannot be shared; that it refuses is tested")
        return world.populate(1)[0]

    @pytest.mark.parametrize("method", _CALLS)
    def test_sharing_is_refused_where_there_is_none(self, world: ProviderWorld, method: str) -> None:
        """The capabilities and the methods say the same; what is not there cannot be shared either."""
        able = world.provider.capabilities.permissions
        absent = f"{world.provider.capabilities.resource_prefix}absent"
        before = len(world.methods())
        with pytest.raises(NotFound if able else InvalidArgument):
            _CALLS[method](world.provider, absent)
        assert able or len(world.methods()) == before

    def test_a_new_model_has_its_owner_alone(self, world: ProviderWorld, shared: str) -> None:
        """The owner is listed, so that nobody takes them for missing."""
        assert [permission.role for permission in world.provider.permissions(shared)] == [OWNER]

    def test_what_was_granted_is_listed(self, world: ProviderWorld, shared: str) -> None:
        """With role, kind and address, and a handle to take it away by."""
        for permission in (GROUP_READS, USER_WRITES, EVERYONE_READS):
            world.provider.grant(shared, permission)
        assert sorted(granted(world, shared)) == ["everyone READER", "group:math@example.com READER", ADA_WRITES]
        assert all(permission.id for permission in world.provider.permissions(shared))

    def test_granting_twice_is_granting_once(self, world: ProviderWorld, shared: str) -> None:
        """An answer may be lost, and addresses have no case."""
        world.provider.grant(shared, USER_WRITES)
        world.provider.grant(shared, USER_WRITES)
        world.provider.grant(shared, Permission(WRITER, USER, "Ada@Example.com"))
        assert granted(world, shared) == [ADA_WRITES]

    @pytest.mark.parametrize("known", [False, True])
    def test_granting_another_role_changes_it(self, world: ProviderWorld, shared: str, *, known: bool) -> None:
        """Whether the caller has seen the permission before or not."""
        world.provider.grant(shared, Permission(READER, USER, "ada@example.com"))
        handle = next(p.id for p in world.provider.permissions(shared) if p.role == READER) if known else ""
        world.provider.grant(shared, Permission(WRITER, USER, "ada@example.com", id=handle))
        assert granted(world, shared) == [ADA_WRITES]

    @pytest.mark.parametrize("known", [False, True])
    def test_a_revoked_role_is_gone(self, world: ProviderWorld, shared: str, *, known: bool) -> None:
        """And a second time there is nothing to take away."""
        world.provider.grant(shared, GROUP_READS)
        (listed,) = [p for p in world.provider.permissions(shared) if p.role == READER]
        world.provider.revoke(shared, listed if known else GROUP_READS)
        assert granted(world, shared) == []
        with pytest.raises(NotFound):
            world.provider.revoke(shared, GROUP_READS)

    def test_the_owner_can_neither_be_made_nor_unmade(self, world: ProviderWorld, shared: str) -> None:
        """Ownership moves by transfer alone."""
        (owner,) = world.provider.permissions(shared)
        with pytest.raises(InvalidArgument):
            world.provider.revoke(shared, owner)
        with pytest.raises(InvalidArgument):
            world.provider.grant(shared, Permission(OWNER, USER, "ada@example.com"))
        world.provider.grant(shared, Permission(READER, USER, owner.email))
        assert world.provider.permissions(shared) == (owner,)

    def test_after_a_transfer_the_old_owner_is_a_writer(self, world: ProviderWorld, shared: str) -> None:
        """So says transferOwnership."""
        (owner,) = world.provider.permissions(shared)
        world.provider.transfer(shared, "ada@example.com")
        roles = {permission.grantee: permission.role for permission in world.provider.permissions(shared)}
        assert roles == {owner.grantee: WRITER, "user:ada@example.com": OWNER}

    def test_a_long_list_comes_whole(self, world: ProviderWorld, shared: str) -> None:
        """A short one would read as permissions to grant anew."""
        wanted = [f"user{number}@example.com" for number in range(MORE_THAN_A_PAGE)]
        for email in wanted:
            world.provider.grant(shared, Permission(READER, USER, email))
        assert sorted(granted(world, shared)) == sorted(f"user:{email} READER" for email in wanted)


ADA_WRITES = "user:ada@example.com WRITER"


def granted(world: ProviderWorld, resource: str) -> list[str]:
    """Return who has which role besides the owner."""
    listed = world.provider.permissions(resource)
    return [f"{permission.grantee} {permission.role}" for permission in listed if permission.role != OWNER]
