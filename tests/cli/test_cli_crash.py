"""Killed anywhere: whatever moment a run dies at, the next one carries on and nothing is bought twice.

The death is that of ``kill -9``: from that moment on no request leaves the process and no byte reaches the disk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from cli_kit import HYPERPARAMETERS, TRAIN_SECONDS, Workshop, count_trainings

from reconciler.emulator import Emulator
from reconciler.testing.fakes import FakeClock
from reconciler.wiring import Session

SLOWLY = {"TUNECTL_POLL_INTERVAL": "6"}


class KilledError(BaseException):
    """Not an Exception, so that no code of ours takes it for something that can be handled."""


class Reaper:
    """Counts the moments at which the world changes, and kills the process at one of them.

    Every writing request and every rename of a stored file is two moments: just before it and just after.
    """

    def __init__(self) -> None:
        self.moments = 0
        self.fatal: int | None = None
        self.dead = False

    def around(self, change: Callable[[], object]) -> object:
        self._pass()
        result = change()
        self._pass()
        return result

    def check(self) -> None:
        if self.dead:
            raise KilledError

    def _pass(self) -> None:
        self.check()
        self.moments += 1
        self.dead = self.moments == self.fatal
        self.check()


class MortalTransport(httpx.BaseTransport):
    """A connection that ends with its process."""

    def __init__(self, inner: httpx.BaseTransport, reaper: Reaper) -> None:
        self._inner = inner
        self._reaper = reaper

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._reaper.check()
        if request.method == "GET":
            return self._inner.handle_request(request)
        answer = self._reaper.around(lambda: self._inner.handle_request(request))
        assert isinstance(answer, httpx.Response)
        return answer


@pytest.fixture
def reaper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reaper]:
    reaper = Reaper()
    rename = os.rename

    def mortal(*names: object, **options: object) -> None:
        reaper.around(lambda: rename(*names, **options))

    monkeypatch.setattr("reconciler.stores.local.os.rename", mortal)
    return reaper


@pytest.fixture
def empty(
    tmp_path: Path, reaper: Reaper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], Workshop]]:
    """Make new worlds without a life behind them, on a service that nothing leaves when the process is dead."""
    worlds: list[Emulator] = []

    def make() -> Workshop:
        clock = FakeClock()
        emulator = Emulator(clock=clock.now, sleep=clock.advance, train_seconds=TRAIN_SECONDS)
        worlds.append(emulator)
        monkeypatch.setattr(Session, "_in_process", lambda _: MortalTransport(emulator.transport(), reaper))
        root = tmp_path / str(len(worlds))
        root.mkdir()
        monkeypatch.chdir(root)
        workshop = Workshop(root, emulator, clock, capsys, SLOWLY, trainings=count_trainings(emulator))
        workshop.project()
        workshop.dataset()
        return workshop

    yield make
    for emulator in worlds:
        emulator.close()


@pytest.fixture
def world(empty: Callable[[], Workshop], reaper: Reaper) -> Callable[[], Workshop]:
    """Make new worlds, each with a life behind it and every kind of change before it."""

    def make() -> Workshop:
        workshop = empty()
        for name in ("changed", "patched", "removed"):
            workshop.want(name)
        workshop.apply()
        workshop.want("changed", hyperparameters={**HYPERPARAMETERS, "epochCount": 4})
        workshop.want("patched", temperature=0.5)
        workshop.drop("removed")
        workshop.want("fresh", hyperparameters={**HYPERPARAMETERS, "epochCount": 5})
        workshop.want("child", baseModel=None, source={"model": "fresh"})
        reaper.moments = 0
        return workshop

    return make


BOUGHT = 3 + 3


def dies(workshop: Workshop, reaper: Reaper, moment: int, *arguments: str) -> bool:
    """Apply, and be killed at a moment; False if the run had fewer moments than that."""
    return killed(workshop, reaper, moment, "apply", "-y", *arguments)


def killed(workshop: Workshop, reaper: Reaper, moment: int, *command: str) -> bool:
    """Run a command and be killed at a moment; False if the run had fewer moments than that."""
    reaper.fatal = reaper.moments + moment
    try:
        with suppress(KilledError):
            workshop.run(*command, expect=None)  # what a dead process says in its finally clauses is no matter
        return reaper.dead
    finally:
        reaper.fatal, reaper.dead = None, False
        os.chdir(workshop.root)


def test_the_approval_of_a_run_killed_at_any_moment_finishes_it(world: Callable[[], Workshop], reaper: Reaper) -> None:
    moment = 1
    while True:
        workshop = world()
        approved = ("--expect-digest", workshop.plan()["digest"])
        if not dies(workshop, reaper, moment, *approved):
            break
        workshop.apply(*approved)
        found = (workshop.kinds(), workshop.bought(), len(workshop.remote()))
        assert found == ([], BOUGHT, 4), f"killed at moment {moment}"
        moment += 1
    assert moment > 15


def test_a_run_that_is_killed_again_and_again_gets_there_all_the_same(
    world: Callable[[], Workshop], reaper: Reaper
) -> None:
    workshop = world()
    deaths = 0
    while dies(workshop, reaper, 5 + deaths):
        deaths += 1
        assert deaths < 50
    assert deaths >= 3
    assert (workshop.kinds(), workshop.bought(), len(workshop.remote())) == ([], BOUGHT, 4)


# --- going back, and removing what nobody needs --------------------------------------------------------------------


@pytest.fixture
def past(empty: Callable[[], Workshop], reaper: Reaper) -> Callable[[], Workshop]:
    """Make new worlds in which one name has two models that served before the present one."""

    def make() -> Workshop:
        workshop = empty()
        for count in (3, 4, 5):
            hyperparameters = {**HYPERPARAMETERS, "epochCount": count}
            workshop.want("numbers", hyperparameters=hyperparameters, lifecycle={"retain": 2})
            workshop.apply()
        reaper.moments = 0
        return workshop

    return make


def test_a_rollback_killed_at_any_moment_is_done_or_not_and_can_be_asked_for_again(
    past: Callable[[], Workshop], reaper: Reaper
) -> None:
    moment, ends = 1, set()
    while True:
        workshop = past()
        newest = workshop.serving("numbers")
        former = workshop.entry("numbers")["retained"][0]["resource"]
        struck = killed(workshop, reaper, moment, "rollback", "numbers", "-y")
        ends.add(workshop.serving("numbers"))
        assert workshop.serving("numbers") in {newest, former}
        if workshop.serving("numbers") == newest:
            workshop.run("rollback", "numbers", "-y")
        assert (workshop.serving("numbers"), workshop.kinds()) == (former, [])
        workshop.apply()
        workshop.run("lineage", "verify")
        assert (workshop.bought(), len(workshop.remote())) == (3, 3), f"killed at moment {moment}"
        if not struck:
            break
        moment += 1
    assert len(ends) == 2
    assert moment > 3


def test_a_collection_killed_at_any_moment_is_finished_by_the_next(
    past: Callable[[], Workshop], reaper: Reaper
) -> None:
    moment = 1
    while True:
        workshop = past()
        newest = workshop.serving("numbers")
        hyperparameters = {**HYPERPARAMETERS, "epochCount": 5}
        workshop.want("numbers", hyperparameters=hyperparameters, lifecycle={"retain": 0})
        struck = killed(workshop, reaper, moment, "gc", "-y")
        assert workshop.serving("numbers") == newest
        workshop.run("gc", "-y")
        assert (workshop.entry("numbers")["retained"], workshop.entry("numbers")["deposed"]) == ([], [])
        assert (workshop.remote(), workshop.kinds()) == ([newest.rpartition("/")[2]], []), f"killed at moment {moment}"
        workshop.run("lineage", "verify")
        assert workshop.bought() == 3
        if not struck:
            break
        moment += 1
    assert moment > 5


def test_the_record_of_a_model_that_a_killed_run_began_tells_its_steps(
    empty: Callable[[], Workshop], reaper: Reaper
) -> None:
    moment = 1
    while True:
        workshop = empty()
        workshop.want("numbers")
        reaper.moments = 0
        struck = dies(workshop, reaper, moment)
        workshop.apply()
        (record,) = map(json.loads, (workshop.root / "tunectl.lineage.jsonl").read_text().splitlines())
        assert (record["event"], record.get("steps")) == ("promoted", 23), f"killed at moment {moment}"
        if not struck:
            break
        moment += 1
    assert moment > 5
