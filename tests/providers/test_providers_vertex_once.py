"""One create, one job: over every broken wire, with listings that lag, and with jobs that share an id."""

from __future__ import annotations

from dataclasses import replace

import pytest
from providers_kit import TurnedClock
from vertex_world import HOUR, VertexWorld

from reconciler.core.observation import ModelState, Operation
from reconciler.emulator import Fault
from reconciler.emulator.vertex.records import Endpoint, Job, Model
from reconciler.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    QuotaExhausted,
    RemoteError,
    Unavailable,
)
from reconciler.ports.provider import CreateRequest, Origin
from reconciler.testing.contract_world import EXAMPLES, by_name, create, name_of, spec_of, started

JOBS = "/tuningJobs$"
LOST = {
    "dropped": Fault("drop", after=True),
    "503 after": Fault("status", code=503, after=True),
    "500 after": Fault("status", code=500, after=True),
    "504 after": Fault("status", code=504, after=True),
    "499 after": Fault("status", code=499, after=True),
    "cut": Fault("cut"),
    "truncated": Fault("truncate"),
    "no JSON": Fault("html", code=200, after=True),
    "a gateway's page": Fault("html", code=502, after=True),
}
"""The job was made and its answer never came."""
UNDONE = {
    "dropped": Fault("drop"),
    "503": Fault("status", code=503),
    "500": Fault("status", code=500),
    "a gateway's page": Fault("html", code=502),
}
"""Nothing was made, and nobody says so."""


@pytest.fixture
def world():
    made = VertexWorld()
    yield made
    made.close()


def on_create(fault, **more):
    return replace(fault, method="POST", path=JOBS, **more)


def request_of(world, stem, *, repeated=False, **fields):
    spec = world.provider.normalize(spec_of(world, **fields)).spec
    origin = Origin("Demo", stem, "sha256:0123456789abcdef", repeated=repeated)
    return CreateRequest(name_of(world, stem), spec, EXAMPLES, origin=origin)


def names(world):
    return sorted(by_name(world))


class TestALostAnswer:
    @pytest.mark.parametrize("lag", [0.0, 10.0])
    @pytest.mark.parametrize("fault", LOST)
    def test_is_looked_for_and_the_job_is_taken_up(self, world, fault, lag):
        """The listing may be as late as ten seconds."""
        world.emulator.settings.listing_lag = lag
        world.emulator.faults.add(on_create(LOST[fault]))
        operation = started(world, "once")[1]
        assert operation.name
        assert world.emulator.world.shelf.count(Job) == 1
        world.emulator.advance(20)
        assert names(world) == ["tuningJobs/once"]

    @pytest.mark.parametrize("fault", UNDONE)
    def test_of_a_create_that_was_not_carried_out_is_sent_again_after_looking(self, world, fault):
        world.emulator.faults.add(on_create(UNDONE[fault]))
        create(world, "once")
        assert names(world) == ["tuningJobs/once"]
        assert sum(world.clock.slept) >= 15, "it has looked for as long as a listing may lag"

    def test_is_given_up_on_after_three_tries_and_said_to_be_doubtful(self, world):
        world.emulator.faults.add(on_create(Fault("drop", count=None)))
        with pytest.raises(Unavailable) as caught:
            create(world, "never")
        assert caught.value.doubtful
        assert world.sent().count("POST tuningJobs") == 3
        assert names(world) == []

    def test_is_not_resent_while_the_listing_cannot_be_read(self, world):
        world.emulator.faults.add(on_create(Fault("drop", after=True)))
        world.emulator.faults.add(Fault("status", code=503, method="GET", path=JOBS, skip=1, count=None))
        with pytest.raises(Unavailable):
            create(world, "blind")
        assert world.sent().count("POST tuningJobs") == 1

    def test_is_not_resent_in_a_run_that_is_being_stopped(self, world):
        world.clock.stopped = True
        world.emulator.faults.add(on_create(Fault("drop")))
        with pytest.raises(Unavailable) as caught:
            create(world, "stopped")
        assert caught.value.doubtful
        assert world.sent().count("POST tuningJobs") == 1

    @pytest.mark.parametrize(("fault", "kind"), [
        (Fault("status", code=400), InvalidArgument),
        (Fault("status", code=403), PermissionDenied),
        (Fault("status", code=429), QuotaExhausted),
        (Fault("status", code=409, status="ABORTED"), RemoteError),
    ])  # fmt: skip
    def test_a_refusal_is_no_lost_answer(self, world, fault, kind):
        world.emulator.faults.add(on_create(fault))
        with pytest.raises(kind) as caught:
            create(world, "refused")
        assert type(caught.value) is kind
        assert not caught.value.doubtful
        assert world.sent().count("POST tuningJobs") == 1
        assert world.clock.slept == []


