"""Whole applies against a service in memory: what is created, in which order, and what the lockfile says after."""

from __future__ import annotations

import signal
import threading

import pytest

from reconciler.core.event import Accepted, Failed, Finished, Retried, Skipped, Started, Summarised, Waiting
from reconciler.core.lockfile import InstanceState
from reconciler.core.resource import Lifecycle
from reconciler.engine.looking.approval import check_approval
from reconciler.errors import (
    InvalidArgument,
    PermissionDenied,
    QuotaExhausted,
    Refused,
    StalePlan,
    StoreError,
    Unavailable,
)
from reconciler.ports.provider import CreateRequest
from reconciler.stores.memory import MemoryBlobStore


def test_a_first_apply_creates_waits_and_records(bench):
    bench.want("numbers", hyperparameters={"epochCount": 3, "batchSize": 2})

    outcome = bench.apply()

    entry = bench.lockfile.models["numbers"]
    assert outcome.complete
    assert outcome.done == {"create": 1}
    assert entry.current.state is InstanceState.READY
    assert entry.current.operation is None
    assert entry.current.create_time is not None
    assert entry.current.resource in bench.provider.models
    assert bench.plan().empty


def test_the_intent_is_on_disk_before_the_first_paid_call(bench):
    for number in range(5):
        bench.want(f"m{number}")
    seen = []
    bench.provider.before = lambda method, _: method == "create" and seen.append(len(bench.lockfile.models))

    bench.apply()

    assert seen == [5] * 5


def test_replacing_creates_first_and_deletes_the_old_one_after_the_switch_is_saved(bench):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.want("numbers", hyperparameters={"epochCount": 5})
    bench.provider.calls.clear()
    serving = []
    bench.provider.before = lambda method, _: (
        method == "delete" and serving.append(bench.lockfile.models["numbers"].current.resource)
    )

    outcome = bench.apply()

    entry = bench.lockfile.models["numbers"]
    methods = [method for method, _ in bench.provider.calls if method in {"create", "delete"}]
    assert outcome.done == {"replace": 1, "cleanup": 1}
    assert methods == ["create", "delete"]
    assert serving == [entry.current.resource]
    assert entry.current.resource != old
    assert entry.deposed == ()
    assert list(bench.provider.models) == [entry.current.resource]
    assert bench.plan().empty


def test_a_failed_replacement_leaves_the_serving_model_and_is_not_bought_again(bench):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.want("numbers", hyperparameters={"epochCount": 5})
    new = bench.plan().actions[0].resource
    bench.provider.doom[new] = "Tuning failed."

    outcome = bench.apply()

    assert outcome.error().exit_code == 4
    assert bench.lockfile.models["numbers"].current.resource == old
    assert old in bench.provider.models
    assert bench.kinds() == [("numbers", "blocked")]
    assert bench.apply().error().exit_code == 4
    assert bench.provider.paid() == 2


def test_replace_buys_another_attempt_of_a_failed_revision_and_cleans_up(bench):
    bench.want("numbers")
    bench.provider.doom[bench.plan().actions[0].resource] = "Tuning failed."
    bench.apply()

    outcome = bench.apply(replaced=("numbers",))

    entry = bench.lockfile.models["numbers"]
    assert outcome.complete
    assert entry.current.attempt == 2
    assert entry.failed == ()
    assert list(bench.provider.models) == [entry.current.resource]


def test_patches_change_only_what_differs(bench):
    bench.want("numbers", temperature=0.7, topK=40)
    bench.apply()
    bench.want("numbers", temperature=0.2, topK=40)
    patched = []
    update = bench.provider.update
    bench.provider.update = lambda resource, fields: patched.append(dict(fields)) or update(resource, fields)

    outcome = bench.apply()

    assert outcome.done == {"update": 1}
    assert patched == [{"temperature": 0.2}]
    assert bench.lockfile.models["numbers"].current.spec["temperature"] == 0.2
    assert bench.plan().empty


def test_a_removed_manifest_deletes_its_model_and_nothing_else(bench):
    bench.want("numbers")
    bench.want("words")
    bench.apply()
    bench.drop("numbers")

    outcome = bench.apply()

    assert outcome.done == {"delete": 1}
    assert list(bench.lockfile.models) == ["words"]
    assert len(bench.provider.models) == 1


