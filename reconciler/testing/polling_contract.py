"""What every provider must do about running tunings, as tests; ``provider_contract.ProviderContract`` inherits them."""
# ruff: noqa: S101 - a contract is made of asserts

from __future__ import annotations

import pytest

from reconciler.core.observation import ModelState, Operation
from reconciler.errors import NotFound
from reconciler.testing.contract_world import ProviderWorld, name_of, started

MANY = 40


class PollingContract:
    """The part of ``ports.provider.Provider`` that is about tunings under way."""

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
        if not world.deletes_running:
            pytest.skip("a running tuning cannot be deleted from this service")
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

    @pytest.mark.parametrize("known", [True, False])
    def test_a_cancelled_tuning_ends_as_failed(self, world: ProviderWorld, known: bool) -> None:
        """Whether the answer that named its operation was heard or not."""
        operation = _cancellable(world, "hopeless")
        world.provider.cancel(operation if known else Operation(operation.resource))
        world.finish()
        (ended,) = world.provider.poll([operation])
        assert ended.done
        assert ended.error
        assert world.provider.get(operation.resource).state is ModelState.FAILED

    def test_cancelling_what_is_over_changes_nothing(self, world: ProviderWorld) -> None:
        """The tuning may end while somebody decides to stop it."""
        operation = _cancellable(world, "over")
        world.finish()
        world.provider.cancel(operation)
        assert world.provider.get(operation.resource).state is ModelState.READY

    def test_cancelling_what_is_not_there_is_not_found(self, world: ProviderWorld) -> None:
        """Whoever asks has read an old lockfile."""
        _cancellable(world, "another")
        with pytest.raises(NotFound):
            world.provider.cancel(Operation(name_of(world, "absent")))


def _cancellable(world: ProviderWorld, stem: str) -> Operation:
    """Start a tuning that can be stopped; a provider that cannot stop one says so, and is never asked to."""
    if not world.provider.capabilities.cancels:
        pytest.skip("this provider cannot cancel")
    return started(world, stem)[1]
