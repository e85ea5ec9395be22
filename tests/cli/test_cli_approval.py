"""What was reviewed is what is applied: saved plans, digests, and what moves in between."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest
from cli_kit import HYPERPARAMETERS, Workshop

from reconciler.emulator import Emulator

MORE = {"hyperparameters": {**HYPERPARAMETERS, "epochCount": 4}}


def save(workshop: Workshop, *arguments: str) -> str:
    """Save a plan and return its digest."""
    workshop.run("plan", "--out", "plan.json", *arguments, expect=None)
    return str(json.loads((workshop.root / "plan.json").read_text())["digest"])


def test_a_saved_plan_is_applied_as_it_was_shown(workshop: Workshop) -> None:
    digest = save(workshop)
    assert digest == workshop.plan()["digest"]
    assert digest in workshop.run("show", "plan.json").out
    workshop.apply("plan.json")
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_saved_plan_keeps_its_selection(workshop: Workshop) -> None:
    workshop.want("other", **MORE)
    save(workshop, "--target", "other")
    assert "leave them out" in workshop.fails(64, "apply", "-y", "plan.json", "--target", "other")
    workshop.apply("plan.json")
    assert list(workshop.lockfile["models"]) == ["other"]


def test_a_saved_plan_remembers_what_was_to_be_replaced(workshop: Workshop) -> None:
    workshop.apply()
    old = workshop.serving("numbers")
    save(workshop, "--replace", "numbers")
    workshop.apply("plan.json")
    assert workshop.serving("numbers") == f"{old}-2"


@pytest.mark.parametrize("before", [None, 0o644])
def test_a_plan_file_is_for_its_owner_only(workshop: Workshop, before: int | None) -> None:
    if before is not None:
        workshop.write("plan.json", "an older one").chmod(before)
    save(workshop)
    assert (workshop.root / "plan.json").stat().st_mode & 0o077 == 0


STALE = {
    "an edited manifest": lambda w: w.want("numbers", **MORE),
    "another example": lambda w: w.dataset(16),
    "a further manifest": lambda w: w.want("second", **MORE),
    "another project": lambda w: w.project(provider={"project": "another"}),
}


@pytest.mark.parametrize("move", STALE.values(), ids=STALE.keys())
def test_a_plan_that_no_longer_holds_is_refused_and_says_what_moved(workshop: Workshop, move: object) -> None:
    digest = save(workshop)
    move(workshop)
    workshop.emulator.clear_requests()
    said = workshop.apply("plan.json", expect=6).err
    assert f"approved {digest}, now sha256:" in said
    assert "numbers" in said or "second" in said
    assert {method for method, _ in workshop.requests()} == {"GET"}
    assert not (workshop.root / "tunectl.lock").exists()


def test_a_remote_that_moved_makes_a_plan_stale(workshop: Workshop, emulator: Emulator) -> None:
    workshop.apply()
    workshop.want("numbers", temperature=0.5)
    save(workshop)
    emulator.remove(workshop.serving("numbers").removeprefix("tunedModels/"))
    said = workshop.apply("plan.json", expect=6).err
    assert "numbers: approved update of " in said
    assert "now create of " in said


def test_what_is_no_part_of_the_digest_voids_no_approval(workshop: Workshop, emulator: Emulator) -> None:
    workshop.want("other", **MORE)
    digest = save(workshop, "--target", "numbers")
    workshop.apply("--target", "other")
    emulator.occupy("a-strangers", visible=True)
    workshop.apply("plan.json", "--expect-digest", digest)
    assert (workshop.bought(), workshop.kinds()) == (2, [])


def test_a_plan_is_refused_whichever_of_its_bits_flips(workshop: Workshop) -> None:
    save(workshop)
    data = (workshop.root / "plan.json").read_bytes()
    rng = random.Random(17)  # which bits does not matter, that they are the same ones tomorrow does
    for position in [0, len(data) - 1, *rng.sample(range(len(data)), 25)]:
        flipped = bytearray(data)
        flipped[position] ^= 1 << rng.randrange(8)
        workshop.write("plan.json", bytes(flipped))
        workshop.fails(6, "apply", "-y", "plan.json")
    assert workshop.requests().count(("POST", "tunedModels")) == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"format": "tunectl.plan/v9"}', b"[" * 10_000])
def test_what_is_no_plan_file_is_refused(workshop: Workshop, content: bytes) -> None:
    workshop.write("plan.json", content)
    assert "plan.json" in workshop.fails(6, "apply", "-y", "plan.json")


def test_a_plan_file_cut_short_is_refused(workshop: Workshop) -> None:
    save(workshop)
    data = (workshop.root / "plan.json").read_bytes()
    workshop.write("plan.json", data[: len(data) // 2])
    assert "cut short" in workshop.fails(6, "apply", "-y", "plan.json")


def test_a_missing_plan_file_is_an_error(workshop: Workshop) -> None:
    assert "plan.json" in workshop.fails(1, "apply", "-y", "plan.json")


def test_an_expected_digest_lets_only_its_own_plan_pass(workshop: Workshop) -> None:
    digest = workshop.plan()["digest"]
    workshop.want("numbers", **MORE)
    assert f"approved {digest}" in workshop.apply("--expect-digest", digest, expect=6).err
    workshop.want("numbers")
    workshop.apply("--expect-digest", digest.removeprefix("sha256:"))
    assert workshop.bought() == 1


def test_the_same_approval_finishes_an_apply_that_was_interrupted(workshop: Workshop) -> None:
    workshop.want("other", **MORE)
    workshop.apply("--target", "other")
    workshop.want("other", hyperparameters={**HYPERPARAMETERS, "epochCount": 5})
    digest = workshop.plan()["digest"]
    workshop.apply("--expect-digest", digest, "--timeout", "2s", expect=9)
    assert workshop.lockfile["approval"]["digest"] == digest
    assert workshop.plan()["digest"] != digest
    workshop.apply("--expect-digest", digest)
    assert (workshop.bought(), workshop.kinds()) == (3, [])
    assert workshop.lockfile["approval"] == {"digest": digest, "actions": {}}


def test_an_approval_that_was_carried_out_finds_nothing_left_to_do(workshop: Workshop) -> None:
    """A runner that died after the last write is started again."""
    digest = save(workshop)
    workshop.apply("--expect-digest", digest)
    assert workshop.apply("--expect-digest", digest).out.startswith("No changes.")
    assert workshop.apply("plan.json").out.startswith("No changes.")
    workshop.apply("--expect-digest", "sha256:" + "0" * 64, expect=6)
    workshop.want("other", **MORE)
    assert "not in it: create other" in workshop.apply("--expect-digest", digest, expect=6).err


def test_a_saved_plan_finishes_its_own_interrupted_apply_too(workshop: Workshop) -> None:
    save(workshop)
    workshop.apply("plan.json", "--no-wait")
    workshop.apply("plan.json")
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_an_interrupted_approval_covers_nothing_that_was_not_in_it(workshop: Workshop) -> None:
    digest = workshop.plan()["digest"]
    workshop.apply("--expect-digest", digest, "--no-wait")
    workshop.want("other", **MORE)
    said = workshop.apply("--expect-digest", digest, expect=6).err
    assert "not in it: create other" in said
    assert workshop.bought() == 1


def test_a_refused_plan_is_shown_before_it_is_refused(workshop: Workshop) -> None:
    workshop.project(limits={"maxSteps": 1})
    digest = save(workshop)
    ended = workshop.apply("plan.json", "--expect-digest", digest, expect=5)
    assert "Apply would refuse this plan" in ended.out
    assert "limits.maxSteps = 1" in ended.err


def answer_after(monkeypatch: pytest.MonkeyPatch, happening: Callable[[], object]) -> None:
    """Let something happen between the question and the consent."""
    monkeypatch.setattr("reconciler.cli.consent.interactive", lambda: True)

    def answer(_prompt: str) -> str:
        happening()
        return "yes"

    monkeypatch.setattr("click.termui.visible_prompt_func", answer)


def test_data_that_change_after_the_question_are_not_sent(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_after(monkeypatch, lambda: workshop.dataset(16))
    ended = workshop.run("apply", expect=4)
    assert "numbers.jsonl changed since the plan was made; nothing was sent" in ended.err
    assert (workshop.bought(), workshop.lockfile["models"]) == (0, {})


def test_data_that_vanish_after_the_question_are_named(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = workshop.root / "manifests" / "datasets" / "numbers.jsonl"
    answer_after(monkeypatch, dataset.unlink)
    ended = workshop.run("apply", expect=4)
    assert "manifests/datasets/numbers.jsonl" in ended.err
    assert (workshop.bought(), workshop.lockfile["models"]) == (0, {})


def test_another_writer_of_the_lockfile_is_not_overwritten_and_costs_nothing(workshop: Workshop) -> None:
    """Two machines with a lockfile in git: the lock of one is none for the other."""

    def rewrite() -> None:
        workshop.clock.on_sleep = lambda: None
        theirs = {**workshop.lockfile, "models": {}, "writeId": "theirs"}
        workshop.write("tunectl.lock", json.dumps(theirs, indent=2, sort_keys=True) + "\n")

    workshop.clock.on_sleep = rewrite
    said = workshop.apply(expect=1).err
    assert "tunectl.lock: somebody else wrote it since it was read" in said
    assert workshop.lockfile["writeId"] == "theirs"
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])


def test_a_lockfile_deleted_under_a_run_costs_nothing(workshop: Workshop) -> None:
    def remove() -> None:
        workshop.clock.on_sleep = lambda: None
        (workshop.root / "tunectl.lock").unlink()

    workshop.clock.on_sleep = remove
    workshop.apply(expect=1)
    workshop.apply()
    assert (workshop.bought(), workshop.kinds()) == (1, [])
