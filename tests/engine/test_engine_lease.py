"""A run whose lock is lost begins nothing more, leaves training running, writes nothing and says so."""

from __future__ import annotations

from threading import Event

import pytest

from reconciler.core.event import Accepted, Skipped, Started, Summarised
from reconciler.core.lease import GRACE, TTL, Holder
from reconciler.core.lockfile import InstanceState
from reconciler.core.resource import Lifecycle
from reconciler.engine.applying.apply import apply
from reconciler.engine.byhand.resume import wait_for_running
from reconciler.engine.outcome import Outcome
from reconciler.engine.world import World
from reconciler.errors import InvalidArgument, LockHeld, StoreError
from reconciler.stores.lease import BlobLease
from reconciler.stores.lockfile import BlobLockfileStore
from reconciler.stores.memory import MemoryBlobStore
from reconciler.testing.fake_provider import REMOTE

LONG = TTL + GRACE + 1


class Shared:
    """Two runs on one lockfile in a bucket; ``rob`` lets the other one take over from a sleeping first."""

    def __init__(self, bench):
        self.bench = bench
        self.lease = MemoryBlobStore(address="gs://bucket/tunectl.lock.lease")
        self.ada = self.client("ada")
        self.bob = self.client("bob")
        self.robbery = None
        self.on_event = lambda _: None

    def report(self, event):
        self.bench.log(event)
        self.on_event(event)

    def client(self, name):
        numbers = iter(range(1, 1000))

        def new_id():
            return f"{name}-{next(numbers)}"

        holder = Holder(f"host-of-{name}", 7, name, "tunectl apply")
        lease = BlobLease(self.lease, holder=holder, new_id=new_id, clock=self.bench.clock)
        return BlobLockfileStore(self.bench.blob, remote=REMOTE, new_id=new_id, lease=lease)

    def rob(self):
        """Ada's machine sleeps for long, and Bob takes over."""
        if self.robbery is None:
            self.bench.clock.advance(LONG)
            self.robbery = self.bob.hold(timeout=0)
            self.robbery.__enter__()

    def world(self, hold):
        bench = self.bench
        return World(bench.provider, self.ada, bench, bench.clock, self.report, bench.stop, hold)

    def apply(self, **options):
        self.bench.log.events.clear()
        with self.ada.hold(timeout=0) as hold:
            shown = self.bench.preview()
            return apply(self.world(hold), shown, self.bench.options(**options))

    def wait(self):
        with self.ada.hold(timeout=0) as hold:
            return wait_for_running(self.world(hold), self.ada.load(), self.bench.options())


@pytest.fixture
def shared(bench):
    shared = Shared(bench)
    yield shared
    if shared.robbery is not None:
        shared.robbery.__exit__(None, None, None)


def sent(bench, method):
    return [resource for name, resource in bench.provider.calls if name == method]


def assert_lost(outcome):
    assert isinstance(outcome.error(), LockHeld)
    assert outcome.error().exit_code == 8
    assert "now held by tunectl apply of bob on host-of-bob" in outcome.error().message
    assert not outcome.complete


def test_a_run_that_keeps_its_lease_applies_as_ever(bench, shared):
    bench.want("numbers")
    outcome = shared.apply()
    assert outcome.error() is None
    assert bench.lockfile.models["numbers"].current.state is InstanceState.READY
    assert bench.lockfile.fence == 1


def test_what_was_not_created_yet_is_not_created_any_more(bench, shared):
    for number in range(6):
        bench.want(f"m{number}")
    bench.provider.after = lambda method, _: method == "create" and shared.rob()

    outcome = shared.apply(parallelism=1)

    assert_lost(outcome)
    assert bench.provider.paid() == 1
    assert len(outcome.skipped) == 5
    assert {event.reason for event in bench.log.of(Skipped)} == {"the lock was lost"}
    assert bench.log.events[-1] == Summarised(done={}, skipped=5, running=1, exit_code=8)


def test_the_model_that_was_paid_for_is_found_by_the_next_run(bench, shared):
    for number in range(4):
        bench.want(f"m{number}")
    bench.provider.after = lambda method, _: method == "create" and shared.rob()
    shared.apply(parallelism=1)
    bench.provider.after = lambda *_: None

    bench.apply()

    assert bench.provider.paid() == 4
    assert bench.plan().empty


def test_nothing_is_written_to_the_lockfile_after_the_loss(bench, shared):
    bench.want("numbers")
    fenced = []
    bench.provider.after = lambda method, _: method == "create" and (shared.rob(), fenced.append(bench.blob.read()))

    shared.apply()

    assert bench.blob.read() == fenced[0]
    assert bench.lockfile.models["numbers"].current.state is InstanceState.PENDING


def test_a_loss_while_waiting_ends_the_wait_and_leaves_the_training_running(bench, shared):
    bench.want("numbers")
    bench.clock.on_sleep = shared.rob

    outcome = shared.apply()

    assert_lost(outcome)
    assert outcome.running == ["numbers"]
    assert len(bench.clock.slept) == 1
    assert len(bench.provider.models) == 1


def test_nothing_is_deleted_after_the_loss(bench, shared):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.want("other")
    bench.apply()
    bench.drop("numbers")
    bench.drop("other")
    bench.provider.after = lambda method, _: method == "delete" and shared.rob()

    outcome = shared.apply(parallelism=1)

    assert_lost(outcome)
    assert len(sent(bench, "delete")) == 1
    assert len(bench.provider.models) == 1


