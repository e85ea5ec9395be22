"""Models tuned from other manifests' models, and what is paid for only once, through the command line."""

from __future__ import annotations

from cli_kit import HYPERPARAMETERS, Workshop

CHILD = {"baseModel": None, "source": {"model": "numbers"}}


def epochs(number: int) -> dict[str, object]:
    return {"hyperparameters": {**HYPERPARAMETERS, "epochCount": number}}


def actions(workshop: Workshop, *arguments: str) -> dict[str, str]:
    return {action["name"]: action["action"] for action in workshop.plan(*arguments)["actions"]}


def family(workshop: Workshop) -> None:
    """A parent, its child, and the child's child."""
    workshop.want("child", **CHILD)
    workshop.want("grandchild", baseModel=None, source={"model": "child"})
    workshop.apply()


def test_a_replaced_parent_replaces_its_children_and_their_steps_are_counted(workshop: Workshop) -> None:
    family(workshop)
    workshop.want("numbers", **epochs(1))
    plan = workshop.plan()
    assert actions(workshop) == {"numbers": "replace", "child": "replace", "grandchild": "replace"}
    assert plan["steps"] == 8 + 23 + 23
    assert {action["name"]: action["dependsOn"] for action in plan["actions"]} == {
        "numbers": [],
        "child": ["numbers"],
        "grandchild": ["child"],
    }
    before = workshop.bought()
    workshop.apply()
    assert workshop.bought() - before == 3
    (row,) = workshop.run("status", "grandchild", "--format", "json").json()["models"]
    assert row["remoteSpec"]["source"] == {"tunedModel": workshop.serving("child")}
    assert (workshop.kinds(), len(workshop.remote())) == ([], 3)


def test_neither_a_rename_nor_a_patch_nor_another_attempt_of_a_parent_touches_its_children(workshop: Workshop) -> None:
    family(workshop)
    workshop.want("numbers", temperature=0.3)
    assert actions(workshop) == {"numbers": "update"}
    workshop.apply("--replace", "numbers")
    assert workshop.entry("numbers")["attempt"] == 2
    assert workshop.kinds() == []
    workshop.drop("numbers")
    workshop.want("digits", metadata={"previousNames": ["numbers"]}, displayName="numbers", temperature=0.3)
    workshop.want("child", baseModel=None, source={"model": "digits"})
    assert actions(workshop) == {"digits": "move"}
    workshop.apply()
    assert workshop.bought() == 4
    assert workshop.run("drift").out.startswith("No drift.")
    workshop.want("digits", displayName="numbers", temperature=0.3, **epochs(1))
    (reason,) = {action["reason"] for action in workshop.plan()["actions"] if action["name"] == "child"}
    assert reason == "its source model digits is replaced"


def test_a_rejected_parent_holds_its_children_up_and_only_the_parent_is_said_to_be_rejected(
    workshop: Workshop,
) -> None:
    family(workshop)
    workshop.want("numbers", **epochs(1), gate={"prompts": [{"input": "4", "equals": "no"}]})
    workshop.apply(expect=7)
    said = workshop.apply(expect=7).err
    assert "rejected by their gate: numbers; held up by their source: child, grandchild; nothing that serves" in said


def test_a_circle_is_an_error_with_its_path_and_its_place(workshop: Workshop) -> None:
    workshop.want("child", **CHILD)
    workshop.want("numbers", baseModel=None, source={"model": "child"})
    said = workshop.fails(1, "plan")
    assert "tunes from itself: child -> numbers -> child" in said
    assert "manifests/child.yaml:" in said


def test_a_child_of_a_failed_parent_is_skipped_and_its_child_as_well(workshop: Workshop) -> None:
    workshop.want("child", **CHILD)
    workshop.want("grandchild", baseModel=None, source={"model": "child"})
    workshop.fault("fail,model=numbers")
    said = workshop.apply(expect=4).err
    assert "child: create not begun: its source model numbers failed" in said
    assert "grandchild: create not begun: its source model child was skipped" in said
    assert workshop.bought() == 1


def test_a_parent_goes_back_and_forth_and_only_a_new_revision_reaches_its_child(workshop: Workshop) -> None:
    for number in (1, 2):
        workshop.want("numbers", lifecycle={"retain": 1}, **epochs(number))
        workshop.want("child", **CHILD)
        workshop.apply()
    child = workshop.serving("child")
    workshop.run("rollback", "numbers", "-y")
    assert workshop.kinds() == []
    workshop.run("rollback", "numbers", "-y")
    assert (workshop.kinds(), workshop.serving("child")) == ([], child)
    workshop.run("rollback", "numbers", "-y")
    workshop.want("numbers", lifecycle={"retain": 1}, **epochs(3))
    assert actions(workshop) == {"numbers": "replace", "child": "replace"}


def test_a_child_goes_back_by_itself(workshop: Workshop) -> None:
    for number in (1, 2):
        workshop.want("child", lifecycle={"retain": 1}, **CHILD, **epochs(number))
        workshop.apply()
    workshop.run("rollback", "child", "-y")
    assert [pin["name"] for pin in workshop.plan()["pinned"]] == ["child"]
    assert workshop.kinds() == []


def test_two_names_of_one_revision_never_share_a_model(workshop: Workshop) -> None:
    workshop.want("twin", displayName="numbers")
    workshop.apply()
    assert workshop.entry("twin")["revision"] == workshop.entry("numbers")["revision"]
    assert workshop.serving("twin") != workshop.serving("numbers")
    assert workshop.bought() == 2


def test_a_new_name_does_not_take_over_a_model_that_was_renamed_away(workshop: Workshop) -> None:
    workshop.apply()
    model = workshop.serving("numbers")
    workshop.want("digits", metadata={"previousNames": ["numbers"]}, displayName="numbers")
    workshop.drop("numbers")
    workshop.apply()
    workshop.want("digits", displayName="numbers")
    workshop.want("numbers")
    workshop.apply()
    assert (workshop.serving("digits"), workshop.serving("numbers")) == (model, f"{model}-2")
    assert workshop.bought() == 2


def test_a_rename_that_is_not_clear_is_refused_and_asks(workshop: Workshop) -> None:
    workshop.want("twin", displayName="numbers")
    workshop.apply()
    workshop.drop("numbers")
    workshop.drop("twin")
    workshop.want("digits", displayName="numbers")
    said = workshop.apply(expect=5).err
    assert "digits: of the same revision as the removed numbers, twin; say which is which with" in said
    assert "metadata.previousNames" in said
    assert workshop.bought() == 2


def test_a_revision_found_under_its_own_id_costs_no_step(workshop: Workshop) -> None:
    workshop.apply()
    model = workshop.serving("numbers")
    (workshop.root / "tunectl.lock").unlink()
    said = workshop.run("plan").out
    assert f"  = numbers  reuse {model}, 0 steps\n" in said
    assert workshop.plan()["steps"] == 0


def test_a_model_that_is_gone_takes_no_kept_ones_place_when_one_is_reused(workshop: Workshop) -> None:
    models = []
    for number in (1, 2, 3):
        workshop.want("numbers", lifecycle={"retain": 2}, **epochs(number))
        workshop.apply()
        models.append(workshop.serving("numbers"))
    workshop.vanish(models[2])
    workshop.want("numbers", lifecycle={"retain": 1}, **epochs(1))
    workshop.apply()
    assert workshop.serving("numbers") == models[0]
    assert [model["resource"] for model in workshop.entry("numbers")["retained"]] == [models[1]]