def test_a_child_waits_for_its_parent_and_is_tuned_from_its_model(bench):
    bench.want("parent")
    bench.want("child", source={"model": "parent"})

    outcome = bench.apply()

    parent = bench.lockfile.models["parent"].current.resource
    child = bench.provider.models[bench.lockfile.models["child"].current.resource]
    assert outcome.complete
    assert child.spec["source"] == {"tunedModel": parent}
    assert bench.plan().empty


def test_a_failed_parent_skips_its_children_and_nobody_else(bench):
    bench.want("parent")
    bench.want("child", source={"model": "parent"})
    bench.want("other")
    bench.provider.doom[bench.plan().actions[-1].resource] = "Tuning failed."
    assert bench.plan().actions[-1].name == "parent"

    outcome = bench.apply()

    assert set(outcome.failed) == {"parent"}
    assert outcome.skipped == {"child": "its source model parent failed"}
    assert bench.lockfile.models["other"].current.state is InstanceState.READY
    assert bench.log.of(Skipped)[0].name == "child"


def test_a_lost_answer_is_found_again_by_its_id(bench):
    bench.want("numbers")

    def lose(method, resource):
        if method == "create":
            raise Unavailable("the connection was lost")

    bench.provider.after = lose
    first = bench.apply()
    bench.provider.after = lambda *_: None

    second = bench.apply()

    assert first.error().exit_code == 4
    assert second.complete
    assert bench.provider.paid() == 1
    assert bench.lockfile.models["numbers"].current.state is InstanceState.READY


def test_a_model_that_appears_under_our_id_between_plan_and_create_is_adopted_if_it_is_ours(bench):
    manifest = bench.want("numbers", hyperparameters={"epochCount": 3})
    resource = bench.plan().actions[0].resource

    def race(method, _):
        if method == "create" and resource not in bench.provider.models:
            bench.provider.before = lambda *_: None

            bench.provider.create(CreateRequest(resource, manifest.spec, ()))

    bench.provider.before = race

    outcome = bench.apply()

    assert outcome.complete
    assert bench.provider.paid() == 1


def test_a_stranger_under_our_id_is_named_and_never_held_for_ours(bench):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    resource = bench.plan().actions[0].resource

    def race(method, _):
        if method == "create":
            bench.provider.before = lambda *_: None

            spec = {"displayName": "a stranger", "baseModel": "models/other"}
            bench.provider.create(CreateRequest(resource, spec, ()))

    bench.provider.before = race

    outcome = bench.apply()

    assert "taken by another model" in outcome.failed["numbers"]
    assert "a stranger" in outcome.failed["numbers"]
    assert bench.lockfile.models == {}
    assert bench.plan().actions[0].resource == f"{resource}-2"
    bench.drop("numbers")
    bench.want("other")
    bench.apply()
    assert resource in bench.provider.models


def test_a_refused_create_takes_its_intent_back(bench):
    bench.want("numbers")

    def refuse(method, _):
        if method == "create":
            raise InvalidArgument("Request contains an invalid argument.")

    bench.provider.before = refuse

    outcome = bench.apply()

    assert outcome.failed == {"numbers": "Request contains an invalid argument."}
    assert bench.lockfile.models == {}


def test_quota_is_waited_for_with_a_line_that_says_so(bench):
    for number in range(3):
        bench.want(f"m{number}")

    def quota(method, _):
        running = sum(model.ends > bench.clock.now() for model in bench.provider.models.values())
        if method == "create" and running:
            raise QuotaExhausted("Resource has been exhausted (e.g. check quota).", retry_after=10.0)

    bench.provider.before = quota

    outcome = bench.apply()

    assert outcome.done == {"create": 3}
    assert bench.provider.paid() == 3
    assert any("waiting for quota" in event.reason for event in bench.log.of(Retried))


def test_without_waiting_the_trainings_go_on_and_wait_records_their_end(bench):
    bench.want("numbers")

    outcome = bench.apply(options=bench.options(wait=False))

    assert outcome.running == ["numbers"]
    assert bench.lockfile.models["numbers"].current.state is InstanceState.TUNING
    assert bench.kinds() == [("numbers", "wait")]
    assert bench.wait().complete
    assert bench.lockfile.models["numbers"].current.state is InstanceState.READY
    assert bench.plan().empty


