"""Two runs at once, and lockfiles that are lost: nothing is bought twice."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from crash_bench import APPLY, Bench
from crash_project import CHANGE, FIRST, LOCKFILE, STORIES, Story

from reconciler.emulator.faults import Fault

Benches = Callable[[Story], Bench]

SLOW = Fault("delay", method="GET", path="tunedModels$", seconds=2.0)
TURNS = (*APPLY, "--lock-timeout", "50s")
_PATIENCE = 20.0


def until_it_asks(bench: Bench) -> None:
    """Return when a run has asked the service for something; it holds the lock by then."""
    deadline = time.monotonic() + _PATIENCE
    while bench.service.requests == 0:
        assert time.monotonic() < deadline, "the run never asked for anything"
        time.sleep(0.01)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_second_run_is_told_who_holds_the_lock_and_may_wait_for_it(bench_of: Benches, story: Story) -> None:
    bench = bench_of(story)
    with bench.stage() as root:
        bench.service.emulator.faults.add(SLOW)
        first, _ = bench.begin(root, *APPLY)
        until_it_asks(bench)
        refused = bench.run(root, *APPLY)
        second, _ = bench.begin(root, *TURNS)
        assert (refused.code, first().code, second().code) == (8, 0, 0)
        assert "locked by tunectl apply" in refused.err
        assert "--lock-timeout" in refused.err
        assert bench.problems(root) == []


def test_of_four_runs_that_begin_together_one_does_the_work(bench_of: Benches) -> None:
    bench = bench_of(CHANGE)
    with bench.stage() as root:
        runs = [bench.begin(root, *TURNS)[0] for _ in range(4)]
        assert [run().code for run in runs] == [0, 0, 0, 0]
        assert bench.problems(root) == []


def test_the_lock_of_a_run_that_is_killed_passes_to_the_one_that_waits(bench_of: Benches) -> None:
    bench = bench_of(CHANGE)
    with bench.stage() as root:
        bench.service.emulator.faults.add(Fault("delay", method="POST", seconds=2.0))
        first, kill = bench.begin(root, *APPLY)
        until_it_asks(bench)
        second, _ = bench.begin(root, *TURNS)
        time.sleep(0.8)
        kill()
        assert (first().code, second().code) == (-9, 0)
        assert bench.problems(root) == []


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_two_checkouts_of_one_project_buy_together_what_one_would(bench_of: Benches, story: Story) -> None:
    """Each has a lockfile of its own, which is one writer too many; it costs a second run, but no second training."""
    bench = bench_of(story)
    with bench.stage(watched=False) as root:
        twin = root.with_name("twin")
        shutil.copytree(root, twin)
        runs = [bench.begin(folder, *APPLY)[0] for folder in (root, twin)]
        assert {run().code for run in runs} <= {0, 4}
        for folder in (root, twin, root):
            last = bench.run(folder, *APPLY)
            assert last.code == 0, last.err
        assert bench.problems(root) == []
        assert bench.problems(twin) == []


def test_a_lockfile_that_is_lost_costs_nothing(bench_of: Benches) -> None:
    bench = bench_of(FIRST)
    with bench.stage() as root:
        assert bench.run(root, *APPLY).code == 0
        lose(root)
        assert bench.run(root, *APPLY).code == 0
        assert [p for p in bench.problems(root) if "lineage" not in p] == []


@pytest.mark.parametrize("number", [4, 6, 9, 12])
def test_a_lockfile_that_is_lost_together_with_its_run_costs_nothing(bench_of: Benches, number: int) -> None:
    bench = bench_of(FIRST)
    with bench.stage() as root:
        assert bench.run_until(root, number).killed
        lose(root)
        resumed = bench.run(root, *APPLY)
        assert resumed.code == 0, resumed.err
        assert bench.problems(root) == []


def test_answers_that_come_too_late_are_survived(bench_of: Benches) -> None:
    """The client's own timeout, over a socket: what was sent is carried out, and nobody hears of it."""
    bench = bench_of(CHANGE)
    with bench.stage() as root:
        for method in ("POST", "PATCH", "DELETE"):
            bench.service.emulator.faults.add(Fault("delay", method=method, seconds=1.5))
        slow = bench.run(root, *APPLY, TUNECTL_HTTP_TIMEOUT="0.5")
        assert slow.code in {0, 4}, slow.err
        assert bench.run(root, *APPLY).code == 0
        assert bench.problems(root) == []


def lose(root: Path) -> None:
    """Lose the lockfile and everything that could bring it back."""
    (root / LOCKFILE).unlink(missing_ok=True)
    shutil.rmtree(root / ".tunectl", ignore_errors=True)
