"""Loss curves in a terminal: axes, one drawing a model, and a legend that says the numbers.

Several curves without colours have a sign each, because equal dots could not be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.showing.curve import Curve, Scale, scale_of, whole_scale
from reconciler.core.showing.specimen import Specimen
from reconciler.core.text import clip
from reconciler.views.canvas import SIGNS, Canvas
from reconciler.views.curve_words import label_text, summary_text
from reconciler.views.paint import Paint, painter
from reconciler.views.words import guard

COLORS = ("cyan", "yellow", "magenta", "green", "red", "blue")
SPARKS = "▁▂▃▄▅▆▇█"
_NARROWEST, _LOWEST = 10, 4
_ROWS_A_TICK, _COLUMNS_A_TICK = 2, 12


@dataclass(frozen=True, slots=True)
class _Style:
    frame: Mapping[str, str]
    braille: bool


_UNICODE = {"side": "│", "tick": "┤", "corner": "└", "floor": "─", "mark": "┬"}
_ASCII = {"side": "|", "tick": "+", "corner": "+", "floor": "-", "mark": "+"}


def render_curves(
    specimens: Sequence[Specimen], *, width: int = 100, height: int = 20, color: bool = False, unicode: bool = True
) -> str:
    """Return loss curves as text that ends with a line feed.

    Args:
        specimens: the models; of those without a curve the legend says why.
        width: columns to keep to, the labels of the axis included.
        height: rows of the field between the axes.
        color: whether to use SGR codes.
        unicode: whether the terminal can show braille.
    """
    paint = painter(color=color)
    drawn = [specimen for specimen in specimens if specimen.curve.points]
    style = _Style(_UNICODE if unicode else _ASCII, unicode and (color or len(drawn) == 1))
    lines = list(_chart([s.curve for s in drawn], style, paint, width, max(height, _LOWEST))) if drawn else []
    lines += [] if drawn else ["There is nothing to draw yet."]
    keys = {id(specimen): number for number, specimen in enumerate(drawn)}
    for specimen in specimens:
        number = keys.get(id(specimen))
        sample = "   " if number is None else paint(_sample(style, number), _color(number))
        lines += [f"{sample} {label_text(specimen)}", f"      {summary_text(specimen)}"]
    return guard("\n".join(lines) + "\n")


def sparkline(losses: Sequence[float], width: int) -> str:
    """Return the newest losses as one row of blocks, the least at the bottom; empty for fewer than two."""
    recent = losses[-width:]
    if len(recent) < 2:  # noqa: PLR2004  one point is no curve
        return ""
    scale = scale_of(recent, most=2)
    low, high = min(recent), max(recent)
    if low == high:
        return SPARKS[0] * len(recent)
    scale = Scale(low, high, ())
    return "".join(SPARKS[min(int(scale.place(loss) * len(SPARKS)), len(SPARKS) - 1)] for loss in recent)


def _chart(curves: Sequence[Curve], style: _Style, paint: Paint, width: int, height: int) -> Iterator[str]:
    points = [point for curve in curves for point in curve.points]
    losses = scale_of((loss for _, loss in points), most=max(2, height // _ROWS_A_TICK))
    labels = dict(_labels(losses, height))
    gutter = max(map(len, labels.values()))
    columns = max(_NARROWEST, width - gutter - 2)
    steps = whole_scale([step for step, _ in points], most=max(1, columns // _COLUMNS_A_TICK))
    canvas = Canvas(columns, height, braille=style.braille)
    for number, curve in enumerate(curves):
        _draw(canvas, curve, steps, losses, number)
    for row in range(height):
        side = style.frame["tick" if row in labels else "side"]
        drawn = "".join(_painted(canvas, row, paint))
        yield f"{labels.get(row, ''):>{gutter}} {side}{drawn}".rstrip()
    yield from _floor(steps, style, gutter, columns)


def _draw(canvas: Canvas, curve: Curve, steps: Scale, losses: Scale, number: int) -> None:
    for line in curve.lines:
        dots = [
            (round(steps.place(step) * (canvas.width - 1)), round((1 - losses.place(loss)) * (canvas.height - 1)))
            for step, loss in line
        ]
        for start, end in zip(dots, dots[1:] or dots, strict=False):
            canvas.line(start, end, number)


def _painted(canvas: Canvas, row: int, paint: Paint) -> Iterator[str]:
    """Yield the row in runs of one colour each."""
    run, owner = "", None
    for sign, drawing in canvas.row(row):
        if drawing is not None and drawing != owner and run:
            yield run if owner is None else paint(run, _color(owner))
            run = ""
        owner = owner if drawing is None else drawing
        run += sign
    yield run if owner is None else paint(run.rstrip(), _color(owner))


def _labels(scale: Scale, height: int) -> Iterator[tuple[int, str]]:
    """Yield rows of the field with the number that stands beside them."""
    step = abs(scale.ticks[1] - scale.ticks[0]) if len(scale.ticks) > 1 else 0.0
    for tick in scale.ticks:
        yield round((1 - scale.place(tick)) * (height - 1)), number_text(tick, step)


def number_text(value: float, step: float) -> str:
    """Return a tick's number with as many decimals as its neighbours need."""
    if step == 0 or not 1e-4 <= abs(step) < 1e6:  # noqa: PLR2004  beyond, decimals are harder to read than powers
        return f"{value + 0.0:.3g}"
    decimals = next((places for places in range(6) if round(step, places) == round(step, 9)), 6)
    return f"{value + 0.0:,.{decimals}f}"


def _floor(scale: Scale, style: _Style, gutter: int, columns: int) -> Iterator[str]:
    """Yield the axis of steps and its numbers; numbers that would touch are left out."""
    line, numbers, taken = [style.frame["floor"]] * columns, [" "] * (columns + len("step") + 2), -2
    for tick in (*scale.ticks[:1], *reversed(scale.ticks[1:])):
        text = f"{tick:,.0f}"
        place = round(scale.place(tick) * (columns - 1))
        start = max(0, min(place - len(text) // 2, columns - len(text)))
        if any(sign != " " for sign in numbers[max(0, start - 2) : start + len(text) + 2]):
            continue
        line[place] = style.frame["mark"]
        numbers[start : start + len(text)] = text
        taken = max(taken, start + len(text))
    yield f"{'':>{gutter}} {style.frame['corner']}{''.join(line)}"
    yield f"{'':>{gutter}}  {clip(''.join(numbers).rstrip(), columns)}"
    yield f"{'':>{gutter}}  {'mean loss by step':^{columns}}".rstrip()


def _sample(style: _Style, number: int) -> str:
    return "⠒⠒⠒" if style.braille else SIGNS[number % len(SIGNS)] * 3


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]
