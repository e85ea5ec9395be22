"""Going back to a former model and forth again, through the command line, against the emulator."""

from __future__ import annotations

import pytest
from cli_kit import HYPERPARAMETERS, Workshop
from filelock import FileLock

from reconciler.errors import StoreError
from reconciler.stores.local import LocalBlobStore


def want(workshop: Workshop, epochs: int, name: str = "numbers", *, retain: int = 1, **spec: object) -> None:
    hyperparameters = {**HYPERPARAMETERS, "epochCount": epochs}
    workshop.want(name, hyperparameters=hyperparameters, lifecycle={"retain": retain}, **spec)


def served(workshop: Workshop, *epochs: int, retain: int = 1) -> list[str]:
    """Let models of so many epochs serve one after the other; return them, the first one first."""
    models = []
    for number in epochs:
        want(workshop, number, retain=retain)
        workshop.apply()
        models.append(workshop.serving("numbers"))
    return models


def back(workshop: Workshop, *arguments: str) -> str:
    return workshop.run("rollback", "numbers", "-y", *arguments).text


def digest(workshop: Workshop, resource: str) -> str:
    """The short hash of the revision of a recorded model."""
    entry = workshop.entry("numbers")
    instances = [entry, *entry["retained"]]
    found = next(instance for instance in instances if instance["resource"] == resource)
    return str(found["revision"]).removeprefix("sha256:")[:12]


