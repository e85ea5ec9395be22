"""Training data on its way to Vertex AI: uploaded once under its digest, or named by the URI of an object."""

from __future__ import annotations

import html
import json

import httpx
import pytest
from cli_kit import BISON, Workshop

from reconciler.providers.vertex import storage
from reconciler.providers.vertex.storage import Storage

FLASH = {"baseModel": "gemini-2.5-flash", "hyperparameters": {"epochCount": 1}}
PLACE = "gs://staging/tuned/models"
CANARY = "canary-5b1e"
CHAT = [
    {"role": "system", "content": "Count on."},
    {"role": "user", "content": "six"},
    {"role": "assistant", "content": "seven"},
    {"role": "user", "content": "and then?"},
    {"role": "assistant", "content": "eight"},
]


@pytest.fixture
def vertex(workshop: Workshop) -> Workshop:
    workshop.project(provider={"type": "vertex", "staging": PLACE})
    workshop.want("numbers", **FLASH)
    return workshop


def bucket(workshop: Workshop) -> httpx.Client:
    return httpx.Client(transport=workshop.emulator.transport(), base_url="http://emulator.invalid")


def objects(workshop: Workshop, name: str = "staging") -> dict[str, str]:
    """What lies in a bucket, by name."""
    with bucket(workshop) as client:
        found = client.get(f"/storage/v1/b/{name}/o").json().get("items", [])
        return {
            each["name"]: client.get(
                f"/storage/v1/b/{name}/o/{httpx.URL(each['name']).path.replace('/', '%2F')}", params={"alt": "media"}
            ).text
            for each in found
        }


def put(workshop: Workshop, uri: str, rows: list[object]) -> None:
    name, _, key = uri.removeprefix("gs://").partition("/")
    content = "".join(json.dumps(row) + "\n" for row in rows)
    with bucket(workshop) as client:
        query = {"uploadType": "media", "name": key}
        client.post(f"/upload/storage/v1/b/{name}/o", params=query, content=content).raise_for_status()


def row(text: str, output: str) -> dict[str, object]:
    said = (("user", text), ("model", output))
    return {"contents": [{"role": role, "parts": [{"text": words}]} for role, words in said]}


def test_the_numbers_of_an_object_are_not_to_be_had(vertex: Workshop) -> None:
    put(vertex, "gs://ours/a.jsonl", [row("one", "two")])
    vertex.want("numbers", **FLASH, dataset={"uri": "gs://ours/a.jsonl"})
    assert vertex.run("dataset", "check").code == 0
    assert vertex.run("dataset", "stats", "--format", "json").json()["datasets"] == []
    assert "gs://ours/a.jsonl: its rows are not read here" in vertex.run("dataset", "diff", "numbers", expect=1).text
    vertex.apply()
    assert vertex.run("history", "numbers").code == vertex.run("status").code == 0
    vertex.want("numbers", **FLASH)
    assert vertex.kinds() == [("numbers", "replace")]
    assert "gs://ours/a.jsonl -> " in vertex.run("plan").out


def uploads(workshop: Workshop) -> int:
    """How many uploads reached the bucket since the log was emptied."""
    return sum("/upload/" in path and method in {"POST", "PUT"} for method, path in workshop.requests())


def job(workshop: Workshop) -> dict[str, object]:
    """The newest tuning job as the service shows it."""
    with bucket(workshop) as client:
        jobs = client.get("/v1/projects/emulator/locations/us-central1/tuningJobs").json()["tuningJobs"]
        found: dict[str, object] = jobs[0]
        return found


def test_a_plan_says_where_data_goes_and_sends_none(vertex: Workshop) -> None:
    (action,) = vertex.plan()["actions"]
    digest = action["dataset"]["digest"].removeprefix("sha256:")
    assert action["dataset"]["uri"] == f"{PLACE}/{digest}.jsonl"
    assert f"upload   {PLACE}/{digest}.jsonl, unless it is there" in vertex.run("plan").out
    assert f"* upload: {PLACE}/" in html.unescape(vertex.run("plan", "--format", "markdown").out)
    assert {method for method, _ in vertex.requests()} == {"GET"}
    assert objects(vertex) == {}


