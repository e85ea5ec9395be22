"""A base model that goes: the plan warns, the audit reports it, and nothing is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cli_kit import BISON, FLASH


def day(workshop, ahead):
    return (datetime.fromtimestamp(workshop.clock.now(), UTC) + timedelta(days=ahead)).date().isoformat()


def retire(workshop, *names):
    workshop.emulator.settings.retired = frozenset(names)


def dying(workshop, expect=2):
    document = workshop.run("drift", "--format", "json", expect=expect).json()
    return [(item["name"], item["message"]) for item in document["drift"] if item["kind"] == "dying"]


def warned(workshop):
    return [warning["message"] for warning in workshop.plan()["warnings"]]


@pytest.mark.parametrize(("ahead", "told"), [(-1, True), (0, True), (90, True), (91, False)])
def test_a_day_of_the_project_is_told_ninety_days_ahead(workshop, ahead, told):
    workshop.apply()
    workshop.project(shutdowns={BISON: day(workshop, ahead)})
    assert bool(warned(workshop)) == told
    assert bool(dying(workshop, expect=2 if told else 0)) == told


def test_the_notice_is_the_projects(workshop):
    workshop.apply()
    workshop.project(shutdowns={BISON: day(workshop, 100)}, shutdownNotice="120d")
    assert "in 100 days" in warned(workshop)[0]


def test_the_warning_stands_at_the_manifest_and_the_training_goes_on(workshop):
    workshop.project(shutdowns={BISON: day(workshop, 10)})
    said = workshop.run("plan", "--format", "github").out
    assert "::warning" in said
    assert "file=manifests/numbers.yaml" in said
    workshop.apply()
    assert workshop.bought() == 1


def test_a_base_model_that_the_service_dropped_is_told(workshop):
    workshop.apply()
    assert dying(workshop, expect=0) == []
    retire(workshop, BISON)
    ((name, message),) = dying(workshop)
    assert name == "numbers"
    assert f"base model {BISON} is not offered by the service any more" in message
    assert "dying" not in workshop.run("plan").out
    for form in ("text", "markdown", "github"):
        assert "not offered" in workshop.run("drift", "--format", form, expect=2).out


def test_a_plan_that_asks_for_the_base_models_anyhow_warns_of_those_that_are_gone(workshop):
    workshop.apply()
    retire(workshop, BISON)
    workshop.want("other", baseModel=FLASH)
    assert warned(workshop) == [f"numbers: base model {BISON} is not offered by the service any more"]


def test_a_child_dies_with_the_base_of_its_parent(workshop):
    workshop.want("child", baseModel=None, source={"model": "numbers"})
    workshop.apply()
    retire(workshop, BISON)
    assert [name for name, _ in dying(workshop)] == ["child", "numbers"]


def test_it_can_be_lived_with_for_a_while(workshop):
    workshop.apply()
    retire(workshop, BISON)
    workshop.project(drift={"ignore": [{"name": "*", "path": "spec.baseModel", "reason": "we move in spring"}]})
    assert dying(workshop, expect=0) == []


def test_a_plan_without_trainings_asks_for_no_base_models_and_an_audit_once(workshop):
    workshop.apply()
    workshop.emulator.clear_requests()
    workshop.run("plan")
    assert ("GET", "models") not in workshop.requests()
    workshop.emulator.clear_requests()
    workshop.run("drift")
    assert workshop.requests().count(("GET", "models")) == 1


def test_a_day_that_is_none_is_refused_with_its_place(workshop):
    workshop.project(shutdowns={BISON: "soon"}, shutdownNotice="whenever")
    said = workshop.fails(1, "plan")
    assert "tunectl.yaml:1:" in said
    assert "spec.shutdowns" in said
    assert "spec.shutdownNotice" in said


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"models/text-bisn-001": "2027-01-31"}, True),
        ({"models/text-bison-01": None}, True),
        ({"models/text-bisn-001": "2027-01-31", BISON: "2027-01-31"}, False),
        ({"models/text-bison-002": "2027-01-31"}, False),
        ({"models/another-thing": "2027-01-31"}, False),
    ],
)
def test_a_base_model_that_is_misspelt_in_the_table_is_warned_of_with_its_place(workshop, table, told):
    workshop.project(shutdowns=table)
    said = workshop.run("validate").err
    if not told:
        assert said == ""
        return
    assert "tunectl.yaml:1:" in said
    assert f"spec.shutdowns: no manifest has the base model {next(iter(table))}" in said
    assert f"did you mean {BISON}?" in said


def test_a_base_model_may_be_said_to_have_no_end(workshop):
    workshop.apply()
    workshop.project(shutdowns={BISON: None})
    assert dying(workshop, expect=0) == []


@pytest.fixture
def child(workshop):
    """A project whose model was tuned from one that no manifest describes."""
    workshop.apply()
    parent = workshop.serving("numbers")
    workshop.run("forget", "numbers", "-y")
    workshop.drop("numbers")
    workshop.want("child", baseModel=None, source={"tunedModel": parent})
    workshop.apply()
    return workshop, parent


def test_a_parent_that_nobody_describes_is_missed_when_it_is_gone(child):
    workshop, parent = child
    assert (warned(workshop), dying(workshop, expect=0)) == ([], [])
    workshop.vanish(parent)
    said = f"{parent}, which it is tuned from, does not exist any more, or may not be read"
    assert warned(workshop) == [f"child: {said}"]
    assert dying(workshop) == [("child", said)]
    (place,) = [line for line in workshop.run("plan").out.splitlines() if said in line]
    assert place.strip().startswith("manifests/child.yaml:17:5: child: ")
    workshop.project(drift={"ignore": [{"name": "child", "path": "spec.source", "reason": "it stays as it is"}]})
    assert dying(workshop, expect=0) == []


def test_a_parent_that_is_listed_costs_no_request_and_a_silent_service_tells_of_nothing(child):
    workshop, parent = child
    workshop.emulator.clear_requests()
    workshop.run("plan")
    assert ("GET", parent) not in workshop.requests()
    workshop.vanish(parent)
    workshop.fault(f"status,code=400,method=GET,path={parent}")
    assert warned(workshop) == []


def test_what_is_said_of_a_base_model_is_said_once(workshop):
    workshop.apply()
    retire(workshop, BISON)
    (line,) = [line for line in workshop.run("drift", expect=2).out.splitlines() if "not offered" in line]
    assert line.strip() == f"numbers: base model {BISON} is not offered by the service any more"
