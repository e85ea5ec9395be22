"""How many bytes an apply writes, by the number of models."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import crash_child as child
from crash_project import LOCKFILE, write_fleet
from crash_service import Service

METER = Path(__file__).with_name("crash_meter.py")
_PATIENCE = 900.0
FACTOR = 1.6
"""How much more a model may cost in a fleet of any size than in the smallest one. Squares would make it twenty."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the first apply of so many models wrote, in bytes; ``everything`` is None where no kernel counts it."""

    models: int
    lockfile: int
    stored: int
    everything: int | None

    @property
    def each(self) -> float:
        """Bytes through the store for each model."""
        return self.stored / self.models


def measure(models: int, folder: Path) -> Written:
    """Apply a fleet for the first time, in a process of its own, and measure it."""
    root, result, remote = folder / "project", folder / "result", folder / "remote"
    root.mkdir()
    remote.mkdir()
    write_fleet(root, models)
    command = [sys.executable, str(METER), str(result), "apply", "-y", "--quiet", "--poll-interval", "0.01"]
    with Service(remote, frozenset()) as service:
        service.new_world()
        others = service.bought()
        ended = child.finish(
            child.start(command, cwd=root, environ={"TUNECTL_ENDPOINT": service.url}), patience=_PATIENCE
        )
        assert ended.code == 0, ended.err
        assert service.bought() - others == models
    return Written(models, (root / LOCKFILE).stat().st_size, **json.loads(result.read_text()))


def linear(measured: Sequence[Written]) -> bool:
    """Tell whether a model costs about the same in every fleet."""
    return max(found.each for found in measured) <= FACTOR * measured[0].each


def render(measured: Sequence[Written]) -> str:
    """Return the measurements as a Markdown table."""
    lines = ["| models | lockfile | through the store | for each model | all that the process wrote |"]
    lines.append("|---:|---:|---:|---:|---:|")
    for found in measured:
        everything = "" if found.everything is None else f"{found.everything:,}"
        lines.append(f"| {found.models:,} | {found.lockfile:,} | {found.stored:,} | {found.each:,.0f} | {everything} |")
    return "\n".join(lines)