def test_data_is_uploaded_once_and_again_only_when_it_changed(vertex: Workshop) -> None:
    vertex.apply()
    (name,) = objects(vertex)
    assert vertex.entry("numbers")["dataset"]["uri"] == f"gs://staging/{name}"
    assert len(objects(vertex)[name].splitlines()) == 15
    vertex.emulator.world.log.clear()
    vertex.apply()
    assert uploads(vertex) == 0
    vertex.want("numbers", **{**FLASH, "hyperparameters": {"epochCount": 2}})
    vertex.want("others", **FLASH)
    vertex.apply("--parallelism", "1")
    assert uploads(vertex) == 0, "another model of the same data"
    vertex.dataset(16)
    vertex.want("others", **{**FLASH, "displayName": "also"})
    vertex.apply("--parallelism", "1")
    assert uploads(vertex) == 1, "two models of the new data"
    assert len(objects(vertex)) == 2


def test_conversations_become_contents_with_a_system_instruction(vertex: Workshop) -> None:
    rows = [{"messages": CHAT}, {"messages": CHAT[1:3]}, row("one", "two")]
    vertex.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(each) + "\n" for each in rows))
    vertex.apply()
    (text,) = objects(vertex).values()
    first, second, third = map(json.loads, text.splitlines())
    assert first["systemInstruction"] == {"role": "system", "parts": [{"text": "Count on."}]}
    assert [content["role"] for content in first["contents"]] == ["user", "model", "user", "model"]
    assert second == row("six", "seven")
    assert third == row("one", "two")
    assert vertex.run("generate", "numbers", "six").out.strip().endswith("seven")


def test_a_conversation_is_an_error_at_its_line_where_only_pairs_are_taken(workshop: Workshop) -> None:
    rows = [{"text_input": "1", "output": "2"}, {"messages": CHAT}, {"messages": CHAT[1:3]}]
    workshop.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(each) + "\n" for each in rows))
    said = workshop.run("validate", expect=1).text
    assert "manifests/datasets/numbers.jsonl:2: error: is a conversation with a system instruction" in said
    assert "jsonl:3" not in said, "a question and its answer is a pair"


def test_preferences_are_compared_by_method_preference_alone(vertex: Workshop) -> None:
    asked = {"contents": [{"role": "user", "parts": [{"text": "one"}]}]}
    scored = [
        {"score": score, "completion": {"role": "model", "parts": [{"text": words}]}}
        for score, words in ((0.0, "uno"), (1.0, "two"))
    ]
    vertex.write("manifests/datasets/numbers.jsonl", json.dumps({**asked, "completions": scored}) + "\n")
    assert "numbers.jsonl:1: error: holds completions to compare" in vertex.run("validate", expect=1).text
    vertex.want("numbers", **FLASH, method="preference")
    vertex.apply()
    (text,) = objects(vertex).values()
    assert json.loads(text) == {**asked, "completions": scored}
    assert vertex.run("generate", "numbers", "one").out.strip().endswith("two")
    vertex.dataset(3)
    said = vertex.run("validate", expect=1).text
    assert said.count("has no completions to compare") == 3


def test_a_validation_file_is_uploaded_too(vertex: Workshop) -> None:
    vertex.dataset(4, path="manifests/datasets/held-out.jsonl", step=2)
    vertex.want("numbers", **FLASH, dataset={"path": "datasets/numbers.jsonl", "validation": "datasets/held-out.jsonl"})
    vertex.apply()
    assert sorted(len(text.splitlines()) for text in objects(vertex).values()) == [4, 15]
    assert "validationDatasetUri" in job(vertex)["supervisedTuningSpec"]


def test_a_validation_file_may_only_be_a_share_of_the_training_data(vertex: Workshop) -> None:
    vertex.dataset(1001)
    vertex.dataset(301, path="manifests/datasets/held-out.jsonl", step=2)
    vertex.want("numbers", **FLASH, dataset={"path": "datasets/numbers.jsonl", "validation": "datasets/held-out.jsonl"})
    said = vertex.run("validate", expect=1).text
    assert "has 301 examples; the service takes 300, 30% of the 1,001 that are trained on" in said