def test_no_current_model_is_even_begun_with_once_the_lock_is_lost_over_a_former_one(bench, shared):
    bench.want("numbers", lifecycle=Lifecycle(retain=1))
    bench.want("other")
    bench.apply()
    bench.apply(replaced=("numbers",))
    bench.drop("numbers")
    bench.drop("other")
    shared.on_event = lambda event: isinstance(event, Started) and event.action == "delete" and shared.rob()

    assert_lost(shared.apply())

    assert len(bench.provider.models) == 3
    assert [event.name for event in bench.log.of(Started)] == ["numbers"]
    assert [event.name for event in bench.log.of(Skipped)] == ["numbers", "numbers", "other"]


def test_a_serving_model_is_not_deleted_when_the_lock_is_lost_before_the_switch_is_saved(bench, shared):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.want("numbers", hyperparameters={"epochCount": 5})
    bench.provider.after = lambda method, _: method == "poll" and shared.rob()

    outcome = shared.apply()

    assert_lost(outcome)
    assert sent(bench, "delete") == []
    assert old in bench.provider.models


def test_a_patch_is_not_sent_after_the_loss(bench, shared):
    bench.want("one")
    bench.want("two")
    bench.apply()
    bench.want("one", temperature=0.5)
    bench.want("two", temperature=0.5)
    bench.provider.after = lambda method, _: method == "update" and shared.rob()

    outcome = shared.apply(parallelism=1)

    assert_lost(outcome)
    assert len(sent(bench, "update")) == 1


def test_a_loss_before_the_intents_are_recorded_is_an_error_and_nothing_was_done(bench, shared):
    bench.want("numbers")
    bench.provider.after = lambda method, _: method == "base_models" and shared.rob()
    with pytest.raises(LockHeld, match="of bob"):
        shared.apply()
    assert sent(bench, "create") == []
    assert bench.lockfile.models == {}


def test_wait_ends_with_the_loss_and_records_nothing(bench, shared):
    bench.want("numbers")
    bench.apply(options=bench.options(wait=False))
    bench.clock.on_sleep = shared.rob

    outcome = shared.wait()

    assert_lost(outcome)
    assert outcome.running == ["numbers"]
    assert bench.lockfile.models["numbers"].current.state is InstanceState.TUNING


def test_wait_whose_write_is_not_answered_ends_with_that_and_not_with_what_came_of_it(bench):
    """The write was done all the same; the last one of the run meets it as somebody else's."""
    bench.want("numbers")
    bench.apply(options=bench.options(wait=False))
    bench.clock.advance(10_000)
    write, unanswered = bench.blob.write, iter([StoreError("the answer was lost")])

    def written(data, *, expect):
        version = write(data, expect=expect)
        for error in unanswered:
            raise error
        return version

    bench.blob.write = written
    with pytest.raises(StoreError, match="the answer was lost"):
        bench.wait()
    assert bench.lockfile.models["numbers"].current.state is InstanceState.READY


def test_wait_that_loses_the_lock_at_its_last_write_says_so(bench, shared):
    bench.want("numbers")
    bench.apply(options=bench.options(wait=False))
    bench.clock.advance(10_000)
    bench.provider.after = lambda method, _: method == "poll" and shared.rob()

    outcome = shared.wait()

    assert_lost(outcome)
    assert bench.lockfile.models["numbers"].current.state is InstanceState.TUNING


def test_a_request_that_failed_while_the_lock_was_lost_is_told_too(bench, shared):
    bench.want("one")
    bench.want("two")

    def rob_then_fail(method, resource):
        if method == "create" and "two" in resource:
            shared.rob()
            raise InvalidArgument("no such temperature", status="INVALID_ARGUMENT", http_status=400)

    bench.provider.before = rob_then_fail
    outcome = shared.apply(parallelism=2)

    assert_lost(outcome)
    assert outcome.failed == {"two": "no such temperature"}


@pytest.mark.parametrize("fails", [False, True], ids=["accepted", "refused"])
def test_what_is_under_way_when_the_loss_is_noticed_is_told_and_goes_on(bench, shared, fails):
    bench.want("one")
    bench.want("two")
    under_way, noticed = Event(), Event()

    def before(method, resource):
        if method == "create" and "two" in resource:
            under_way.set()
            assert noticed.wait(10)
            if fails:
                raise InvalidArgument("no such temperature", status="INVALID_ARGUMENT", http_status=400)

    bench.provider.before = before
    bench.provider.after = lambda method, resource: (
        method == "create" and "one" in resource and under_way.wait(10) and shared.rob()
    )
    shared.on_event = lambda event: isinstance(event, Accepted) and noticed.set()

    outcome = shared.apply(parallelism=2)

    assert_lost(outcome)
    assert sorted(outcome.running) == (["one"] if fails else ["one", "two"])
    assert outcome.failed == ({"two": "no such temperature"} if fails else {})
    assert bench.provider.paid() == (1 if fails else 2)


def test_the_loss_of_the_lock_weighs_more_than_a_failure():
    lost = LockHeld("lost")
    assert Outcome(failed={"numbers": "diverged"}, lost=lost).error() is lost
    assert Outcome(failed={"numbers": "diverged"}).error().exit_code == 4
