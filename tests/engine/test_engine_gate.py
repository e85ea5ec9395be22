"""Gates in whole applies: what serves has passed, what has not passed costs nothing that serves."""

from __future__ import annotations

import math
import signal
from dataclasses import replace

import pytest

from reconciler.core.event import Failed, Judged, Skipped, Summarised, Warned
from reconciler.core.gate import AbortIf, Gate, GateDataset, PromptCheck
from reconciler.core.lockfile import InstanceState
from reconciler.core.resource import Example, Lifecycle
from reconciler.core.scorers import Scorer
from reconciler.engine.byhand.cancel import cancel_tuning, running_tuning
from reconciler.errors import FailedPrecondition, LockHeld, NotFound, PermissionDenied, TunectlError, Unavailable

COUNTS = Gate(prompts=(PromptCheck("3", Scorer.EXACT, "4"), PromptCheck("7", Scorer.NUMERIC, "8")))
NEVER = Gate(prompts=(PromptCheck("3", Scorer.EXACT, "SECRET"),))
SCORED = Gate(dataset=GateDataset(min_score=0.5, no_worse_than_current=0.1, digest="sha256:rows", examples=4))
COMMAND = Gate(command=("judge", "--strict"))


def serve(bench, **spec):
    """Let a model serve, then ask for another revision; return the former's resource and the new one's."""
    bench.want("numbers", hyperparameters={"epochCount": 3})
    bench.apply()
    old = bench.lockfile.models["numbers"].current.resource
    bench.want("numbers", hyperparameters={"epochCount": 5}, **spec)
    return old, next(a.resource for a in bench.plan().actions)


def asked(bench, resource):
    return [called for method, called in bench.provider.calls if method == "generate"].count(resource)


def test_a_replacement_that_passes_serves_with_its_verdict_and_the_old_one_goes(bench):
    old, new = serve(bench, gate=COUNTS)
    order = []
    bench.provider.before = lambda method, resource: order.append((method, resource))

    outcome = bench.apply()

    entry = bench.lockfile.models["numbers"]
    (event,) = bench.log.of(Judged)
    assert outcome.error() is None
    assert entry.current.resource == new
    assert entry.current.verdict.passed
    assert event.passed
    assert event.answers == f"numbers/{entry.current.revision[7:19]}-1"
    assert order.index(("generate", new)) < order.index(("delete", old))
    assert bench.plan().empty


def test_every_answer_is_kept_to_be_read_and_none_is_recorded_or_told(bench):
    _, new = serve(bench, gate=NEVER)
    bench.provider.answers[new] = "CANARY"

    bench.apply()

    (rows,) = bench.evidence.kept.values()
    assert rows == [{"check": "prompts[0]", "input": "3", "expected": "SECRET", "answer": "CANARY", "score": 0.0}]
    told = repr(bench.log.events) + bench.blob.read().data.decode()
    assert "CANARY" not in told
    assert "SECRET" not in told


def test_a_replacement_that_does_not_pass_is_rejected_and_the_old_one_serves_on(bench):
    old, new = serve(bench, gate=NEVER)

    outcome = bench.apply()

    entry = bench.lockfile.models["numbers"]
    (refused,) = entry.rejected
    (summary,) = bench.log.of(Summarised)
    assert outcome.error().exit_code == 7
    assert (summary.rejected, summary.failed, summary.exit_code) == (1, 0, 7)
    assert entry.current.resource == old
    assert (refused.resource, refused.state) == (new, InstanceState.REJECTED)
    assert refused.error == "0 of 1 prompts right; not as expected: prompts[0]"
    assert set(bench.provider.models) == {old, new}
    assert bench.kinds() == [("numbers", "blocked")]


def test_a_rejected_model_is_neither_bought_nor_asked_again_by_itself(bench):
    _, new = serve(bench, gate=NEVER)
    bench.apply()
    questions = asked(bench, new)

    assert bench.apply().error().exit_code == 7

    assert bench.provider.paid() == 2
    assert asked(bench, new) == questions


def test_a_first_model_that_is_rejected_never_serves(bench):
    bench.want("numbers", gate=NEVER)

    assert bench.apply().error().exit_code == 7

    entry = bench.lockfile.models["numbers"]
    assert entry.current.state is InstanceState.REJECTED
    assert bench.kinds() == [("numbers", "blocked")]
    bench.want("numbers", gate=COUNTS)
    assert bench.kinds() == [("numbers", "reuse")]
    assert bench.apply().error() is None
    assert bench.lockfile.models["numbers"].current.state is InstanceState.READY
    assert bench.provider.paid() == 1


