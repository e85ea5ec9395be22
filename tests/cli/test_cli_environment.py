"""What the environment says, and where it has no say."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli_kit import call

from reconciler.emulator import Emulator, serve
from reconciler.errors import StoreError
from reconciler.wiring.surroundings import unusable_world

if TYPE_CHECKING:
    from cli_kit import Workshop

SHARED = ("GOOGLE_CLOUD_QUOTA_PROJECT", "GOOGLE_CLOUD_PROJECT")


@pytest.mark.parametrize("variable", SHARED)
def test_googles_own_variables_do_not_make_another_remote_of_the_embedded_emulator(
    workshop: Workshop, variable: str
) -> None:
    workshop.apply()
    assert workshop.run("plan", environ={variable: "elsewhere"}).out.startswith("No changes.")


@pytest.mark.parametrize("variable", SHARED)
def test_googles_own_variables_name_the_project_of_a_hosted_service(workshop: Workshop, variable: str) -> None:
    with serve(workshop.emulator) as server:
        workshop.environ = {"TUNECTL_ENDPOINT": server.url, variable: "elsewhere"}
        assert workshop.plan()["remote"]["project"] == "elsewhere"
        workshop.environ["TUNECTL_PROJECT"] = "ours"
        assert workshop.plan()["remote"]["project"] == "ours"


def test_a_pause_that_is_no_number_is_refused_before_any_work(workshop: Workshop) -> None:
    assert "TUNECTL_POLL_INTERVAL" in workshop.fails(64, "apply", "-y", environ={"TUNECTL_POLL_INTERVAL": "soon"})
    assert workshop.requests() == []


def test_a_prompt_can_come_from_standard_input(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.apply()
    monkeypatch.setattr("sys.stdin", io.StringIO("7\n"))
    assert workshop.run("generate", "numbers", "-").out == "8\n"


def test_waiting_for_nothing_still_ends_the_stream_with_a_summary(workshop: Workshop) -> None:
    workshop.apply()
    assert [event["type"] for event in workshop.run("wait", "--format", "jsonl").events()] == ["summary"]


def test_coverage_counts_what_is_recorded(workshop: Workshop) -> None:
    workshop.apply()
    assert "100%" in workshop.run("drift").out
    (workshop.root / "tunectl.lock").unlink()
    assert "Coverage: 0%" in workshop.run("drift", expect=2).out


def test_an_answer_of_the_embedded_emulator_says_that_it_is_simulated(workshop: Workshop) -> None:
    workshop.apply()
    assert "simulated" in workshop.run("generate", "numbers", "7").err
    assert workshop.run("-q", "generate", "numbers", "7").err == ""


def test_an_embedded_emulator_whose_file_is_spoiled_says_that_it_may_be_removed(workshop: Workshop) -> None:
    workshop.write(".tunectl/emulator.db", "this is no database, whatever it is called")
    ended = call(["status"], cwd=workshop.root)
    assert ended.code == 1
    assert "error: .tunectl/emulator.db: the embedded emulator cannot keep its models there: file is not" in ended.err
    assert "hint: remove that file" in ended.err


def test_an_embedded_emulator_without_a_folder_asks_for_one_it_can_write_to(workshop: Workshop) -> None:
    workshop.write(".tunectl", "")
    ended = call(["status"], cwd=workshop.root)
    assert ended.code == 1
    assert "hint: it needs a folder it can write to" in ended.err


def test_nobody_is_told_to_remove_models_that_a_read_only_folder_keeps_from_being_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = tmp_path / "emulator.db"
    world.mkdir()  # what the database makes of it is what it makes of a folder without permission
    with pytest.raises(StoreError) as caught:
        Emulator(world)
    assert unusable_world(world, caught.value).hint == "remove that file: it holds simulated models only"
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or Path(path) != tmp_path)
    told = unusable_world(world, caught.value)
    assert "make it writable" in str(told.hint)
    assert str(tmp_path.parent) not in told.message