def test_the_former_model_serves_again_without_training_and_stays(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    workshop.emulator.clear_requests()
    said = workshop.run("rollback", "numbers", "-y")
    assert said.out.endswith(f"Rolled back: numbers serves {old.removeprefix('tunedModels/')}; pinned.\n")
    assert "0 steps: nothing is trained" in said.out
    assert {method for method, _ in workshop.requests()} == {"GET"}
    assert ("GET", old) in workshop.requests()
    assert (workshop.serving("numbers"), workshop.bought(), len(workshop.remote())) == (old, 2, 2)
    assert [model["resource"] for model in workshop.entry("numbers")["retained"]] == [new]
    for _ in range(2):
        applied = workshop.apply().out
        assert applied.startswith("No changes. 0 models are as the manifests ask, 1 pinned by a rollback.\n")
        assert "Pinned:\n  numbers: stays at " in applied
        assert "`tunectl rollback numbers --unpin`" in applied
    assert workshop.serving("numbers") == old


def test_going_back_twice_ends_where_it_began(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    before = workshop.entry("numbers")
    back(workshop)
    assert workshop.serving("numbers") == old
    assert f"\nRolled back: numbers serves {new.removeprefix('tunedModels/')}.\n" in back(workshop)
    assert {**workshop.entry("numbers"), "history": None} == {**before, "history": None}
    assert workshop.run("plan").out == "No changes. 1 model is as the manifests ask.\n"


def test_after_a_rollback_to_before_the_gate_drift_and_plan_agree(workshop: Workshop) -> None:
    served(workshop, 1)
    want(workshop, 2, gate={"prompts": [{"input": "4", "contains": "5"}]})
    workshop.apply()
    back(workshop)
    assert workshop.run("drift").out.startswith("No drift.")
    assert workshop.kinds() == []
    want(workshop, 2, gate={"prompts": [{"input": "4", "contains": "6"}]})
    assert "spec.gate changed in the manifest since the last apply: sha256:" in workshop.run("drift", expect=2).out
    assert workshop.kinds() == [("numbers", "update")]


def test_going_back_and_ending_the_pin_are_told_by_name(workshop: Workshop) -> None:
    old, _ = served(workshop, 1, 2)
    said = workshop.run("rollback", "numbers", "-y")
    assert said.err == ""
    ended = workshop.run("rollback", "numbers", "--unpin", "-y")
    serving = old.removeprefix("tunedModels/")
    assert ended.text == f"Unpinned: numbers serves {serving} until the next apply, which follows its manifest.\n"


def test_a_rollback_is_one_write_of_the_lockfile(workshop: Workshop) -> None:
    served(workshop, 1, 2)
    events = workshop.run("rollback", "numbers", "-y", "--format", "jsonl").events()
    assert [event["type"] for event in events] == ["started", "saved", "finished", "summary"]


@pytest.mark.parametrize("name", ["hash", "id", "resource", "attempt"])
def test_any_former_model_can_be_named(workshop: Workshop, name: str) -> None:
    first, second, third = served(workshop, 1, 2, 3, retain=2)
    workshop.apply("--replace", "numbers")
    assert workshop.entry("numbers")["attempt"] == 2
    assert [model["resource"] for model in workshop.entry("numbers")["retained"]] == [third, second]
    assert first.removeprefix("tunedModels/") not in workshop.remote()
    said = {
        "hash": digest(workshop, second)[:8],
        "id": second.removeprefix("tunedModels/"),
        "resource": second,
        "attempt": "1",
    }
    if name == "attempt":
        assert "fits more than one former model" in workshop.fails(64, "rollback", "numbers", "--to", said[name], "-y")
        return
    back(workshop, "--to", said[name])
    assert workshop.serving("numbers") == second
    back(workshop)
    assert workshop.entry("numbers")["attempt"] == 2, "the last one that served before is the one rolled back from"


def test_between_two_attempts_of_one_revision_nothing_is_pinned(workshop: Workshop) -> None:
    (first,) = served(workshop, 1)
    workshop.apply("--replace", "numbers")
    assert "not pinned: it is of the very revision that the manifest asks for" in back(workshop, "--to", "1")
    assert workshop.serving("numbers") == first
    assert workshop.run("plan").out == "No changes. 1 model is as the manifests ask.\n"


def test_the_pin_ends_with_the_next_revision_of_the_manifest(workshop: Workshop) -> None:
    old, _ = served(workshop, 1, 2)
    back(workshop)
    want(workshop, 3)
    (action,) = workshop.plan()["actions"]
    assert (action["action"], action["previous"]) == ("replace", old)
    assert action["reason"] == "cannot change in place: hyperparameters.epochCount; the pin of the rollback ends"
    workshop.apply()
    entry = workshop.entry("numbers")
    assert (entry["pin"], entry.get("pinOver")) == (None, None)
    assert [model["resource"] for model in entry["retained"]] == [old]
    assert workshop.bought() == 3


def test_a_manifest_that_is_changed_back_makes_the_rollback_its_own(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    back(workshop)
    want(workshop, 1)
    assert workshop.plan()["actions"][0]["changes"] == [
        {"path": "pin", "before": workshop.entry("numbers")["revision"], "after": None, "effect": "local"}
    ]
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.entry("numbers")["pin"]) == (old, None)
    want(workshop, 2)
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.bought()) == (new, 2), "not held back by a pin that is over"


def test_unpinned_the_next_apply_follows_the_manifest_for_nothing(workshop: Workshop) -> None:
    _, new = served(workshop, 1, 2)
    back(workshop)
    said = workshop.run("rollback", "numbers", "--unpin", "-y").out
    assert said.startswith("Unpinned: numbers serves ")
    assert workshop.kinds() == [("numbers", "reuse")]
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.bought()) == (new, 2)
    assert "numbers is not pinned" in workshop.run("rollback", "numbers", "--unpin", "-y").err


def test_a_fresh_attempt_of_a_pinned_name_is_one_of_its_manifest(workshop: Workshop) -> None:
    served(workshop, 1, 2)
    back(workshop)
    (action,) = workshop.plan("--replace", "numbers")["actions"]
    assert (action["action"], action["attempt"]) == ("replace", 2)
    assert action["reason"].endswith("the pin of the rollback ends")
    workshop.apply("--replace", "numbers")
    assert (workshop.entry("numbers")["pin"], workshop.entry("numbers")["attempt"]) == (None, 2)


