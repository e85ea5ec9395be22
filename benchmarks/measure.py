"""Whole processes, measured: wall time, processor time and peak memory of what was started, by ``wait4``."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """The median of several runs. Seconds and megabytes (10^6 bytes)."""

    wall: float
    processor: float
    memory: float

    @property
    def milliseconds(self) -> float:
        """The wall time in milliseconds."""
        return 1000 * self.wall


def measure(
    command: Sequence[str],
    *,
    cwd: Path,
    runs: int,
    environ: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> Figure:
    """Run a command several times and return the medians; a run that fails ends the benchmark."""
    found = [_once(command, cwd, environ, output) for _ in range(runs)]
    return Figure(*(statistics.median(values) for values in zip(*found, strict=True)))


def _once(
    command: Sequence[str], cwd: Path, environ: Mapping[str, str] | None, output: Path | None
) -> tuple[float, float, float]:
    errors = cwd / "stderr.txt"
    with (output or Path(os.devnull)).open("wb") as out, errors.open("wb") as err:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(environ or {})}, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read_text()[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6
