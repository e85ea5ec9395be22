"""The full sweeps: every point of every story on several benches at once, every fault at every request of a wire."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from crash_bench import Bench, Point, Verdict
from crash_child import strace
from crash_table import Row
from crash_wire import FAULTS, Break, Wire

if TYPE_CHECKING:
    from crash_project import Story

_AGAIN = (1, 2, 4, 7, 11)
"""Requests at which a run that resumes is killed, too."""
_NAMES = {"request": "every request", "moment": "every moment", "call": "every system call", "again": "and again"}


def points(bench: Bench) -> Iterator[Point]:
    """Yield every point of a story: requests, moments, system calls where strace is, and two kills in a row."""
    requests = bench.requests()
    for number in range(1, requests + 1):
        yield Point("request", "before", number)
        yield Point("request", "after", number)
    for number, name in enumerate(bench.moments(), start=1):
        yield Point("moment", name, number)
    if strace() is not None:
        for name, number in bench.calls():
            yield Point("call", name, number)
    for number in range(3, requests + 1, 2):
        for again in _AGAIN:
            yield Point("request", "after", number, again=again)


def sweep(story: Story, *, workers: int, every: int, folder: Path) -> list[Verdict]:
    """Strike at every n-th point of a story, each on the next bench that is free."""
    with ExitStack() as benches:
        free: queue.Queue[Bench] = queue.Queue()
        for number in range(workers):
            place = folder / f"{story.name}-{number}"
            place.mkdir()
            free.put(benches.enter_context(Bench(place, story)))
        bench = free.get()
        chosen = list(points(bench))[::every]
        free.put(bench)
        done, told = [], threading.Lock()

        def strike(point: Point) -> None:
            mine = free.get()
            try:
                verdict = mine.strike(point)
            finally:
                free.put(mine)
            with told:
                done.append(verdict)
                _tell(story, verdict, len(done), len(chosen))

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(strike, chosen))
    return done


def rows(story: Story, verdicts: Iterable[Verdict]) -> Iterator[Row]:
    """Yield a row for each kind of point."""
    for kind, found in groupby(sorted(verdicts, key=_kind), key=_kind):
        some = list(found)
        problems = tuple(problem for verdict in some for problem in verdict.problems)
        yield Row(f"{story.name}: {_NAMES[kind]}", len(some), sum(verdict.struck for verdict in some), problems)


def break_wires(
    story: Story,
    folder: Path,
    *,
    every: int,
    faults: Iterable[str] = FAULTS,
    loud: bool = True,
    tool: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[Row]:
    """Break the line at every n-th request with every fault, once and for good, and yield a row for each.

    ``loud`` prints every problem as it is found. ``tool`` is entered for the runs over a broken line: the control's
    tunectl is another one there, and the sound one wherever things are prepared.
    """
    with ExitStack() as stack:
        with _silence():
            wire = stack.enter_context(Wire(folder, story).connected())
        for lasting in (False, True):
            tried, found = 0, []
            for fault in faults:
                for number in range(1, wire.length + 1, every):
                    tried += 1
                    with _silence(), tool():
                        _, problems = wire.suffer(Break(fault, number, lasting=lasting))
                    found += problems
                    for problem in problems if loud else ():
                        sys.stdout.write(f"{story.name}: {Break(fault, number, lasting=lasting)}: {problem}\n")
            how = "a fault that stays" if lasting else "a fault that passes"
            yield Row(f"{story.name}: {how}", tried, tried, tuple(found))


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what runs in this process print to themselves."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _kind(verdict: Verdict) -> str:
    return "again" if verdict.point.again else verdict.point.how


def _tell(story: Story, verdict: Verdict, number: int, count: int) -> None:
    for problem in verdict.problems:
        sys.stdout.write(f"{story.name}: {verdict.point}: {problem}\n")
    if number % 50 == 0 or verdict.problems:
        sys.stdout.write(f"{story.name}: {number} of {count}\n")
        sys.stdout.flush()
