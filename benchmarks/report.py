"""The results as text, as a table in docs/performance.md, and as a plot beside it."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

_BEGIN, _END = "<!-- measured -->", "<!-- end -->"
_COLOURS = ("#1f6feb", "#8250df", "#bf8700", "#57606a", "#1a7f37")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 400, 60, 50


@dataclass(frozen=True)
class Row:
    """One thing measured: the figure, what it is compared with, the target and whether it is met."""

    what: str
    figure: str
    compared: str
    target: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """Whether the target is met, if there is one."""
        return {True: "met", False: "**missed**", None: ""}[self.met]

    def text(self) -> str:
        """Return the row for a terminal."""
        parts = [self.what.replace("`", ""), self.figure, self.compared, self.target and f"target {self.target}"]
        return "  ".join(part for part in [*parts, self.verdict.strip("*")] if part)


def machine() -> str:
    """Say what it was measured on; nothing that names the machine."""
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"load {load:.1f} before the start"
    )


def write_report(folder: Path, rows: Iterable[Row], plans: Mapping[str, Mapping[int, float]], runs: int) -> None:
    """Put the table between the marks of docs/performance.md and write the plot."""
    page = folder / "performance.md"
    before, _, rest = page.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    lines = [
        f"{machine().replace('before the start', 'at the end')}; medians of {runs} runs, single runs for apply.",
        "",
        "| what | figure | compared | target | |",
        "|---|---|---|---|---|",
        *(f"| {row.what} | {row.figure} | {row.compared} | {row.target} | {row.verdict} |" for row in rows),
    ]
    page.write_text(f"{before}{_BEGIN}\n{chr(10).join(lines)}\n{_END}{after}")
    (folder / "performance.svg").write_text(plot(plans))


def plot(series: Mapping[str, Mapping[int, float]]) -> str:
    """Return an SVG: seconds over models, both axes logarithmic, so that linear growth is a line of slope one."""
    points = [(size, seconds) for line in series.values() for size, seconds in line.items()]
    x0, x1 = (math.log10(pick(size for size, _ in points)) for pick in (min, max))
    y0 = math.floor(math.log10(min(seconds for _, seconds in points)))
    y1 = math.ceil(math.log10(max(seconds for _, seconds in points)))

    def at(size: float, seconds: float) -> tuple[float, float]:
        across = (math.log10(size) - x0) / (x1 - x0 or 1)
        up = (math.log10(seconds) - y0) / (y1 - y0 or 1)
        return _LEFT + across * (_WIDTH - _LEFT - 190), _HEIGHT - _BOTTOM - up * (_HEIGHT - _BOTTOM - 30)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"',
        ' font-family="sans-serif" font-size="12" aria-label="Seconds over number of models, tunectl and its peers">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="16" fill="#24292f">seconds for a whole run, by number of models</text>',
    ]
    for exponent in range(y0, y1 + 1):
        left, y = at(10**x0, 10.0**exponent)
        right, _ = at(10**x1, 1)
        parts.append(f'<path d="M{left:.0f} {y:.1f}H{right:.0f}" stroke="#d0d7de"/>')
        parts.append(
            f'<text x="{left - 8:.0f}" y="{y + 4:.1f}" text-anchor="end" fill="#57606a">{10.0**exponent:g}</text>'
        )
    for size in sorted({size for size, _ in points}):
        x, y = at(size, 10.0**y0)
        parts.append(f'<text x="{x:.1f}" y="{y + 20:.1f}" text-anchor="middle" fill="#57606a">{size:,}</text>')
    for colour, (name, line) in zip(_COLOURS, series.items(), strict=False):
        spots = [at(size, seconds) for size, seconds in sorted(line.items())]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        dash = ' stroke-dasharray="5 4"' if "recorded" in name else ""
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
        x, y = spots[-1]
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
