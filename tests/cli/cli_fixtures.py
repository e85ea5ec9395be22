"""Fixtures for whole runs through the command line: a clock, a service in memory, and a project on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_kit import TRAIN_SECONDS, Workshop, count_trainings
from discovery_kit import Recorder, check_all

from reconciler.emulator import Emulator
from reconciler.testing.fakes import FakeClock
from reconciler.wiring import Session


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def emulator(clock: FakeClock) -> Iterator[Emulator]:
    """A service in memory whose trainings take a minute of a clock that only sleeping moves."""
    with Emulator(clock=clock.now, sleep=clock.advance, train_seconds=TRAIN_SECONDS) as emulator:
        yield emulator


@pytest.fixture
def workshop(
    tmp_path: Path,
    emulator: Emulator,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Workshop:
    """A project with one manifest, on a service that stands where the embedded one would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Session, "_in_process", lambda _: emulator.transport())
    workshop = Workshop(tmp_path, emulator, clock, capsys, trainings=count_trainings(emulator))
    workshop.project()
    workshop.dataset()
    workshop.want("numbers")
    return workshop


@pytest.fixture
def documented(emulator: Emulator) -> Iterator[Recorder]:
    """The service of a run; what passes is held against Google's discovery documents when the test is over."""
    application = emulator.app
    recorder = Recorder(application)
    emulator.app = recorder  # type: ignore[assignment]  # it is called like the one it stands before
    yield recorder
    assert check_all(recorder.exchanges) == len(recorder.exchanges), "something was sent that no document knows"
