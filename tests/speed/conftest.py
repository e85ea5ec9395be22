"""Whole runs as in tests/cli, whose kit is used here, too; what is asserted are counts, never seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.emulator import Emulator
from reconciler.testing.fakes import FakeClock
from reconciler.wiring import Session

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from cli_kit import TRAIN_SECONDS, Workshop


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def emulator(clock: FakeClock) -> Iterator[Emulator]:
    with Emulator(clock=clock.now, sleep=clock.advance, train_seconds=TRAIN_SECONDS) as emulator:
        yield emulator


@pytest.fixture
def fleet(
    tmp_path: Path,
    emulator: Emulator,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Workshop:
    """A project without manifests, on a service in memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Session, "_in_process", lambda _: emulator.transport())
    fleet = Workshop(tmp_path, emulator, clock, capsys)
    fleet.project()
    fleet.dataset()
    return fleet
