"""The longer life on Vertex AI: taking over what a console made, gates, going back, and collecting what is left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from reconciler.emulator.vertex.records import Endpoint, Job, Model

if TYPE_CHECKING:
    from cli_kit import Workshop
    from discovery_kit import Recorder

FLASH = "gemini-2.5-flash"
PLACE = "projects/emulator/locations/us-central1"
UNMET = {"prompts": [{"input": "4", "equals": "SECRET"}]}
MET = {"prompts": [{"input": "4", "equals": "5"}, {"input": "20", "number": 21}]}


def spec(epochs: int, **more: Any) -> dict[str, Any]:
    return {"baseModel": FLASH, "hyperparameters": {"epochCount": epochs}, **more}


@pytest.fixture
def vertex(workshop: Workshop, documented: Recorder) -> Workshop:
    workshop.project(provider={"type": "vertex"})
    workshop.want("numbers", **spec(3))
    return workshop


@pytest.fixture
def console(vertex: Workshop) -> httpx.Client:
    """What somebody does by hand, with a dataset of theirs in a bucket."""
    client = httpx.Client(transport=vertex.emulator.transport(), base_url="http://emulator.invalid")
    said = [{"role": role, "parts": [{"text": text}]} for role, text in (("user", "3"), ("model", "4"))]
    query = {"uploadType": "media", "name": "theirs.jsonl"}
    data = json.dumps({"contents": said}).encode()
    client.post("/upload/storage/v1/b/theirs/o", params=query, content=data).raise_for_status()
    return client


def tune(console: httpx.Client, name: str, **fields: Any) -> str:
    """Create a job by hand and return its full name."""
    tuning = {"trainingDatasetUri": "gs://theirs/theirs.jsonl", "hyperParameters": {"epochCount": "2"}}
    body = {"baseModel": FLASH, "supervisedTuningSpec": tuning, "tunedModelDisplayName": name, **fields}
    answer = console.post(f"/v1/{PLACE}/tuningJobs", json=body).raise_for_status()
    return str(answer.json()["name"])


def counts(workshop: Workshop) -> tuple[int, int, int]:
    """How many jobs, models and endpoints there are at the service."""
    shelf = workshop.emulator.world.shelf
    return shelf.count(Job), shelf.count(Model), shelf.count(Endpoint)


def served(workshop: Workshop, *epochs: int, **more: Any) -> list[str]:
    """Let models of so many epochs serve one after the other; return them, the first one first."""
    models = []
    for number in epochs:
        workshop.want("numbers", **spec(number, **more))
        workshop.apply()
        models.append(workshop.serving("numbers"))
    return models


def sent(workshop: Workshop) -> set[str]:
    return {request.method for request in workshop.emulator.requests}


def test_models_made_by_hand_are_imported_as_they_are_and_then_managed_in_place(
    vertex: Workshop, console: httpx.Client
) -> None:
    vertex.drop("numbers")
    number = tune(console, "Made by Hand", labels={"owner": "ann"}, description="hand").rpartition("/")[2]
    vertex.fault("fail,message=theirs")
    tune(console, "never made")
    vertex.emulator.advance(100)
    vertex.emulator.clear_requests()
    (row,) = vertex.run("import", "--all", "--format", "json").json()["imported"]
    assert (row["name"], row["resource"]) == ("made-by-hand", f"tuningJobs/{number}")
    assert sent(vertex) == {"GET"}
    document = yaml.safe_load((vertex.root / "manifests/made-by-hand.yaml").read_text())
    assert document["spec"] == {
        "displayName": "Made by Hand",
        "description": "hand",
        "baseModel": FLASH,
        "hyperparameters": {"epochCount": 2, "learningRateMultiplier": 1.0, "adapterSize": 4},
        "method": "supervised",
        "lifecycle": {"protect": True},
    }
    assert (vertex.kinds(), vertex.plan()["unmanaged"]) == ([], [])
    vertex.run("drift", "--count-unmanaged")
    assert vertex.run("generate", "made-by-hand", "3").out.strip().endswith("4")

    document["metadata"]["labels"] = {"team": "math"}
    document["spec"]["description"] = "ours"
    vertex.write("manifests/made-by-hand.yaml", json.dumps(document))
    assert vertex.kinds() == [("made-by-hand", "update")]
    vertex.apply()
    vertex.run("drift")
    assert counts(vertex)[0] == 2, "nothing was tuned"
    (model,) = console.get(f"/v1/{PLACE}/models").json()["models"]
    assert model["labels"] == {"owner": "ann", "team": "math", "tune-type": "sft"}
    assert model["description"] == "ours"


def test_an_imported_model_without_data_is_not_tuned_anew_before_it_has_some(
    vertex: Workshop, console: httpx.Client
) -> None:
    vertex.drop("numbers")
    tune(console, "by hand")
    vertex.emulator.advance(100)
    vertex.run("import", "--all")
    path = vertex.root / "manifests/by-hand.yaml"
    text = path.read_text().replace("epochCount: 2", "epochCount: 5")
    path.write_text(text)
    assert "by-hand" in vertex.run("plan", expect=1).text
    path.write_text(text + "  dataset: {path: datasets/numbers.jsonl}\n")
    vertex.apply("--replace", "by-hand")
    assert vertex.serving("by-hand").startswith("tuningJobs/by-hand-")
    assert vertex.kinds() == []


@pytest.mark.parametrize("form", ["{name}", "tuningJobs/{number}", "{number}"])
def test_a_model_is_adopted_by_any_name_of_its_job(vertex: Workshop, console: httpx.Client, form: str) -> None:
    name = tune(console, "numbers")
    number = name.rpartition("/")[2]
    vertex.emulator.advance(100)
    vertex.want("numbers", **spec(2))
    vertex.run("adopt", "numbers", form.format(name=name, number=number), "-y")
    assert vertex.serving("numbers") == f"tuningJobs/{number}"
    assert vertex.kinds() == []
    assert counts(vertex)[0] == 1


def test_the_name_of_a_model_is_told_from_that_of_its_job(vertex: Workshop, console: httpx.Client) -> None:
    tune(console, "numbers")
    vertex.emulator.advance(100)
    said = vertex.fails(64, "adopt", "numbers", f"{PLACE}/models/123@1", "-y")
    assert "names look like tuningJobs/my-model here" in said


def test_a_replacement_that_passes_its_gate_serves_and_the_old_one_goes_with_its_endpoints(vertex: Workshop) -> None:
    vertex.dataset(6, path="manifests/datasets/eval.jsonl")
    (old,) = served(vertex, 2)
    before = counts(vertex)
    gate = {**MET, "dataset": {"path": "datasets/eval.jsonl", "minScore": 0.9, "noWorseThanCurrent": 0.0}}
    vertex.want("numbers", **spec(2, baseModel="gemini-2.5-pro", gate=gate))
    assert "must pass before it serves" in vertex.run("plan").out
    said = vertex.apply()
    assert "numbers: gate passed" in said.err
    assert vertex.serving("numbers") != old
    assert counts(vertex) == (before[0] + 1, before[1], before[2])
    assert vertex.kinds() == []


def test_a_rejected_model_is_judged_again_by_another_gate_and_not_tuned_again(vertex: Workshop) -> None:
    (old,) = served(vertex, 2)
    vertex.want("numbers", **spec(4, gate=UNMET))
    vertex.apply(expect=7)
    assert (vertex.serving("numbers"), vertex.kinds()) == (old, [("numbers", "blocked")])
    assert counts(vertex)[:2] == (2, 2)
    vertex.want("numbers", **spec(4, gate=MET))
    assert vertex.kinds() == [("numbers", "reuse")]
    vertex.apply()
    assert vertex.serving("numbers") != old
    assert counts(vertex)[:2] == (2, 1)
    vertex.run("eval", "numbers")


def test_a_rejected_model_is_deleted_on_request_and_blocks_its_revision(vertex: Workshop) -> None:
    (old,) = served(vertex, 2)
    endpoints = counts(vertex)[2]
    vertex.want("numbers", **spec(4, gate={**UNMET, "onFail": "delete"}))
    vertex.apply(expect=7)
    assert vertex.serving("numbers") == old
    assert counts(vertex) == (2, 1, endpoints), "the job is a record for ever, what it made is gone"
    for _ in range(2):
        vertex.apply(expect=7)
    assert counts(vertex)[0] == 2
    assert vertex.kinds() == [("numbers", "blocked")]
    vertex.apply("--replace", "numbers", expect=7)
    assert counts(vertex)[:2] == (3, 1)


def test_a_first_model_that_is_rejected_never_serves(vertex: Workshop) -> None:
    vertex.want("numbers", **spec(3, gate=UNMET))
    vertex.apply(expect=7)
    assert vertex.entry("numbers")["state"] == "rejected"
    assert "numbers" in vertex.run("generate", "numbers", "3", expect=None).err
    assert counts(vertex)[:2] == (1, 1)


def test_a_model_whose_endpoint_is_gone_is_told_the_way_that_makes_another(vertex: Workshop) -> None:
    """Nothing is missing to drift and apply: the model is there."""
    vertex.apply()
    vertex.fault("vanish,path=generateContent")
    said = vertex.fails(1, "generate", "numbers", "3")
    assert "its model is there, but its endpoint was deleted" in said
    assert "hint: `tunectl apply --replace NAME` tunes it again" in said
    assert vertex.apply().out.startswith("No changes.")
    vertex.apply("--replace", "numbers")
    assert vertex.run("generate", "numbers", "3").out.strip().endswith("4")


def test_the_former_model_serves_again_without_tuning(vertex: Workshop) -> None:
    old, new = served(vertex, 2, 3, lifecycle={"retain": 1})
    vertex.emulator.clear_requests()
    said = vertex.run("rollback", "numbers", "-y")
    assert said.out.endswith(f"{old.removeprefix('tuningJobs/')}; pinned.\n")
    assert sent(vertex) == {"GET"}
    assert vertex.run("generate", "numbers", "3").out.strip().endswith("4")
    assert vertex.apply().out.startswith("No changes.")
    assert (vertex.serving("numbers"), counts(vertex)[:2]) == (old, (2, 2))
    vertex.run("rollback", "numbers", "-y")
    assert vertex.serving("numbers") == new
    assert (vertex.kinds(), counts(vertex)[0]) == ([], 2)


def test_a_former_model_that_was_deleted_by_hand_is_no_way_back(vertex: Workshop) -> None:
    old, new = served(vertex, 2, 3, lifecycle={"retain": 1})
    client = httpx.Client(transport=vertex.emulator.transport(), base_url="http://emulator.invalid")
    jobs = client.get(f"/v1/{PLACE}/tuningJobs").json()["tuningJobs"]
    former = next(job for job in jobs if job["labels"]["tunectl-id"] == old.removeprefix("tuningJobs/"))
    for checkpoint in former["tunedModel"]["checkpoints"]:
        endpoint = client.get(f"/v1/{checkpoint['endpoint']}").json()
        body = {"deployedModelId": endpoint["deployedModels"][0]["id"]}
        client.post(f"/v1/{endpoint['name']}:undeployModel", json=body).raise_for_status()
    client.delete(f"/v1/{former['tunedModel']['model'].partition('@')[0]}").raise_for_status()
    said = vertex.run("rollback", "numbers", "-y", expect=None)
    assert said.code not in {0, 2}
    assert old in said.err
    assert counts(vertex)[1] == 1
    assert vertex.serving("numbers") == new


def test_replaced_models_that_could_not_be_deleted_are_collected(vertex: Workshop) -> None:
    (old,) = served(vertex, 2)
    endpoints = counts(vertex)[2]
    vertex.want("numbers", **spec(3))
    vertex.fault("status,code=403,method=DELETE,path=/models/")
    vertex.apply(expect=4)
    assert [each["resource"] for each in vertex.entry("numbers")["deposed"]] == [old]
    assert old in vertex.run("gc", "--plan").out
    vertex.run("gc", "-y")
    assert (counts(vertex)[:2], vertex.entry("numbers")["deposed"]) == ((2, 1), [])
    assert counts(vertex)[2] == endpoints + 1, "three checkpoints in the place of two"


def test_what_a_lost_lockfile_left_behind_is_collected_with_proof(vertex: Workshop, console: httpx.Client) -> None:
    first, second = served(vertex, 2, 3, lifecycle={"retain": 1})
    tune(console, "theirs")
    vertex.emulator.advance(100)
    (vertex.root / "tunectl.lock").unlink()
    vertex.run("lock", "rebuild", "-y")
    assert (vertex.serving("numbers"), vertex.entry("numbers")["retained"]) == (second, [])
    said = vertex.run("gc", "--orphans", "-y").out
    assert f"delete {first}" in said
    assert counts(vertex)[:2] == (3, 2)
    assert vertex.run("generate", "numbers", "3").out.strip().endswith("4")


def test_a_job_that_was_bought_twice_is_shown_as_orphaned_and_left_alone(
    vertex: Workshop, console: httpx.Client
) -> None:
    """Two runs without a common lock: which of two paid tunings to keep is for people."""
    (ours,) = served(vertex, 2)
    labels = {"tunectl-id": ours.removeprefix("tuningJobs/")}
    twin = tune(console, "numbers", labels=labels).rpartition("/")[2]
    vertex.emulator.advance(100)
    (found,) = vertex.plan()["unmanaged"]
    assert (found["resource"], found["orphaned"]) == (f"tuningJobs/{twin}", True)
    vertex.run("gc", "-y")
    assert (vertex.serving("numbers"), counts(vertex)[:2]) == (ours, (2, 2))
    vertex.run("drift", "--count-unmanaged", expect=2)


def test_a_plan_says_why_it_knows_no_steps_and_a_limit_on_them_what_to_set_instead(vertex: Workshop) -> None:
    out = vertex.run("plan").out
    assert "steps    not known, nor is the time: the service chooses its batches" in out
    (action,) = vertex.plan()["actions"]
    assert (action["steps"], action["forecast"]["steps"]) == (None, None)
    assert action["forecast"]["uncounted"].startswith("the service chooses")
    assert "the service chooses" in vertex.run("plan", "--format", "markdown").out
    vertex.run("plan", "--out", "saved.json")
    assert "not known, nor is the time" in vertex.run("show", "saved.json").out
    vertex.project(provider={"type": "vertex"}, limits={"maxSteps": 100})
    said = vertex.apply(expect=5).text
    assert "how many tuning steps it takes is not known, and limits.maxSteps = 100; the service chooses" in said
    assert "batchSize" not in said
    price = {"baseModel": "gemini-*", "currency": "USD", "perMillionTokens": 5, "charactersPerToken": 4}
    limits = {"maxCost": {"amount": 1, "currency": "USD"}}
    vertex.project(provider={"type": "vertex"}, prices=[price], limits=limits)
    vertex.apply()
    kept = vertex.entry("numbers")["forecast"]
    assert (kept["cost"]["currency"], "uncounted" in kept) == ("USD", False)


def test_a_parent_of_another_region_is_refused_before_anything_is_bought(vertex: Workshop) -> None:
    elsewhere = "projects/emulator/locations/europe-west4/models/7@1"
    vertex.want("numbers", **spec(3, baseModel=None, source={"tunedModel": elsewhere}))
    said = vertex.run("validate", expect=1).text
    assert "spec.source.tunedModel: is in projects/emulator/locations/europe-west4, and this project tunes in" in said
    vertex.apply(expect=1)
    assert counts(vertex)[0] == 0


def test_a_name_that_versions_of_one_model_share_is_not_changed_for_one_alone(vertex: Workshop) -> None:
    """Tuned from a model under its very display name, a model is the next version of it."""
    vertex.want("child", **spec(2, baseModel=None, displayName="numbers", source={"model": "numbers"}))
    vertex.apply()
    assert counts(vertex)[:2] == (2, 1)
    assert vertex.kinds() == []
    vertex.want("child", **spec(2, baseModel=None, displayName="child", source={"model": "numbers"}))
    said = vertex.apply(expect=4).err
    assert "its model has 2 versions, which share their display name" in said
    vertex.want("child", **spec(2, baseModel=None, displayName="numbers", source={"model": "numbers"}))
    assert vertex.kinds() == []
    vertex.run("drift")
    vertex.run("destroy", "-y")
    assert counts(vertex) == (2, 0, 0)
