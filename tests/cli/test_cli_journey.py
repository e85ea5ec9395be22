"""The life of a model from manifest to deletion, through the command line, against the emulator."""

from __future__ import annotations

import json

import httpx
import pytest
from cli_kit import FLASH, HYPERPARAMETERS, Workshop

from reconciler.emulator import Emulator

NUMBERS = "manifests/datasets/numbers.jsonl"


def test_a_new_manifest_is_validated_planned_tuned_and_answers(workshop: Workshop) -> None:
    assert workshop.run("validate").out == "Valid: 1 manifest, 15 examples.\n"
    assert workshop.kinds() == [("numbers", "create")]
    applied = workshop.apply()
    assert applied.out.endswith("Applied: 1 created, 0 updated, 0 replaced, 0 deleted.\n")
    assert "numbers: tuning has begun, 23 steps" in applied.err
    assert workshop.run("plan").out == "No changes. 1 model is as the manifests ask.\n"
    assert workshop.run("generate", "numbers", "41").out == "42\n"
    assert workshop.run("drift").out.startswith("No drift.\n")
    status = workshop.run("status", "--format", "json").json()
    (row,) = status["models"]
    assert (row["name"], row["state"], row["remoteState"]) == ("numbers", "ready", "ready")
    assert workshop.serving("numbers") in workshop.run("show", "numbers").out
    assert workshop.bought() == 1


def test_an_apply_with_nothing_to_do_touches_neither_remote_nor_lockfile(workshop: Workshop) -> None:
    workshop.apply()
    before = (workshop.root / "tunectl.lock").read_bytes()
    workshop.emulator.clear_requests()
    assert workshop.apply().out == "No changes. 1 model is as the manifests ask.\n"
    assert workshop.requests() == [("GET", "tunedModels")]
    assert (workshop.root / "tunectl.lock").read_bytes() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("displayName", "other words"),
        ("description", "counts"),
        ("temperature", 0.5),
        ("topP", 0.5),
        ("topK", 7),
    ],
)
def test_what_the_service_can_patch_is_updated_in_place(workshop: Workshop, field: str, value: object) -> None:
    workshop.apply()
    before = workshop.serving("numbers")
    workshop.want("numbers", **{field: value})
    plan = workshop.plan()
    (action,) = plan["actions"]
    assert (action["action"], action["resource"]) == ("update", before)
    assert [(change["path"], change["effect"]) for change in action["changes"]] == [(f"spec.{field}", "update")]
    assert plan["steps"] == 0
    workshop.apply()
    assert workshop.serving("numbers") == before
    assert workshop.entry("numbers")["spec"][field] == value
    assert workshop.kinds() == []
    assert workshop.bought() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"hyperparameters": {**HYPERPARAMETERS, "epochCount": 4}},
        {"hyperparameters": {**HYPERPARAMETERS, "batchSize": 4}},
        {"hyperparameters": {**HYPERPARAMETERS, "learningRate": 0.002}},
        {"baseModel": FLASH},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_cannot_change_in_place_is_tuned_anew_and_the_old_model_goes_last(
    workshop: Workshop, change: dict[str, object]
) -> None:
    workshop.apply()
    old = workshop.serving("numbers")
    workshop.want("numbers", **change)
    (action,) = workshop.plan()["actions"]
    assert (action["action"], action["previous"]) == ("replace", old)
    assert action["resource"] != old
    assert {item["effect"] for item in action["changes"]} == {"replace"}
    workshop.emulator.clear_requests()
    workshop.apply()
    assert workshop.serving("numbers") == action["resource"]
    assert workshop.remote() == [action["resource"].removeprefix("tunedModels/")]
    writes = [request for request in workshop.requests() if request[0] != "GET"]
    assert writes == [("POST", "tunedModels"), ("DELETE", old)]
    polls = [index for index, request in enumerate(workshop.requests()) if "operations" in request[1]]
    assert max(polls) < workshop.requests().index(("DELETE", old))
    assert workshop.kinds() == []


