"""What a tuning took beside what was forecast when it was bought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from reconciler.core.canonical import Json
from reconciler.core.estimate import cost_json
from reconciler.core.price import Cost, rounded

__all__ = ["Actual", "actual_of"]


@dataclass(frozen=True, slots=True)
class Actual:
    """A forecast, as the lockfile keeps it, and what it came to; what nobody knows is None.

    ``cost`` is by the prices of the forecast: of the steps that were taken if they are what is priced, else the one
    that was foreseen, if it was certain. It is no invoice.
    """

    forecast: Mapping[str, Json]
    steps: int | None
    seconds: float | None
    cost: Cost | None

    def to_json(self) -> dict[str, Json]:
        """Return what it came to as JSON."""
        cost = None if self.cost is None else cost_json(self.cost)
        return {"steps": self.steps, "seconds": self.seconds, "cost": cost}


def actual_of(forecast: Mapping[str, Json] | None, *, steps: int | None, seconds: float | None) -> Actual | None:
    """Return what a tuning took beside its forecast; None if there was none, or if nothing is known of what it took.

    Args:
        forecast: as ``estimate.forecast_json`` made it; it comes out of a lockfile, which may hold anything.
        steps: how many steps the service said the tuning has.
        seconds: how long it took, None while it runs.
    """
    if forecast is None or seconds is None:
        return None
    return Actual(forecast, steps, seconds, _cost(forecast.get("cost"), steps))


def _cost(told: Json, steps: int | None) -> Cost | None:
    if not isinstance(told, Mapping):
        return None
    currency, estimate = told.get("currency"), told.get("estimate") is True
    rate, flat = _decimal(told.get("perStep")), _decimal(told.get("perModel")) or Decimal(0)
    if not isinstance(currency, str):
        return None
    if rate is not None:
        if steps is None:
            return None
        amount = rounded(Fraction(rate) * steps + Fraction(flat))
        return Cost(amount, amount, currency)
    least, most = _decimal(told.get("amount")), _decimal(told.get("amountAtMost"))
    return Cost(least, most, currency, estimate) if least is not None and least == most else None


def _decimal(text: Json) -> Decimal | None:
    """Return a decimal text as a number; None if it is none, or no finite one."""
    try:
        number = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None