def test_a_plan_that_was_approved_stands_beside_a_pin(workshop: Workshop) -> None:
    served(workshop, 1, 2)
    workshop.want("other")
    approved = workshop.plan("--target", "other")["digest"]
    back(workshop)
    workshop.apply("--target", "other", "--expect-digest", approved)
    plan = workshop.plan()
    assert [(pin["name"], pin["over"]) for pin in plan["pinned"]] == [("numbers", workshop.entry("numbers")["pinOver"])]


def test_fields_that_can_be_patched_go_on_following_the_manifest(workshop: Workshop) -> None:
    want(workshop, 1, temperature=0.2)
    workshop.apply()
    old = workshop.serving("numbers")
    want(workshop, 2, temperature=0.9)
    workshop.apply()
    workshop.emulator.clear_requests()
    back(workshop)
    assert not [request for request in workshop.requests() if request[0] == "PATCH"]
    (action,) = workshop.plan()["actions"]
    assert (action["action"], action["resource"]) == ("update", old)
    assert [(change["path"], change["after"]) for change in action["changes"]] == [("spec.temperature", 0.9)]
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.kinds()) == (old, [])


def test_drift_status_and_show_say_that_a_name_is_pinned(workshop: Workshop) -> None:
    served(workshop, 1, 2)
    back(workshop)
    drift = workshop.run("drift")
    assert drift.out.startswith("No drift.\n\nPinned:\n  numbers: stays at ")
    assert [pin["name"] for pin in workshop.run("drift", "--format", "json").json()["pinned"]] == ["numbers"]
    assert "* pinned: " in workshop.run("drift", "--format", "markdown").out
    assert "ready, pinned" in workshop.run("status").out
    assert "ready, pinned" in workshop.run("status", "--format", "markdown").out
    (row,) = workshop.run("status", "--format", "json").json()["models"]
    assert (row["pin"], row["pinOver"]) == (row["revision"], workshop.entry("numbers")["pinOver"])
    assert "by a rollback" in workshop.run("show", "numbers").out
    assert "<summary>Pinned (1)</summary>" in workshop.run("plan", "--format", "markdown").out
    workshop.run("plan", "--out", "plan.json")
    assert "Pinned:\n  numbers: stays at " in workshop.run("show", "plan.json").out


def test_with_nothing_kept_there_is_nothing_to_roll_back_to(workshop: Workshop) -> None:
    served(workshop, 1, 2, retain=0)
    said = workshop.fails(1, "rollback", "numbers", "-y")
    assert "no former model is kept, so there is nothing to roll back to" in said
    assert "hint: set spec.lifecycle.retain to 1 or more" in said


def test_the_way_back_stays_open_even_if_nothing_is_retained_any_more(workshop: Workshop) -> None:
    _, new = served(workshop, 1, 2)
    back(workshop)
    want(workshop, 2, retain=0)
    workshop.apply()
    assert [model["resource"] for model in workshop.entry("numbers")["retained"]] == [new]
    back(workshop)
    assert workshop.serving("numbers") == new