def test_wait_records_a_ready_replacement_and_leaves_the_switch_to_apply(bench):
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.want("numbers", hyperparameters={"epochCount": 5})
    bench.apply(options=bench.options(wait=False))

    bench.wait()

    entry = bench.lockfile.models["numbers"]
    assert entry.current.resource == old
    assert entry.candidate.state is InstanceState.READY
    assert bench.kinds() == [("numbers", "wait")]
    bench.apply()
    assert bench.lockfile.models["numbers"].candidate is None
    assert old not in bench.provider.models


def test_a_wait_that_times_out_leaves_training_alone_and_exits_9(bench):
    bench.want("numbers")
    bench.provider.train_seconds = 10_000

    outcome = bench.apply(options=bench.options(timeout=60.0))

    assert outcome.error().exit_code == 9
    assert bench.lockfile.models["numbers"].current.state is InstanceState.TUNING
    bench.provider.models[bench.lockfile.models["numbers"].current.resource].ends = 0
    assert bench.apply().complete
    assert bench.provider.paid() == 1


def test_the_lifecycle_timeout_bounds_the_wait(bench):
    bench.want("numbers", lifecycle=Lifecycle(timeout=100.0))
    bench.provider.train_seconds = 10_000

    assert bench.apply().late == ["numbers"]
    assert sum(bench.clock.slept) < 200


def test_a_model_deleted_while_tuning_fails_and_is_tuned_again_by_the_next_apply(bench):
    bench.want("numbers")
    bench.provider.train_seconds = 100
    bench.clock.on_sleep = bench.provider.models.clear

    outcome = bench.apply()
    bench.clock.on_sleep = lambda: None

    assert "was deleted while it was tuning" in outcome.failed["numbers"]
    assert bench.kinds() == [("numbers", "create")]
    assert bench.apply().complete


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_leaves_training_running(bench, number):
    bench.want("first")
    bench.want("second")
    bench.provider.train_seconds = 1_000
    bench.clock.on_sleep = lambda: bench.stop.request(number)

    outcome = bench.apply()

    assert outcome.stopped
    assert sorted(outcome.running) == ["first", "second"]
    assert {e.current.state for e in bench.lockfile.models.values()} == {InstanceState.TUNING}
    bench.stop = type(bench.stop)()
    bench.clock.on_sleep = lambda: None
    assert bench.apply().complete
    assert bench.provider.paid() == 2


def test_a_stop_before_the_first_request_begins_nothing(bench):
    bench.want("numbers")
    bench.stop.request(signal.SIGTERM)

    outcome = bench.apply()

    assert outcome.skipped == {"numbers": "the run was stopped"}
    assert bench.provider.paid() == 0


def test_a_plan_with_violations_is_refused_before_anything_is_done(bench):
    for number in range(6):
        bench.want(f"m{number}", count=number + 1)
    bench.apply()
    for number in range(6):
        bench.drop(f"m{number}")
    bench.want("other")
    before = bench.blob.read().version

    with pytest.raises(Refused) as refused:
        bench.apply()

    assert "--allow-deletes 6" in refused.value.violations[0].message
    assert bench.blob.read().version == before
    assert bench.provider.paid() == 6
    assert bench.apply(max_deletes=6).complete


def test_a_lockfile_that_cannot_be_written_stops_before_the_first_paid_call(bench):
    bench.want("numbers")
    bench.blob.write = lambda *_, **__: (_ for _ in ()).throw(StoreError("tunectl.lock: No space left on device"))

    with pytest.raises(StoreError):
        bench.apply()

    assert bench.provider.paid() == 0


def test_a_lockfile_that_fills_the_disk_midway_loses_no_model(bench):
    for number in range(3):
        bench.want(f"m{number}")
    write = bench.blob.write
    writes = []

    def full(data, **options):
        writes.append(len(data))
        if len(writes) > 1:
            raise StoreError("tunectl.lock: No space left on device")
        return write(data, **options)

    bench.blob.write = full
    with pytest.raises(StoreError):
        bench.apply()
    del bench.blob.write

    assert bench.apply().complete
    assert bench.provider.paid() == 3
    assert len(bench.provider.models) == 3


def test_bytes_written_grow_in_proportion_to_the_number_of_models(bench):
    def written(count):
        fresh = type(bench)()
        fresh.provider.train_seconds = 0
        for number in range(count):
            fresh.want(f"m{number}", count=1)
        sizes = []
        write = fresh.blob.write
        fresh.blob.write = lambda data, **options: sizes.append(len(data)) or write(data, **options)
        assert fresh.apply().complete
        return sum(sizes)

    assert written(400) < 4.8 * written(100)


