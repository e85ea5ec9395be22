"""What every provider must do, as tests to inherit.

A provider of your own passes when this does::

    class TestMyProvider(ProviderContract):
        @pytest.fixture
        def world(self):
            return MyWorld()

The world is a ``ProviderWorld``: the provider, and the little that a test has to do behind its back. Each test gets a
world of its own, in which no tuning ends before ``finish`` is called.
"""
# ruff: noqa: S101 - a contract is made of asserts

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.core.canonical import Json, float32
from reconciler.core.observation import ModelState
from reconciler.core.resource import Effect
from reconciler.errors import AlreadyExists, InvalidArgument, NotFound, RemoteError
from reconciler.ports.provider import CreateRequest
from reconciler.testing.contract_world import (
    EXAMPLES,
    ProviderWorld,
    by_name,
    create,
    differences,
    name_of,
    spec_of,
    started,
)
from reconciler.testing.polling_contract import PollingContract
from reconciler.testing.sharing_contract import SharingContract

__all__ = ["ProviderContract", "ProviderWorld", "create", "started"]

WORKERS = 8


class ProviderContract(PollingContract, SharingContract):
    """The contract of ``ports.provider.Provider``."""

    @pytest.fixture
    def world(self) -> ProviderWorld:
        """Return a world of the provider under test."""
        raise NotImplementedError

    def test_normalize_is_idempotent_and_sends_nothing(self, world: ProviderWorld) -> None:
        """What is in the remote's spelling stays as it is."""
        once = world.provider.normalize(spec_of(world)).spec
        assert world.provider.normalize(once).spec == once
        assert list(world.methods()) == []

    def test_normalize_leaves_out_what_is_not_kept_and_says_so(self, world: ProviderWorld) -> None:
        """Else a plan would show for ever what no apply can bring about."""
        wanted = spec_of(world)
        normal = world.provider.normalize(wanted)
        given = {f"hyperparameters.{key}" for key in wanted["hyperparameters"]} | wanted.keys()
        kept = {f"hyperparameters.{key}" for key in _mapping(normal.spec["hyperparameters"])} | normal.spec.keys()
        assert {remark.path for remark in normal.remarks} == given - kept
        assert all(world.provider.capabilities.effect(path) for path in kept)

    def test_a_created_model_reports_what_normalize_promised(self, world: ProviderWorld) -> None:
        """Otherwise the next plan would see drift where there is none."""
        request = create(world, "promised")
        live = world.provider.get(request.resource)
        assert live.resource == request.resource
        assert differences(request.spec, live.spec) == {}

    def test_a_running_tuning_is_listed_and_says_so(self, world: ProviderWorld) -> None:
        """Who lost the lockfile finds running tunings by looking."""
        request = create(world, "running")
        assert by_name(world)[request.resource].state is ModelState.TUNING
        world.finish()
        assert by_name(world)[request.resource].state is ModelState.READY

    def test_the_listing_agrees_with_a_single_look(self, world: ProviderWorld) -> None:
        """A plan is made from the listing, a recovery from single looks."""
        request = create(world, "seen-twice")
        world.finish()
        listed, single = by_name(world)[request.resource], world.provider.get(request.resource)
        assert (listed.spec, listed.state, listed.create_time) == (single.spec, single.state, single.create_time)

    def test_the_listing_has_every_model_once(self, world: ProviderWorld) -> None:
        """A short answer would read as deleted models."""
        names = world.populate(world.pages)
        listed = [seen.resource for seen in world.provider.observe()]
        assert sorted(listed) == sorted(names)

    def test_resource_names_begin_as_the_capabilities_say(self, world: ProviderWorld) -> None:
        """Manifests may give the short form of a parent."""
        (name,) = world.populate(1)
        assert name.startswith(world.provider.capabilities.resource_prefix)

    def test_loss_curves_come_when_asked_for(self, world: ProviderWorld) -> None:
        """They are most of a listing's size, so a plan leaves them out."""
        if not world.provider.capabilities.losses:
            pytest.skip("the loss of a tuning cannot be read from this service")
        request = create(world, "curve")
        world.finish()
        assert by_name(world)[request.resource].snapshots == ()
        (seen,) = world.provider.observe(snapshots=True)
        assert seen.snapshots == world.provider.get(request.resource, snapshots=True).snapshots
        assert world.provider.get(request.resource).snapshots == ()
        assert [point.step for point in seen.snapshots] == sorted(point.step for point in seen.snapshots)
        assert seen.snapshots

    def test_creating_twice_meets_the_first_try(self, world: ProviderWorld) -> None:
        """This is what makes a create repeatable: the second try neither buys nor changes anything."""
        request = create(world, "once")
        before = world.provider.get(request.resource)
        with pytest.raises(AlreadyExists):
            world.provider.create(CreateRequest(request.resource, {**request.spec, "displayName": "other"}, EXAMPLES))
        after = world.provider.get(request.resource)
        assert (after.spec, after.create_time) == (before.spec, before.create_time)

    def test_an_unknown_base_model_is_refused_and_nothing_is_made(self, world: ProviderWorld) -> None:
        """The error is the service's, the listing stays empty."""
        spec = world.provider.normalize({**spec_of(world), "baseModel": "no-such-model-001"}).spec
        with pytest.raises(RemoteError) as caught:
            world.provider.create(CreateRequest(name_of(world, "baseless"), spec, EXAMPLES))
        assert type(caught.value) in {InvalidArgument, NotFound}
        assert list(world.provider.observe()) == []

    def test_a_model_can_be_tuned_from_another(self, world: ProviderWorld) -> None:
        """The parent is reported under the name it was asked for."""
        parent = create(world, "parent").resource
        world.finish()
        spec = {key: value for key, value in spec_of(world).items() if key != "baseModel"}
        child = CreateRequest(
            name_of(world, "child"),
            world.provider.normalize({**spec, "source": {"tunedModel": parent}}).spec,
            EXAMPLES,
        )
        world.provider.create(child)
        assert world.provider.get(child.resource).spec["source"] == {"tunedModel": parent}

    def test_the_base_model_is_listed_as_tunable(self, world: ProviderWorld) -> None:
        """Plans are checked against this list before anything is bought."""
        wanted = world.provider.normalize(spec_of(world)).spec["baseModel"]
        bases = {base.name: base.tunable for base in world.provider.base_models()}
        assert bases[str(wanted)]

    def test_an_update_changes_just_what_is_given(self, world: ProviderWorld) -> None:
        """The rest may be managed by somebody else."""
        request = create(world, "changed")
        world.finish()
        before = world.provider.get(request.resource).spec
        answer = world.provider.update(request.resource, {"displayName": "new", "description": "why"})
        after = world.provider.get(request.resource).spec
        assert answer.spec == after
        assert after == {**before, "displayName": "new", "description": "why"}

    def test_zero_is_a_value(self, world: ProviderWorld) -> None:
        """A temperature of 0 is neither absent nor a default."""
        if world.provider.capabilities.effect("temperature") is None:
            pytest.skip("this provider keeps no temperature")
        request = create(world, "zero", temperature=0.0)
        world.finish()
        assert world.provider.get(request.resource).spec["temperature"] == 0.0
        world.provider.update(request.resource, {"temperature": 0.5})
        world.provider.update(request.resource, {"temperature": 0.0})
        assert world.provider.get(request.resource).spec["temperature"] == 0.0

    def test_none_clears_a_field(self, world: ProviderWorld) -> None:
        """What no manifest can say is what the service makes of it."""
        request = create(world, "cleared", description="soon gone")
        world.finish()
        world.provider.update(request.resource, {"description": None})
        assert not world.provider.get(request.resource).spec.get("description")

    def test_floats_come_back_in_the_spelling_of_normalize(self, world: ProviderWorld) -> None:
        """0.1 is 0.1 and not 0.10000000149011612, whichever of the two was sent."""
        if world.provider.capabilities.effect("topP") is None:
            pytest.skip("this provider keeps no topP")
        for number, value in enumerate((0.1, 0.10000000149011612, 0.95, 1 / 3)):
            request = create(world, f"float-{number}", topP=value)
            assert world.provider.get(request.resource).spec["topP"] == request.spec["topP"] == float32(value)

    def test_only_the_fields_said_to_be_updated_in_place_are(self, world: ProviderWorld) -> None:
        """The planner trusts the capabilities."""
        request = create(world, "fixed")
        for path, effect in world.provider.capabilities.effects.items():
            if effect is not Effect.UPDATE:
                with pytest.raises(InvalidArgument):
                    world.provider.update(request.resource, {path: request.spec.get(path)})

    def test_updating_what_is_not_there_is_not_found(self, world: ProviderWorld) -> None:
        """And makes nothing."""
        with pytest.raises(NotFound):
            world.provider.update(name_of(world, "absent"), {"displayName": "x"})
        assert list(world.provider.observe()) == []

    def test_a_deleted_model_is_not_found(self, world: ProviderWorld) -> None:
        """Neither by a look nor by a second delete."""
        first, second = world.populate(2)
        world.provider.delete(first)
        for act in (world.provider.get, world.provider.delete):
            with pytest.raises(NotFound):
                act(first)
        assert [seen.resource for seen in world.provider.observe()] == [second]

    def test_looking_sends_nothing_but_reads(self, world: ProviderWorld) -> None:
        """A plan cannot change anything, not even by mistake."""
        operations = [started(world, f"looked-at-{number}")[1] for number in range(2)]
        before = len(world.methods())
        world.provider.observe()
        world.provider.observe(snapshots=True)
        world.provider.get(operations[0].resource)
        world.provider.get(operations[0].resource, snapshots=True)
        world.provider.base_models()
        world.provider.poll(operations[:1])
        world.provider.poll(operations)
        assert set(world.methods()[before:]) == {"GET"}

    def test_a_ready_model_answers(self, world: ProviderWorld) -> None:
        """As many answers as were asked for, at least one."""
        request = create(world, "speaking")
        world.finish()
        assert len(world.provider.generate(request.resource, "3")) == 1
        assert all(isinstance(text, str) for text in world.provider.generate(request.resource, "3", candidates=2))

    def test_asking_what_is_not_there_is_not_found(self, world: ProviderWorld) -> None:
        """In whichever of its requests."""
        with pytest.raises(NotFound):
            world.provider.generate(name_of(world, "absent"), "3")

    def test_several_threads_may_share_a_provider(self, world: ProviderWorld) -> None:
        """Each create is its own."""
        with ThreadPoolExecutor(WORKERS) as pool:
            made = list(pool.map(lambda number: create(world, f"thread-{number}").resource, range(3 * WORKERS)))
        assert sorted(by_name(world)) == sorted(made)


def _mapping(value: Json) -> Mapping[str, Json]:
    assert isinstance(value, Mapping)
    return value
