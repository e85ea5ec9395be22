"""The Generative Language provider keeps the port's contract, in both versions, against the emulator."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from providers_kit import TOKEN, TurnedClock, model

from reconciler.core.event import Retried
from reconciler.core.resource import Example
from reconciler.emulator import Emulator, Fault, serve
from reconciler.errors import (
    AlreadyExists,
    FailedPrecondition,
    MalformedAnswer,
    NotFound,
    PermissionDenied,
    QuotaExhausted,
    RemoteError,
)
from reconciler.ports.provider import CreateRequest
from reconciler.providers.registry import open_provider
from reconciler.providers.settings import ProviderSettings
from reconciler.testing.provider_contract import ProviderContract, create, started

HOUR = 3600.0


class EmulatedWorld:
    """A provider in front of an emulator of its own, on a clock that only the test turns."""

    base_model = "text-bison-001"
    pages = 1001
    deletes_running = True

    def __init__(self, version, *, clock=None, **settings):
        self.clock = clock or TurnedClock()
        self.events = []
        self.emulator = Emulator(clock=self.clock.now, sleep=self.clock.sleep, train_seconds=HOUR, **settings)
        self.provider = open_provider(
            ProviderSettings(api_version=version),
            transport=self.emulator.transport(),
            clock=self.clock,
            report=self.events.append,
        )

    def populate(self, count):
        names = [f"tunedModels/populated-{number}" for number in range(count)]
        self.emulator.import_models({"tunedModels": [model(name, createTime=TIME, updateTime=TIME) for name in names]})
        return names

    def finish(self):
        self.emulator.advance(100 * HOUR)

    def fail_next(self, message):
        self.emulator.faults.add(Fault("fail", message=message))

    def remove(self, resource):
        assert self.emulator.remove(resource.removeprefix("tunedModels/"))

    def methods(self):
        return [request.method for request in self.emulator.requests]

    def close(self):
        self.provider.close()
        self.emulator.close()


TIME = "2023-09-18T11:06:39.092786Z"


@pytest.fixture(params=["v1beta3", "v1beta"])
def world(request):
    made = EmulatedWorld(request.param)
    yield made
    made.close()


class TestEmulated(ProviderContract):
    @pytest.fixture
    def world(self, world):
        return world


class TestGemini(ProviderContract):
    """The other family of base models, which speaks generateContent."""

    @pytest.fixture
    def world(self):
        made = EmulatedWorld("v1beta")
        made.base_model = "gemini-1.5-flash-001-tuning"
        yield made
        made.close()


class ServedWorld(EmulatedWorld):
    """The same over a real port, with a token that the service asks for."""

    def __init__(self, version):
        super().__init__(version)
        self.provider.close()
        self.emulator.settings.require_auth = True
        self.server = serve(self.emulator).start()
        self.provider = open_provider(
            ProviderSettings(endpoint=self.server.url, api_version=version, access_token=TOKEN, project="my-project"),
            clock=self.clock,
            report=self.events.append,
        )

    def close(self):
        self.provider.close()
        self.server.close()
        self.emulator.close()


class TestOverAPort(ProviderContract):
    """Real sockets, and connections that are really closed."""

    @pytest.fixture
    def world(self):
        made = ServedWorld("v1beta")
        yield made
        made.close()

    @pytest.mark.parametrize("after", [False, True])
    def test_a_closed_connection_costs_one_more_try_and_no_second_model(self, world, after):
        world.emulator.faults.add(Fault("drop", method="POST", after=after))
        if after:
            with pytest.raises(AlreadyExists):
                create(world, "dropped")
        else:
            create(world, "dropped")
        assert [event.reason for event in world.events] == ["the connection was lost"]
        assert [seen.resource for seen in world.provider.observe()] == ["tunedModels/dropped"]

    def test_an_answer_cut_in_the_middle_is_asked_for_again(self, world):
        names = world.populate(50)
        world.emulator.faults.add(Fault("cut", method="GET"))
        assert len(world.provider.observe()) == len(names)
        assert len(world.events) == 1


class TestLargePages:
    def test_pages_of_a_large_fleet_are_few(self, world):
        world.populate(world.pages)
        before = len(world.methods())
        assert len(world.provider.observe()) == world.pages
        assert len(world.methods()) - before == 2


REQUESTS = {
    "observe": ("GET", lambda provider, _name: provider.observe()),
    "get": ("GET", lambda provider, name: provider.get(name)),
    "update": ("PATCH", lambda provider, name: provider.update(name, {"description": "new"})),
    "generate": ("POST", lambda provider, name: provider.generate(name, "3")),
}
PASSING = {
    "503": Fault("status", code=503, count=2),
    "429": Fault("status", code=429, count=2, retry_after="3"),
    "429 with RetryInfo": Fault("status", code=429, count=1, retry_delay=5.0),
    "dropped before": Fault("drop", count=2),
    "dropped after": Fault("drop", count=2, after=True),
    "cut": Fault("cut", count=2),
    "502 page": Fault("html", code=502, count=2),
}


class TestFaultsThatPass:
    @pytest.mark.parametrize("fault", PASSING)
    @pytest.mark.parametrize("request_kind", REQUESTS)
    def test_are_not_noticed_but_in_events(self, world, request_kind, fault):
        name = create(world, "steady").resource
        world.finish()
        method, act = REQUESTS[request_kind]
        world.emulator.faults.add(_only(PASSING[fault], method))
        assert act(world.provider, name)
        assert [type(event) for event in world.events] == [Retried] * (PASSING[fault].count or 0)

    @pytest.mark.parametrize("fault", PASSING)
    def test_delete_once(self, world, fault):
        name, other = world.populate(2)
        world.emulator.faults.add(_only(PASSING[fault], "DELETE"))
        world.provider.delete(name)
        assert [seen.resource for seen in world.provider.observe()] == [other]

    @pytest.mark.parametrize("fault", PASSING)
    def test_never_buy_twice(self, world, fault):
        world.emulator.faults.add(_only(PASSING[fault], "POST"))
        try:
            create(world, "bought")
        except AlreadyExists:
            assert fault in {"dropped after", "cut"}
        assert [seen.resource for seen in world.provider.observe()] == ["tunedModels/bought"]

    def test_an_empty_page_with_a_token_is_read_past(self, world):
        names = world.populate(5)
        world.emulator.faults.add(Fault("empty-page"))
        assert len(world.provider.observe()) == len(names)


class TestFaultsThatStay:
    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (Fault("html", code=200, count=None), MalformedAnswer),
            (Fault("truncate", count=None), MalformedAnswer),
            (Fault("status", code=500, count=None), RemoteError),
            (Fault("status", code=409, status="ABORTED", count=None), RemoteError),
            (Fault("status", code=403, count=None), PermissionDenied),
        ],
    )
    def test_end_in_an_error_of_ours_after_one_request(self, world, fault, kind):
        (name,) = world.populate(1)
        world.emulator.faults.add(fault)
        with pytest.raises(RemoteError) as caught:
            world.provider.get(name)
        assert type(caught.value) is kind
        assert len(world.methods()) == 1
        assert world.clock.slept == []

    def test_quota_that_never_comes_back_is_said_to_be_exhausted(self, world):
        world.emulator.settings.concurrent_tunings = 1
        create(world, "first")
        with pytest.raises(QuotaExhausted):
            started(world, "second")
        assert 3000 < sum(world.clock.slept) <= 3600
        assert len(world.provider.observe()) == 1


class TestQuota:
    def test_a_create_waits_until_another_tuning_ends(self):
        clock = TurnedClock()
        world = EmulatedWorld("v1beta", clock=clock, concurrent_tunings=1)
        world.emulator.settings.train_seconds = 300.0
        create(world, "first")
        create(world, "second")
        assert 300 <= sum(clock.slept) < 500
        assert len(world.provider.observe()) == 2
        world.close()


class TestOthers:
    @pytest.mark.parametrize(("refusal", "kind"), [(403, PermissionDenied), (409, AlreadyExists)])
    def test_an_id_that_somebody_else_holds(self, world, refusal, kind):
        world.emulator.occupy("taken", refusal=refusal)
        with pytest.raises(kind):
            create(world, "taken")
        with pytest.raises(PermissionDenied):
            world.provider.get("tunedModels/taken")

    def test_a_model_that_vanishes_just_before_the_request(self, world):
        (name,) = world.populate(1)
        world.emulator.faults.add(Fault("vanish"))
        with pytest.raises(NotFound):
            world.provider.update(name, {"description": "x"})

    def test_an_operation_that_expired_is_read_from_the_model(self, world):
        world.emulator.settings.operation_ttl = 1.0
        operation = started(world, "old")[1]
        world.finish()
        (news,) = world.provider.poll([operation])
        assert news.done
        assert news.error is None

    def test_a_listing_that_lags_does_not_make_a_model_gone(self, world):
        world.emulator.settings.listing_lag = HOUR
        operations = [started(world, name)[1] for name in ("late-a", "late-b")]
        assert list(world.provider.observe()) == []
        assert not any(item.gone or item.done for item in world.provider.poll(operations))

    def test_a_model_still_in_training_does_not_answer(self, world):
        name = create(world, "busy").resource
        with pytest.raises(FailedPrecondition):
            world.provider.generate(name, "3")

    def test_two_runners_racing_for_one_id_buy_once(self, world):
        barrier, outcomes = threading.Barrier(8), []

        def race(_number):
            barrier.wait()
            spec = world.provider.normalize({"displayName": "n", "baseModel": "text-bison-001"}).spec
            try:
                world.provider.create(CreateRequest("tunedModels/raced", spec, (Example("1", "2"),)))
                outcomes.append("bought")
            except AlreadyExists:
                outcomes.append("met")

        threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["bought", *["met"] * 7]


def _only(fault, method):
    return replace(fault, method=method)
