"""What a tuning takes: steps exactly, time by what was, money by the project's prices."""

from dataclasses import replace
from decimal import Decimal

import pytest
from core_values import (
    BASE,
    CAPABILITIES,
    LIVE_FAILED,
    LIVE_READY,
    LIVE_TUNING,
    entry_of,
    instance,
    live,
    lockfile,
    policy,
    seen,
    wanted,
)

from reconciler.core.estimate import Forecast, Pace, Steps, Total, forecast_json
from reconciler.core.forecast import Forecaster, total, tuning_steps
from reconciler.core.observation import Observation, Observed
from reconciler.core.pace import Runs
from reconciler.core.plan import Action, Kind
from reconciler.core.planning.build import build_plan
from reconciler.core.planning.foresight import foresee
from reconciler.core.price import Price
from reconciler.core.resource import Capabilities, Dataset

# examples, epochs, batch: the first six are what the real service has answered.
STEPS = [
    (15, 3, 2, Steps(23, 23)),
    (15, 3, 4, Steps(12, 12)),
    (15, 50, 4, Steps(188, 188)),
    (25, 10, 16, Steps(16, 16)),
    (15, 5, 2, Steps(38, 38)),
    (15, 100, 4, Steps(375, 375)),
    (1, 1, 64, Steps(1, 1)),
    (15, 3, None, Steps(3, 12)),
    (15, None, 2, Steps(38, 38)),
    (15, None, None, Steps(5, 19)),
]


@pytest.mark.parametrize(("examples", "epochs", "batch", "steps"), STEPS)
def test_batches_run_across_epochs_and_the_last_one_may_be_short(examples, epochs, batch, steps):
    spec = wanted(epochs=epochs, batch=batch).spec
    assert tuning_steps(spec, Dataset("sha256:x", examples), CAPABILITIES) == steps


def test_a_range_is_no_exact_number():
    assert Steps(3, 12).exact is None
    assert Steps(3, 3).exact == 3


def test_nothing_can_be_told_without_a_dataset():
    assert tuning_steps(wanted(epochs=3, batch=2).spec, None, CAPABILITIES) is None


@pytest.mark.parametrize(("epochs", "batch"), [(3, None), (None, 2)])
def test_nothing_can_be_told_when_the_provider_publishes_no_default(epochs, batch):
    silent = Capabilities(effects={}, resource_prefix="x/", display_name_limit=40)
    assert tuning_steps(wanted(epochs=epochs, batch=batch).spec, Dataset("sha256:x", 15), silent) is None


def test_a_service_without_a_rule_says_why_there_are_no_steps_and_no_figures_are_kept_of_it():
    silent = replace(CAPABILITIES, defaults={}, uncounted="it depends on the moon")
    forecaster = Forecaster(silent, (), Runs(()), {}, Observed())
    told = forecaster.forecast(wanted(epochs=3), None)
    assert told == Forecast(uncounted="it depends on the moon")
    assert told.kept is None
    assert forecast_json(None, told)["uncounted"] == "it depends on the moon"
    assert forecaster.forecast(wanted(epochs=3), Steps(1, 2)) is None
    priced = replace(told, unpriced="no price")
    assert priced.kept == Forecast(unpriced="no price")
    assert "uncounted" not in forecast_json(None, priced.kept)


BASES = {"models/text-bison-001": "USD", "models/other": "EUR"}
PRICES = tuple(Price(base, currency, per_step=Decimal("0.5")) for base, currency in BASES.items())
COUNTED = Dataset("sha256:data", 15, 1000)


def plan_of(manifests, recorded=None, observed=None, *, prices=PRICES, variants=(), **options):
    asked = replace(policy(**options), prices=prices, variants=variants)
    values = (manifests, recorded or lockfile(), observed or Observed(), asked)
    return foresee(build_plan(*values), *values)


def told(plan):
    return {action.name: action.forecast for action in plan.actions}


