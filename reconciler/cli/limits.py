"""The flags that override a project's limits, each by an exact figure, never all at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.limits import Limits
    from reconciler.core.price import Price

__all__ = ["LIMITS", "Allowances", "Amount"]

_AMOUNT = re.compile(r"(?P<amount>\d{1,12}(?:\.\d{1,6})?) *(?P<currency>[A-Z]{3})?", re.ASCII)


class Amount(click.ParamType[tuple[Decimal, str | None]]):
    """An amount of money such as ``12.50`` or ``12.50 USD``, as amount and currency, which may be left out."""

    name = "amount"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Decimal, str | None]:
        """Return the amount exactly as it is written."""
        match = _AMOUNT.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no amount; write 12.50 or '12.50 USD'", param, ctx)
        return Decimal(match["amount"]), match["currency"]


LIMITS = (
    click.option("--allow-deletes", type=click.IntRange(min=0), metavar="N", help="Allow up to N deletions."),
    click.option("--allow-replaces", type=click.IntRange(min=0), metavar="N", help="Allow up to N replacements."),
    click.option("--allow-steps", type=click.IntRange(min=0), metavar="N", help="Allow up to N tuning steps."),
    click.option(
        "--allow-lockouts", type=click.IntRange(min=0), metavar="N", help="Let up to N former owners lose their role."
    ),
    click.option("--allow-cost", type=Amount(), metavar="AMOUNT", help="Allow trainings of up to AMOUNT, as forecast."),
)


@dataclass(frozen=True, slots=True)
class Allowances:
    """What the command line says in place of the project's limits; None leaves a limit as it is."""

    deletes: int | None = None
    replaces: int | None = None
    steps: int | None = None
    cost: tuple[Decimal, str | None] | None = None
    lockouts: int | None = None

    def over(self, limits: Limits, prices: Iterable[Price]) -> Limits:
        """Return the limits with those that are overridden in their places.

        Raises:
            click.UsageError: nothing says which currency ``--allow-cost`` is in, or the limit is in another one.
        """
        given = {"max_deletes": self.deletes, "max_replaces": self.replaces, "max_steps": self.steps}
        given["max_lockouts"] = self.lockouts
        limits = replace(limits, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]  # whole numbers
        if self.cost is None:
            return limits
        from reconciler.core.price import Money

        amount, currency = self.cost
        known = {limits.max_cost.currency} if limits.max_cost is not None else {price.currency for price in prices}
        if currency is None and len(known) != 1:
            why = (
                f"prices are in {' and '.join(sorted(known))}"
                if known
                else "the project has neither prices nor a limit"
            )
            raise click.UsageError(f"--allow-cost {amount}: in which currency? {why}; write '{amount} USD'")
        if currency is not None and limits.max_cost is not None and currency not in known:
            raise click.UsageError(f"--allow-cost {amount} {currency}: limits.maxCost is in {limits.max_cost.currency}")
        return replace(limits, max_cost=Money(amount, currency or known.pop()))