@pytest.mark.parametrize("gate", [COUNTS, None])
def test_under_a_changed_gate_a_rejected_model_is_judged_again_and_nothing_is_bought(bench, gate):
    _, new = serve(bench, gate=NEVER)
    bench.apply()
    bench.want("numbers", hyperparameters={"epochCount": 5}, gate=gate)
    (action,) = bench.plan().actions
    assert (action.kind.value, action.steps) == ("reuse", None)

    outcome = bench.apply()

    entry = bench.lockfile.models["numbers"]
    assert outcome.done == {"reuse": 1, "cleanup": 1}
    assert entry.current.resource == new
    assert entry.current.gate == (None if gate is None else gate.canonical)
    assert entry.rejected == ()
    assert set(bench.provider.models) == {new}
    assert bench.provider.paid() == 2
    assert bench.plan().empty


def test_a_changed_gate_that_is_not_met_either_blocks_again(bench):
    old, _ = serve(bench, gate=NEVER)
    bench.apply()
    stricter = Gate(prompts=(*NEVER.prompts, PromptCheck("1", Scorer.EXACT, "nine")))
    bench.want("numbers", hyperparameters={"epochCount": 5}, gate=stricter)

    assert bench.apply().error().exit_code == 7

    assert bench.kinds() == [("numbers", "blocked")]
    assert bench.lockfile.models["numbers"].current.resource == old
    assert bench.lockfile.models["numbers"].rejected[0].verdict.gate == stricter.checks_digest


def test_a_rejected_model_is_deleted_on_request_and_still_not_bought_again(bench):
    old, new = serve(bench, gate=replace(NEVER, on_fail="delete"))

    outcome = bench.apply()

    assert outcome.error().exit_code == 7
    assert set(bench.provider.models) == {old}
    assert bench.lockfile.models["numbers"].rejected[0].resource == new
    assert bench.kinds() == [("numbers", "blocked")]
    assert "its model is not kept (onFail: delete), so no other gate can judge it" in bench.plan().actions[0].reason
    bench.want("numbers", hyperparameters={"epochCount": 5}, gate=COUNTS)
    (action,) = bench.plan().actions
    assert action.kind.value == "blocked"
    assert "was deleted (onFail: delete) and cannot be judged again; buy another attempt: `tunectl" in action.reason
    assert bench.apply(replaced=("numbers",)).error() is None
    assert bench.provider.paid() == 3


def test_a_deletion_that_was_cut_short_is_made_up_for(bench):
    old, new = serve(bench, gate=replace(NEVER, on_fail="delete"))
    bench.provider.before = lambda method, _: fail(Unavailable("gone fishing")) if method == "delete" else None
    bench.apply()
    assert set(bench.provider.models) == {old, new}
    bench.provider.before = lambda *_: None

    assert bench.kinds() == [("numbers", "blocked"), ("numbers", "delete")]
    bench.apply()

    assert set(bench.provider.models) == {old}
    assert bench.kinds() == [("numbers", "blocked")]


def test_destroying_a_name_ends_the_memory_of_what_was_rejected_and_deleted(bench):
    serve(bench, gate=replace(NEVER, on_fail="delete"))
    bench.apply()
    bench.drop("numbers")

    assert bench.apply().error() is None

    assert bench.lockfile.models == {}
    assert bench.provider.models == {}


def fail(error):
    raise error


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("error", "after"),
    [(Unavailable("no answer"), False), (PermissionDenied("not for you"), False), (Unavailable("lost"), True)],
)
def test_an_evaluation_that_cannot_be_done_is_no_verdict(bench, error, after, first):
    if first:
        bench.want("numbers", gate=COUNTS)
    else:
        serve(bench, gate=COUNTS)
    paid = bench.provider.paid() + 1

    def refuse(method, _):
        if method == "generate":
            raise error

    setattr(bench.provider, "after" if after else "before", refuse)
    outcome = bench.apply()
    bench.provider.before = bench.provider.after = lambda *_: None

    (event,) = bench.log.of(Failed)
    assert outcome.error().exit_code == 4
    assert event.message == f"its gate could not be evaluated: {error.message}"
    assert bench.kinds() == [("numbers", "wait")]
    assert "judges it by its gate" in bench.plan().actions[0].reason
    assert bench.apply().error() is None
    assert bench.provider.paid() == paid
    assert bench.plan().empty