def test_waiting_asks_once_for_all_running_models_and_less_often_as_time_goes_on(bench):
    for number in range(20):
        bench.want(f"m{number}")
    bench.provider.train_seconds = 600

    bench.apply()

    polls = [method for method, _ in bench.provider.calls if method == "poll"]
    assert len(polls) == len(bench.clock.slept) < 20
    assert bench.clock.slept[:3] == [5.0, 7.5, 11.25]
    assert max(bench.clock.slept) == 60.0
    assert next(event.running for event in bench.log.of(Waiting)) == 20


def test_events_tell_the_story_in_order(bench):
    bench.want("numbers")

    bench.apply()

    told = [type(event) for event in bench.log.of(Started, Accepted, Finished, Failed, Summarised)]
    assert told == [Started, Accepted, Finished, Summarised]
    assert bench.log.events[-1].done == {"create": 1}


def test_the_approval_of_a_plan_finishes_it_after_an_interruption(bench):

    bench.want("first")
    bench.want("second")
    approved = bench.plan().digest
    bench.provider.train_seconds = 1_000
    bench.clock.on_sleep = lambda: bench.stop.request(signal.SIGTERM)
    bench.apply()
    shown = bench.preview()

    assert shown.plan.digest != approved
    check_approval(shown.plan, shown.loaded.lockfile, approved)
    bench.want("third")
    shown = bench.preview()
    with pytest.raises(StalePlan) as refused:
        check_approval(shown.plan, shown.loaded.lockfile, approved)
    assert refused.value.details == ("not in it: create third, does not exist",)


def test_a_renamed_manifest_keeps_its_model(bench):
    bench.want("numbers")
    bench.apply()
    resource = bench.lockfile.models["numbers"].current.resource
    bench.drop("numbers")
    bench.want("digits")

    assert bench.kinds() == [("digits", "move"), ("digits", "update")]
    bench.apply()
    assert bench.lockfile.models["digits"].current.resource == resource
    assert list(bench.lockfile.models) == ["digits"]
    assert bench.provider.paid() == 1
    assert bench.plan().empty


def test_a_lost_lockfile_reuses_what_was_tuned(bench):
    bench.want("numbers")
    bench.apply()

    bench.blob = MemoryBlobStore()

    assert bench.kinds() == [("numbers", "reuse")]
    assert bench.apply().complete
    assert bench.provider.paid() == 1
    assert bench.plan().empty


def test_a_training_that_fails_after_the_approval_does_not_void_it(bench):
    bench.want("first")
    bench.apply(options=bench.options(wait=False))
    bench.want("second", temperature=0.3)
    approved = bench.plan().digest
    first = bench.lockfile.models["first"].current.resource
    bench.provider.models[first].error = "Tuning failed."
    bench.clock.advance(3_600)
    bench.wait()

    assert ("first", "blocked") in bench.kinds()
    assert bench.plan().digest == approved


def test_a_replacement_lists_every_field_in_which_the_new_model_differs(bench):
    bench.want("numbers", temperature=0.7, hyperparameters={"epochCount": 3})
    bench.apply()
    bench.want("numbers", temperature=0.2, hyperparameters={"epochCount": 5})

    action = bench.plan().actions[0]

    assert action.reason == "cannot change in place: hyperparameters.epochCount"
    assert [change.path for change in action.changes] == ["spec.hyperparameters.epochCount", "spec.temperature"]


def test_a_reused_model_is_patched_in_the_same_run(bench):
    bench.want("numbers", temperature=0.7)
    bench.apply()
    bench.blob = MemoryBlobStore()
    bench.want("numbers", temperature=0.2)

    assert bench.apply().done == {"reuse": 1, "update": 1}
    assert bench.plan().empty


def test_a_stop_reaches_the_creates_that_stand_in_the_queue(bench):
    for number in range(12):
        bench.want(f"m{number:02}", count=number + 1)
    create = bench.provider.create

    def signalled(request):
        bench.stop.request(signal.SIGINT)
        return create(request)

    bench.provider.create = signalled
    outcome = bench.apply(options=bench.options(parallelism=2))

    assert 1 <= bench.provider.paid() <= 2, "only what was on its way already"
    assert len(outcome.skipped) == 12 - bench.provider.paid()
    assert set(outcome.skipped.values()) == {"the run was stopped"}
    bench.stop = type(bench.stop)()
    bench.provider.create = create
    assert bench.apply().complete
    assert bench.provider.paid() == 12


