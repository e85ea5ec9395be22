"""What a plan may not do."""

from dataclasses import replace
from decimal import Decimal

import pytest
from core_values import A_MODEL, entry_of, instance, wanted

from reconciler.core.estimate import Forecast
from reconciler.core.limits import Limits
from reconciler.core.plan import Action, Kind, Steps
from reconciler.core.planning.policy import over_cost, violations
from reconciler.core.price import Cost, Money
from reconciler.errors import Location


def actions(kind, number, **fields):
    return [Action(f"{kind.value}-{index}", kind, "because", **fields) for index in range(number)]


FORMER = instance(wanted(epochs=9))
OVER = [
    (actions(Kind.DELETE, 5), Limits(), None),
    (
        actions(Kind.DELETE, 6),
        Limits(),
        "6 deletions are over limits.maxDeletes = 5; --allow-deletes 6 allows exactly this plan",
    ),
    (
        actions(Kind.DELETE, 1),
        Limits(max_deletes=0),
        "1 deletion is over limits.maxDeletes = 0; --allow-deletes 1 allows exactly this plan",
    ),
    (actions(Kind.DELETE, 6), Limits(max_deletes=None), None),
    (actions(Kind.DELETE, 6, cleanup=True, resource=FORMER.resource), Limits(max_deletes=0), None),
    (actions(Kind.FORGET, 6), Limits(max_deletes=0), None),
    (actions(Kind.REPLACE, 10), Limits(), None),
    (
        actions(Kind.REPLACE, 11),
        Limits(),
        "11 replacements are over limits.maxReplaces = 10; --allow-replaces 11 allows exactly this plan",
    ),
    (actions(Kind.CREATE, 11), Limits(max_replaces=0), None),
    (actions(Kind.CREATE, 1000, steps=Steps(1, 9)), Limits(), None),
    (actions(Kind.CREATE, 2, steps=Steps(1, 50)), Limits(max_steps=100), None),
    (
        actions(Kind.CREATE, 2, steps=Steps(1, 51)),
        Limits(max_steps=100),
        "102 tuning steps are over limits.maxSteps = 100; --allow-steps 102 allows exactly this plan",
    ),
    (actions(Kind.BLOCKED, 2, steps=Steps(99, 99)), Limits(max_steps=100), None),
    (actions(Kind.CREATE, 2), Limits(max_steps=0), None),
]


@pytest.mark.parametrize(("planned", "limits", "message"), OVER, ids=range(len(OVER)))
def test_limits_are_exact_and_name_the_flag_that_allows_the_plan(planned, limits, message):
    entries = {action.name: entry_of(A_MODEL, deposed=(FORMER,)) for action in planned}
    found = [str(found) for found in violations(iter(planned), entries, limits)]
    assert found == ([] if message is None else [message])


def test_letting_go_of_what_was_kept_on_purpose_is_a_deletion_and_so_is_that_of_what_nothing_records():
    (kept,) = actions(Kind.DELETE, 1, cleanup=True, resource=FORMER.resource)
    nothing = Limits(max_deletes=0)
    assert violations([kept], {kept.name: entry_of(A_MODEL, retained=(FORMER,))}, nothing)
    assert violations([kept], {kept.name: entry_of(A_MODEL)}, nothing)
    assert violations([kept], {}, nothing)


def test_a_whole_name_is_one_deletion_however_many_models_were_kept_of_it():
    (kept,) = actions(Kind.DELETE, 1, cleanup=True, resource=FORMER.resource)
    (name,) = actions(Kind.DELETE, 1, resource=A_MODEL.resource)
    entries = {kept.name: entry_of(A_MODEL, retained=(FORMER,))}
    assert violations([kept, name], entries, Limits(max_deletes=1)) == ()


PROTECTED = [
    (Kind.DELETE, "deleted"),
    (Kind.FORGET, "forgotten"),
]


@pytest.mark.parametrize(("kind", "word"), PROTECTED)
def test_what_is_protected_is_not_removed(kind, word):
    planned = actions(kind, 1)
    (violation,) = violations(planned, {planned[0].name: entry_of(A_MODEL, protect=True)}, Limits())
    way_out = "first apply its manifest with lifecycle.protect: false, then remove it"
    assert violation.rule == "lifecycle.protect"
    assert violation.message == f"{kind.value}-0: is protected and would be {word}; {way_out}"


@pytest.mark.parametrize(
    ("kind", "cleanup", "protect"),
    [
        (Kind.DELETE, True, True),
        (Kind.FORGET, True, True),
        (Kind.DELETE, False, False),
        (Kind.REPLACE, False, True),
        (Kind.UPDATE, False, True),
    ],
)
def test_protection_is_about_removing_a_name_and_nothing_else(kind, cleanup, protect):
    planned = actions(kind, 1, cleanup=cleanup)
    assert violations(planned, {planned[0].name: entry_of(A_MODEL, protect=protect)}, Limits()) == ()


def test_every_reason_is_given():
    planned = [*actions(Kind.DELETE, 2), *actions(Kind.REPLACE, 2, steps=Steps(5, 5))]
    entries = {"delete-1": entry_of(A_MODEL, protect=True)}
    assert len(violations(planned, entries, Limits(1, 1, 9))) == 4


def training(name="a", amount=None, currency="USD", unpriced=None):
    cost = None if amount is None else Cost(Decimal(amount) / 2, Decimal(amount), currency)
    forecast = Forecast(cost=cost, unpriced=unpriced)
    return Action(name, Kind.CREATE, "because", dataset=A_MODEL.dataset, steps=Steps(1, 1), forecast=forecast)


PLACE = Location("tunectl.yaml", 9, 5)
CEILING = Limits(max_cost=Money(Decimal("10.00"), "USD"), where={"maxCost": PLACE})
COSTS = [
    ([training(amount="10")], []),
    ([training(amount="5"), training("b", amount="5")], []),
    (
        [training(amount="5"), training("b", amount="5.0001")],
        ["10.0001 USD of training is over limits.maxCost = 10.00 USD; --allow-cost 10.0001 allows exactly this plan"],
    ),
    (
        [training(amount="5"), training("b", unpriced="no price for models/b")],
        ["b: what it costs is not known (no price for models/b), and limits.maxCost = 10.00 USD; see spec.prices"],
    ),
    (
        [replace(training(), forecast=None)],
        ["a: what it costs is not known (the project has no prices), and limits.maxCost = 10.00 USD; see spec.prices"],
    ),
    (
        [training(amount="1", currency="EUR"), training("b", amount="11")],
        [
            "a: is priced in EUR, and limits.maxCost = 10.00 USD; give both in one currency",
            "11.00 USD of training is over limits.maxCost = 10.00 USD; --allow-cost 11.00 allows exactly this plan",
        ],
    ),
    ([replace(training(amount="99"), kind=Kind.REUSE)], []),
    ([replace(training(), dataset=None)], []),
]


@pytest.mark.parametrize(("planned", "messages"), COSTS, ids=range(len(COSTS)))
def test_what_trainings_cost_at_most_is_limited_and_nothing_unpriced_passes_for_free(planned, messages):
    found = list(over_cost(planned, CEILING))
    assert [violation.message for violation in found] == messages
    assert all((violation.location, violation.rule) == (PLACE, "limits.maxCost") for violation in found)
    assert list(over_cost(planned, Limits())) == []
