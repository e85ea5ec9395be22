"""Keeping former models, letting go of them, and removing what nobody needs, through the command line."""

from __future__ import annotations

import pytest
from cli_kit import HYPERPARAMETERS, Workshop

from reconciler.emulator import Emulator


def want(workshop: Workshop, epochs: int, name: str = "numbers", **lifecycle: object) -> None:
    workshop.want(name, hyperparameters={**HYPERPARAMETERS, "epochCount": epochs}, lifecycle=lifecycle)


def served(workshop: Workshop, *epochs: int, **lifecycle: object) -> list[str]:
    models = []
    for number in epochs:
        want(workshop, number, **lifecycle)
        workshop.apply()
        models.append(workshop.serving("numbers"))
    return models


def short(*resources: str) -> list[str]:
    return sorted(resource.removeprefix("tunedModels/") for resource in resources)


def left_behind(workshop: Workshop) -> str:
    """Let the deletion of a replaced model fail, and return that model."""
    (old,) = served(workshop, 1)
    want(workshop, 2)
    workshop.fault(f"status,code=403,method=DELETE,path={old}$")
    workshop.apply(expect=4)
    assert [model["resource"] for model in workshop.entry("numbers")["deposed"]] == [old]
    return old


def test_the_last_models_that_served_are_kept_and_no_more(workshop: Workshop) -> None:
    want(workshop, 2, retain=2)
    assert workshop.run("plan").out.count("keep the old one") == 0
    first, second, third, fourth = served(workshop, 1, 2, 3, 4, retain=2)
    assert workshop.remote() == short(second, third, fourth)
    assert [model["resource"] for model in workshop.entry("numbers")["retained"]] == [third, second]
    assert first not in workshop.remote()
    want(workshop, 5, retain=2)
    assert "then keep the old one (lifecycle.retain: 2)" in workshop.run("plan").out


def test_fewer_to_be_kept_is_a_plan_of_deletions(workshop: Workshop) -> None:
    first, second, third = served(workshop, 1, 2, 3, retain=2)
    want(workshop, 3, retain=1)
    (action,) = workshop.plan()["actions"]
    assert (action["action"], action["resource"], action["cleanup"]) == ("delete", first, True)
    assert action["reason"] == "is kept no longer (lifecycle.retain: 1)"
    workshop.apply()
    assert workshop.remote() == short(second, third)
    workshop.project(limits={"maxDeletes": 0})
    want(workshop, 3, retain=0)
    assert "1 deletion is over limits.maxDeletes = 0" in workshop.apply(expect=5).err
    workshop.apply("--allow-deletes", "1")
    assert workshop.remote() == short(third)


def test_a_revision_that_is_kept_is_reused_for_nothing(workshop: Workshop) -> None:
    first, second = served(workshop, 1, 2, retain=1)
    want(workshop, 1, retain=1)
    said = workshop.run("plan").out
    assert f"  = numbers  reuse {first}, 0 steps\n" in said
    assert "Tuning steps to buy" not in said
    workshop.apply()
    assert (workshop.serving("numbers"), workshop.bought()) == (first, 2)
    assert workshop.remote() == short(first, second)


def test_nothing_that_served_is_deleted_if_deletion_says_retain(workshop: Workshop) -> None:
    first, second = served(workshop, 1, 2, deletion="retain")
    assert workshop.remote() == short(first, second)
    assert [model["resource"] for model in workshop.plan()["unmanaged"]] == [first]
    assert (workshop.entry("numbers")["retained"], workshop.entry("numbers")["deposed"]) == ([], [])
    want(workshop, 1, deletion="retain")
    assert [(a["action"], a["resource"]) for a in workshop.plan()["actions"]] == [("reuse", first)]
    want(workshop, 3, deletion="retain")
    workshop.fault("fail")
    workshop.apply(expect=4)
    want(workshop, 4, deletion="retain")
    workshop.apply()
    assert len(workshop.remote()) == 3, "what failed never served, and goes"
    said = workshop.run("gc", "--plan", "--orphans").out
    assert said.count("it was let go of on purpose, as a model of numbers; it stays") == 2


