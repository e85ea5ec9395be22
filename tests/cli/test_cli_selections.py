"""``--select`` on the command line: what it says, what it leaves alone, and that a typing error is no empty plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop


@pytest.fixture
def fleet(workshop: Workshop) -> Workshop:
    """Two models that are applied, of which one has lost its manifest, and one that is new."""
    workshop.want("numbers", metadata={"labels": {"team": "math"}})
    workshop.want("gone", hyperparameters={"epochCount": 1, "batchSize": 2})
    workshop.apply()
    workshop.drop("gone")
    workshop.want("art", metadata={"labels": {"team": "art"}})
    return workshop


def test_a_selected_plan_says_so_and_deletes_nothing_outside(fleet: Workshop) -> None:
    assert fleet.kinds() == [("art", "create"), ("gone", "delete")]
    assert fleet.kinds("--select", "team=art") == [("art", "create")]
    assert "a selection: the other models were not looked at" in fleet.run("plan", "--select", "team").out
    fleet.apply("--select", "team!=math")
    assert sorted(fleet.lockfile["models"]) == ["art", "gone", "numbers"]


def test_a_saved_plan_keeps_its_selectors_and_takes_no_others(fleet: Workshop) -> None:
    fleet.run("plan", "--select", "team=art", "--out", "plan.json")
    assert "leave them out" in fleet.fails(64, "apply", "-y", "plan.json", "--select", "team=math")
    digest = fleet.plan("--select", "team=art")["digest"]
    assert digest != fleet.plan("--target", "art")["digest"]
    fleet.apply("--select", "team=math", "--expect-digest", digest, expect=6)
    fleet.apply("plan.json")
    assert sorted(fleet.lockfile["models"]) == ["art", "gone", "numbers"]


def test_drift_and_status_look_at_what_is_selected(fleet: Workshop) -> None:
    fleet.run("drift", expect=2)
    fleet.run("drift", "--select", "team=math")
    report = fleet.run("drift", "--select", "team=art", "--format", "json", expect=2).json()
    assert [item["name"] for item in report["drift"]] == ["art"]
    shown = fleet.run("status", "--select", "team=math", "--format", "json").json()
    assert [row["name"] for row in shown["models"]] == ["numbers"]
    assert fleet.run("status", "--select", "team=art", "--format", "json").json()["models"] == []


def test_destroy_takes_only_what_is_selected(fleet: Workshop) -> None:
    fleet.run("destroy", "-y", "--select", "team=math")
    assert sorted(fleet.lockfile["models"]) == ["gone"]


@pytest.mark.parametrize("command", [["plan"], ["apply", "-y"], ["drift"], ["status"], ["destroy", "-y"]])
@pytest.mark.parametrize(
    ("terms", "message"),
    [("team=maths", "no manifest has such labels"), ("team>math", "--select"), ("", "must be key=value")],
)
def test_a_selector_that_fits_nothing_is_an_error(
    fleet: Workshop, command: list[str], terms: str, message: str
) -> None:
    before = fleet.lockfile
    assert message in fleet.fails(64, *command, "--select", terms)
    assert fleet.lockfile == before