def test_while_nothing_could_be_judged_nothing_new_serves(bench):
    old, new = serve(bench, gate=COUNTS)
    bench.provider.before = lambda method, _: fail(Unavailable("down")) if method == "generate" else None
    bench.apply()
    entry = bench.lockfile.models["numbers"]
    assert entry.current.resource == old
    assert (entry.candidate.resource, entry.candidate.state) == (new, InstanceState.READY)
    assert set(bench.provider.models) == {old, new}


def test_a_run_that_is_stopped_while_it_asks_leaves_the_judging_to_the_next(bench):
    _, new = serve(bench, gate=replace(COUNTS, max_final_loss=9.0))
    bench.provider.losses[new] = [1.0]
    bench.provider.before = lambda method, _: bench.stop.request(signal.SIGTERM) if method == "get" else None

    outcome = bench.apply()

    (skipped,) = bench.log.of(Skipped)
    assert outcome.stopped
    assert "its gate was not evaluated" in skipped.reason
    assert bench.lockfile.models["numbers"].candidate is not None


def test_a_lost_lock_ends_the_questions_and_nothing_is_recorded(bench):
    old, _ = serve(bench, gate=COUNTS)

    class Hold:
        def check(self):
            if any(method == "generate" for method, _ in bench.provider.calls):
                raise LockHeld("somebody else has it")

    world = bench.world
    bench.world = lambda: replace(world(), hold=Hold())
    outcome = bench.apply(options=bench.options(parallelism=1))

    assert outcome.lost is not None
    assert bench.lockfile.models["numbers"].current.resource == old


def test_the_score_is_compared_with_that_of_the_model_that_serves_each_question_asked_once(bench):
    bench.tests = [Example(str(n), str(n + 1)) for n in (1, 2, 3, 3)]
    old, new = serve(bench, gate=SCORED)
    bench.provider.answers[old] = "2"

    bench.apply()

    verdict = bench.lockfile.models["numbers"].current.verdict
    measured = {check.name: (check.measured, check.limit) for check in verdict.checks}
    assert measured == {"dataset.minScore": (1.0, 0.5), "dataset.noWorseThanCurrent": (1.0, 0.15)}
    assert asked(bench, old) == asked(bench, new) == 3
    assert sorted(path.rpartition("/")[2] for path in bench.evidence.kept) == ["answers.jsonl", "current.jsonl"]


def test_a_score_worse_than_that_of_the_model_that_serves_is_not_met(bench):
    bench.tests = [Example(str(n), str(n + 1)) for n in range(1, 11)]
    _, new = serve(bench, gate=SCORED)
    bench.provider.answers[new] = "2"
    assert bench.apply().error().exit_code == 7
    (refused,) = bench.lockfile.models["numbers"].rejected
    assert [check.name for check in refused.verdict.unmet] == ["dataset.minScore", "dataset.noWorseThanCurrent"]


def test_a_first_model_has_nothing_to_be_compared_with(bench):
    bench.tests = [Example("1", "2")]
    bench.want("numbers", gate=replace(SCORED, max_loss_increase=0.1))
    bench.provider.losses[bench.plan().actions[0].resource] = [3.0]
    assert bench.apply().error() is None
    notes = [check.note for check in bench.lockfile.models["numbers"].current.verdict.checks]
    assert notes.count("no other model serves, so there is nothing to compare with") == 2


@pytest.mark.parametrize(
    ("losses", "former", "code"),
    [([3.0, 0.4], [0.4], None), ([0.1, 0.6], [0.9], 7), ([0.45], [0.1], 7), ([math.nan], [0.1], 7)],
)
def test_the_final_loss_decides(bench, losses, former, code):
    old, new = serve(bench, gate=Gate(max_final_loss=0.5, max_loss_increase=0.2))
    bench.provider.losses |= {old: former, new: losses}
    bench.provider.train_seconds = 1.0  # over before the first look, so that nothing is given up on the way
    error = bench.apply().error()
    assert (None if error is None else error.exit_code) == code


