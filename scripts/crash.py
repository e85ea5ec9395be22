"""Kills tunectl everywhere, breaks every wire, measures what it writes, and prints the numbers (``make crash``).

``--every N`` takes every N-th point only. Exits with 1 if anything is not as it has to be; each such thing is printed
as it is found, with the point that shows it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "crash"))

import crash_sweep as sweeps
import crash_writes as writes
from crash_child import strace
from crash_project import FIRST, STORIES
from crash_table import Row, render, total
from crash_wire import careless

COUNTS = (100, 1_000, 2_000)
"""Fleets whose writes are measured."""


def kill(folder: Path, options: argparse.Namespace) -> bool:
    """Kill processes; tell whether all is well."""
    found: list[Row] = []
    for story in STORIES:
        verdicts = sweeps.sweep(story, workers=options.workers, every=options.every, folder=folder)
        rows = list(sweeps.rows(story, verdicts))
        print(f"\n{render(rows)}\n", flush=True)
        found += rows
    if strace() is None:
        print("strace is not installed: no run was killed at its system calls")
    return show("Killed, and run again", found)


def cut(folder: Path, options: argparse.Namespace) -> bool:
    """Break wires; tell whether all is well, and the control is not."""
    found: list[Row] = []
    for story in STORIES:
        place = folder / f"wire-{story.name}"
        place.mkdir()
        found += sweeps.break_wires(story, place, every=options.every)
    well = show("Cut off, and run again", found)
    place = folder / "wire-control"
    place.mkdir()
    control = sweeps.break_wires(FIRST, place, every=options.every, faults=["dropped after"], loud=False, tool=careless)
    spoiled = list(control)
    show("The control: the same with intents and derived ids switched off", spoiled)
    return well and any(row.problems for row in spoiled)


def weigh(folder: Path, _options: argparse.Namespace) -> bool:
    """Measure writes; tell whether they are linear."""
    measured = []
    for count in COUNTS:
        place = folder / f"fleet-{count}"
        place.mkdir()
        measured.append(writes.measure(count, place))
    print(f"\nBytes written by the first apply of a fleet\n\n{writes.render(measured)}\n", flush=True)
    return writes.linear(measured)


def show(title: str, rows: list[Row]) -> bool:
    """Print a table and tell whether all is well."""
    whole = total(rows)
    print(f"\n{title}\n\n{render([*rows, whole])}\n", flush=True)
    return not whole.problems


SECTIONS: dict[str, Callable[[Path, argparse.Namespace], bool]] = {"kill": kill, "wire": cut, "writes": weigh}


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)} (all)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every N-th point only (1)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="runs at the same time (2)")
    options = parser.parse_args()
    unknown = set(options.sections) - SECTIONS.keys()
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}")
    well = True
    for name in options.sections or SECTIONS:
        since = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="tunectl-crash-") as folder:
            well = SECTIONS[name](Path(folder), options) and well
        print(f"{name}: {time.monotonic() - since:.0f} s", flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
