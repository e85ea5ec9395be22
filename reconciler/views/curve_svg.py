"""Loss curves as SVG: one file that needs nothing else, or a picture within a page.

It has a title and a description for those who hear it, a legend with a dash pattern for each curve beside its colour,
and both light and dark. No script, no font and no request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.core.showing.curve import Point, Scale, scale_of, thin, whole_scale
from reconciler.core.showing.specimen import Specimen
from reconciler.views.curve_text import number_text
from reconciler.views.curve_words import label_text, summary_text
from reconciler.views.markup import number, text

LIGHT = ("#0b5cad", "#a63d00", "#7a2ea0", "#00694a", "#a1115f", "#4b5563")
DARK = ("#74b9ff", "#ffab66", "#d3a4ff", "#5fd6a4", "#ff8fc6", "#bcc5d1")
"""Lines at six places: each at least 4.5 : 1 against its background (WCAG 2.2, 1.4.3 and 1.4.11)."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "12 4")
_LEFT, _RIGHT, _TOP, _FLOOR = 64, 18, 16, 46
_ROW = 34
_POINTS = 240
_TICK_HEIGHT, _TICK_WIDTH = 46, 90

PALETTE = (
    "--ink:#1c2128;--faint:#59636e;--grid:#d8dee4;--paper:#ffffff;"
    + "".join(f"--c{place}:{color};" for place, color in enumerate(LIGHT)),
    "--ink:#e6edf3;--faint:#a0abb7;--grid:#39414b;--paper:#12161c;"
    + "".join(f"--c{place}:{color};" for place, color in enumerate(DARK)),
)
"""Custom properties of the light and of the dark side."""

RULES = (
    ".axis{stroke:var(--grid);stroke-width:1}.tick{fill:var(--faint);font-size:12px}"
    ".key{fill:var(--ink);font-size:13px}.said{fill:var(--faint);font-size:12px}"
    "polyline{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}"
    + "".join(
        f".c{place}{{stroke:var(--c{place});stroke-dasharray:{dash or 'none'}}}.d{place}{{fill:var(--c{place})}}"
        for place, dash in enumerate(DASHES)
    )
)


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    steps: Scale
    losses: Scale

    def x(self, step: float) -> float:
        return _LEFT + self.steps.place(step) * (self.width - _LEFT - _RIGHT)

    def y(self, loss: float) -> float:
        return _TOP + (1 - self.losses.place(loss)) * (self.height - _TOP - _FLOOR)


def render_svg(specimens: Sequence[Specimen], *, width: int = 860, height: int = 420) -> str:
    """Return a file of loss curves; ``width`` and ``height`` are in CSS pixels, a legend comes below.

    Of models without a curve the legend says why.
    """
    title = f"Loss curves: {', '.join(specimen.chosen.label for specimen in specimens)}"
    whole = height + len(specimens) * _ROW + 12
    style = (
        f"svg{{{PALETTE[0]}background:var(--paper);font-family:system-ui,sans-serif}}"
        f"@media (prefers-color-scheme:dark){{svg{{{PALETTE[1]}}}}}{RULES}"
    )
    body = "".join((*_drawing(specimens, width, height), *_legend(specimens, height)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" width="{width}" height="{whole}" '
        f'role="img" aria-labelledby="title desc">\n<title id="title">{text(title)}</title>\n'
        f'<desc id="desc">{text(described(specimens))}</desc>\n<style>{style}</style>\n'
        f'<rect width="100%" height="100%" fill="var(--paper)"/>\n{body}</svg>\n'
    )


def render_figure(specimens: Sequence[Specimen], *, width: int = 640, height: int = 240, points: int = _POINTS) -> str:
    """Return the drawing alone, for a page that has ``PALETTE`` and ``RULES``; empty if there is no curve.

    A line is drawn with about ``points`` points at the most.
    """
    body = "".join(_drawing(specimens, width, height, points))
    if not body:
        return ""
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{text(described(specimens))}">\n{body}</svg>\n'


def described(specimens: Sequence[Specimen]) -> str:
    """Return what the drawing shows, for those who do not see it."""
    said = "; ".join(f"{label_text(specimen)}: {summary_text(specimen)}" for specimen in specimens)
    return f"Mean loss by training step. {said}."


def _drawing(specimens: Sequence[Specimen], width: int, height: int, points: int = _POINTS) -> Iterator[str]:
    known = [point for specimen in specimens for point in specimen.curve.points]
    if not known:
        return
    losses = scale_of((loss for _, loss in known), most=max(2, (height - _TOP - _FLOOR) // _TICK_HEIGHT))
    steps = whole_scale([step for step, _ in known], most=max(1, (width - _LEFT - _RIGHT) // _TICK_WIDTH))
    frame = _Frame(width, height, steps, losses)
    yield from _axes(frame)
    drawn = [specimen for specimen in specimens if specimen.curve.points]
    for place, specimen in enumerate(drawn):
        for line in specimen.curve.lines:
            yield _line(thin(line, points), frame, place % len(DASHES))


def _axes(frame: _Frame) -> Iterator[str]:
    left, right = number(_LEFT), number(frame.width - _RIGHT)
    ticks = frame.losses.ticks
    gap = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 0.0
    for tick in ticks:
        y = number(frame.y(tick))
        yield f'<line class="axis" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>'
        said = number_text(tick, gap)
        yield f'<text class="tick" x="{_LEFT - 8}" y="{y}" dy=".32em" text-anchor="end">{said}</text>\n'
    floor = frame.height - _FLOOR
    yield f'<line class="axis" x1="{left}" y1="{floor}" x2="{right}" y2="{floor}"/>\n'
    for tick in frame.steps.ticks:
        x = number(frame.x(tick))
        yield f'<text class="tick" x="{x}" y="{floor + 18}" text-anchor="middle">{tick:,.0f}</text>'
    middle = number((_LEFT + frame.width - _RIGHT) / 2)
    yield f'\n<text class="tick" x="{middle}" y="{floor + 36}" text-anchor="middle">mean loss by step</text>\n'


def _line(line: Sequence[Point], frame: _Frame, place: int) -> str:
    places = [(number(frame.x(step)), number(frame.y(loss))) for step, loss in line]
    if len(places) == 1:
        return f'<circle class="d{place}" cx="{places[0][0]}" cy="{places[0][1]}" r="3"/>\n'
    return f'<polyline class="c{place}" points="{" ".join(f"{x},{y}" for x, y in places)}"/>\n'


def _legend(specimens: Sequence[Specimen], top: int) -> Iterator[str]:
    drawn = 0
    for row, specimen in enumerate(specimens):
        y = top + row * _ROW + 10
        if specimen.curve.points:
            yield f'<polyline class="c{drawn % len(DASHES)}" points="{_LEFT},{y} {_LEFT + 34},{y}"/>'
            drawn += 1
        yield f'<text class="key" x="{_LEFT + 44}" y="{y}" dy=".32em">{text(label_text(specimen), limit=110)}</text>'
        yield f'<text class="said" x="{_LEFT + 44}" y="{y + 16}" dy=".32em">{text(summary_text(specimen))}</text>\n'
