"""``tunectl plot``: loss curves of recorded models, in the terminal, as a picture and as numbers."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from cli_kit import HYPERPARAMETERS, Workshop

from reconciler.providers.vertex import plugin as vertex


def replaced(workshop: Workshop) -> None:
    """A model that serves, and a former one that is kept."""
    workshop.want("numbers", lifecycle={"retain": 1})
    workshop.apply()
    workshop.want("numbers", lifecycle={"retain": 1}, hyperparameters={**HYPERPARAMETERS, "epochCount": 2})
    workshop.apply()


def test_the_curve_of_a_model_is_drawn_with_its_numbers(workshop: Workshop) -> None:
    workshop.apply()
    out = workshop.run("plot", "numbers", "--width", "60", "--height", "8").out
    assert "⠒⠒⠒ numbers@" in out
    assert "23 points, loss " in out
    assert "mean loss by step" in out


def test_nothing_but_reads_goes_over_the_wire(workshop: Workshop) -> None:
    workshop.apply()
    workshop.emulator.clear_requests()
    workshop.run("plot", "numbers")
    assert workshop.requests() == [("GET", workshop.serving("numbers"))]


def test_a_bare_name_draws_what_serves_beside_what_is_in_the_making(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", hyperparameters={**HYPERPARAMETERS, "epochCount": 9})
    workshop.apply("--no-wait")
    workshop.clock.advance(4)
    curves = workshop.run("plot", "numbers", "--format", "json").json()["curves"]
    assert [curve["role"] for curve in curves] == ["current", "candidate"]
    assert 0 < len(curves[1]["points"]) < curves[1]["totalSteps"]


def test_former_models_are_drawn_when_they_are_asked_for(workshop: Workshop) -> None:
    replaced(workshop)
    everything = workshop.run("plot", "numbers", "--all", "--format", "json").json()["curves"]
    assert [(curve["role"], len(curve["points"])) for curve in everything] == [("current", 15), ("retained", 23)]
    (former,) = workshop.run("plot", "numbers@retained", "--format", "json").json()["curves"]
    assert former == everything[1]
    revision = former["revision"].removeprefix("sha256:")[:8]
    (again,) = workshop.run("plot", f"numbers@{revision}", "numbers@retained", "--format", "json").json()["curves"]
    assert again == former


def test_a_picture_is_written_to_a_file_or_to_standard_output(workshop: Workshop) -> None:
    workshop.apply()
    ended = workshop.run("plot", "numbers", "--out", "curve.svg")
    assert ended.out == ""
    assert "curve.svg: 1 curve, " in ended.err
    written = (workshop.root / "curve.svg").read_text()
    assert ET.fromstring(written).get("width") == "860"
    assert workshop.run("plot", "numbers", "--out", "-").out == written
    assert ET.fromstring(workshop.run("plot", "numbers", "--out", "-", "--width", "500").out).get("width") == "500"


def test_what_cannot_be_drawn_is_said(workshop: Workshop) -> None:
    workshop.apply("--no-wait")
    assert "no loss reported yet" in workshop.run("plot", "numbers").out
    workshop.clock.advance(100)
    workshop.apply()
    workshop.vanish(workshop.serving("numbers"))
    out = workshop.run("plot", "numbers").out
    assert "There is nothing to draw yet." in out
    assert "the service has no such model" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["numbrs"], "did you mean numbers?"),
        (["numbers@beef"], "to choose from: numbers@"),
        ([], "Missing argument"),
        (["numbers", "--height", "0"], "--height"),
        (["numbers", "--width", "3"], "--width"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    workshop: Workshop, arguments: list[str], said: str
) -> None:
    workshop.apply()
    assert said in workshop.fails(64, "plot", *arguments)


def test_a_picture_that_cannot_be_written_is_an_error(workshop: Workshop) -> None:
    workshop.apply()
    assert "no/such/folder.svg" in workshop.fails(1, "plot", "numbers", "--out", "no/such/folder.svg")


def test_a_service_without_losses_is_said_to_have_none(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the built-in ones is; a third party's may be."""
    monkeypatch.setattr(vertex, "CAPABILITIES", replace(vertex.CAPABILITIES, losses=False))
    workshop.project(provider={"type": "vertex", "endpoint": "emulator", "project": "p", "location": "us-central1"})
    error = workshop.fails(1, "plot", "numbers")
    assert "vertex: this service reports no loss of a tuning" in error
    assert "hint: `tunectl status numbers`" in error


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["plan", "--json"], "--format json"),
        (["plan", "-o", "x"], "--out"),
        (["apply", "--approve"], "-y"),
        (["status", "--json"], "--format json"),
        (["status", "-o", "x"], "--format FORM=FILE"),
        (["destroy", "--force"], "-y"),
        (["status", "-w"], "--watch"),
    ],
)
def test_an_option_of_other_tools_leads_to_ours(workshop: Workshop, arguments: list[str], meant: str) -> None:
    assert f"Did you mean {meant}?" in workshop.fails(64, *arguments)


def test_an_option_that_is_nowhere_known_is_not_guessed(workshop: Workshop) -> None:
    assert "Did you mean" not in workshop.fails(64, "status", "--zzzz")


def test_picture_and_numbers_at_once_are_refused_in_the_form_that_was_asked_for(workshop: Workshop) -> None:
    workshop.apply()
    ended = workshop.run("plot", "numbers", "--out", "x.svg", "--format", "json", expect=64)
    assert "ask for one of them" in ended.json()["message"]
    assert not (workshop.root / "x.svg").exists()


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_terminal_no_line_of_a_plan_or_of_status_is_wider_than_it(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    workshop.want("a-model-with-a-name-that-is-rather-long")
    workshop.apply("--target", "numbers")
    workshop.want("numbers", description="words " * 40, hyperparameters={**HYPERPARAMETERS, "epochCount": 2})
    with monkeypatch.context() as terminal:
        terminal.setattr(type(sys.stdout), "isatty", lambda _: True)
        terminal.setenv("COLUMNS", str(width))
        for command in (["plan", "--no-color"], ["status", "--no-color"]):
            lines = workshop.run(*command).out.splitlines()
            assert max(len(line) for line in lines if "sha256:" not in line) <= width
    assert max(map(len, workshop.run("plan").out.splitlines())) > width
