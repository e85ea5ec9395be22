"""The same manifest on both services, from plan to destroy; and what only Vertex AI asks of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from cli_kit import BISON, Workshop

from reconciler.emulator.vertex.records import Endpoint, Job, Model

if TYPE_CHECKING:
    from discovery_kit import Recorder

FLASH = "gemini-2.5-flash"
COMMON = {"baseModel": FLASH, "hyperparameters": {"epochCount": 3}}
SERVICES = {
    "generativelanguage": {"baseModel": BISON, "prefix": "tunedModels/"},
    "vertex": {"baseModel": FLASH, "prefix": "tuningJobs/"},
}


@pytest.fixture
def vertex(workshop: Workshop, documented: Recorder) -> Workshop:
    workshop.project(provider={"type": "vertex"})
    workshop.want("numbers", **COMMON)
    return workshop


def counts(workshop: Workshop) -> tuple[int, int, int]:
    """How many jobs, models and endpoints there are at the service."""
    shelf = workshop.emulator.world.shelf
    return shelf.count(Job), shelf.count(Model), shelf.count(Endpoint)


@pytest.mark.parametrize("service", SERVICES)
def test_the_same_manifest_lives_the_same_life_on_both_services(workshop: Workshop, service: str) -> None:
    known = SERVICES[service]
    workshop.project(provider={"type": service}, defaults={"baseModel": known["baseModel"]})
    spec = {"baseModel": None, "description": "counts one up", "hyperparameters": {"epochCount": 3}, "temperature": 0.5}
    workshop.want("numbers", **spec)
    assert workshop.kinds() == [("numbers", "create")]
    workshop.run("plan", "--detailed-exitcode", expect=2)
    workshop.apply()
    first = workshop.serving("numbers")
    assert first.startswith(known["prefix"])
    assert "No changes." in workshop.run("plan", "--detailed-exitcode").out
    workshop.run("drift")
    assert workshop.run("generate", "numbers", "3").out.strip().endswith("4")

    workshop.want("numbers", **{**spec, "displayName": "renamed", "description": "other words"})
    assert workshop.kinds() == [("numbers", "update")]
    workshop.apply()
    assert workshop.serving("numbers") == first
    workshop.run("drift")

    workshop.want("numbers", **{**spec, "displayName": "renamed", "hyperparameters": {"epochCount": 4}})
    assert workshop.kinds() == [("numbers", "replace")]
    workshop.apply()
    assert workshop.serving("numbers") != first
    assert workshop.kinds() == []
    workshop.run("destroy", "-y")
    assert workshop.kinds() == [("numbers", "create")]
    assert workshop.lockfile["models"] == {}


def test_what_is_not_kept_is_a_warning_and_what_would_be_another_model_an_error_each_at_its_place(
    vertex: Workshop,
) -> None:
    vertex.write(
        "manifests/numbers.yaml",
        """\
apiVersion: tunectl/v1
kind: TunedModel
metadata:
  name: numbers
  labels: {team: math, Team: "A B"}
spec:
  baseModel: gemini-2.5-flash
  dataset: {path: datasets/numbers.jsonl}
  hyperparameters:
    epochCount: 3
    batchSize: 4
    learningRate: 0.1
  temperature: 0.5
  gate: {maxFinalLoss: 1}
  permissions: [{role: READER, everyone: true}]
