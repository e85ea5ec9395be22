"""Loss curves as geometry: stretches, scales, ticks, and fewer points that keep the spikes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.observation import Snapshot
from reconciler.core.showing.curve import curve_of, scale_of, thin, whole_scale

NAN, INF = math.nan, math.inf


def snapshots(*losses):
    return [Snapshot(step, 0, loss) for step, loss in enumerate(losses, 1)]


@pytest.mark.parametrize(
    ("losses", "lines", "odd"),
    [
        ((), [], (0, 0, 0, None)),
        ((2.0, 1.0), [[(1, 2.0), (2, 1.0)]], (0, 0, 0, None)),
        ((2.0, NAN, 1.0), [[(1, 2.0)], [(3, 1.0)]], (1, 0, 0, 2)),
        ((INF, -INF, None, 1.0), [[(4, 1.0)]], (0, 2, 1, 1)),
        ((NAN, NAN), [], (2, 0, 0, 1)),
    ],
)
def test_what_is_no_finite_loss_ends_a_line_and_is_counted(losses, lines, odd):
    curve = curve_of(snapshots(*losses))
    assert [list(line) for line in curve.lines] == lines
    assert (curve.nan, curve.infinite, curve.silent, curve.first_odd) == odd


def test_steps_are_sorted_and_of_two_of_one_step_the_last_one_counts():
    curve = curve_of([Snapshot(2, 0, 5.0), Snapshot(1, 0, 9.0), Snapshot(2, 0, 4.0)])
    assert curve.points == ((1, 9.0), (2, 4.0))


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.11, 5.3], [0, 2, 4, 6]),
        ([3.0, 3.1], [3.0, 3.02, 3.04, 3.06, 3.08, 3.1]),
        ([-2.0, 5.0], [-2, 0, 2, 4, 6]),
        ([1.0], [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6]),
        ([0.0, 0.0], [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_an_axis_goes_from_one_round_number_to_another(values, ticks):
    scale = scale_of(values, most=5)
    assert scale.ticks == pytest.approx(ticks)
    assert (scale.low, scale.high) == (scale.ticks[0], scale.ticks[-1])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5), st.integers(1, 20))
def test_every_finite_value_has_a_place_on_a_scale_of_few_distinct_ticks(values, most):
    scale = scale_of(values, most=most)
    assert all(0 <= scale.place(value) <= 1 for value in values)
    assert 2 <= len(scale.ticks) <= 2 * most + 4
    assert len(set(scale.ticks)) == len(scale.ticks)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=5), st.integers(1, 12))
def test_steps_are_whole_and_both_ends_are_told(steps, most):
    scale = whole_scale(steps, most=most)
    assert all(float(tick).is_integer() for tick in scale.ticks)
    assert list(scale.ticks) == sorted(set(scale.ticks))
    assert {min(steps), max(steps)} <= set(scale.ticks)


def test_a_thinned_line_keeps_its_ends_and_its_spikes():
    line = [(step, 1.0) for step in range(1, 5001)]
    line[2500] = (2501, 99.0)
    line[3000] = (3001, -7.0)
    thinned = thin(line, 100)
    assert len(thinned) <= 200
    assert {line[0], line[-1], (2501, 99.0), (3001, -7.0)} <= set(thinned)
    assert list(thinned) == sorted(thinned)
    assert thin(line[:50], 100) == tuple(line[:50])
