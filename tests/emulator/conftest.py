"""What every test of the emulator starts from: a world with a clock of its own, and a client in process."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from discovery_kit import Recorder, check_all
from emulator_kit import Api, Clock
from vertex_kit import Vertex

from reconciler.emulator import Emulator


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Emulator]:
    with Emulator(clock=clock, sleep=clock.advance, train_seconds=100) as emulator:
        yield emulator


@pytest.fixture
def api(emulator: Emulator) -> Iterator[Api]:
    with httpx.Client(transport=emulator.transport(), base_url="http://emulator") as client:
        yield Api(client)


@pytest.fixture
def vertex(emulator: Emulator, clock: Clock) -> Iterator[Vertex]:
    """A client of Vertex AI; what passes is held against the discovery documents when the test is over."""
    emulator.app = recorder = Recorder(emulator.app)
    with httpx.Client(transport=emulator.transport(), base_url="http://emulator") as client:
        yield Vertex(client, clock)
    check_all(recorder.exchanges)
