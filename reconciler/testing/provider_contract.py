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

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from reconciler.core.canonical import float32
from reconciler.core.observation import ModelState, Observation, Operation
from reconciler.core.resource import Effect, Example, Spec
from reconciler.errors import AlreadyExists, InvalidArgument, NotFound, RemoteError
from reconciler.ports.provider import CreateRequest, Provider
from reconciler.testing.sharing_contract import SharingContract

EXAMPLES = tuple(Example(str(number), str(number + 1)) for number in range(1, 16))
WORKERS = 8
MANY = 40


class ProviderWorld(Protocol):
    """A provider in front of a service that a test may turn.

    ``base_model`` is one that can be tuned, in the spelling of a manifest. ``pages`` is a number of models that no
    single page of the service's listing holds.
    """

    provider: Provider
    base_model: str
    pages: int

    def populate(self, count: int) -> Sequence[str]:
        """Let so many finished models exist; return their resource names."""
        ...

    def finish(self) -> None:
        """Let every tuning that runs come to its end."""
        ...

    def fail_next(self, message: str) -> None:
        """Let the tuning that is created next end with an error."""
        ...

    def remove(self, resource: str) -> None:
        """Let somebody else delete a model."""
        ...

    def methods(self) -> Sequence[str]:
        """Return the HTTP method of each request so far, oldest first."""
        ...


class ProviderContract(SharingContract):
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
        request = create(world, "curve")
        world.finish()
        assert by_name(world)[request.resource].snapshots == ()
        (seen,) = world.provider.observe(snapshots=True)
        assert seen.snapshots == world.provider.get(request.resource).snapshots
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

    def test_polling_follows_a_tuning_to_its_end(self, world: ProviderWorld) -> None:
        """One operation: steps in total, steps so far, done without an error."""
        request, operation = started(world, "followed")
        assert operation.resource == request.resource
        (running,) = world.provider.poll([operation])
        assert (running.done, running.gone, running.error) == (False, False, None)
        world.finish()
        (ended,) = world.provider.poll([running])
        assert (ended.done, ended.gone, ended.error) == (True, False, None)

    def test_polling_many_takes_few_requests_and_keeps_the_order(self, world: ProviderWorld) -> None:
        """Requests per poll are pages, not models."""
        operations = [started(world, f"many-{number}")[1] for number in range(MANY)]
        before = len(world.methods())
        running = world.provider.poll(operations)
        assert len(world.methods()) - before <= MANY // 10
        assert [item.resource for item in running] == [item.resource for item in operations]
        assert not any(item.done or item.gone for item in running)
        world.finish()
        assert all(item.done and item.error is None for item in world.provider.poll(list(reversed(running))))

    @pytest.mark.parametrize("others", [0, 2])
    def test_a_failed_tuning_says_why(self, world: ProviderWorld, others: int) -> None:
        """Alone or among others."""
        world.fail_next("the examples are of no use")
        operation = started(world, "failing")[1]
        polled = [operation, *(started(world, f"fine-{number}")[1] for number in range(others))]
        world.finish()
        news = world.provider.poll(polled)
        assert news[0].done
        assert "the examples are of no use" in str(news[0].error)
        assert all(item.done and item.error is None for item in news[1:])
        assert world.provider.get(operation.resource).state is ModelState.FAILED

    @pytest.mark.parametrize("others", [0, 2])
    def test_a_lost_operation_is_read_from_the_model(self, world: ProviderWorld, others: int) -> None:
        """The answer that named the operation may never have come."""
        resource = started(world, "lost")[1].resource
        polled = [Operation(resource), *(started(world, f"fine-{number}")[1] for number in range(others))]
        assert not world.provider.poll(polled)[0].done
        world.finish()
        assert world.provider.poll(polled)[0].done

    @pytest.mark.parametrize("others", [0, 2])
    def test_a_model_deleted_while_it_was_tuned_is_gone(self, world: ProviderWorld, others: int) -> None:
        """And not an error: the engine decides what that means."""
        operation = started(world, "doomed")[1]
        polled = [operation, *(started(world, f"fine-{number}")[1] for number in range(others))]
        world.remove(operation.resource)
        news = world.provider.poll(polled)
        assert (news[0].gone, news[0].done) == (True, False)
        assert not any(item.gone for item in news[1:])

    def test_polling_nothing_asks_nothing(self, world: ProviderWorld) -> None:
        """No tunings, no requests."""
        assert list(world.provider.poll([])) == []
        assert list(world.methods()) == []

    def test_looking_sends_nothing_but_reads(self, world: ProviderWorld) -> None:
        """A plan cannot change anything, not even by mistake."""
        operations = [started(world, f"looked-at-{number}")[1] for number in range(2)]
        before = len(world.methods())
        world.provider.observe()
        world.provider.observe(snapshots=True)
        world.provider.get(operations[0].resource)
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


def spec_of(world: ProviderWorld, **fields: Any) -> dict[str, Any]:
    """Return a full spec as a manifest would give it."""
    return {
        "displayName": "numbers",
        "description": "counts one up",
        "baseModel": world.base_model,
        "hyperparameters": {"epochCount": 3, "batchSize": 4, "learningRate": 0.001},
        "temperature": 0.7,
        **fields,
    }


def name_of(world: ProviderWorld, stem: str) -> str:
    """Return the resource name of an id."""
    return f"{world.provider.capabilities.resource_prefix}{stem}"


def started(world: ProviderWorld, stem: str, **fields: Any) -> tuple[CreateRequest, Operation]:
    """Start a tuning."""
    spec = world.provider.normalize(spec_of(world, **fields)).spec
    request = CreateRequest(name_of(world, stem), spec, EXAMPLES)
    return request, world.provider.create(request)


def create(world: ProviderWorld, stem: str, **fields: Any) -> CreateRequest:
    """Start a tuning and return what was asked for."""
    return started(world, stem, **fields)[0]


def by_name(world: ProviderWorld) -> dict[str, Observation]:
    """Return the listing by resource name."""
    return {seen.resource: seen for seen in world.provider.observe()}


def differences(wanted: Spec, live: Spec) -> dict[str, object]:
    """Return what of a wanted spec the live one says otherwise."""
    return {path: live.get(path) for path, value in wanted.items() if live.get(path) != value}
