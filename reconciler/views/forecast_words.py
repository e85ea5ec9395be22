"""How views speak of what trainings take: time, money, and settings that were asked about.

Pure, and safe to print: texts come back on one line, sanitised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from reconciler.core.actual import Actual
from reconciler.core.canonical import Json
from reconciler.core.estimate import Forecast, Pace, Total, Variant
from reconciler.core.price import Cost, spell
from reconciler.core.text import sanitize
from reconciler.views.words import count, seconds_text, steps_text, value_text

__all__ = [
    "cost_text",
    "facts_of",
    "money_text",
    "predicted_text",
    "time_text",
    "took_lines",
    "took_text",
    "took_words",
    "totals_of",
    "variant_cells",
    "what_if_rows",
]

_HEADS = ("MODEL", "WHAT IF", "STEPS", "TIME", "COST")
_SHOWN_NAMES = 5


def facts_of(forecast: Forecast | None) -> Iterator[tuple[str, str]]:
    """Yield what a forecast says as pairs of a word and a text."""
    if forecast is None:
        return
    if forecast.uncounted is not None:
        yield "steps", f"not known, nor is the time: {sanitize(forecast.uncounted)}"
    if forecast.pace is not None:
        yield "time", f"{time_text(forecast)} ({_pace_text(forecast.pace)})"
    if forecast.cost is not None:
        estimate = " (an estimate: tokens are counted as characters)" if forecast.cost.estimate else ""
        yield "cost", f"{cost_text(forecast.cost)}{estimate}"
    elif forecast.unpriced is not None:
        yield "cost", sanitize(forecast.unpriced)


def totals_of(total: Total) -> Iterator[tuple[str, str]]:
    """Yield what all trainings of a plan take as pairs of a title and a text."""
    if total.seconds is not None:
        yield "Training time", time_text(total)
    names = list(total.unpriced[:_SHOWN_NAMES])
    more = len(total.unpriced) - len(names)
    listed = ", ".join(map(sanitize, names)) + (f" and {more:,} more" if more else "")
    parts = [" and ".join(map(cost_text, total.costs))] if total.costs else []
    parts += [f"no price for {count(len(total.unpriced), 'model')}: {listed}"] if total.unpriced else []
    if parts:
        yield "Training cost", "; ".join(parts).rstrip()


def time_text(forecast: Forecast | Total) -> str:
    """Return how long something takes."""
    least, most = forecast.seconds, forecast.seconds_at_most
    if least is None or most is None:
        return ""
    shortest, longest = seconds_text(least), seconds_text(most)
    return f"about {shortest}" if shortest == longest else f"about {shortest} to {longest}"


def cost_text(cost: Cost) -> str:
    """Return what something costs: ``0.46 USD``, ``about 0.0096 USD`` of an estimate, ``0.24 to 0.96 USD``."""
    least, most = money_text(spell(cost.least)), money_text(spell(cost.most))
    amounts = least if least == most else f"{least} to {most}"
    return f"{'about ' if cost.estimate else ''}{amounts} {sanitize(cost.currency)}".rstrip()


def predicted_text(forecast: Mapping[str, Json]) -> str:
    """Return a forecast that the lockfile keeps: ``23 steps, 6s, 0.46 USD``."""
    cost = forecast.get("cost")
    parts = [_range(forecast, "steps", lambda value: count(int(value), "step"))]
    parts.append(_range(forecast, "seconds", seconds_text))
    if isinstance(cost, Mapping):
        amounts = dict.fromkeys(str(cost.get(key)) for key in ("amount", "amountAtMost"))
        parts.append(sanitize(f"{' to '.join(amounts)} {cost.get('currency')}"))
    return ", ".join(part for part in parts if part)


def took_text(actual: Actual) -> str:
    """Return what a tuning took: ``23 steps, 6s, 0.46 USD``."""
    parts = ["" if actual.steps is None else count(actual.steps, "step")]
    parts.append("" if actual.seconds is None else seconds_text(actual.seconds))
    parts.append("" if actual.cost is None else cost_text(actual.cost))
    return ", ".join(part for part in parts if part)


def took_lines(took: Mapping[str, Actual]) -> Iterator[str]:
    """Yield a line for each training of a run that was foreseen."""
    for name, actual in sorted(took.items()):
        yield f"{sanitize(name)}: took {took_words(actual)}"


def took_words(actual: Actual) -> str:
    """Return what a tuning took, and what was foreseen."""
    return f"{took_text(actual)}; foreseen were {predicted_text(actual.forecast)}"


def _range(forecast: Mapping[str, Json], key: str, spelt: Callable[[float], str]) -> str:
    """Return a figure of a kept forecast and the greatest it may be; a lockfile may hold anything."""
    figures = [forecast.get(key), forecast.get(f"{key}AtMost")]
    known = dict.fromkeys(spelt(value) for value in figures if isinstance(value, int | float))
    return " to ".join(known)


def money_text(amount: str) -> str:
    """Return an amount with its thousands set apart."""
    whole, point, decimals = amount.partition(".")
    return f"{int(whole):,}{point}{decimals}"


def _settings_text(settings: Mapping[str, Json]) -> str:
    """Return the settings of a variant in a few words."""
    return ", ".join(f"{sanitize(path)} = {value_text(value)}" for path, value in settings.items())


def variant_cells(variant: Variant) -> tuple[str, str, str, str, str]:
    """Return the cells of a variant: name, settings, steps, time and cost, or in their place why nothing is known."""
    forecast = variant.forecast or Forecast()
    name, settings = sanitize(variant.name), _settings_text(variant.settings)
    if variant.note is not None:
        return name, settings, sanitize(variant.note), "", ""
    steps = "not known" if variant.steps is None else steps_text(variant.steps)
    cost = cost_text(forecast.cost) if forecast.cost is not None else sanitize(forecast.unpriced or "")
    return name, settings, steps, time_text(forecast), cost


def what_if_rows(variants: Sequence[Variant]) -> list[str]:
    """Return a table of variants, without the columns that say nothing."""
    table = [_HEADS, *map(variant_cells, variants)]
    columns = [column for column in zip(*table, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    rows = zip(*columns, strict=True)
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _pace_text(pace: Pace) -> str:
    past = count(pace.runs, "training")
    source = f"from {sanitize(pace.base_model)}" if pace.base_model is not None else "from other base models"
    return f"{pace.seconds_per_step:g}s a step, the median of {past} {source}"
