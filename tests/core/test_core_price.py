"""Money: exact, rounded once and upwards, never added across currencies, never made up."""

from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.price import Cost, Money, Price, cost_of, find_price, rounded, spell, totals


def price(currency="USD", base="*", **rates):
    return Price(base, currency, **{key: Decimal(value) for key, value in rates.items()})


AMOUNTS = [
    ({"per_step": "0.02"}, ("0.46", "0.46"), False),
    ({"per_step": "0.0001"}, ("0.0023", "0.0023"), False),
    ({"per_step": "0.00001"}, ("0.0003", "0.0003"), False),
    ({"per_step": "0"}, ("0", "0"), False),
    ({"per_step": "0.02", "per_model": "1.5"}, ("1.96", "1.96"), False),
    ({"per_model": "1.5"}, ("1.5", "1.5"), False),
    ({"per_thousand_characters": "0.008"}, ("0.024", "0.024"), False),
    ({"per_thousand_characters": "0.000008"}, ("0.0001", "0.0001"), False),
    ({"per_million_tokens": "8", "characters_per_token": "4"}, ("0.006", "0.006"), True),
    ({"per_million_tokens": "8", "characters_per_token": "3"}, ("0.008", "0.008"), True),
    ({"per_million_tokens": "1", "characters_per_token": "7"}, ("0.0005", "0.0005"), True),
]


@pytest.mark.parametrize(("rates", "amounts", "estimate"), AMOUNTS)
def test_a_cost_is_what_the_table_says_rounded_up_to_a_hundredth_of_a_cent(rates, amounts, estimate):
    cost = cost_of(price(**rates), steps=(23, 23), epochs=(3, 3), characters=1000)
    assert (cost.least, cost.most) == tuple(map(Decimal, amounts))
    assert (cost.currency, cost.estimate) == ("USD", estimate)


def test_a_range_of_steps_or_epochs_is_a_range_of_costs():
    by_step = cost_of(price(per_step="0.5", per_model="1"), steps=(3, 12), epochs=None, characters=None)
    assert (by_step.least, by_step.most) == (Decimal("2.5"), Decimal(7))
    by_text = cost_of(price(per_thousand_characters="2"), steps=None, epochs=(5, 10), characters=100)
    assert (by_text.least, by_text.most) == (Decimal(1), Decimal(2))


UNKNOWN = [
    ({"per_step": "1"}, {"steps": None, "epochs": (1, 1), "characters": 1}),
    ({"per_thousand_characters": "1"}, {"steps": (1, 1), "epochs": None, "characters": 1}),
    ({"per_thousand_characters": "1"}, {"steps": (1, 1), "epochs": (1, 1), "characters": None}),
    ({"per_million_tokens": "1", "characters_per_token": "4"}, {"steps": (1, 1), "epochs": (1, 1), "characters": None}),
]


@pytest.mark.parametrize(("rates", "known"), UNKNOWN)
def test_what_it_is_priced_by_must_be_known(rates, known):
    assert cost_of(price(**rates), **known) is None


def test_the_first_entry_that_fits_counts_and_none_is_none():
    table = (price(base="models/a-*", currency="EUR"), price(base="models/*"))
    assert find_price(table, "models/a-1").currency == "EUR"
    assert find_price(table, "models/b").currency == "USD"
    assert find_price(table, "other") is None
    assert find_price(table, None) is None


def test_totals_are_sums_of_what_is_shown_one_for_each_currency():
    costs = [
        Cost(Decimal("0.1"), Decimal("0.2"), "USD"),
        Cost(Decimal(3), Decimal(3), "EUR", estimate=True),
        Cost(Decimal("0.2"), Decimal("0.2"), "USD"),
    ]
    assert [(c.currency, c.least, c.most, c.estimate) for c in totals(costs)] == [
        ("EUR", Decimal(3), Decimal(3), True),
        ("USD", Decimal("0.3"), Decimal("0.4"), False),
    ]
    assert totals([]) == ()


@given(st.fractions(min_value=0, max_value=10**15))
def test_rounding_never_takes_anything_off_and_never_adds_a_whole_part(amount):
    shown = Fraction(rounded(amount))
    assert amount <= shown < amount + Fraction(1, 10_000)
    assert shown * 10_000 == int(shown * 10_000)


def test_no_decimal_context_of_a_thread_bends_an_amount():
    with localcontext() as context:
        context.prec = 3
        cost = cost_of(price(per_step="1234567.8901"), steps=(1, 1), epochs=None, characters=None)
        assert getcontext().prec == 3
    assert cost.most == Decimal("1234567.8901")
    with localcontext() as context:
        context.prec = 3
        (both,) = totals([cost, cost])
    assert both.most == Decimal("2469135.7802")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1200", "1200.00"),
        ("0.46", "0.46"),
        ("0.4600", "0.46"),
        ("0.0023", "0.0023"),
        ("0", "0.00"),
        ("1E+3", "1000.00"),
    ],
)
def test_amounts_are_spelt_with_two_decimals_or_as_many_as_they_have(amount, text):
    assert spell(Decimal(amount)) == text
    assert str(Money(Decimal(amount), "USD")) == f"{text} USD"