def test_a_model_that_is_gone_from_the_remote_cannot_serve_again(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    workshop.vanish(old)
    before = (workshop.root / "tunectl.lock").read_bytes()
    said = workshop.fails(1, "rollback", "numbers", "-y")
    assert f"numbers: {old} does not exist any more, so it cannot serve again; nothing was changed" in said
    assert (workshop.root / "tunectl.lock").read_bytes() == before
    assert workshop.serving("numbers") == new


def test_a_target_that_a_lagging_listing_still_shows_is_asked_for_itself(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    workshop.fault(f"vanish,method=GET,path={old}$")
    assert "does not exist any more" in workshop.fails(1, "rollback", "numbers", "-y")
    assert workshop.serving("numbers") == new


def test_a_model_that_may_not_be_seen_is_a_matter_of_permission(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    workshop.fault(f"status,code=403,method=GET,path={old}$")
    workshop.fails(3, "rollback", "numbers", "-y")
    assert workshop.serving("numbers") == new


def test_a_serving_model_that_is_gone_is_rolled_back_from_and_not_kept(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    workshop.vanish(new)
    assert "is gone, and its record ends" in back(workshop)
    assert (workshop.serving("numbers"), workshop.entry("numbers")["retained"]) == (old, [])
    assert (workshop.kinds(), workshop.bought()) == ([], 2)


def test_a_pinned_model_that_is_deleted_gives_way_to_what_the_manifest_asks_for(workshop: Workshop) -> None:
    old, new = served(workshop, 1, 2)
    back(workshop)
    workshop.vanish(old)
    (action,) = workshop.plan()["actions"]
    assert (action["action"], action["resource"]) == ("reuse", new)
    assert action["reason"].endswith("the model that the rollback pinned is gone")
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.entry("numbers")["pin"], workshop.bought()) == (new, None, 2)


def test_a_name_without_a_manifest_is_not_rolled_back(workshop: Workshop) -> None:
    served(workshop, 1, 2)
    workshop.want("other")
    workshop.drop("numbers")
    assert "has no manifest any more" in workshop.fails(1, "rollback", "numbers", "-y")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("rollback", "nmbers", "-y"), "did you mean numbers?"),
        (("rollback", "numbers", "--to", "no-such", "-y"), "to choose from: numbers-"),
        (("rollback", "numbers", "--to", "x", "--unpin", "-y"), "leave --to out"),
        (("rollback", "numbers"), "nobody can be asked here"),
        (("rollback", "-y"), "NAME"),
    ],
    ids=["name", "revision", "both", "nobody to ask", "nothing"],
)
def test_what_does_not_exist_is_a_usage_error(workshop: Workshop, arguments: tuple[str, ...], reason: str) -> None:
    served(workshop, 1, 2)
    before = (workshop.root / "tunectl.lock").read_bytes()
    assert reason in workshop.fails(64, *arguments)
    assert (workshop.root / "tunectl.lock").read_bytes() == before


@pytest.mark.parametrize(("answer", "switched"), [("yes", True), ("no", False), ("y", False), ("", False)])
@pytest.mark.parametrize("unpin", [False, True])
def test_it_asks_first(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, answer: str, switched: bool, unpin: bool
) -> None:
    served(workshop, 1, 2)
    if unpin:
        back(workshop)
    monkeypatch.setattr("reconciler.cli.consent.interactive", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer)
    before = workshop.lockfile["serial"]
    ended = workshop.run("rollback", "numbers", *(["--unpin"] if unpin else []))
    assert (workshop.lockfile["serial"] > before) is switched
    assert ("Nothing was changed." in ended.err) is not switched


def test_a_lock_that_is_held_keeps_a_rollback_out(workshop: Workshop) -> None:
    served(workshop, 1, 2)
    (workshop.root / ".tunectl").mkdir(exist_ok=True)
    with FileLock(workshop.root / ".tunectl" / "tunectl.lock.lock"):
        workshop.fails(8, "rollback", "numbers", "-y")


