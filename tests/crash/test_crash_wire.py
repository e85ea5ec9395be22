"""The wire sweep: every request of an apply meets every fault, in process; nothing is lost and nothing bought twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from crash_project import CHANGE, FIRST, Story
from crash_wire import FAULTS, Break, Wire, careless

Wires = Callable[[Story], Wire]


def suffer_everywhere(wire: Wire, fault: str, *, lasting: bool = False) -> list[int]:
    """Break the line at every request in turn; return the exit codes of the runs that met the fault."""
    codes, wrong = [], []
    for number in range(1, wire.length + 1):
        broken = Break(fault, number, lasting=lasting)
        code, problems = wire.suffer(broken)
        codes.append(code)
        wrong += [f"{broken}: {problem}" for problem in problems]
    assert wrong == []
    return codes


@pytest.mark.parametrize("fault", FAULTS)
def test_any_request_may_meet_any_fault(wire_of: Wires, fault: str) -> None:
    codes = suffer_everywhere(wire_of(CHANGE), fault)
    assert set(codes) <= {0, 1, 3, 4}
    if fault in {"dropped before", "dropped after", "timed out before", "timed out after", "503", "503 after", "cut"}:
        assert set(codes) == {0}, "what may be tried again is, and the run goes on"


@pytest.mark.parametrize("fault", ["dropped before", "timed out after", "503 after"])
def test_the_wire_may_break_for_good_at_any_request(wire_of: Wires, fault: str) -> None:
    codes = suffer_everywhere(wire_of(CHANGE), fault, lasting=True)
    assert set(codes) <= {1, 4}


@pytest.mark.parametrize("fault", ["dropped after", "truncated"])
def test_the_first_apply_may_meet_them_too(wire_of: Wires, fault: str) -> None:
    suffer_everywhere(wire_of(FIRST), fault)
    suffer_everywhere(wire_of(FIRST), fault, lasting=True)


def test_the_sweep_catches_a_tool_that_records_after_it_has_bought(wire_of: Wires) -> None:
    """The control: without intents and ids that can be derived, what is cut off is bought twice, or forgotten."""
    wire = wire_of(FIRST)
    with careless():
        found = [
            problem
            for number in range(3, 7)
            for problem in wire.suffer(Break("dropped after", number, lasting=True))[1]
        ]
    assert any(problem.startswith("duplicate") for problem in found)
    assert any(problem.startswith("lost") for problem in found)


def test_an_approval_left_by_a_kill_at_the_last_write_ends_with_the_next_apply(wire_of: Wires) -> None:
    wire = wire_of(FIRST)
    with wire.stage() as root:
        assert wire.apply() == 0
        path = root / "tunectl.lock"
        document = json.loads(path.read_text())
        document["approval"] = {"digest": "sha256:0", "actions": {"sha256:1": "steady"}}
        path.write_text(json.dumps(document))
        assert wire.apply("--target", "steady") == 0
        assert json.loads(path.read_text())["approval"]["actions"], "a selection says nothing of the rest"
        assert wire.apply() == 0
        assert json.loads(path.read_text())["approval"]["actions"] == {}
        serial = wire.look().lockfile.serial
        assert wire.apply() == 0
        assert wire.look().lockfile.serial == serial, "it ends once"
        assert wire.problems() == []


def test_the_checks_notice_what_they_are_there_for(wire_of: Wires) -> None:
    wire = wire_of(FIRST)
    with wire.stage() as root:
        assert wire.apply() == 0
        good = wire.look()
        assert wire.problems_of(good) == []
        some = next(name for name in good.models if name.startswith("tunedModels/steady-4"))
        (root / ".tunectl.lock.new").write_text("")
        worse = {
            "duplicate": replace(good, bought=good.bought + 1),
            "lost: 6": replace(good, bought=good.bought - 1),
            "lost: nothing records": replace(good, models={**good.models, "tunedModels/more": {}}),
            "lost: tunedModels/steady": replace(good, models={k: v for k, v in good.models.items() if k != some}),
            "litter": wire.look(),
            "there is no lockfile": replace(good, lockfile=None, absent=True),
            "the lockfile is not to be believed": replace(good, lockfile=None, broken="cut"),
            "foreign": replace(good, models={**good.models, "tunedModels/changed-by-hand": {}}),
        }
        for said, doctored in worse.items():
            assert any(problem.startswith(said) for problem in wire.problems_of(doctored)), said
