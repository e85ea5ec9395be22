"""The prices and the cost limit of a project file, as the core's values.

A YAML number is taken at the shortest decimal that reads back as the same double, which is what was written for up to
15 significant digits: 0.0005 is exactly that.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.core.limits import Limits
from reconciler.core.price import Money, Price
from reconciler.errors import Problem
from reconciler.manifest.places import Places, spell
from reconciler.manifest.project_document import LimitsPart, PricePart

__all__ = ["check_prices", "limits_of", "prices_of"]

_LIMITS = ("maxDeletes", "maxReplaces", "maxSteps", "maxCost")


def check_prices(parts: list[PricePart] | None, places: Places) -> Iterator[Problem]:
    """Yield what a type cannot say of a price."""
    for index, part in enumerate(parts or []):
        steps = ("spec", "prices", index)
        tokens, ratio = part.per_million_tokens is not None, part.characters_per_token is not None
        if tokens and not ratio:
            hint = "only the service can count tokens; say how many characters make one, such as 4"
            yield Problem(places.nearest(steps), f"{spell(steps)}: perMillionTokens needs charactersPerToken", hint)
        elif ratio and not tokens:
            place = places.nearest((*steps, "charactersPerToken"))
            yield Problem(place, f"{spell((*steps, 'charactersPerToken'))}: goes with perMillionTokens only")
        elif not tokens and {part.per_step, part.per_thousand_characters, part.per_model} == {None}:
            kinds = "perStep, perThousandCharacters, perMillionTokens, perModel"
            yield Problem(places.nearest(steps), f"{spell(steps)}: needs one of {kinds}", "0 says that it is free")


def prices_of(parts: list[PricePart] | None) -> tuple[Price, ...]:
    """Return the table of prices, in order."""
    return tuple(
        Price(
            base_model=part.base_model,
            currency=part.currency,
            per_step=_exact(part.per_step),
            per_thousand_characters=_exact(part.per_thousand_characters),
            per_million_tokens=_exact(part.per_million_tokens),
            characters_per_token=_exact(part.characters_per_token),
            per_model=_exact(part.per_model),
        )
        for part in parts or []
    )


def limits_of(part: LimitsPart, places: Places) -> Limits:
    """Return the limits, each with its place if the project file sets it."""
    cost = part.max_cost
    return Limits(
        max_deletes=part.max_deletes,
        max_replaces=part.max_replaces,
        max_steps=part.max_steps,
        max_cost=None if cost is None else Money(Decimal(repr(cost.amount)), cost.currency),
        where={key: place for key in _LIMITS if (place := places.get(f"spec.limits.{key}")) is not None},
    )


def _exact(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(repr(number))