def test_a_rollback_that_cannot_be_written_leaves_what_serves(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, new = served(workshop, 1, 2)

    def full(*_: object, **__: object) -> None:
        raise StoreError("tunectl.lock: the disk is full")

    monkeypatch.setattr(LocalBlobStore, "write", full)
    assert "the disk is full" in workshop.run("rollback", "numbers", "-y", expect=1).err
    assert workshop.serving("numbers") == new


def test_a_replacement_in_the_making_takes_its_place_all_the_same(workshop: Workshop) -> None:
    old, _ = served(workshop, 1, 2)
    want(workshop, 3)
    workshop.apply("--no-wait")
    said = back(workshop)
    assert "is in the making for the manifest and takes its place when it is ready; `tunectl cancel numbers`" in said
    assert (workshop.serving("numbers"), workshop.kinds()) == (old, [("numbers", "wait")])
    workshop.apply()
    assert workshop.serving("numbers") != old
    assert (workshop.entry("numbers")["pin"], workshop.bought(), workshop.kinds()) == (None, 3, [])


def test_a_training_that_nobody_wants_any_more_ends_as_it_would_have_without_a_rollback(workshop: Workshop) -> None:
    old, _ = served(workshop, 1, 2)
    want(workshop, 3)
    workshop.apply("--no-wait")
    making = workshop.entry("numbers")["candidate"]["resource"]
    want(workshop, 2)
    assert "pinned: apply leaves it in place" in back(workshop)
    assert [(a["action"], a["resource"]) for a in workshop.plan()["actions"]] == [("delete", making)]
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.kinds()) == (old, [])


def test_a_protected_name_can_be_rolled_back(workshop: Workshop) -> None:
    guarded = {"retain": 1, "protect": True}
    workshop.want("numbers", lifecycle=guarded)
    workshop.apply()
    old = workshop.serving("numbers")
    workshop.want("numbers", lifecycle=guarded, hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    workshop.apply()
    back(workshop)
    assert (workshop.serving("numbers"), workshop.entry("numbers")["protect"]) == (old, True)


def test_another_model_in_trouble_keeps_nobody_from_going_back(workshop: Workshop) -> None:
    old, _ = served(workshop, 1, 2)
    workshop.want("other")
    workshop.apply()
    other = workshop.serving("other")
    workshop.fault("empty-page,method=GET,path=tunedModels$")
    workshop.fault(f"status,code=403,method=GET,path={other}$,count=forever")
    back(workshop)
    assert workshop.serving("numbers") == old


def test_a_rename_keeps_the_pin(workshop: Workshop) -> None:
    old, _ = served(workshop, 1, 2)
    back(workshop)
    workshop.drop("numbers")
    want(workshop, 2, "digits")
    workshop.apply()
    assert (workshop.serving("digits"), workshop.bought()) == (old, 2)
    assert [pin["name"] for pin in workshop.plan()["pinned"]] == ["digits"]


def test_the_children_of_a_parent_that_was_rolled_back_are_not_retrained(workshop: Workshop) -> None:
    served(workshop, 1, 2)
    workshop.want("child", baseModel=None, source={"model": "numbers"})
    workshop.apply()
    child = workshop.serving("child")
    back(workshop)
    assert workshop.run("plan").out.startswith("No changes. 1 model is as the manifests ask, 1 pinned by a rollback.\n")
    workshop.want("late", baseModel=None, source={"model": "numbers"})
    workshop.apply()
    assert workshop.serving("child") == child
    (row,) = workshop.run("status", "late", "--format", "json").json()["models"]
    assert row["remoteSpec"]["source"] == {"tunedModel": workshop.serving("numbers")}


def test_the_plan_that_ends_a_pin_names_every_model_that_goes(workshop):
    served(workshop, 3, 4, 5)
    newest, oldest = workshop.serving("numbers"), workshop.entry("numbers")["retained"][0]["resource"]
    workshop.run("rollback", "numbers", "-y")
    want(workshop, 6, retain=0)
    (action,) = workshop.plan()["actions"]
    assert (action["previous"], action["outgoing"]) == (oldest, [newest])
    assert f"deletes {newest} once the new one serves" in workshop.run("plan").out
    assert "once the new one serves" in workshop.run("plan", "--format", "markdown").out
    workshop.run("plan", "--out", "plan.json")
    assert f"deletes {newest} once the new one serves" in workshop.run("show", "plan.json").out
    before = set(workshop.remote())
    workshop.apply("plan.json")
    gone = {f"tunedModels/{each}" for each in before - set(workshop.remote())}
    assert gone == {newest, oldest}