def past(manifest, seconds, *, total_steps=None, state=LIVE_READY, **fields):
    """Return lockfile and listing of one model that was tuned in so many seconds."""
    made = instance(manifest, total_steps=total_steps)
    shown = replace(live(made, state), tuning_seconds=seconds, base_model=manifest.spec.get("baseModel"), **fields)
    return lockfile(**{manifest.name: entry_of(made)}), seen(shown)


OLD = wanted("old", epochs=4, batch=2)


def test_without_a_past_and_without_prices_nothing_is_said():
    assert told(plan_of([wanted(epochs=3, batch=2)], prices=())) == {"numbers": None}


def test_cost_follows_from_steps_and_time_from_what_was():
    new = wanted("new", epochs=3, batch=2)
    recorded, observed = past(OLD, 60.0)
    (forecast,) = told(plan_of([OLD, new], recorded, observed)).values()
    assert (forecast.seconds, forecast.seconds_at_most) == (46.0, 46.0)
    assert forecast.pace == Pace(2.0, 1, BASE)
    assert (forecast.cost.least, forecast.cost.currency) == (Decimal("11.5"), "USD")


def test_steps_that_the_service_announced_beat_those_that_follow():
    recorded, observed = past(OLD, 60.0, total_steps=60)
    assert told(plan_of([OLD, wanted("new", epochs=3, batch=2)], recorded, observed))["new"].pace == Pace(1.0, 1, BASE)


@pytest.mark.parametrize(
    "change",
    [{"seconds": None}, {"seconds": 60.0, "state": LIVE_FAILED}, {"seconds": 60.0, "state": LIVE_TUNING}],
)
def test_a_training_that_came_to_nothing_tells_nothing(change):
    recorded, observed = past(OLD, **change)
    assert told(plan_of([OLD, wanted("new", epochs=3, batch=2)], recorded, observed))["new"].pace is None


def test_a_model_whose_steps_nobody_knows_tells_nothing():
    imported = wanted("old", epochs=4, batch=2, data=None)
    recorded, observed = past(imported, 60.0)
    assert told(plan_of([imported, wanted("new", epochs=3, batch=2)], recorded, observed))["new"].pace is None


def test_a_model_that_nothing_records_is_not_this_projects_past():
    _, observed = past(OLD, 60.0)
    assert told(plan_of([wanted("new", epochs=3, batch=2)], lockfile(), observed))["new"].pace is None


def test_a_range_of_steps_is_a_range_of_time_and_cost():
    recorded, observed = past(OLD, 60.0)
    forecast = told(plan_of([OLD, wanted("new", epochs=3)], recorded, observed))["new"]
    assert (forecast.seconds, forecast.seconds_at_most) == (6.0, 24.0)
    assert (forecast.cost.least, forecast.cost.most) == (Decimal("1.5"), Decimal(6))


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"base": "models/unheard-of"}, "no price for models/unheard-of"),
        ({"source": {"tunedModel": "tunedModels/far"}}, "no price for what it is tuned from, which is not known"),
    ],
)
def test_what_has_no_price_is_said_and_is_not_nothing(spec, why):
    plan = plan_of([wanted(epochs=3, batch=2, **spec)])
    forecast = told(plan)["numbers"]
    assert (forecast.cost, forecast.unpriced) == (None, why)
    assert total(plan.actions).unpriced == ("numbers",)


def test_a_price_of_nothing_is_a_price():
    forecast = told(plan_of([wanted(epochs=3, batch=2)], prices=(Price("*", "USD", per_model=Decimal(0)),)))["numbers"]
    assert (forecast.cost.most, forecast.unpriced) == (Decimal(0), None)


def test_what_it_is_priced_by_may_be_unknown():
    by_text = (Price("*", "USD", per_thousand_characters=Decimal(1)),)
    (forecast,) = told(plan_of([wanted(epochs=3, batch=2)], prices=by_text)).values()
    assert (forecast.cost, forecast.unpriced) == (None, "what it is priced by is not known: set hyperparameters")
    (forecast,) = told(plan_of([wanted(data=COUNTED, epochs=3, batch=2)], prices=by_text)).values()
    assert forecast.cost.most == Decimal(3)