def test_new_words_and_new_weights_in_one_change_are_one_replacement(workshop: Workshop) -> None:
    workshop.apply()
    workshop.want("numbers", temperature=0.1, hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    assert workshop.kinds() == [("numbers", "replace")]
    workshop.apply()
    assert workshop.kinds() == []


def test_one_character_of_one_example_is_another_model(workshop: Workshop) -> None:
    workshop.apply()
    old = workshop.serving("numbers")
    text = (workshop.root / NUMBERS).read_text()
    workshop.write(NUMBERS, text.replace('"output": "16"', '"output": "17"'))
    (action,) = workshop.plan()["actions"]
    assert action["action"] == "replace"
    assert [change["path"] for change in action["changes"]] == ["spec.dataset"]
    drift = workshop.run("drift", "--format", "json", expect=2).json()
    assert [item["kind"] for item in drift["drift"]] == ["data"]
    workshop.apply()
    assert workshop.serving("numbers") != old
    assert workshop.run("generate", "numbers", "15").out == "17\n"


def rows() -> list[tuple[str, str]]:
    return [(str(number), str(number + 1)) for number in range(1, 16)]


SAME_DATA = {
    "other spacing and key order": (
        "datasets/numbers.jsonl",
        "\r\n".join(f'{{ "output":"{b}" ,\t"text_input":"{a}" }}' for a, b in rows()) + "\r\n\r\n",
    ),
    "a byte order mark and camel case": (
        "datasets/numbers.jsonl",
        "\ufeff" + "".join(json.dumps({"textInput": a, "output": b}) + "\n" for a, b in rows()),
    ),
    "another file": (
        "elsewhere/data.jsonl",
        "".join(json.dumps({"text_input": a, "output": b}) + "\n" for a, b in rows()),
    ),
    "csv": ("datasets/numbers.csv", "text_input,output\n" + "".join(f'{a},"{b}"\n' for a, b in rows())),
    "tsv with another column": (
        "datasets/numbers.tsv",
        "id\toutput\ttext_input\r\n" + "".join(f"{i}\t{b}\t{a}\r\n" for i, (a, b) in enumerate(rows())),
    ),
    "json": ("datasets/numbers.json", json.dumps([{"text_input": a, "output": b} for a, b in rows()], indent=4)),
}


@pytest.mark.parametrize(("path", "content"), SAME_DATA.values(), ids=SAME_DATA.keys())
def test_the_same_examples_written_otherwise_or_elsewhere_are_no_change(
    workshop: Workshop, path: str, content: str
) -> None:
    workshop.apply()
    (workshop.root / NUMBERS).unlink()
    workshop.write(f"manifests/{path}", content)
    workshop.want("numbers", dataset={"path": path})
    assert workshop.kinds() == []
    workshop.run("drift")


def test_other_columns_and_inline_examples_are_the_same_data_too(workshop: Workshop) -> None:
    workshop.apply()
    workshop.write("manifests/other.csv", "q,a\n" + "".join(f"{a},{b}\n" for a, b in rows()))
    workshop.want("numbers", dataset={"path": "other.csv", "inputKey": "q", "outputKey": "a"})
    assert workshop.kinds() == []
    workshop.want("numbers", dataset={"examples": [{"text_input": a, "output": b} for a, b in rows()]})
    assert workshop.kinds() == []


def test_moving_a_manifest_to_another_file_is_no_change(workshop: Workshop) -> None:
    workshop.apply()
    text = (workshop.root / "manifests/numbers.yaml").read_text()
    workshop.drop("numbers")
    workshop.write("manifests/team/all.yaml", f"---\n{text.replace('datasets/', '../datasets/')}")
    assert workshop.kinds() == []


def test_the_defaults_of_the_service_written_out_later_are_no_change(workshop: Workshop) -> None:
    workshop.want("numbers", hyperparameters=None)
    workshop.apply()
    (row,) = workshop.run("status", "--format", "json").json()["models"]
    remote = row["remoteSpec"]
    workshop.want(
        "numbers",
        hyperparameters={key: remote["hyperparameters"][key] for key in ("epochCount", "batchSize", "learningRate")},
        temperature=remote["temperature"],
        topP=remote["topP"],
        topK=remote["topK"],
        description="",
    )
    assert workshop.kinds() == []
    workshop.run("drift")


def test_a_field_that_is_taken_out_of_the_manifest_is_managed_no_more(workshop: Workshop) -> None:
    workshop.want("numbers", temperature=0.25)
    workshop.apply()
    workshop.want("numbers")
    assert workshop.kinds() == []


def test_project_defaults_reach_every_manifest(workshop: Workshop) -> None:
    workshop.project(defaults={"temperature": 0.25, "hyperparameters": {"epochCount": 1}})
    workshop.want("numbers", hyperparameters={"batchSize": 5})
    (action,) = workshop.plan()["actions"]
    assert action["steps"] == 3
    workshop.apply()
    assert workshop.entry("numbers")["spec"]["temperature"] == 0.25


def test_a_rename_moves_the_record_and_buys_nothing(workshop: Workshop) -> None:
    workshop.apply()
    resource = workshop.serving("numbers")
    workshop.drop("numbers")
    workshop.want("counting", metadata={"previousNames": ["numbers"]}, displayName="numbers")
    assert workshop.kinds() == [("counting", "move")]
    workshop.apply()
    assert workshop.serving("counting") == resource
    assert "numbers" not in workshop.lockfile["models"]
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_rename_is_inferred_from_an_equal_revision(workshop: Workshop) -> None:
    workshop.apply()
    workshop.drop("numbers")
    workshop.want("counting")
    plan = workshop.plan()
    assert [(a["action"], a["name"], a["previousName"]) for a in plan["actions"]] == [
        ("move", "counting", "numbers"),
        ("update", "counting", None),
    ]
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_manifest_that_is_gone_deletes_its_model_within_the_limit(workshop: Workshop) -> None:
    for number in range(3):
        workshop.want(f"extra-{number}", hyperparameters={**HYPERPARAMETERS, "epochCount": number + 4})
    workshop.apply()
    for number in range(3):
        workshop.drop(f"extra-{number}")
    workshop.project(limits={"maxDeletes": 2})
    workshop.emulator.clear_requests()
    refused = workshop.run("plan", expect=5)
    assert "3 deletions are over limits.maxDeletes = 2; --allow-deletes 3 allows exactly this plan" in refused.out
    assert "maxDeletes = 2" in workshop.apply(expect=5).err
    assert {method for method, _ in workshop.requests()} == {"GET"}
    assert len(workshop.lockfile["models"]) == 4
    workshop.apply("--allow-deletes", "3")
    assert workshop.remote() == [workshop.serving("numbers").removeprefix("tunedModels/")]
    assert list(workshop.lockfile["models"]) == ["numbers"]


@pytest.mark.parametrize(("limit", "flag"), [("maxReplaces", "--allow-replaces"), ("maxSteps", "--allow-steps")])
def test_replacements_and_steps_have_limits_of_their_own(workshop: Workshop, limit: str, flag: str) -> None:
    workshop.apply()
    workshop.want("numbers", hyperparameters={**HYPERPARAMETERS, "epochCount": 4})
    workshop.project(limits={limit: 0})
    plan = workshop.plan()
    (violation,) = plan["violations"]
    assert limit in json.dumps(violation)
    assert flag in json.dumps(violation)
    workshop.apply(expect=5)
    assert workshop.bought() == 1
    workshop.apply(flag, "1" if limit == "maxReplaces" else "30")
    assert workshop.bought() == 2


def test_destroy_deletes_what_is_recorded_and_nothing_else(workshop: Workshop, emulator: Emulator) -> None:
    workshop.apply()
    emulator.occupy("somebody-elses", visible=True)
    destroyed = workshop.run("destroy", "-y")
    assert "Applied: 0 created, 0 updated, 0 replaced, 1 deleted." in destroyed.out
    assert workshop.remote() == ["somebody-elses"]
    assert workshop.lockfile["models"] == {}
    assert workshop.kinds() == [("numbers", "create")]


def test_destroy_takes_names(workshop: Workshop) -> None:
    workshop.want("other", hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    workshop.apply()
    workshop.run("destroy", "-y", "other")
    assert list(workshop.lockfile["models"]) == ["numbers"]
    said = workshop.run("destroy", "-y", "nmbers", expect=64).err
    assert "NAME nmbers: there is no model of that name; did you mean numbers?" in said


def test_no_wait_starts_and_wait_records_and_apply_sees_nothing_left(workshop: Workshop) -> None:
    started = workshop.apply("--no-wait")
    assert "1 still tuning" in started.out
    assert workshop.entry("numbers")["state"] == "tuning"
    assert workshop.kinds() == [("numbers", "wait")]
    assert "serves nothing yet" in workshop.fails(1, "generate", "numbers", "1")
    assert workshop.run("wait").out == "Waited: 1 ready.\n"
    assert workshop.entry("numbers")["state"] == "ready"
    assert workshop.run("wait").out == "Nothing is tuning.\n"
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_wait_leaves_the_switch_to_apply(workshop: Workshop) -> None:
    workshop.apply()
    old = workshop.serving("numbers")
    workshop.want("numbers", hyperparameters={**HYPERPARAMETERS, "epochCount": 4})
    workshop.apply("--no-wait")
    workshop.run("wait")
    assert workshop.serving("numbers") == old
    assert workshop.entry("numbers")["candidate"]["state"] == "ready"
    assert workshop.kinds() == [("numbers", "wait")]
    workshop.apply()
    assert workshop.serving("numbers") != old
    assert len(workshop.remote()) == 1
    assert workshop.bought() == 2


def test_a_timeout_ends_the_wait_and_not_the_training(workshop: Workshop) -> None:
    assert "still tuning after the wait: numbers" in workshop.apply("--timeout", "2s", expect=9).err
    assert "numbers" in workshop.run("wait", "--timeout", "1s", expect=9).err
    workshop.run("wait")
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_the_timeout_of_a_manifest_bounds_its_wait(workshop: Workshop) -> None:
    workshop.want("numbers", lifecycle={"timeout": "3s"})
    workshop.apply(expect=9)
    assert workshop.clock.now() - 1_700_000_000 < 6


def test_target_and_exclude_select_and_the_digest_knows(workshop: Workshop) -> None:
    workshop.want("other", hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    assert workshop.kinds("--target", "oth*") == [("other", "create")]
    assert workshop.kinds("--exclude", "oth*") == [("numbers", "create")]
    whole, part = workshop.plan(), workshop.plan("--target", "*")
    assert whole["actions"] == part["actions"]
    assert whole["digest"] != part["digest"]
    workshop.apply("--target", "other")
    assert list(workshop.lockfile["models"]) == ["other"]
    workshop.drop("other")
    assert workshop.kinds("--target", "numbers") == [("numbers", "create")]


@pytest.mark.parametrize(
    ("command", "flag", "name"),
    [
        ("plan", "--target", "numbrs"),
        ("plan", "--replace", "numbrs"),
        ("plan", "--replace", "number?"),
        ("drift", "--target", "numbrs"),
    ],
)
def test_a_selection_that_names_nothing_is_a_mistake(workshop: Workshop, command: str, flag: str, name: str) -> None:
    said = workshop.fails(64, command, flag, name)
    assert f"{flag} {name}: there is no model of that name; did you mean numbers?" in said


def test_replace_buys_a_fresh_attempt_of_the_same_revision(workshop: Workshop) -> None:
    workshop.apply()
    old = workshop.serving("numbers")
    (action,) = workshop.plan("--replace", "numbers")["actions"]
    assert (action["action"], action["attempt"], action["resource"]) == ("replace", 2, f"{old}-2")
    workshop.apply("--replace", "numbers")
    assert workshop.serving("numbers") == f"{old}-2"
    assert workshop.remote() == [f"{old}-2".removeprefix("tunedModels/")]
    assert (workshop.bought(), workshop.kinds()) == (2, [])


def test_a_child_is_tuned_from_its_parent_once_that_is_ready(workshop: Workshop) -> None:
    workshop.want("child", baseModel=None, source={"model": "numbers"})
    plan = workshop.plan()
    assert [(a["name"], a["action"], a["dependsOn"]) for a in plan["actions"]] == [
        ("child", "create", ["numbers"]),
        ("numbers", "create", []),
    ]
    workshop.apply()
    assert {workshop.entry(name)["state"] for name in ("child", "numbers")} == {"ready"}
    assert workshop.kinds() == []
    workshop.want("numbers", hyperparameters={**HYPERPARAMETERS, "epochCount": 4})
    assert workshop.kinds() == [("child", "replace"), ("numbers", "replace")]
    workshop.apply()
    assert (len(workshop.remote()), workshop.bought(), workshop.kinds()) == (2, 4, [])


def test_a_child_whose_parent_fails_is_skipped_and_says_why(workshop: Workshop) -> None:
    workshop.want("child", baseModel=None, source={"model": "numbers"})
    workshop.fault("fail,model=numbers")
    ended = workshop.apply(expect=4)
    assert "child: create not begun: its source model numbers failed" in ended.err
    assert workshop.bought() == 1
    assert workshop.kinds() == [("child", "blocked"), ("numbers", "blocked")]


def test_protection_outlives_the_manifest(workshop: Workshop) -> None:
    workshop.want("numbers", lifecycle={"protect": True})
    workshop.apply()
    workshop.want("other", hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    workshop.drop("numbers")
    assert "numbers: is protected and would be deleted" in workshop.apply(expect=5).err
    assert "numbers: is protected" in workshop.run("destroy", "-y", expect=5).err
    assert (workshop.bought(), len(workshop.remote())) == (1, 1)
    workshop.want("numbers", lifecycle={"protect": False})
    workshop.apply()
    workshop.drop("numbers")
    workshop.apply()
    assert list(workshop.lockfile["models"]) == ["other"]


def test_retained_deletion_forgets_the_record_and_keeps_the_model(workshop: Workshop) -> None:
    workshop.want("numbers", lifecycle={"deletion": "retain"})
    workshop.apply()
    workshop.want("other", hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    workshop.drop("numbers")
    assert workshop.kinds() == [("numbers", "forget"), ("other", "create")]
    workshop.apply()
    assert len(workshop.remote()) == 2
    assert [model["orphaned"] for model in workshop.plan()["unmanaged"]] == [True]


def test_ignored_fields_may_drift(workshop: Workshop) -> None:
    workshop.want("numbers", temperature=0.5, lifecycle={"ignore": ["temperature"]})
    workshop.apply()
    workshop.want("numbers", temperature=0.9, lifecycle={"ignore": ["temperature"]})
    assert workshop.kinds() == []
    workshop.run("drift")
    workshop.want("numbers", temperature=0.9)
    assert workshop.kinds() == [("numbers", "update")]


def test_retained_models_serve_again_without_being_bought(workshop: Workshop) -> None:
    workshop.want("numbers", lifecycle={"retain": 1})
    workshop.apply()
    first = workshop.serving("numbers")
    workshop.want("numbers", lifecycle={"retain": 1}, hyperparameters={**HYPERPARAMETERS, "epochCount": 4})
    workshop.apply()
    assert len(workshop.remote()) == 2
    workshop.want("numbers", lifecycle={"retain": 1})
    assert workshop.kinds() == [("numbers", "reuse")]
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.bought(), workshop.kinds()) == (first, 2, [])


def test_a_lost_lockfile_costs_nothing(workshop: Workshop) -> None:
    workshop.apply()
    resource = workshop.serving("numbers")
    (workshop.root / "tunectl.lock").unlink()
    assert workshop.kinds() == [("numbers", "reuse")]
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.bought(), workshop.kinds()) == (resource, 1, [])


def test_a_lockfile_lost_while_tuning_costs_nothing_either(workshop: Workshop) -> None:
    workshop.apply("--no-wait")
    (workshop.root / "tunectl.lock").unlink()
    assert workshop.kinds() == [("numbers", "reuse")]
    workshop.apply()
    assert workshop.entry("numbers")["state"] == "ready"
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_two_projects_on_one_remote_never_touch_each_other(workshop: Workshop) -> None:
    workshop.apply()
    ours = workshop.serving("numbers")
    other = workshop.root / "other"
    for name in ("manifests/numbers.yaml", NUMBERS):
        workshop.write(f"other/{name}", (workshop.root / name).read_bytes())
    workshop.write("other/tunectl.yaml", "{apiVersion: tunectl/v1, kind: Project, metadata: {name: second}}")
    workshop.run("-C", "other", "apply", "-y")
    lockfile = json.loads((other / "tunectl.lock").read_text())
    theirs = lockfile["models"]["numbers"]["resource"]
    assert theirs != ours
    workshop.run("destroy", "-y")
    assert workshop.remote() == [theirs.removeprefix("tunedModels/")]


def test_a_model_changed_by_hand_is_drift_and_set_right(workshop: Workshop, emulator: Emulator) -> None:
    workshop.want("numbers", temperature=0.5)
    workshop.apply()
    resource = workshop.serving("numbers")
    with httpx.Client(transport=emulator.transport(), base_url="http://emulator") as client:
        client.patch(f"/v1beta/{resource}?updateMask=temperature", json={"temperature": 0.75}).raise_for_status()
    (found,) = workshop.run("drift", "--format", "json", expect=2).json()["drift"]
    assert (found["kind"], found["path"], found["before"], found["after"]) == ("changed", "spec.temperature", 0.5, 0.75)
    assert workshop.kinds() == [("numbers", "update")]
    workshop.apply()
    workshop.run("drift")


def test_a_model_deleted_by_hand_is_drift_and_made_again(workshop: Workshop, emulator: Emulator) -> None:
    workshop.apply()
    resource = workshop.serving("numbers")
    emulator.remove(resource.removeprefix("tunedModels/"))
    said = workshop.fails(1, "generate", "numbers", "1")
    assert f"numbers: read {resource}: " in said
    assert "`tunectl apply` tunes it again" in said
    (found,) = workshop.run("drift", "--format", "json", expect=2).json()["drift"]
    assert (found["kind"], found["resource"]) == ("missing", resource)
    (action,) = workshop.plan()["actions"]
    assert (action["action"], action["reason"]) == ("create", "is gone from the remote")
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.bought()) == (resource, 2)
