"""What a tuning will take: steps, time and money, as values. How they are worked out is ``forecast``'s business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.core.canonical import Json
from reconciler.core.price import Cost, spell

__all__ = ["Forecast", "Pace", "Steps", "Total", "Variant", "cost_json", "forecast_json"]


@dataclass(frozen=True, slots=True, order=True)
class Steps:
    """How many tuning steps an action buys, at least and at most; the two differ where the service picks a default."""

    least: int
    most: int

    @property
    def exact(self) -> int | None:
        """The number of steps if it is certain."""
        return self.least if self.least == self.most else None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a tuning step took: the median over ``runs`` trainings of this project.

    ``base_model`` is what they were tuned from, None if they were of several, because none had the one asked for.
    """

    seconds_per_step: float
    runs: int
    base_model: str | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a tuning will take besides its steps; what is not known is None.

    ``seconds`` is for the fewest steps it can have, ``seconds_at_most`` for the most. ``unpriced`` is why there is no
    cost although the project has prices, ``uncounted`` why there are no steps, and so no time.
    """

    seconds: float | None = None
    seconds_at_most: float | None = None
    pace: Pace | None = None
    cost: Cost | None = None
    unpriced: str | None = None
    uncounted: str | None = None

    @property
    def kept(self) -> Forecast | None:
        """What is worth keeping to be held against what it took: the figures, if there are any."""
        figures = replace(self, uncounted=None)
        return None if figures == Forecast() else figures


@dataclass(frozen=True, slots=True)
class Total:
    """What all trainings of a plan take together.

    ``seconds`` is that of the longest chain of trainings that wait for one another; the others run beside it. It is
    None unless the time of each is known. ``costs`` has one sum for each currency, ``unpriced`` the names without one.
    """

    seconds: float | None = None
    seconds_at_most: float | None = None
    costs: tuple[Cost, ...] = ()
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """What a model would take if it were tuned anew with some settings changed (``--what-if``).

    ``settings`` maps paths such as ``hyperparameters.epochCount`` to values. ``note`` says why nothing can be told.
    """

    name: str
    settings: Mapping[str, Json]
    steps: Steps | None = None
    forecast: Forecast | None = None
    note: str | None = None


def forecast_json(steps: Steps | None, forecast: Forecast) -> dict[str, Json]:
    """Return a forecast as JSON, as plans and the lockfile hold it; amounts are decimal texts, so that none is bent."""
    pace = forecast.pace
    return {
        "steps": None if steps is None else steps.least,
        "stepsAtMost": None if steps is None else steps.most,
        "seconds": forecast.seconds,
        "secondsAtMost": forecast.seconds_at_most,
        "pace": None
        if pace is None
        else {"secondsPerStep": pace.seconds_per_step, "runs": pace.runs, "baseModel": pace.base_model},
        "cost": None if forecast.cost is None else cost_json(forecast.cost),
        "unpriced": forecast.unpriced,
        **({} if forecast.uncounted is None else {"uncounted": forecast.uncounted}),
    }


def cost_json(cost: Cost) -> dict[str, Json]:
    """Return a cost as JSON, the rates only of a price by the step."""
    rates = {"perStep": cost.per_step, "perModel": cost.per_model}
    return {
        "amount": spell(cost.least),
        "amountAtMost": spell(cost.most),
        "currency": cost.currency,
        "estimate": cost.estimate,
        **{key: f"{rate:f}" for key, rate in rates.items() if rate is not None},
    }
