"""What goes to which stream and in which form, and what a GitHub runner is left with."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from cli_kit import HYPERPARAMETERS, Workshop, clean_environment, python

FORMS = ("text", "json", "markdown", "github")


def test_one_run_writes_a_plan_in_every_form(workshop: Workshop) -> None:
    files = [f"--format={form}=plan.{form}" for form in FORMS[:3]]
    ended = workshop.run("plan", *files, "--format", "github")
    assert ended.err == ""
    text, document, markdown = ((workshop.root / f"plan.{form}").read_text() for form in FORMS[:3])
    digest = json.loads(document)["digest"]
    assert text.splitlines()[-1] == "Plan: 1 to create, 0 to update, 0 to replace, 0 to delete."
    for form in (text, document, markdown, ended.out):
        assert digest in form
        assert "numbers" in form


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", ["plan", "drift", "status", "show"])
def test_every_form_of_every_command_stands_on_standard_output_alone(
    workshop: Workshop, command: str, form: str
) -> None:
    workshop.apply()
    ended = workshop.run(command, *(["numbers"] if command == "show" else []), "--format", form)
    assert ended.out != ""
    assert ended.err == ""
    if form == "json":
        assert json.loads(ended.out)["format"].startswith("tunectl.")


def test_a_plan_without_changes_says_so_in_its_first_line(workshop: Workshop) -> None:
    workshop.apply()
    assert workshop.run("plan").out.startswith("No changes.")


def test_the_text_of_a_plan_ends_with_its_counts(workshop: Workshop) -> None:
    workshop.want("other", hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    workshop.apply("--target", "numbers", "--no-wait")
    last = workshop.run("plan").out.splitlines()[-1]
    assert last == "Plan: 1 to create, 0 to update, 0 to replace, 0 to delete, 1 to wait for."


def test_the_plan_document_has_the_published_keys(workshop: Workshop) -> None:
    plan = workshop.plan()
    assert plan["format"] == "tunectl.plan/v1"
    assert set(plan) >= {
        *("tool", "project", "digest", "lockfile", "scope", "summary", "actions"),
        *("drift", "unmanaged", "warnings", "violations"),
    }
    (action,) = plan["actions"]
    assert set(action) >= {"name", "action", "resource", "previous", "reason", "changes", "dataset", "steps"}
    assert action["dataset"] == action["dataset"] | {"examples": 15, "added": 0, "removed": 0}


def test_a_runner_gets_summary_and_outputs(workshop: Workshop) -> None:
    runner = {name: str(workshop.write(name, b"before\n")) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    ended = workshop.run("plan", "--format", "github", environ=runner)
    summary, output = ((workshop.root / name).read_text() for name in runner)
    digest = workshop.plan()["digest"]
    assert summary.startswith("before\n")
    assert "numbers" in summary
    for key, value in (("has-changes", "true"), ("has-destroys", "false"), ("plan-digest", digest)):
        assert f"{key}<<" in output
        assert value in output
    assert digest in ended.out


def test_a_refused_plan_is_annotated_in_the_pull_request(workshop: Workshop) -> None:
    workshop.project(limits={"maxSteps": 1})
    ended = workshop.run("plan", "--format", "github", expect=5)
    assert "::error " in ended.out
    assert "limits.maxSteps = 1" in ended.out


def test_problems_are_annotated_at_their_places(workshop: Workshop) -> None:
    workshop.write(
        "manifests/numbers.yaml", "apiVersion: tunectl/v1\nkind: TunedModel\nmetadata: {name: N}\nspec: {}\n"
    )
    ended = workshop.run("plan", "--format", "github", expect=1)
    assert "::error file=manifests/numbers.yaml,line=3" in ended.text


def test_json_stays_one_document_when_it_fails(workshop: Workshop) -> None:
    workshop.write("manifests/numbers.yaml", "kind: [")
    ended = workshop.run("plan", "--format", "json", expect=1)
    error = ended.json()
    assert (error["format"], error["exitCode"]) == ("tunectl.error/v1", 1)
    assert [problem["file"] for problem in error["problems"]] == ["manifests/numbers.yaml"]
    assert ended.err == ""


@pytest.mark.parametrize("command", ["drift", "status", "show numbers"])
def test_a_broken_lockfile_is_one_json_document_too(workshop: Workshop, command: str) -> None:
    workshop.write("tunectl.lock", "{")
    error = workshop.run(*command.split(), "--format", "json", expect=1).json()
    assert error["error"] == "LockfileError"
    assert "tunectl.lock" in error["message"]


def test_jsonl_tells_an_apply_as_numbered_events(workshop: Workshop) -> None:
    ended = workshop.apply("--format", "jsonl")
    events = ended.events()
    assert ended.err == ""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["runId"] for event in events}) == 1
    kinds = [event["type"] for event in events]
    assert kinds[0] == "plan"
    assert kinds[-1] == "summary"
    assert {"started", "accepted", "progress", "finished", "saved"} <= set(kinds)
    assert events[-1]["exitCode"] == 0


def test_jsonl_tells_an_apply_without_changes_too(workshop: Workshop) -> None:
    workshop.apply()
    kinds = [event["type"] for event in workshop.apply("--format", "jsonl").events()]
    assert (kinds[0], kinds[-1]) == ("plan", "summary")


@pytest.mark.parametrize("command", ["apply -y", "wait", "destroy -y"])
def test_jsonl_ends_with_the_error_it_failed_with(workshop: Workshop, command: str) -> None:
    workshop.write("tunectl.lock", "{")
    events = workshop.run(*command.split(), "--format", "jsonl", expect=1).events()
    assert (events[-1]["type"], events[-1]["exitCode"]) == ("error", 1)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("plan --format json --target nobody", 64),
        ("plan --format json --out no-such/plan.json", 1),
        ("show nobody --format json", 64),
        ("apply --format jsonl", 64),
        ("apply -y --format jsonl --replace nobody", 64),
        ("apply -y --format jsonl no-such-plan.json", 1),
        ("wait --format jsonl nobody", 64),
    ],
)
def test_errors_of_the_command_line_take_the_form_that_was_asked_for(
    workshop: Workshop, command: str, code: int
) -> None:
    ended = workshop.run(*command.split(), expect=code)
    assert ended.err == ""
    (error,) = ended.events() if "jsonl" in command else [ended.json()]
    assert error["exitCode"] == code
    assert error["message"]


def test_jsonl_says_that_some_models_failed(workshop: Workshop) -> None:
    workshop.fault("fail")
    events = workshop.apply("--format", "jsonl", expect=4).events()
    kinds = [event["type"] for event in events]
    assert "failed" in kinds
    assert kinds[-2:] == ["summary", "error"]
    assert events[-1]["exitCode"] == 4
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["runId"] for event in events}) == 1


def test_two_forms_do_not_fit_on_one_output(workshop: Workshop) -> None:
    said = workshop.fails(64, "plan", "--format", "json", "--format", "text")
    assert "write --format text=FILE" in said


@pytest.mark.parametrize("value", ["yaml", "json=", "=x", ""])
def test_a_form_that_does_not_exist_is_a_usage_error(workshop: Workshop, value: str) -> None:
    workshop.fails(64, "plan", "--format", value)


def test_a_form_goes_nowhere_if_its_folder_is_missing(workshop: Workshop) -> None:
    assert "no-such/plan.json" in workshop.fails(1, "plan", "--format", "json=no-such/plan.json")


def test_quiet_leaves_results_and_errors_only(workshop: Workshop) -> None:
    ended = workshop.apply("-q")
    assert ended.err == ""
    assert "Applied: 1 created" in ended.out
    workshop.fault("status,code=403,count=forever")
    assert workshop.fails(3, "-q", "plan") != ""


def test_no_escape_sequence_reaches_a_pipe(workshop: Workshop) -> None:
    workshop.want("other", displayName="a\x1b[31mb\u202e", hyperparameters={**HYPERPARAMETERS, "epochCount": 1})
    for arguments in (["plan"], ["apply", "-y", "-vv"], ["status"], ["show", "other"], ["drift"]):
        ended = workshop.run(*arguments, expect=None)
        assert "\x1b" not in ended.text
        assert "\u202e" not in ended.text


def test_text_is_the_same_whichever_terminal_width_is_asked_for(workshop: Workshop) -> None:
    wide = workshop.run("plan", environ={"COLUMNS": "40"}).out
    assert wide == workshop.run("plan").out


class Process:
    """Command lines as processes of their own, on the project's embedded emulator, with an output that is no good."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *arguments: str, stdout: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            python(*arguments),
            cwd=self.root,
            env=clean_environment(TUNECTL_EMULATOR_TRAIN_SECONDS="0"),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    def read_by_nobody(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run with a pipe as standard output whose other end is closed."""
        reader, writer = os.pipe()
        os.close(reader)
        try:
            return self.run(*arguments, stdout=writer)
        finally:
            os.close(writer)

    def on_a_full_disk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with Path("/dev/full").open("w") as full:
            return self.run(*arguments, stdout=full)


def test_a_reader_that_has_gone_is_no_error(workshop: Workshop) -> None:
    ended = Process(workshop.root).read_by_nobody("plan")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_apply_that_nobody_reads_ends_as_it_ended(workshop: Workshop) -> None:
    ended = Process(workshop.root).read_by_nobody("apply", "-y", "--no-wait")
    assert ended.returncode == 0
    assert workshop.entry("numbers")["state"] == "tuning"
    ended = Process(workshop.root).read_by_nobody("plan", "--detailed-exitcode")
    assert ended.returncode == 2


def test_an_output_that_cannot_be_written_is_an_error_in_one_line(workshop: Workshop) -> None:
    ended = Process(workshop.root).on_a_full_disk("plan")
    assert ended.returncode == 1
    assert ended.stderr == "error: standard output: cannot be written (No space left on device)\n"


def test_validate_answers_programs_and_runners_too(workshop: Workshop) -> None:
    assert workshop.run("validate", "--format", "json").json()["manifests"] == 1
    (workshop.root / "manifests" / "broken.yaml").write_text("apiVersion: tunectl/v1\nkind: TunedModel\nmetadata: 3\n")
    ended = workshop.run("validate", "--format", "github", expect=1)
    assert "::error file=manifests/broken.yaml,line=3" in ended.out
    problems = workshop.run("validate", "--format", "json", expect=1).json()["problems"]
    assert 3 in [problem["line"] for problem in problems]
