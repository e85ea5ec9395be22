"""The loss of a tuning on Vertex AI, in whole runs: drawn, compared, recorded, judged, and not to be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.emulator.vertex.records import Job

if TYPE_CHECKING:
    from cli_kit import Workshop

STEPS = 38
"""200 examples, three epochs, batches of sixteen."""
FORBIDDEN = "status,code=403,path=metadataStores,count=forever"
DOWN = "status,code=503,path=tensorboards,count=forever"
GONE = "status,code=404,path=tensorboards,count=forever"


def spec(epochs: int = 3, **more: Any) -> dict[str, Any]:
    return {"baseModel": "gemini-2.5-flash", "hyperparameters": {"epochCount": epochs}, **more}


@pytest.fixture
def vertex(workshop: Workshop) -> Workshop:
    workshop.project(provider={"type": "vertex"})
    workshop.dataset(200)
    workshop.want("numbers", **spec())
    return workshop


def asked(workshop: Workshop) -> list[str]:
    """What was asked about experiments and TensorBoards since the log was emptied."""
    return [path for _, path in workshop.requests() if "/metadataStores/" in path or "/tensorboards/" in path]


def jobs(workshop: Workshop) -> int:
    return workshop.emulator.world.shelf.count(Job)


def test_plans_ask_for_no_loss_whatever_state_the_models_are_in(vertex: Workshop) -> None:
    vertex.apply()
    vertex.want("other", **spec(2))
    vertex.apply("--no-wait")
    vertex.clock.advance(5)
    vertex.want("third", **spec(4, gate={"maxFinalLoss": 1}))
    vertex.emulator.clear_requests()
    assert [kind for _, kind in vertex.kinds()] == ["wait", "create"]
    vertex.run("validate")
    assert asked(vertex) == []
    assert len(vertex.requests()) == 2


def test_the_curve_is_drawn_with_six_reads(vertex: Workshop) -> None:
    vertex.apply()
    vertex.emulator.clear_requests()
    ended = vertex.run("plot", "numbers")
    assert f"{STEPS} points, loss " in ended.out
    assert ended.err == ""
    assert {method for method, _ in vertex.requests()} == {"GET"}
    assert (len(vertex.requests()), len(asked(vertex))) == (6, 4)
    (curve,) = vertex.run("plot", "numbers", "--format", "json").json()["curves"]
    assert [point["step"] for point in curve["points"]] == list(range(1, STEPS + 1))
    assert [curve["points"][step - 1]["epoch"] for step in (1, 13, 26, STEPS)] == [0, 1, 2, 3]
    assert all(point["time"] for point in curve["points"])


def test_waiting_tells_steps_and_loss(vertex: Workshop) -> None:
    events = vertex.apply("--format", "jsonl", "--poll-interval", "1").events()
    progress = [event for event in events if event["type"] == "progress"]
    told = [(each["completedSteps"], each["loss"]) for each in progress if each["loss"] is not None]
    assert len(told) >= 3
    assert told == sorted(told, key=lambda each: each[0])
    assert 0 < told[0][0] < told[-1][0] <= STEPS
    assert told[0][1] > told[-1][1] > 0
    assert all(each["totalSteps"] == STEPS for each in progress)


def test_status_tells_how_far_a_running_tuning_is(vertex: Workshop) -> None:
    vertex.apply("--no-wait")
    vertex.clock.advance(5.5)
    assert "19/38 50%" in vertex.run("status").out


def test_lineage_report_and_comparison_have_the_losses(vertex: Workshop) -> None:
    vertex.apply()
    vertex.want("numbers", **spec(4), lifecycle={"retain": 1})
    vertex.apply()
    (curve,) = vertex.run("plot", "numbers", "--format", "json").json()["curves"]
    assert f"{curve['first']:.3g} -> {curve['last']:.3g}" in vertex.run("history", "numbers").out
    compared = vertex.run("compare", "numbers@retained", "numbers").out
    assert f"{curve['last']:.4g}" in compared
    vertex.run("report", "--out", "page.html")
    page = (vertex.root / "page.html").read_text()
    assert page.count("<svg") >= 1
    assert "This service reports no losses" not in page


def test_a_model_whose_loss_is_low_enough_takes_over(vertex: Workshop) -> None:
    vertex.apply()
    old = vertex.serving("numbers")
    vertex.want("numbers", **spec(4), gate={"maxFinalLoss": 0.5, "maxLossIncrease": 0.5})
    ended = vertex.apply()
    assert vertex.serving("numbers") != old
    (said,) = (line for line in ended.err.splitlines() if line.startswith("numbers: gate passed: "))
    assert "maxFinalLoss: at most 0.5" in said
    assert "maxLossIncrease: at most 0.5" in said


@pytest.mark.parametrize("gate", [{"maxFinalLoss": 0.001}, {"maxFinalLoss": 9, "maxLossIncrease": 0}])
def test_a_model_whose_loss_is_too_high_does_not(vertex: Workshop, gate: dict[str, float]) -> None:
    vertex.want("numbers", **spec(1))
    vertex.apply()
    old = vertex.serving("numbers")
    vertex.want("numbers", **spec(), gate=gate)
    ended = vertex.apply(expect=7)
    (said,) = (line for line in ended.err.splitlines() if line.startswith("numbers: gate not met: "))
    assert f"{list(gate)[-1]}: at most {list(gate.values())[-1]}" in said
    assert vertex.serving("numbers") == old
    assert vertex.kinds() == [("numbers", "blocked")]


def test_a_hopeless_tuning_is_stopped_and_the_old_model_serves_on(vertex: Workshop) -> None:
    vertex.apply()
    old = vertex.serving("numbers")
    vertex.want("numbers", **spec(4), gate={"abortIf": {"meanLossAbove": 0.2, "afterStep": 4}})
    ended = vertex.apply("--poll-interval", "1", expect=4)
    assert "(gate.abortIf, from step 4 on)" in ended.err
    assert vertex.serving("numbers") == old
    assert vertex.entry("numbers")["failed"][0]["error"].startswith("stopped: the mean loss is ")
    assert vertex.kinds() == [("numbers", "blocked")]


def test_a_loss_that_is_no_number_stops_any_tuning(vertex: Workshop) -> None:
    vertex.fault("nan,at=0.2")
    assert "the mean loss is no number (NaN) at step" in vertex.apply("--poll-interval", "1", expect=4).err


@pytest.mark.parametrize(
    ("fault", "hint"), [(FORBIDDEN, "roles/aiplatform.viewer"), (GONE, "run again"), (DOWN, "run")]
)
def test_without_a_loss_everything_else_goes_on_and_it_is_said_once(vertex: Workshop, fault: str, hint: str) -> None:
    vertex.fault(fault)
    ended = vertex.apply("--poll-interval", "1")
    assert ended.err.count("the loss of its tuning is not known") == 1
    assert hint in ended.err.partition("the loss of its tuning is not known")[2]
    assert vertex.serving("numbers")
    plotted = vertex.run("plot", "numbers")
    assert "no loss reported" in plotted.out
    assert plotted.err.count("the loss of its tuning is not known") == 1
    vertex.run("history", "numbers")
    vertex.run("report", "--out", "page.html")


@pytest.mark.parametrize("fault", [FORBIDDEN, GONE, DOWN])
def test_a_gate_judges_nothing_by_a_loss_that_is_not_known_and_trains_nothing_anew(
    vertex: Workshop, fault: str
) -> None:
    vertex.apply()
    old = vertex.serving("numbers")
    vertex.want("numbers", **spec(4), gate={"maxFinalLoss": 5})
    vertex.fault(fault)
    ended = vertex.apply(expect=4)
    assert "its gate could not be evaluated" in ended.err
    assert "the loss of its tuning is not known" in ended.err
    assert vertex.serving("numbers") == old
    assert vertex.kinds() == [("numbers", "wait")]
    vertex.emulator.faults.clear()
    vertex.apply()
    assert vertex.serving("numbers") != old
    assert jobs(vertex) == 2


def test_a_tuning_is_not_stopped_for_a_loss_that_is_not_known(vertex: Workshop) -> None:
    vertex.want("numbers", **spec(gate={"abortIf": {"meanLossAbove": 0.2}}))
    vertex.fault(FORBIDDEN)
    assert "the loss of its tuning is not known" in vertex.apply().err
    assert vertex.serving("numbers")


def test_gates_on_loss_are_taken_on_this_service(vertex: Workshop) -> None:
    gate = {"maxFinalLoss": 1, "maxLossIncrease": 0.1, "abortIf": {"meanLossAbove": 9}}
    vertex.want("numbers", **spec(gate=gate))
    vertex.run("validate")