""",
    )
    said = vertex.run("validate", expect=1).text
    for place in (
        "5:24: warning: numbers: metadata.labels.Team: not kept by vertex",
        "11:5: error: numbers: spec.hyperparameters.batchSize: vertex chooses the batch size",
        "12:5: error: numbers: spec.hyperparameters.learningRate: vertex takes no learning rate",
        "13:3: warning: numbers: spec.temperature: not kept by vertex; ignored",
        "15:3: error: numbers: spec.permissions: vertex shares models by IAM",
    ):
        assert f"manifests/numbers.yaml:{place}" in said, said


@pytest.mark.parametrize(
    ("provider", "problems"),
    [
        (
            {"type": "vertex", "endpoint": "https://aiplatform.googleapis.com"},
            ["provider.project: is missing", "provider.location: is missing"],
        ),
        (
            {
                "type": "vertex",
                "endpoint": "https://europe-west4-aiplatform.googleapis.com",
                "project": "p",
                "location": "us-central1",
            },
            ["provider.endpoint: is the host of europe-west4, and provider.location is us-central1"],
        ),
        ({"type": "vertex", "location": "a/b"}, ["provider.location"]),
        ({"type": "vertex", "apiVersion": "v1beta"}, ["provider.apiVersion: must be v1 or v1beta1 with type vertex"]),
        ({"type": "vertx"}, ["provider.type: 'vertx' is not known", "did you mean vertex?"]),
    ],
)
def test_settings_that_cannot_be_used_are_said_at_their_place(
    workshop: Workshop, provider: dict[str, str], problems: list[str]
) -> None:
    workshop.project(provider=provider)
    said = workshop.run("plan", expect=1).text
    assert "tunectl.yaml:1:" in said
    for problem in problems:
        assert problem in said


def test_labels_are_managed_in_place_and_their_drift_is_seen(vertex: Workshop) -> None:
    vertex.want("numbers", metadata={"labels": {"team": "math"}}, **COMMON)
    vertex.apply()
    vertex.want("numbers", metadata={"labels": {"team": "art", "tier": "one"}}, **COMMON)
    (action,) = vertex.plan()["actions"]
    assert [(change["path"], change["after"]) for change in action["changes"]] == [
        ("spec.labels.team", "art"),
        ("spec.labels.tier", "one"),
    ]
    vertex.apply()
    assert vertex.kinds() == []
    client = httpx.Client(transport=vertex.emulator.transport(), base_url="http://emulator.invalid/v1/")
    (model,) = client.get("projects/emulator/locations/us-central1/models").json()["models"]
    labels = {**model["labels"], "team": "bent", "new": "theirs"}
    client.patch(model["name"], params={"updateMask": "labels"}, json={"labels": labels}).raise_for_status()
    drift = vertex.run("drift", "--format", "json", expect=2).json()["drift"]
    assert [(item["path"], item["before"], item["after"]) for item in drift] == [("spec.labels.team", "art", "bent")]
    vertex.apply("--only", "drift")
    vertex.run("drift")


def test_many_models_pass_through_a_quota_of_one_without_a_storm_of_refusals(vertex: Workshop) -> None:
    """What waits tries one at a time: the requests grow with the models, not with their square."""
    settings = vertex.emulator.world.settings
    settings.concurrent_tunings, settings.over_quota = 1, "refuse"
    names = [f"model-{number}" for number in range(6)]
    vertex.drop("numbers")
    for number, name in enumerate(names):
        vertex.want(name, **{**COMMON, "hyperparameters": {"epochCount": number + 1}})
    vertex.apply("--parallelism", "6")
    assert [vertex.entry(name)["state"] for name in names] == ["ready"] * 6
    posts = [r.status for r in vertex.emulator.requests if r.method == "POST" and r.path.endswith("/tuningJobs")]
    assert posts.count(200) == 6
    assert posts.count(429) <= 5 + 5 * 6
    assert vertex.kinds() == []


def test_without_waiting_what_found_no_quota_is_begun_by_the_next_apply(vertex: Workshop) -> None:
    settings = vertex.emulator.world.settings
    settings.concurrent_tunings, settings.over_quota = 1, "refuse"
    vertex.want("other", **{**COMMON, "hyperparameters": {"epochCount": 5}})
    vertex.apply("--no-wait", expect=4)
    vertex.apply()
    assert counts(vertex)[:2] == (2, 2)


def test_a_failed_revision_is_blocked_and_replace_buys_the_next_attempt(vertex: Workshop) -> None:
    vertex.fault("fail,message=no use")
    vertex.apply(expect=4)
    assert vertex.kinds() == [("numbers", "blocked")]
    vertex.apply("--replace", "numbers")
    assert vertex.serving("numbers").endswith("-2")
    assert vertex.kinds() == []
    assert vertex.plan()["unmanaged"] == [], "the record of the failure is nothing that could be managed"
    vertex.run("drift", "--count-unmanaged")


def test_what_was_destroyed_while_it_tuned_is_tuned_anew_when_it_is_wanted_again(vertex: Workshop) -> None:
    vertex.apply("--no-wait")
    vertex.run("destroy", "-y")
    assert vertex.plan()["unmanaged"] == [] or vertex.emulator.advance(100) is None
    assert vertex.kinds() == [("numbers", "create")]
    vertex.apply()
    assert vertex.serving("numbers").endswith("-2")


def test_a_tuning_is_cancelled_and_not_bought_again_by_itself(vertex: Workshop) -> None:
    vertex.apply("--no-wait")
    vertex.run("cancel", "numbers", "-y", expect=None)
    vertex.run("wait", expect=None)
    assert vertex.kinds() == [("numbers", "blocked")]
    assert counts(vertex)[0] == 1


def test_a_gate_of_prompts_judges_before_the_model_serves(vertex: Workshop) -> None:
    vertex.apply()
    first = vertex.serving("numbers")
    gate = {"prompts": [{"input": "3", "equals": "no such answer"}]}
    vertex.want("numbers", **{**COMMON, "hyperparameters": {"epochCount": 4}}, gate=gate)
    vertex.apply(expect=7)
    assert vertex.serving("numbers") == first


def test_a_child_is_tuned_from_its_parent_and_keeps_standing_when_nothing_changed(vertex: Workshop) -> None:
    vertex.want("child", **{**COMMON, "baseModel": None}, source={"model": "numbers"})
    vertex.apply()
    assert vertex.kinds() == []
    vertex.want("numbers", **{**COMMON, "hyperparameters": {"epochCount": 5}})
    assert vertex.kinds() == [("child", "replace"), ("numbers", "replace")]
    vertex.apply()
    assert vertex.kinds() == []
    vertex.run("destroy", "-y")
    assert counts(vertex)[1:] == (0, 0)


def test_a_lost_lockfile_is_found_again_by_the_labels(vertex: Workshop) -> None:
    vertex.apply()
    before = vertex.serving("numbers")
    (vertex.root / "tunectl.lock").unlink()
    vertex.run("lock", "rebuild", "-y")
    assert vertex.serving("numbers") == before
    assert vertex.kinds() == []
    assert counts(vertex)[0] == 1


def test_datasets_go_to_the_staging_bucket_once_under_their_digest(vertex: Workshop) -> None:
    vertex.project(provider={"type": "vertex", "staging": "gs://bucket/prefix"})
    vertex.want("other", **{**COMMON, "hyperparameters": {"epochCount": 5}})
    vertex.apply("--parallelism", "1")
    uploads = [r for r in vertex.emulator.requests if r.method == "POST" and r.path.startswith("/upload/")]
    assert len(uploads) == 1
    assert uploads[0].path == "/upload/storage/v1/b/bucket/o"
    digest = vertex.entry("numbers")["dataset"]["digest"].removeprefix("sha256:")
    recorded = {entry["dataset"]["uri"] for entry in vertex.lockfile["models"].values()}
    assert recorded == {f"gs://bucket/prefix/{digest}.jsonl"}