def test_an_object_is_named_by_its_uri_and_known_by_its_checksum(vertex: Workshop) -> None:
    uri = "gs://ours/data/train.jsonl"
    vertex.want("numbers", **FLASH, dataset={"uri": uri, "validation": "gs://ours/data/held-out.jsonl"})
    assert vertex.run("validate").code == 0
    said = vertex.run("plan", expect=1).text
    assert f"numbers: spec.dataset.uri: {uri} does not exist" in said
    assert "spec.dataset.validation: gs://ours/data/held-out.jsonl does not exist" in said
    put(vertex, uri, [row("one", "two")])
    put(vertex, "gs://ours/data/held-out.jsonl", [row("two", "three")])
    assert f"dataset  {uri}, sha256:" in vertex.run("plan").out
    vertex.apply()
    assert objects(vertex) == {}, "nothing is uploaded"
    spec = job(vertex)["supervisedTuningSpec"]
    assert (spec["trainingDatasetUri"], spec["validationDatasetUri"]) == (uri, "gs://ours/data/held-out.jsonl")
    assert vertex.entry("numbers")["dataset"]["uri"] == uri
    put(vertex, uri, [row("one", "two")])
    assert vertex.kinds() == [], "the same bytes, written again"
    put(vertex, uri, [row("one", "ten")])
    assert vertex.kinds() == [("numbers", "replace")]
    assert "the dataset changed since the last apply" in vertex.run("drift", expect=2).text


def test_an_object_that_changes_between_plan_and_create_is_not_trained_on(vertex: Workshop) -> None:
    uri = "gs://ours/train.jsonl"
    put(vertex, uri, [row("one", "two")])
    vertex.want("numbers", **FLASH, dataset={"uri": uri})
    vertex.run("plan", "--out", "saved.json")
    put(vertex, uri, [row("one", "ten")])
    vertex.run("apply", "saved.json", "-y", expect=6)


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        ({"uri": "gs://ours"}, "an object such as gs://bucket/data.jsonl"),
        ({"uri": "train.jsonl"}, "an object such as gs://bucket/data.jsonl"),
        ({"uri": "gs://ours/a.jsonl", "path": "datasets/numbers.jsonl"}, "path"),
        ({"path": "datasets/numbers.jsonl", "validation": "gs://ours"}, "must be a file, or an object"),
    ],
)
def test_what_is_no_object_is_told_at_its_place(vertex: Workshop, dataset: dict[str, str], problem: str) -> None:
    vertex.want("numbers", **FLASH, dataset=dataset)
    said = vertex.run("validate", expect=1).text
    assert "manifests/numbers.yaml:" in said
    assert problem in said


def test_a_service_without_buckets_takes_no_uri(workshop: Workshop) -> None:
    workshop.want("numbers", baseModel=BISON, dataset={"uri": "gs://ours/a.jsonl"})
    said = workshop.run("validate", expect=1).text
    assert "spec.dataset.uri: generativelanguage reads no data from buckets" in said


def test_without_a_place_for_uploads_nothing_is_planned(workshop: Workshop) -> None:
    workshop.project(
        provider={
            "type": "vertex",
            "endpoint": "https://aiplatform.googleapis.com",
            "project": "p",
            "location": "us-central1",
        }
    )
    workshop.want("numbers", **FLASH)
    said = workshop.run("plan", expect=1).text
    assert "tunectl.yaml:1:" in said
    assert "provider.staging: is missing; vertex reads its data from a bucket" in said


@pytest.mark.parametrize(
    ("fault", "said", "hint"),
    [
        (
            "status,code=404,method=POST,path=/upload/",
            "the bucket gs://staging does not exist",
            "gcloud storage buckets create gs://staging",
        ),
        ("status,code=403,method=POST,path=/upload/", "cannot be created", "roles/storage.objectUser"),
        ("status,code=403,method=GET,path=/o/", "cannot be created", "credentials"),
    ],
)
def test_a_bucket_that_refuses_is_told_with_what_mends_it_and_nothing_is_bought(
    vertex: Workshop, fault: str, said: str, hint: str
) -> None:
    vertex.write("manifests/datasets/numbers.jsonl", json.dumps({"text_input": CANARY, "output": CANARY}) + "\n")
    vertex.fault(fault)
    ended = vertex.apply(expect=None)
    assert ended.code != 0
    assert said in ended.text
    assert hint in ended.text
    assert CANARY not in ended.text
    assert not any(path.endswith("/tuningJobs") and method == "POST" for method, path in vertex.requests())
    vertex.apply()
    assert vertex.serving("numbers")


def test_what_somebody_else_put_under_the_name_is_not_trained_on(vertex: Workshop) -> None:
    digest = vertex.plan()["actions"][0]["dataset"]["digest"].removeprefix("sha256:")
    put(vertex, f"{PLACE}/{digest}.jsonl", [row("one", "two")])
    ended = vertex.apply(expect=4)
    assert "that are not the dataset of that name" in ended.text
    assert f"gcloud storage rm {PLACE}/{digest}.jsonl" in ended.text


