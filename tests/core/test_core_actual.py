"""What a tuning took beside its forecast, which may have been through a lockfile that somebody edited."""

from decimal import Decimal

import pytest

from reconciler.core.actual import actual_of
from reconciler.core.estimate import Forecast, Pace, Steps, forecast_json
from reconciler.core.price import Cost

STEPS = Cost(Decimal("0.30"), Decimal("1.20"), "USD", per_step=Decimal("0.1"), per_model=Decimal("0.05"))
TEXT = Cost(Decimal("0.30"), Decimal("0.30"), "EUR", estimate=True)


def told(cost, steps=None):
    return forecast_json(steps or Steps(3, 12), Forecast(1.0, 4.0, Pace(0.3, 2), cost))


COSTS = [
    (told(STEPS), 7, Cost(Decimal("0.75"), Decimal("0.75"), "USD")),
    (told(STEPS), None, None),
    (told(TEXT), 7, TEXT),
    (told(Cost(Decimal(1), Decimal(2), "USD")), 7, None),
    (told(None), 7, None),
]


@pytest.mark.parametrize(("forecast", "steps", "cost"), COSTS, ids=range(len(COSTS)))
def test_the_cost_is_that_of_the_steps_that_were_taken_or_what_was_certain(forecast, steps, cost):
    actual = actual_of(forecast, steps=steps, seconds=5.5)
    assert (actual.forecast, actual.steps, actual.seconds, actual.cost) == (forecast, steps, 5.5, cost)


def test_nothing_is_said_while_it_runs_or_if_nobody_foresaw_it():
    assert actual_of(None, steps=7, seconds=5.5) is None
    assert actual_of(told(STEPS), steps=7, seconds=None) is None


@pytest.mark.parametrize(
    "cost",
    [
        "free",
        {},
        {"currency": 3, "perStep": "1"},
        {"currency": "USD", "perStep": "dear"},
        {"currency": "USD", "amount": "NaN", "amountAtMost": "NaN"},
        {"currency": "USD", "amount": 3, "amountAtMost": 3},
    ],
)
def test_a_cost_that_nobody_wrote_is_none(cost):
    assert actual_of({"cost": cost}, steps=7, seconds=1.0).cost is None


def test_it_is_told_as_json_with_texts_for_amounts():
    assert actual_of(told(STEPS), steps=7, seconds=5.5).to_json() == {
        "steps": 7,
        "seconds": 5.5,
        "cost": {"amount": "0.75", "amountAtMost": "0.75", "currency": "USD", "estimate": False},
    }
