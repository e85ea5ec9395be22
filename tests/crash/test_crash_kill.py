"""The kill sweep, thinned out: real processes are killed, the next run finishes what they began, once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from crash_bench import Bench, Point
from crash_child import strace
from crash_project import CHANGE, STORIES, Story

Benches = Callable[[Story], Bench]

SHARES = 10
CALLS = 24

stories = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)


@cache
def moments(bench: Bench) -> list[str]:
    return bench.moments()


@cache
def requests(bench: Bench) -> int:
    return bench.requests()


@cache
def calls(bench: Bench) -> list[tuple[str, int]]:
    return bench.calls()


@stories
@pytest.mark.parametrize("share", range(SHARES))
def test_a_run_killed_from_within_is_finished_by_the_next(bench_of: Benches, story: Story, share: int) -> None:
    """The last tenth is left out: a run with fewer looks at a training is over before."""
    bench = bench_of(story)
    number = 1 + len(moments(bench)) * 9 * share // (10 * SHARES)
    verdict = bench.strike(Point("moment", moments(bench)[number - 1], number))
    assert (verdict.struck, verdict.problems) == (True, ())


@stories
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("share", range(SHARES // 2))
def test_a_run_killed_around_a_request_is_finished_by_the_next(
    bench_of: Benches, story: Story, share: int, side: str
) -> None:
    bench = bench_of(story)
    number = 1 + requests(bench) * 8 * share // (5 * SHARES)
    verdict = bench.strike(Point("request", side, number))
    assert (verdict.struck, verdict.problems) == (True, ())


@pytest.mark.parametrize(("number", "again"), [(5, 3), (9, 6)])
def test_a_run_that_resumes_may_be_killed_as_well(bench_of: Benches, number: int, again: int) -> None:
    verdict = bench_of(CHANGE).strike(Point("request", "after", number, again=again))
    assert (verdict.struck, verdict.problems) == (True, ())


@pytest.mark.system
@stories
@pytest.mark.parametrize("share", range(CALLS))
def test_a_run_killed_at_a_system_call_is_finished_by_the_next(bench_of: Benches, story: Story, share: int) -> None:
    if strace() is None:
        pytest.fail("strace is not installed; it is what this test kills with")
    bench = bench_of(story)
    found = calls(bench)
    verdict = bench.strike(Point("call", *found[len(found) * share // CALLS]))
    assert verdict.problems == ()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_sweep_reaches_every_act_that_counts(bench_of: Benches, story: Story) -> None:
    """A list of moments without one of these would prove nothing of it."""
    found = set(moments(bench_of(story)))
    assert found >= {
        "write, half done",
        "fsync, before",
        "fsync, done",
        "rename, before",
        "rename, done",
        "send, half done",
        "receive, before",
        "fcntl.flock",
        "os.remove",
        "socket.connect",
    }