def test_a_service_that_reports_no_loss_gives_no_verdict(bench):
    serve(bench, gate=Gate(max_final_loss=0.5))
    assert bench.apply().error().exit_code == 4
    (event,) = bench.log.of(Failed)
    assert "the loss of its tuning is not known" in event.message


@pytest.mark.parametrize(("status", "code"), [(0, None), (1, 7), (TunectlError("judge cannot be run"), 4)])
def test_a_program_decides_by_its_exit_status(bench, status, code):
    old, new = serve(bench, gate=COMMAND)
    bench.evidence.verdicts["judge"] = status
    error = bench.apply().error()
    assert (None if error is None else error.exit_code) == code
    assert bench.evidence.ran == [
        {"TUNECTL_NAME": "numbers", "TUNECTL_MODEL": new, "TUNECTL_CURRENT_MODEL": old},
    ]


def test_waiting_records_that_a_model_is_ready_and_judges_nothing(bench):
    bench.want("numbers", gate=COUNTS)
    bench.apply(options=bench.options(wait=False))

    outcome = bench.wait()

    assert outcome.unjudged == ["numbers"]
    assert bench.lockfile.models["numbers"].current.state is InstanceState.TUNING
    assert not bench.log.of(Judged)
    assert bench.wait().unjudged == ["numbers"]
    assert bench.apply().error() is None
    assert bench.lockfile.models["numbers"].current.verdict.passed


def test_a_child_waits_for_the_verdict_on_its_parent(bench):
    bench.want("root", gate=NEVER)
    bench.want("child", source={"model": "root"})
    outcome = bench.apply()
    assert outcome.error().exit_code == 7
    assert outcome.skipped == {"child": "its source model root was rejected by its gate"}
    assert bench.kinds() == [("child", "blocked"), ("root", "blocked")]
    bench.want("root", gate=COUNTS)
    assert bench.apply().error() is None
    assert bench.provider.paid() == 2


def test_a_retained_model_is_judged_by_a_gate_it_never_passed(bench):
    keep = Lifecycle(retain=1)
    bench.want("numbers", hyperparameters={"epochCount": 3}, lifecycle=keep)
    bench.apply()
    bench.want("numbers", hyperparameters={"epochCount": 5}, lifecycle=keep)
    bench.apply()
    newer = bench.lockfile.models["numbers"].current.resource
    bench.want("numbers", hyperparameters={"epochCount": 3}, lifecycle=keep, gate=NEVER)

    assert bench.kinds() == [("numbers", "reuse")]
    assert bench.apply().error().exit_code == 7

    entry = bench.lockfile.models["numbers"]
    assert entry.current.resource == newer
    assert (len(entry.retained), len(entry.rejected)) == (0, 1)
    bench.want("numbers", hyperparameters={"epochCount": 3}, lifecycle=keep, gate=COUNTS)
    assert bench.apply().error() is None
    assert bench.provider.paid() == 2


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("gate", [COUNTS, NEVER, replace(NEVER, on_fail="delete")])
def test_a_run_that_is_killed_between_verdict_and_record_is_made_up_for(bench, gate, monkeypatch):
    old, new = serve(bench, gate=gate)
    write, judged = bench.blob.write, []
    report = type(bench.log).__call__

    def told(log, event):
        report(log, event)
        judged.extend([event] if isinstance(event, Judged) else [])

    def writes(data, *, expect):
        if judged:
            raise Killed
        return write(data, expect=expect)

    with monkeypatch.context() as dying:
        dying.setattr(type(bench.log), "__call__", told)
        dying.setattr(bench.blob, "write", writes)
        with pytest.raises(Killed):
            bench.apply()
    assert set(bench.provider.models) == {old, new}
    assert bench.lockfile.models["numbers"].current.resource == old
    assert bench.kinds() == [("numbers", "wait")]

    error = bench.apply().error()

    assert (error is None) == (gate is COUNTS)
    assert bench.provider.paid() == 2
    assert set(bench.provider.models) == {new} if gate is COUNTS else {old} | ({new} if gate is NEVER else set())


# Giving up on a hopeless tuning

HOPELESS = Gate(abort_if=AbortIf(10.0, after_step=20))