def test_the_price_is_that_of_the_base_model_at_the_bottom():
    far = Observation(
        "tunedModels/far", {"source": {"tunedModel": "tunedModels/x"}}, LIVE_READY, base_model="models/other"
    )
    child = wanted("child", source={"model": "parent"}, epochs=3, batch=2)
    parent = wanted("parent", source={"tunedModel": "tunedModels/far"}, epochs=3, batch=2)
    costs = told(plan_of([child, parent], observed=seen(far)))
    assert {name: forecast.cost.currency for name, forecast in costs.items()} == {"child": "EUR", "parent": "EUR"}


def test_trainings_run_beside_one_another_and_a_chain_one_after_the_other():
    recorded, observed = past(OLD, 60.0)
    chain = [
        OLD,
        wanted("a", epochs=3, batch=2),
        wanted("b", source={"model": "a"}, epochs=2, batch=2),
        wanted("c", source={"model": "b"}, epochs=1, batch=2),
        wanted("wide", epochs=5, batch=2),
    ]
    found = total(plan_of(chain, recorded, observed).actions)
    assert found.seconds == found.seconds_at_most == 46.0 + 30.0 + 16.0
    assert [(cost.currency, cost.most) for cost in found.costs] == [("USD", Decimal(42))]


def test_nothing_to_train_takes_nothing():
    assert total([]) == Total()
    assert total([Action("a", Kind.DELETE, "because")]) == Total()
    assert total([Action("a", Kind.CREATE, "because")]) == Total()


def test_the_whole_is_not_timed_if_a_part_is_not():
    timed = Action("a", Kind.CREATE, "", dataset=COUNTED, forecast=Forecast(1.0, 1.0, Pace(1.0, 1)))
    assert total([timed]).seconds == 1.0
    assert total([timed, replace(timed, name="b", forecast=None)]).seconds is None


def test_the_digest_knows_nothing_of_forecasts():
    manifest = wanted(epochs=3, batch=2)
    variants = ({"hyperparameters.epochCount": 5},)
    assert plan_of([manifest]).digest == plan_of([manifest], prices=(), variants=variants).digest


def test_what_if_tells_of_every_model_in_scope_whatever_is_planned_for_it():
    recorded, observed = past(OLD, 60.0)
    new = wanted("new", epochs=3, batch=2)
    variants = ({"hyperparameters.epochCount": 3}, {"hyperparameters.epochCount": 8, "hyperparameters.batchSize": 4})
    plan = plan_of([OLD, new, wanted("bare", data=None)], recorded, observed, variants=variants, exclude=["bare"])
    assert [(v.name, v.steps.exact, v.forecast.seconds, str(v.forecast.cost.most)) for v in plan.what_if] == [
        ("new", 23, 46.0, "11.5000"),
        ("new", 30, 60.0, "15.0000"),
        ("old", 23, 46.0, "11.5000"),
        ("old", 30, 60.0, "15.0000"),
    ]
    assert [variant.settings for variant in plan.what_if[:2]] == list(variants)
    assert [action.name for action in plan.actions] == ["new"]


def test_what_if_with_another_base_model_takes_its_price_and_its_pace():
    recorded, observed = past(OLD, 60.0)
    child = wanted("child", source={"model": "old"}, epochs=3, batch=2)
    plan = plan_of([OLD, child], recorded, observed, variants=({"baseModel": "models/other"},), target=["child"])
    (variant,) = plan.what_if
    assert (variant.forecast.cost.currency, variant.forecast.pace) == ("EUR", Pace(2.0, 1))


def test_what_if_has_nothing_to_tell_of_a_model_without_data():
    (variant,) = plan_of([wanted(data=None)], variants=({"hyperparameters.epochCount": 3},)).what_if
    assert (variant.steps, variant.forecast, variant.note) == (None, None, "has no dataset, so nothing can train it")