def test_a_removed_name_lets_go_of_what_served_and_deletes_what_never_did(workshop: Workshop) -> None:
    first, second = served(workshop, 1, 2, deletion="retain", retain=1)
    want(workshop, 3, deletion="retain", retain=1)
    workshop.fault("fail")
    workshop.apply(expect=4)
    want(workshop, 4, deletion="retain", retain=1)
    workshop.apply("--no-wait")
    workshop.want("other")
    workshop.apply("--no-wait", "--target", "other")
    workshop.drop("numbers")

    kinds = [action["action"] for action in workshop.plan()["actions"] if action["name"] == "numbers"]
    assert sorted(kinds) == ["delete", "delete", "forget", "forget"], "what is tuned for nobody is not paid for"
    workshop.apply()

    assert "numbers" not in workshop.lockfile["models"]
    assert workshop.remote() == sorted([*short(first, second), *short(workshop.serving("other"))])
    said = workshop.run("gc", "--plan", "--orphans").out
    assert said.count("it was let go of on purpose, as a model of numbers; it stays") == 2


def test_what_cannot_be_deleted_keeps_the_record_of_a_name_that_is_to_be_forgotten(workshop: Workshop) -> None:
    served(workshop, 1, deletion="retain")
    want(workshop, 2, deletion="retain")
    workshop.fault("fail")
    workshop.apply(expect=4)
    workshop.want("other")
    workshop.apply("--target", "other")
    workshop.drop("numbers")
    workshop.fault("status,method=DELETE,code=403")
    workshop.apply(expect=4)
    assert len(workshop.entry("numbers")["failed"]) == 1
    workshop.apply()
    assert list(workshop.lockfile["models"]) == ["other"]
    assert len(workshop.remote()) == 2


def test_models_that_were_forgotten_by_hand_are_no_waste(workshop: Workshop) -> None:
    served(workshop, 1, 2, retain=1)
    workshop.run("forget", "numbers", "-y")
    workshop.want("other")
    workshop.drop("numbers")
    workshop.apply()
    said = workshop.run("gc", "--plan", "--orphans").out
    assert said.count("it was let go of on purpose, as a model of numbers; it stays") == 2


def test_replaced_models_that_could_not_be_deleted_are_collected(workshop: Workshop) -> None:
    old = left_behind(workshop)
    said = workshop.run("gc", "--plan").out
    assert f"  - numbers  delete {old}\n      was replaced\n" in said
    assert old in f"tunedModels/{' tunedModels/'.join(workshop.remote())}"
    ended = workshop.run("gc", "-y")
    assert ended.out.endswith("Applied: 0 created, 0 updated, 0 replaced, 0 deleted, 1 cleaned up.\n")
    assert workshop.remote() == short(workshop.serving("numbers"))
    assert workshop.run("gc", "-y").out == "Nothing to remove: every recorded model is needed.\n"
    assert workshop.kinds() == []


def test_a_failed_attempt_goes_once_nobody_asks_for_its_revision(workshop: Workshop) -> None:
    (serves,) = served(workshop, 1)
    want(workshop, 2)
    workshop.fault("fail")
    workshop.apply(expect=4)
    assert workshop.run("gc", "-y").out == "Nothing to remove: every recorded model is needed.\n"
    want(workshop, 1)
    assert "failed, and its revision is not asked for any more" in workshop.run("gc", "-y").out
    assert (workshop.remote(), workshop.entry("numbers")["failed"]) == (short(serves), [])
    assert workshop.kinds() == []


def test_a_record_of_what_is_gone_ends(workshop: Workshop) -> None:
    first, second = served(workshop, 1, 2, retain=1)
    workshop.vanish(first)
    assert "it is gone from the remote already" in workshop.run("gc", "-y").out
    assert (workshop.remote(), workshop.entry("numbers")["retained"]) == (short(second), [])


def lose_lockfile_of_two(workshop: Workshop) -> tuple[str, str]:
    """Lose the lockfile after two revisions have served, and build it anew: the first one is orphaned."""
    first, second = served(workshop, 1, 2, retain=1)
    (workshop.root / "tunectl.lock").unlink()
    workshop.run("lock", "rebuild", "-y")
    assert (workshop.serving("numbers"), workshop.entry("numbers")["retained"]) == (second, [])
    return first, second


def test_an_orphaned_model_is_deleted_on_request_and_with_proof(workshop: Workshop, emulator: Emulator) -> None:
    first, second = lose_lockfile_of_two(workshop)
    emulator.occupy("somebody-elses", visible=True)
    emulator.occupy("numbers-0123456789ab", visible=True)
    said = workshop.run("gc", "-y").out
    assert "made for numbers, revision " in said
    assert "numbers-0123456789ab: orphaned; its id is like ours, but nothing known here proves that we made it" in said
    assert "somebody-elses" not in said
    assert len(workshop.remote()) == 4
    said = workshop.run("gc", "--orphans", "-y").out
    assert f"  - numbers  delete {first}\n      is orphaned: its id is that of numbers, revision " in said
    assert workshop.remote() == sorted(["numbers-0123456789ab", "somebody-elses", *short(second)])


