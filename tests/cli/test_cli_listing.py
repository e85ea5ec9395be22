"""The real service's listing, models that nobody manages, and how many requests everything costs."""

from __future__ import annotations

import json

import pytest
from cli_kit import HYPERPARAMETERS, SEED, Workshop

from reconciler.emulator import Emulator

FOREIGN = sorted(
    model["name"].removeprefix("tunedModels/") for model in json.loads(SEED.read_text(encoding="utf-8"))["tunedModels"]
)


@pytest.fixture
def seeded(workshop: Workshop) -> Workshop:
    """The workshop on a service that five models of other people lived on in 2023."""
    assert workshop.emulator.import_models(json.loads(SEED.read_text(encoding="utf-8"))) == 5
    return workshop


def as_they_were(workshop: Workshop) -> list[object]:
    """Everything the service says of the foreign models."""
    store = workshop.emulator.world.store
    with store.reading():
        return [store.find(name) for name in FOREIGN]


def test_a_project_plans_its_own_models_only(seeded: Workshop) -> None:
    plan = seeded.plan()
    assert [(action["name"], action["action"]) for action in plan["actions"]] == [("numbers", "create")]
    assert [model["resource"].removeprefix("tunedModels/") for model in plan["unmanaged"]] == FOREIGN
    assert not any(model["orphaned"] for model in plan["unmanaged"])
    assert "5 remote models not managed here; never touched:" in seeded.run("plan").out


def test_foreign_models_are_never_touched(seeded: Workshop) -> None:
    before = as_they_were(seeded)
    seeded.emulator.clear_requests()
    seeded.apply()
    seeded.want("numbers", hyperparameters={**HYPERPARAMETERS, "epochCount": 4})
    seeded.apply()
    seeded.run("drift")
    seeded.run("destroy", "-y")
    assert as_they_were(seeded) == before
    assert seeded.remote() == FOREIGN
    writes = [path for method, path in seeded.requests() if method != "GET"]
    assert writes
    assert not [path for path in writes if any(name in path for name in FOREIGN)]


def test_a_display_name_that_others_have_already_takes_nothing_over(seeded: Workshop) -> None:
    shared = json.loads(SEED.read_text(encoding="utf-8"))["tunedModels"][0]["displayName"]
    seeded.want("numbers", displayName=shared)
    assert seeded.kinds() == [("numbers", "create")]
    seeded.apply()
    assert set(FOREIGN) < set(seeded.remote())


def test_unmanaged_models_are_drift_only_when_they_are_to_count(seeded: Workshop) -> None:
    seeded.apply()
    report = seeded.run("drift", "--format", "json").json()
    assert report["drift"] == []
    assert [model["resource"].removeprefix("tunedModels/") for model in report["unmanaged"]] == FOREIGN
    assert report["coverage"] == pytest.approx(100 / 6)
    counted = seeded.run("drift", "--count-unmanaged", expect=2)
    assert all(name in counted.out for name in FOREIGN)


def test_the_seed_comes_through_a_real_emulator_database(workshop: Workshop) -> None:
    with Emulator(workshop.root / "world.db", seed=SEED) as emulator:
        listed = {model.id for model, _, _ in emulator.world.store.models(after=0, account="user@example.com")}
    assert listed == set(FOREIGN)


def fill(workshop: Workshop, count: int) -> None:
    """Let other people have many models."""
    (model, *_) = json.loads(SEED.read_text(encoding="utf-8"))["tunedModels"]
    models = [{**model, "name": f"tunedModels/foreign-{number}"} for number in range(count)]
    assert workshop.emulator.import_models({"tunedModels": models}) == count


LIST, BASES = ("GET", "tunedModels"), ("GET", "models")


@pytest.mark.parametrize(("foreign", "pages"), [(0, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_a_plan_costs_the_pages_of_the_listing(workshop: Workshop, foreign: int, pages: int) -> None:
    fill(workshop, foreign)
    workshop.run("plan")
    assert sorted(workshop.requests()) == sorted([*[LIST] * pages, BASES])


def test_a_plan_that_trains_nothing_does_not_ask_for_base_models(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", temperature=0.1)
    workshop.emulator.clear_requests()
    assert workshop.kinds() == [("numbers", "update")]
    assert workshop.requests() == [LIST]


def test_a_recorded_model_that_the_listing_lacks_is_asked_for_by_name(workshop: Workshop) -> None:
    workshop.apply()
    resource = workshop.serving("numbers")
    workshop.emulator.settings.listing_lag = 1e9
    workshop.emulator.clear_requests()
    assert workshop.kinds() == []
    assert workshop.requests() == [LIST, ("GET", resource)]
    workshop.emulator.remove(resource.removeprefix("tunedModels/"))
    workshop.emulator.clear_requests()
    assert workshop.kinds() == [("numbers", "create")]
    assert workshop.requests() == [LIST, ("GET", resource), BASES]


@pytest.mark.parametrize("command", ["plan", "drift", "status", "show numbers", "wait"])
def test_whoever_only_looks_sends_nothing_but_reads(workshop: Workshop, command: str) -> None:
    workshop.apply("--no-wait")
    workshop.want("other", hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    workshop.emulator.clear_requests()
    before = (workshop.root / "tunectl.lock").read_bytes()
    workshop.run(*command.split(), expect=None)
    assert {method for method, _ in workshop.requests()} == {"GET"}
    if command != "wait":
        assert (workshop.root / "tunectl.lock").read_bytes() == before


def test_waiting_for_many_costs_the_pages_of_the_listing_per_look(workshop: Workshop) -> None:
    for number in range(12):
        workshop.want(f"more-{number}", hyperparameters={**HYPERPARAMETERS, "epochCount": number + 4})
    workshop.apply("--no-wait")
    workshop.emulator.clear_requests()
    workshop.clock.slept.clear()
    workshop.run("wait", environ={"TUNECTL_POLL_INTERVAL": "1"})
    looks = 1 + len(workshop.clock.slept)
    curves = [request for request in workshop.requests() if request != LIST]
    assert workshop.requests().count(LIST) == looks
    assert sorted(curves) == sorted(("GET", f"tunedModels/{name}") for name in workshop.remote())  # one each at the end


def test_waiting_for_one_among_many_asks_for_its_operation(workshop: Workshop) -> None:
    fill(workshop, 50)
    workshop.apply("--no-wait")
    workshop.emulator.clear_requests()
    workshop.clock.slept.clear()
    workshop.run("wait")
    looks = 1 + len(workshop.clock.slept)
    *asked, curve = workshop.requests()
    assert len(asked) == looks
    assert all("/operations/" in path for _, path in asked)
    assert curve == ("GET", workshop.serving("numbers"))


def test_a_create_each_and_no_more_is_sent_for_many_models(workshop: Workshop) -> None:
    for number in range(12):
        workshop.want(f"more-{number}", hyperparameters={**HYPERPARAMETERS, "epochCount": number + 4})
    workshop.apply("--parallelism", "4")
    assert workshop.requests().count(("POST", "tunedModels")) == 13
    assert (workshop.bought(), workshop.kinds()) == (13, [])