def test_a_stop_reaches_the_deletions_that_stand_in_the_queue(bench):
    names = [f"m{number}" for number in range(5)]
    for number, name in enumerate(names):
        bench.want(name, count=number + 1)
    bench.apply()
    for name in names:
        bench.drop(name)
    delete = bench.provider.delete

    def signalled(resource):
        bench.stop.request(signal.SIGINT)
        delete(resource)

    bench.provider.delete = signalled
    outcome = bench.apply(max_deletes=5, options=bench.options(parallelism=1))

    assert len(outcome.skipped) == 4
    assert len(bench.lockfile.models) == 4


def test_a_lockfile_that_cannot_be_written_lets_nothing_more_out_of_the_queue(bench):
    for number in range(60):
        bench.want(f"m{number:02}", count=number + 1)
    write, begun, told = bench.blob.write, [], threading.Event()

    def full_at_the_second(data, **options):
        begun.append(data)
        if len(begun) > 1:
            told.set()
            raise StoreError("tunectl.lock: No space left on device")
        return write(data, **options)

    bench.blob.write = full_at_the_second
    create = bench.provider.create

    def held_up(request):
        assert bench.provider.paid() < 40 or told.wait(30)
        return create(request)

    bench.provider.create = held_up
    with pytest.raises(StoreError):
        bench.apply(options=bench.options(parallelism=1))

    assert 32 <= bench.provider.paid() < 60
    bench.blob.write, bench.provider.create = write, create
    assert bench.apply().complete
    assert bench.provider.paid() == 60


def test_a_wait_tells_what_was_never_begun_from_what_is_gone(bench):
    bench.want("mother")
    bench.want("daughter", source={"model": "mother"})
    bench.apply(options=bench.options(wait=False))

    outcome = bench.wait()

    assert outcome.done["wait"] == 1
    assert outcome.failed == {}
    assert list(outcome.skipped) == ["daughter"]
    assert "the next apply begins it" in outcome.skipped["daughter"]


@pytest.mark.parametrize("refusal", [PermissionDenied, InvalidArgument, QuotaExhausted])
def test_a_refusal_after_an_answer_that_was_lost_leaves_the_intent(bench, refusal):
    bench.want("numbers")
    create = bench.provider.create

    def lost_then_refused(request):
        create(request)
        error = refusal("refused at the second try")
        error.doubtful = True
        raise error

    bench.provider.create = lost_then_refused
    assert list(bench.apply(options=bench.options(wait=False)).failed) == ["numbers"]
    bench.provider.create = create
    bench.want("numbers", count=20)

    assert bench.apply().complete
    assert bench.plan().empty
    assert len(bench.provider.models) == 1, "what was bought under the first id is known, and let go"


def test_a_model_that_vanished_takes_no_place_among_the_retained(bench):
    kept = Lifecycle(retain=1)
    first = bench.want("numbers", lifecycle=kept, hyperparameters={"epochCount": 1})
    bench.apply()
    bench.want("numbers", lifecycle=kept, hyperparameters={"epochCount": 2})
    bench.apply()
    retained = bench.lockfile.models["numbers"].retained
    del bench.provider.models[bench.lockfile.models["numbers"].current.resource]
    bench.want("numbers", lifecycle=kept, hyperparameters={"epochCount": 3})
    bench.apply()

    assert bench.lockfile.models["numbers"].retained == retained
    assert retained[0].resource in bench.provider.models
    bench.desired = [first]
    assert bench.kinds() == [("numbers", "reuse")]


def test_waiting_never_takes_somebody_elses_model_for_an_intent_of_ours(bench):
    bench.want("numbers")

    def die(method, _):
        if method == "create":
            raise KeyboardInterrupt

    bench.provider.before = die
    with pytest.raises(KeyboardInterrupt):
        bench.apply()
    bench.provider.before = lambda *_: None
    resource = bench.lockfile.models["numbers"].current.resource
    bench.provider.create(CreateRequest(resource, {"displayName": "theirs", "baseModel": "models/theirs"}, ()))

    outcome = bench.wait()

    assert "taken by another model" in outcome.failed["numbers"]
    assert bench.lockfile.models["numbers"].current.state is InstanceState.PENDING
    bench.apply()
    assert bench.provider.models[resource].spec["displayName"] == "theirs"
    assert bench.lockfile.models["numbers"].current.resource == f"{resource}-2"
