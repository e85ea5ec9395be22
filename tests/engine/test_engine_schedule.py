"""What waits for quota tries one at a time, and more of them only after some was found."""

from __future__ import annotations

from reconciler.core.plan import Action, Kind
from reconciler.engine.applying.schedule import Schedule

A, B, C, D = (Action(name, Kind.CREATE, "x", resource=f"tunedModels/{name}") for name in "abcd")


def refused(*actions, until=60.0):
    """A schedule whose actions were all tried at once and refused, the next try at a time."""
    schedule = Schedule(actions)
    assert schedule.take(0.0) == list(actions)
    for action in actions:
        assert not schedule.landed(action)
        schedule.defer(action, until=until)
    return schedule


def test_one_tries_when_the_time_has_come_and_none_before():
    schedule = refused(A, B, C)
    assert schedule.take(59.0) == []
    assert schedule.take(60.0) == [A]
    assert schedule.take(60.0) == [], "the others wait for its answer"


def test_who_is_refused_again_stays_the_first_and_all_wait_longer():
    schedule = refused(A, B)
    assert schedule.pause == 1
    assert schedule.take(60.0) == [A]
    assert schedule.landed(A)
    schedule.defer(A, until=120.0, again=True)
    assert schedule.pause == 2
    assert schedule.take(119.0) == []
    assert schedule.take(120.0) == [A]


def test_the_pause_grows_up_to_tenfold_and_starts_over_when_a_tuning_ends():
    schedule = refused(A)
    for number in range(1, 8):
        (probe,) = schedule.take(number * 1000.0)
        schedule.landed(probe)
        schedule.defer(probe, until=number * 1000.0, again=True)
    assert schedule.pause == 10
    schedule.hasten(0.0)
    assert schedule.pause == 1


def test_a_tuning_that_ends_lets_one_try_at_once():
    schedule = refused(A, B, C)
    schedule.hasten(10.0)
    assert schedule.take(10.0) == [A]


def test_quota_that_is_found_lets_twice_as_many_try():
    schedule = refused(A, B, C, D)
    schedule.hasten(10.0)
    assert schedule.take(10.0) == [A]
    assert schedule.landed(A)
    schedule.widen(11.0)
    assert schedule.take(11.0) == [B, C]
    assert schedule.landed(B)
    schedule.widen(12.0)
    assert schedule.take(12.0) == [D]


def test_an_error_of_one_that_tried_does_not_hold_up_the_queue():
    schedule = refused(A, B)
    schedule.hasten(10.0)
    assert schedule.take(10.0) == [A]
    schedule.landed(A)
    assert schedule.take(10.0) == [B]
    assert schedule.left() == []
