"""Benches and wires: made once per process of the tests, for each story that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from crash_bench import Bench
from crash_wire import Wire

if TYPE_CHECKING:
    from crash_project import Story


@pytest.fixture(scope="session")
def bench_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Story], Bench]]:
    """Give the bench of a story."""
    made: dict[str, Bench] = {}
    with ExitStack() as benches:

        def give(story: Story) -> Bench:
            if story.name not in made:
                folder = tmp_path_factory.mktemp(f"bench-{story.name}")
                made[story.name] = benches.enter_context(Bench(folder, story))
            return made[story.name]

        yield give


@pytest.fixture
def wire_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Story], Wire]]:
    """Give the wire of a story, with every session on the embedded emulator speaking over it."""
    with ExitStack() as wires:

        def give(story: Story) -> Wire:
            wire = Wire(tmp_path_factory.mktemp(f"wire-{story.name}"), story)
            return wires.enter_context(wire.connected())

        yield give