class TestARepeatedCreate:
    def test_looks_as_patiently_before_it_sends(self, world):
        """A run was killed right after it had sent: its job shows up late, and is met all the same."""
        create(world, "killed")
        world.emulator.settings.listing_lag = 10.0
        with pytest.raises(AlreadyExists):
            world.provider.create(request_of(world, "killed", repeated=True))
        assert world.emulator.world.shelf.count(Job) == 1

    def test_sends_when_nothing_shows_up(self, world):
        world.provider.create(request_of(world, "intended", repeated=True))
        assert names(world) == ["tuningJobs/intended"]

    def test_of_a_model_that_was_deleted_is_a_new_job_under_the_old_id(self, world):
        (name,) = world.populate(1)
        world.provider.delete(name)
        create(world, "populated-0")
        assert world.emulator.world.shelf.count(Job) == 2
        assert by_name(world)[name].state is ModelState.TUNING


class TestLabels:
    def test_say_whose_a_job_is_and_reach_the_model(self, world):
        world.provider.create(request_of(world, "labelled", labels={"team": "math"}))
        world.finish()
        ours = {
            "tunectl-id": "labelled",
            "tunectl-project": "demo",
            "tunectl-name": "labelled",
            "tunectl-revision": "0123456789ab",
            "tunectl-attempt": "1",
            "team": "math",
        }
        (job,) = world.provider._jobs.listed()
        assert job.labels == ours
        model = world.provider._jobs.find("tuningJobs/labelled")[1]
        assert model.labels.items() >= ours.items()
        assert by_name(world)["tuningJobs/labelled"].spec["labels"]["team"] == "math"

    def test_are_changed_one_by_one_and_the_others_stay(self, world):
        resource = create(world, "relabelled", labels={"team": "math", "tier": "one"}).resource
        world.finish()
        seen = world.provider.update(resource, {"labels.team": "art", "labels.new": "yes", "labels.tier": None})
        assert {key: seen.spec["labels"].get(key) for key in ("team", "tier", "new")} == {
            "team": "art",
            "tier": None,
            "new": "yes",
        }
        assert world.provider.get(resource).spec == seen.spec
        assert world.provider._jobs.find(resource)[1].labels["tunectl-id"] == "relabelled"

    def test_removed_from_the_model_by_hand_do_not_lose_it(self, world):
        resource = create(world, "stripped").resource
        world.finish()
        model = world.provider._jobs.find(resource)[1]
        world.provider._api.send(
            "strip", "PATCH", model.name, query={"updateMask": "labels"}, body={"labels": {}},
            patience=world.provider._writing,
        )  # fmt: skip
        assert names(world) == [resource]

    def test_a_service_that_ignores_the_filter_costs_pages_and_no_mistake(self, world):
        first, second = create(world, "first").resource, create(world, "second").resource
        world.provider._jobs._filter_refused = True
        assert world.provider.get(first).resource == first
        assert world.provider.get(second).create_time != world.provider.get(first).create_time or first != second
        with pytest.raises(NotFound):
            world.provider.get("tuningJobs/third")

    def test_a_service_that_refuses_the_filter_or_the_mask_is_asked_without_them(self, world):
        create(world, "plain")
        world.emulator.faults.add(Fault("status", code=400, method="GET", path=JOBS, count=3))
        assert world.provider.get("tuningJobs/plain").resource == "tuningJobs/plain"
        before = len(world.methods())
        world.provider.get("tuningJobs/plain")
        assert len(world.methods()) - before == 1


class TestJobsWithOneId:
    def twins(self, world):
        """Two runs without a common lock have made two jobs of one id."""
        first = create(world, "twin")
        world.emulator.advance(1)
        world.provider._creation._send(
            request_of(world, "twin"), "twin", world.provider._creation._body(request_of(world, "twin"), "twin")
        )
        return first.resource

    def test_the_first_of_equals_counts_and_the_other_is_an_orphan(self, world):
        name = self.twins(world)
        seen = by_name(world)
        other = next(resource for resource in seen if resource != name)
        assert [seen[name].duplicate, seen[other].duplicate] == [False, True]
        assert str(seen[name].create_time) < str(seen[other].create_time)
        assert world.provider.get(name).create_time == seen[name].create_time
        assert world.provider.get(other).create_time == seen[other].create_time

    def test_one_that_is_ready_counts_before_one_that_failed(self, world):
        world.fail_next("no use")
        name = self.twins(world)
        world.finish()
        seen = by_name(world)
        assert list(seen) == [name]
        assert seen[name].state is ModelState.READY

    def test_the_orphan_can_be_deleted_by_its_number(self, world):
        name = self.twins(world)
        world.finish()
        other = next(resource for resource in by_name(world) if resource != name)
        world.provider.delete(other)
        assert names(world) == [name]


