"""The wire sweep on Vertex AI: an apply meets a fault, the next one heals it, and every job is bought once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.invocation import Invocation
from reconciler.cli.main import run
from reconciler.emulator import Emulator, Fault
from reconciler.emulator.vertex.records import Job
from reconciler.project import provenance
from reconciler.providers.vertex.creation import Creation
from reconciler.testing.fakes import FakeClock
from reconciler.wiring import Session

FAULTS = {
    "dropped before": Fault("drop"),
    "dropped after": Fault("drop", after=True),
    "500 after": Fault("status", code=500, after=True),
    "truncated": Fault("truncate"),
}
WANTED = 2
"""A parent, and a child that is tuned from it: two jobs to pay for."""
AFTER_INTENT = 3
"""Requests before the first that could cost anything."""


class Stage:
    """A project on a service of its own; ``lag`` is how late a listing may be."""

    def __init__(self, root: Path, *, lag: float = 0.0, seconds: float = 2.0) -> None:
        self.root = root
        self.clock = FakeClock()
        self.emulator = Emulator(clock=self.clock.now, sleep=self.clock.advance, train_seconds=seconds, listing_lag=lag)
        self._write("tunectl.yaml", kind="Project", metadata={"name": "sweep"}, spec={"provider": {"type": "vertex"}})
        data = {"examples": [{"text_input": str(number), "output": str(number + 1)} for number in range(3)]}
        self._write(
            "manifests/a.yaml", metadata={"name": "mother"}, spec={"baseModel": "gemini-2.5-flash", "dataset": data}
        )
        self._write(
            "manifests/b.yaml", metadata={"name": "child"}, spec={"source": {"model": "mother"}, "dataset": data}
        )

    def _write(self, path: str, **document: Any) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({"apiVersion": "tunectl/v1", "kind": "TunedModel", **document}))

    def tunectl(self, *arguments: str) -> int:
        return run(("-C", str(self.root), *arguments), invocation=Invocation(environ={}, clock=self.clock))

    def apply(self) -> int:
        return self.tunectl("apply", "-y", "--quiet", "--parallelism", "1")

    def bought(self) -> int:
        return self.emulator.world.shelf.count(Job)

    def wrong(self) -> list[str]:
        """Say what is not as it has to be at the end."""
        found = []
        if self.bought() != WANTED:
            found.append(f"{self.bought()} jobs were bought, not {WANTED}")
        models = json.loads((self.root / "tunectl.lock").read_text())["models"]
        states = {name: entry["state"] for name, entry in models.items()}
        if states != {"mother": "ready", "child": "ready"}:
            found.append(f"the lockfile says {states}")
        plan = self.root / "plan.json"
        if code := self.tunectl("plan", "--detailed-exitcode", "--quiet", "--format", f"json={plan}"):
            left = json.loads(plan.read_text())["actions"] if plan.exists() else "no plan"
            found.append(f"there is something left to do ({code}): {left}")
        return found


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made: list[Stage] = []
    monkeypatch.setattr(Session, "_in_process", lambda _: made[-1].emulator.transport())
    # A sweep is a hundred applies. What each asks of the machine and not of the wire (a process for git, a disk that
    # says when it is through) takes as long as the machine likes, and proves nothing here; other tests see to it.
    monkeypatch.setattr(provenance, "_git", lambda *_: None)
    monkeypatch.setattr(os, "fsync", lambda _: None)

    def new(**options: Any) -> Stage:
        root = tmp_path / str(len(made))
        root.mkdir()
        made.append(Stage(root, **options))
        return made[-1]

    yield new
    for stage in made:
        stage.emulator.close()


def length(stages: Any) -> int:
    """How many requests an undisturbed apply takes."""
    stage = stages()
    assert stage.apply() == 0
    assert len(stage.emulator.requests) < 60
    requests = len(stage.emulator.requests)
    assert stage.wrong() == []
    return requests


def suffer(stages: Any, fault: Fault, number: int, *, lasting: bool = False, **options: Any) -> list[str]:
    """Break one request, or all from one on; heal, apply again, and say what is wrong."""
    stage = stages(**options)
    stage.emulator.faults.add(replace(fault, skip=number - 1, count=None if lasting else 1))
    stage.apply()
    stage.emulator.faults.clear()
    code = stage.apply()
    problems = stage.wrong()
    return [f"request {number}: {problem}" for problem in [*([f"healed: {code}"] if code else []), *problems]]


@pytest.mark.parametrize("fault", FAULTS)
def test_any_request_may_meet_any_fault(stages: Any, fault: str) -> None:
    wrong = [problem for number in range(1, length(stages) + 1) for problem in suffer(stages, FAULTS[fault], number)]
    assert wrong == []


@pytest.mark.parametrize("lag", [0.0, 10.0])
def test_the_wire_may_break_for_good_even_where_listings_lag(stages: Any, lag: float) -> None:
    """The run that goes on finds what the broken one has bought, although the listing is ten seconds late."""
    numbers = range(1, length(stages) + 1, 1 if lag else 2)
    fault = FAULTS["dropped after"]
    wrong = [
        problem
        for number in numbers
        for problem in suffer(stages, fault, number, lasting=True, lag=lag, seconds=lag + 2.0)
    ]
    assert wrong == []


def test_the_sweep_catches_a_provider_that_sends_without_looking(stages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: one that looks for nothing buys twice."""
    requests = length(stages)
    monkeypatch.setattr(Creation, "_look", lambda *_: None)
    found = [p for n in range(AFTER_INTENT, requests) for p in suffer(stages, FAULTS["dropped after"], n)]
    assert any("jobs were bought" in problem for problem in found)