def test_without_the_log_of_lineage_a_former_revision_proves_nothing(workshop: Workshop) -> None:
    first, second = lose_lockfile_of_two(workshop)
    for log in workshop.root.glob("*lineage*"):
        log.unlink()
    assert "nothing known here proves that we made it" in workshop.run("gc", "--orphans", "-y").out
    assert workshop.remote() == short(first, second)


def test_with_no_lockfile_at_all_nothing_is_taken_for_orphaned(workshop: Workshop) -> None:
    served(workshop, 1, 2, retain=1)
    (workshop.root / "tunectl.lock").unlink()
    assert "the lockfile records no model at all" in workshop.run("gc", "--orphans", "-y", expect=5).text
    assert "the lockfile records no model at all" in workshop.run("gc", "--orphans", "--plan", expect=5).text
    assert len(workshop.remote()) == 2


def test_limits_hold_and_their_override_is_exact(workshop: Workshop) -> None:
    lose_lockfile_of_two(workshop)
    workshop.project(limits={"maxDeletes": 0})
    assert "--allow-deletes 1 allows exactly this plan" in workshop.run("gc", "--orphans", "-y", expect=5).text
    assert len(workshop.remote()) == 2
    workshop.run("gc", "--orphans", "-y", "--allow-deletes", "1")
    assert len(workshop.remote()) == 1


def test_a_protected_name_loses_what_does_not_serve_and_nothing_else(workshop: Workshop) -> None:
    served(workshop, 1, 2, retain=1, protect=True)
    want(workshop, 2, retain=0, protect=True)
    workshop.run("gc", "-y")
    assert workshop.remote() == short(workshop.serving("numbers"))


def test_the_way_back_of_a_rollback_is_needed(workshop: Workshop) -> None:
    first, second = served(workshop, 1, 2, retain=1)
    workshop.run("rollback", "numbers", "-y")
    want(workshop, 2, retain=0)
    assert workshop.run("gc", "-y").out == "Nothing to remove: every recorded model is needed.\n"
    assert workshop.remote() == short(first, second)


def test_names_choose_what_is_looked_at(workshop: Workshop) -> None:
    left_behind(workshop)
    workshop.want("other")
    workshop.apply("--target", "other")
    assert workshop.run("gc", "other", "-y").out == "Nothing to remove: every recorded model is needed.\n"
    assert "did you mean numbers?" in workshop.run("gc", "nmbers", "-y", expect=64).err
    workshop.run("gc", "num*", "-y")
    assert len(workshop.remote()) == 2


@pytest.mark.parametrize(
    "arguments",
    [("gc",), ("gc", "--format", "jsonl"), ("gc", "--format", "json", "-y"), ("gc", "--plan", "--format", "jsonl")],
    ids=" ".join,
)
def test_nobody_to_ask_or_a_form_that_does_not_fit_is_a_usage_error(
    workshop: Workshop, arguments: tuple[str, ...]
) -> None:
    left_behind(workshop)
    workshop.run(*arguments, expect=64)
    assert len(workshop.remote()) == 2


@pytest.mark.parametrize(("answer", "left"), [("yes", 1), ("no", 2)])
def test_it_asks_first(workshop: Workshop, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    left_behind(workshop)
    monkeypatch.setattr("reconciler.cli.consent.interactive", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer)
    workshop.run("gc")
    assert len(workshop.remote()) == left


def test_programs_read_the_plan_and_the_events(workshop: Workshop) -> None:
    old = left_behind(workshop)
    plan = workshop.run("gc", "--plan", "--format", "json").json()
    assert [(action["action"], action["resource"]) for action in plan["actions"]] == [("delete", old)]
    events = workshop.run("gc", "-y", "--format", "jsonl").events()
    assert [event["type"] for event in events if event["type"] != "saved"] == [
        "plan",
        "started",
        "finished",
        "summary",
    ]
    nothing = workshop.run("gc", "-y", "--format", "jsonl").events()
    assert [event["type"] for event in nothing] == ["plan", "summary"]


def test_a_deletion_that_fails_is_tried_again_by_the_next(workshop: Workshop) -> None:
    old = left_behind(workshop)
    workshop.fault(f"status,code=403,method=DELETE,path={old}$")
    assert "delete failed" in workshop.run("gc", "-y", expect=4).err
    assert [model["resource"] for model in workshop.entry("numbers")["deposed"]] == [old]
    workshop.run("gc", "-y")
    assert len(workshop.remote()) == 1