def test_another_run_that_was_quicker_saves_the_upload(vertex: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(self: Storage, uri: str, content: object) -> bool:
        monkeypatch.undo()
        assert self.put(uri, content) is True
        return self.put(uri, content)

    monkeypatch.setattr(Storage, "put", first)
    vertex.apply()
    assert len(objects(vertex)) == 1


def test_large_data_goes_in_pieces_and_survives_lost_connections(
    vertex: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "CHUNK", 256 * 1024)
    rows = [{"text_input": f"{number} {'x' * 900}", "output": "y" * 100} for number in range(1000)]
    vertex.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(each) + "\n" for each in rows))
    vertex.fault("drop,method=PUT,skip=1,after=true")
    vertex.fault("status,code=503,method=PUT,skip=3")
    vertex.apply()
    (text,) = objects(vertex).values()
    assert len(text.splitlines()) == 1000
    assert uploads(vertex) > 5


@pytest.mark.parametrize(("stalls", "code"), [(3, 0), (4, 4)])
def test_a_chunk_that_the_service_keeps_nothing_of_is_sent_again_and_not_for_ever(
    vertex: Workshop, monkeypatch: pytest.MonkeyPatch, stalls: int, code: int
) -> None:
    monkeypatch.setattr(storage, "CHUNK", 256 * 1024)
    rows = [{"text_input": f"{number} {'x' * 900}", "output": "y"} for number in range(600)]
    vertex.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(each) + "\n" for each in rows))
    vertex.fault(f"status,code=308,method=PUT,count={stalls}")
    vertex.apply(expect=code)
    assert [len(text.splitlines()) for text in objects(vertex).values()] == ([] if code else [600])


def test_an_upload_session_that_is_gone_is_begun_anew(vertex: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "CHUNK", 256 * 1024)
    rows = [{"text_input": f"{number} {'x' * 900}", "output": "y"} for number in range(600)]
    vertex.write("manifests/datasets/numbers.jsonl", "".join(json.dumps(each) + "\n" for each in rows))
    vertex.fault("status,code=410,method=PUT,skip=1")
    vertex.apply()
    (text,) = objects(vertex).values()
    assert len(text.splitlines()) == 600


def test_bounds_on_data_that_nobody_counts_are_not_met(vertex: Workshop) -> None:
    provider = {"type": "vertex", "staging": PLACE}
    put(vertex, "gs://ours/a.jsonl", [row("one", "two")])
    vertex.want("numbers", **FLASH, dataset={"uri": "gs://ours/a.jsonl"})
    vertex.project(provider=provider, policy={"dataset": {"minExamples": 1}})
    said = vertex.run("plan", expect=5).text
    assert "the dataset has examples that nobody here counts (dataset.uri) and must have" in said
    assert "policy.dataset" in said


def test_what_is_said_of_an_object_that_may_not_be_looked_at_is_the_services_own(vertex: Workshop) -> None:
    vertex.want("numbers", **FLASH, dataset={"uri": "gs://ours/a.jsonl"})
    vertex.fault("status,code=403,path=/storage/v1/b/ours,message=caller lacks storage.objects.get")
    said = vertex.fails(3, "plan")
    assert "look at gs://ours/a.jsonl: caller lacks storage.objects.get" in said


def test_a_saved_plan_and_its_approval_hold_for_the_object_they_saw(vertex: Workshop) -> None:
    put(vertex, "gs://ours/a.jsonl", [row("one", "two")])
    vertex.want("numbers", **FLASH, dataset={"uri": "gs://ours/a.jsonl"})
    vertex.run("plan", "--out", "saved.json")
    assert "gs://ours/a.jsonl" in vertex.run("show", "saved.json").out
    vertex.run("apply", "saved.json", "-y")
    assert vertex.serving("numbers")


def test_an_object_that_changes_while_an_apply_runs_is_not_bought(
    vertex: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = "gs://ours/a.jsonl"
    put(vertex, uri, [row("one", "two")])
    vertex.want("numbers", **FLASH, dataset={"uri": uri})
    looked, stored = [], Storage.stored

    def moved(self: Storage, asked: str) -> object:
        looked.append(asked)
        if len(looked) == 2:
            put(vertex, uri, [row("one", "ten")])
        return stored(self, asked)

    monkeypatch.setattr(Storage, "stored", moved)
    ended = vertex.apply(expect=None)
    assert ended.code in {4, 6}
    assert f"the object {uri} changed since the plan was made; nothing was bought" in ended.text
    assert not any(path.endswith("/tuningJobs") and method == "POST" for method, path in vertex.requests())
