"""What tuning costs by a project's own table of prices, in exact arithmetic.

Amounts are computed as fractions of whole numbers and rounded once, upwards, to 0.0001 of the currency; so no amount
is lower than what the table says, and a total is the sum of the amounts that are shown. Amounts in different currencies
are never added. There are no prices in here: what a service asks for is the project's to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from math import ceil

__all__ = ["Cost", "Money", "Price", "cost_of", "find_price", "totals"]

_PARTS = 10_000
"""Amounts are whole multiples of a ten-thousandth."""
_THOUSAND, _MILLION = 1_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217, such as USD)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{spell(self.amount)} {self.currency}"


@dataclass(frozen=True, slots=True)
class Price:
    """What the base models that a glob fits cost.

    At most one of ``per_step``, ``per_thousand_characters`` and ``per_million_tokens`` is set; ``per_model`` is added
    to it, or stands alone. Characters and tokens are those of all examples, in and out, once an epoch. Nobody but the
    service can count tokens, so they are estimated as characters divided by ``characters_per_token``.
    """

    base_model: str
    currency: str
    per_step: Decimal | None = None
    per_thousand_characters: Decimal | None = None
    per_million_tokens: Decimal | None = None
    characters_per_token: Decimal | None = None
    per_model: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a tuning costs, at least and at most; the two differ where the service picks a hyperparameter.

    ``estimate`` says that it rests on an estimate of the project, not only on the steps or on a count. Of a price by
    the step, ``per_step`` and ``per_model`` are kept, so that the steps that were taken in the end can be priced too.
    """

    least: Decimal
    most: Decimal
    currency: str
    estimate: bool = False
    per_step: Decimal | None = None
    per_model: Decimal | None = None


def find_price(prices: Iterable[Price], base_model: str | None) -> Price | None:
    """Return the first price whose glob fits a base model."""
    if base_model is None:
        return None
    return next((price for price in prices if fnmatchcase(base_model, price.base_model)), None)


def cost_of(
    price: Price, *, steps: tuple[int, int] | None, epochs: tuple[int, int] | None, characters: int | None
) -> Cost | None:
    """Return what a tuning costs, or None if what it is priced by is not known.

    Args:
        price: the price of its base model.
        steps: how many steps it takes, at least and at most.
        epochs: how often it goes through the examples, at least and at most.
        characters: of all examples together.
    """
    if price.per_step is not None:
        rate, units, estimate = Fraction(price.per_step), steps, False
    elif price.per_thousand_characters is not None:
        rate, units, estimate = Fraction(price.per_thousand_characters) / _THOUSAND, _read(characters, epochs), False
    elif price.per_million_tokens is not None and price.characters_per_token is not None:
        rate = Fraction(price.per_million_tokens) / _MILLION / Fraction(price.characters_per_token)
        units, estimate = _read(characters, epochs), True
    else:
        rate, units, estimate = Fraction(0), (0, 0), False
    if units is None:
        return None
    flat = Fraction(price.per_model or 0)
    return Cost(
        least=rounded(flat + rate * units[0]),
        most=rounded(flat + rate * units[1]),
        currency=price.currency,
        estimate=estimate,
        per_step=price.per_step,
        per_model=price.per_model if price.per_step is not None else None,
    )


def totals(costs: Iterable[Cost]) -> tuple[Cost, ...]:
    """Return the sum of costs, one for each currency, by its name."""
    found: dict[str, Cost] = {}
    for cost in costs:
        so_far = found.get(cost.currency, Cost(Decimal(0), Decimal(0), cost.currency))
        found[cost.currency] = Cost(
            plus(so_far.least, cost.least),
            plus(so_far.most, cost.most),
            cost.currency,
            so_far.estimate or cost.estimate,
        )
    return tuple(found[currency] for currency in sorted(found))


def plus(left: Decimal, right: Decimal) -> Decimal:
    """Add two amounts, whatever the precision of the thread's decimal context."""
    return rounded(Fraction(left) + Fraction(right))


def rounded(amount: Fraction) -> Decimal:
    """Round an amount up to 0.0001, exactly."""
    parts = ceil(amount * _PARTS)
    return Decimal(f"{parts // _PARTS}.{parts % _PARTS:04}")


def spell(amount: Decimal) -> str:
    """Return an amount with at least two decimals and no zeros behind them: 1200.00, 0.46, 0.0023."""
    text = f"{amount:f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _read(characters: int | None, epochs: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return how many characters are read in all epochs."""
    return None if characters is None or epochs is None else (characters * epochs[0], characters * epochs[1])