class TestRecords:
    def test_a_failed_job_is_a_record_that_stays(self, world):
        world.fail_next("no use")
        name = create(world, "failed").resource
        world.finish()
        seen = by_name(world)[name]
        assert (seen.state, seen.record, seen.cancelled, seen.error) == (ModelState.FAILED, True, False, "no use")
        world.provider.delete(name)
        assert by_name(world)[name].record

    def test_a_deleted_tuning_is_a_cancelled_record(self, world):
        name = create(world, "unwanted").resource
        world.provider.delete(name)
        assert world.provider.get(name).cancelled, "it is being cancelled, or already is"
        world.finish()
        seen = world.provider.get(name)
        assert (seen.record, seen.cancelled) == (True, True)
        assert seen.error == "the tuning was cancelled"

    def test_a_cancelled_tuning_ends_with_an_error(self, world):
        operation = started(world, "stopped")[1]
        world.provider.cancel(operation)
        world.finish()
        (news,) = world.provider.poll([operation])
        assert news.done
        assert news.error == "the tuning was cancelled"
        world.provider.cancel(Operation(operation.resource))

    def test_jobs_of_others_go_by_their_numbers_and_their_failures_are_nothing(self, world):
        for fault in (None, Fault("fail", message="theirs")):
            if fault:
                world.emulator.faults.add(fault)
            request = request_of(world, "x")
            body = {**world.provider._creation._body(request, "x"), "labels": {}}
            world.provider._creation._send(request, "x", body)
        world.finish()
        (seen,) = world.provider.observe()
        assert seen.resource.removeprefix("tuningJobs/").isdigit()
        assert world.provider.get(seen.resource).spec == seen.spec
        assert not seen.duplicate


class TestDeleting:
    def test_takes_every_endpoint_and_the_model(self, world):
        (name,) = world.populate(1)
        world.provider.delete(name)
        shelf = world.emulator.world.shelf
        assert (shelf.count(Model), shelf.count(Endpoint), shelf.count(Job)) == (0, 0, 1)

    @pytest.mark.parametrize("lag", [5.0, 60.0])
    def test_waits_until_the_service_believes_that_nothing_is_deployed(self, world, lag):
        (name,) = world.populate(1)
        world.emulator.settings.undeploy_lag = lag
        world.emulator.settings.operation_seconds = 3.0
        world.provider.delete(name)
        assert by_name(world) == {}

    def test_gives_up_after_minutes_and_says_why(self, world):
        (name,) = world.populate(1)
        world.emulator.settings.undeploy_lag = HOUR
        with pytest.raises(FailedPrecondition):
            world.provider.delete(name)
        assert sum(world.clock.slept) < 300
        world.emulator.advance(2 * HOUR)
        world.provider.delete(name)
        assert by_name(world) == {}

    def test_leaves_a_model_to_the_next_run_when_this_one_is_being_stopped(self, world):
        (name,) = world.populate(1)
        world.emulator.settings.operation_seconds = 3.0
        world.clock.stopped = True
        with pytest.raises(Unavailable):
            world.provider.delete(name)
        world.clock.stopped = False
        world.provider.delete(name)
        assert by_name(world) == {}

    @pytest.mark.parametrize("fault", ["drop", "status", "cut"])
    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("number", range(1, 25, 3))
    def test_survives_a_fault_at_any_of_its_requests(self, world, fault, after, number):
        """What did not answer is asked again; what was done already is not missed."""
        (name,) = world.populate(1)
        chosen = Fault(fault, skip=number - 1, after=after and fault != "cut")
        world.emulator.faults.add(chosen)
        world.provider.delete(name)
        assert by_name(world) == {}

    def test_a_child_of_the_same_name_leaves_the_parents_model_alone(self, world):
        """Continuous tuning puts its model into the parent's as another version."""
        parent = create(world, "parent").resource
        world.finish()
        child = create(world, "child", baseModel=None, source={"tunedModel": parent}).resource
        world.finish()
        assert sorted(by_name(world)) == [child, parent]
        world.provider.delete(child)
        assert by_name(world)[parent].state is ModelState.READY
        assert world.provider.generate(parent, "3")


class TestPolling:
    def test_reads_no_further_than_to_what_it_asks_for(self, world):
        """Jobs are records for ever and the newest come first: years of them are not read at every look."""
        world.populate(world.pages)
        running = [started(world, name)[1] for name in ("one", "two")]
        before = len(world.sent())
        assert [news.resource for news in world.provider.poll(running)] == [each.resource for each in running]
        assert world.sent()[before:] == ["GET tuningJobs"]


class TestQuota:
    def test_is_not_waited_for_here(self):
        world = VertexWorld(clock=TurnedClock(), concurrent_tunings=1, over_quota="refuse")
        create(world, "first")
        with pytest.raises(QuotaExhausted):
            create(world, "second")
        assert world.clock.slept == []
        world.close()