@pytest.mark.parametrize(
    ("gate", "losses", "why"),
    [
        (HOPELESS, [11.0] * 100, "the mean loss is 11 at step 20, above 10 (gate.abortIf, from step 20 on)"),
        (HOPELESS, [1.0] * 10 + [math.nan] * 90, "the mean loss is no number (NaN) at step"),
        (None, [math.nan] * 100, "the mean loss is no number (NaN) at step 8"),
    ],
)
def test_a_hopeless_tuning_is_stopped_and_not_bought_again(bench, gate, losses, why):
    old, new = serve(bench, gate=gate)
    bench.provider.losses[new] = losses

    outcome = bench.apply()

    entry = bench.lockfile.models["numbers"]
    (event,) = bench.log.of(Failed)
    assert outcome.error().exit_code == 4
    assert event.message.startswith(f"stopped: {why}")
    assert entry.failed[0].error == event.message
    assert entry.current.resource == old
    assert [resource for method, resource in bench.provider.calls if method == "cancel"] == [new]
    assert bench.kinds() == [("numbers", "blocked")]
    assert bench.apply().error().exit_code == 4
    assert bench.provider.paid() == 2


def test_a_stopped_model_is_cleaned_up_like_a_failed_one(bench):
    _, new = serve(bench, gate=HOPELESS)
    bench.provider.losses[new] = [11.0] * 100
    bench.apply()
    assert bench.apply(replaced=("numbers",)).error() is None
    assert new not in bench.provider.models


@pytest.mark.parametrize("losses", [[9.0] * 100, [99.0] * 5 + [1.0] * 95, []])
def test_a_tuning_that_may_yet_succeed_is_let_be(bench, losses):
    _, new = serve(bench, gate=HOPELESS)
    bench.provider.losses[new] = losses
    assert bench.apply().error() is None
    assert "cancel" not in {method for method, _ in bench.provider.calls}


@pytest.mark.parametrize("error", [NotFound("no such operation"), PermissionDenied("not for you")])
def test_a_tuning_that_cannot_be_stopped_is_waited_for_and_said_so_once(bench, error):
    _, new = serve(bench, gate=HOPELESS)
    bench.provider.losses[new] = [11.0] * 100
    bench.provider.before = lambda method, _: fail(error) if method == "cancel" else None
    assert bench.apply().error() is None
    (warned,) = bench.log.of(Warned)
    assert "cannot be stopped although the mean loss is 11" in warned.problem.message
    assert bench.lockfile.models["numbers"].current.resource == new


def test_a_service_that_cannot_cancel_is_not_asked_to(bench, monkeypatch):
    _, new = serve(bench, gate=HOPELESS)
    bench.provider.losses[new] = [11.0] * 100
    capabilities = replace(bench.provider.capabilities, cancels=False)
    monkeypatch.setattr(type(bench.provider), "capabilities", property(lambda _: capabilities))
    assert bench.apply().error() is None
    assert "cancel" not in {method for method, _ in bench.provider.calls}


# Stopping one by hand


def begun(bench):
    _, new = serve(bench)
    bench.apply(options=bench.options(wait=False))
    loaded = bench.store().load()
    return new, loaded, running_tuning(bench.world(), loaded, "numbers")


def test_a_tuning_that_the_service_does_not_stop_in_time_goes_on(bench, monkeypatch):
    bench.provider.train_seconds = 600.0
    _, loaded, operation = begun(bench)
    monkeypatch.setattr(bench.provider, "cancel", lambda _: None)
    outcome = cancel_tuning(bench.world(), loaded, "numbers", operation, bench.options())
    assert outcome.error().exit_code == 9
    assert bench.kinds() == [("numbers", "wait")]


def test_a_tuning_that_ends_while_it_is_stopped_is_left_to_apply(bench, monkeypatch):
    new, loaded, operation = begun(bench)
    monkeypatch.setattr(bench.provider, "cancel", lambda _: bench.clock.advance(60))
    with pytest.raises(FailedPrecondition, match="was over before it could be stopped"):
        cancel_tuning(bench.world(), loaded, "numbers", operation, bench.options())
    assert bench.apply().error() is None
    assert bench.lockfile.models["numbers"].current.resource == new


def test_a_service_that_cannot_stop_a_tuning_is_not_asked_by_hand_either(bench, monkeypatch):
    capabilities = replace(bench.provider.capabilities, cancels=False)
    monkeypatch.setattr(type(bench.provider), "capabilities", property(lambda _: capabilities))
    with pytest.raises(FailedPrecondition, match="this service cannot stop a tuning"):
        begun(bench)
