"""Gates through the command line: what is told, what is kept, with which code it ends."""

from __future__ import annotations

import json
import stat
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from reconciler.views.events import events_schema

if TYPE_CHECKING:
    from cli_kit import Workshop

MORE = {"hyperparameters": {"epochCount": 5, "batchSize": 2, "learningRate": 0.001}}
MET = {"prompts": [{"input": "20", "number": 21}, {"input": "4", "contains": "5"}]}
UNMET = {"prompts": [{"input": "4", "equals": "SECRET"}]}


def replacing(workshop: Workshop, gate: dict[str, Any]) -> str:
    """Let a model serve, and want another revision with a gate; return what serves."""
    workshop.apply()
    workshop.want("numbers", **MORE, gate=gate)
    return workshop.serving("numbers")


def rows(workshop: Workshop, name: str) -> list[dict[str, Any]]:
    (path,) = (workshop.root / ".tunectl" / "gates" / "numbers").glob(f"*/{name}")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_replacement_that_passes_serves_and_its_answers_can_be_read(workshop: Workshop) -> None:
    old = replacing(workshop, {**MET, "maxFinalLoss": 5})
    assert "must pass before it serves" in workshop.run("plan").out

    ended = workshop.apply()

    assert workshop.serving("numbers") != old
    assert "numbers: gate passed: final loss " in ended.err
    assert "answers: .tunectl/gates/numbers/" in ended.err
    assert [(row["input"], row["answer"], row["score"]) for row in rows(workshop, "answers.jsonl")] == [
        ("20", "21", 1.0),
        ("4", "5", 1.0),
    ]
    (path,) = (workshop.root / ".tunectl" / "gates").glob("*/*/answers.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert workshop.run("plan").out.startswith("No changes.")


def test_a_replacement_that_does_not_pass_is_kept_and_blocked_and_ends_with_7(workshop: Workshop) -> None:
    old = replacing(workshop, UNMET)

    ended = workshop.apply(expect=7)

    assert "numbers: gate not met: 0 of 1 prompts right; not as expected: prompts[0]" in ended.err
    assert "rejected by their gate: numbers; nothing that serves was replaced" in ended.err
    assert ended.out.splitlines()[-1].endswith("0 deleted, 1 rejected.")
    assert workshop.serving("numbers") == old
    assert len(workshop.remote()) == 2
    assert workshop.kinds() == [("numbers", "blocked")]
    assert workshop.bought() == 2
    shown = workshop.run("show", "numbers").out
    assert "not met" in shown
    assert "SECRET" not in ended.text + shown + (workshop.root / "tunectl.lock").read_text()


def test_a_changed_gate_judges_again_and_trains_nothing(workshop: Workshop) -> None:
    replacing(workshop, UNMET)
    workshop.apply(expect=7)
    workshop.want("numbers", **MORE, gate=MET)
    plan = workshop.plan()
    (action,) = plan["actions"]
    assert (action["action"], action["steps"], plan["steps"]) == ("reuse", None, 0)
    assert "the gate changed" in action["reason"]

    workshop.apply()

    assert workshop.serving("numbers") == action["resource"]
    assert workshop.bought() == 2
    assert workshop.run("plan").out.startswith("No changes.")


def test_other_examples_are_another_gate(workshop: Workshop) -> None:
    workshop.dataset(6, path="manifests/datasets/eval.jsonl", step=2)
    gate = {"dataset": {"path": "datasets/eval.jsonl", "minScore": 0.9}}
    old = replacing(workshop, gate)
    workshop.apply(expect=7)
    workshop.dataset(6, path="manifests/datasets/eval.jsonl", step=1)
    workshop.apply()
    assert workshop.serving("numbers") != old
    assert workshop.bought() == 2


def test_a_rejected_model_is_deleted_on_request_and_not_bought_again(workshop: Workshop) -> None:
    old = replacing(workshop, {**UNMET, "onFail": "delete"})
    workshop.apply(expect=7)
    assert workshop.remote() == [old.rpartition("/")[2]]
    assert workshop.kinds() == [("numbers", "blocked")]
    workshop.apply(expect=7)
    assert workshop.bought() == 2


def test_the_model_that_serves_is_asked_too_when_the_score_is_compared(workshop: Workshop) -> None:
    workshop.dataset(8, path="manifests/datasets/eval.jsonl")
    old = replacing(workshop, {"dataset": {"path": "datasets/eval.jsonl", "noWorseThanCurrent": 0.02}})
    workshop.fault("wrong,model=numbers")
    workshop.apply(expect=7)
    assert workshop.serving("numbers") == old
    assert [row["score"] for row in rows(workshop, "current.jsonl")] == [1.0] * 8
    assert [row["score"] for row in rows(workshop, "answers.jsonl")] == [0.0] * 8
    (check,) = workshop.entry("numbers")["rejected"][0]["verdict"]["checks"]
    assert check == {"check": "dataset.noWorseThanCurrent", "passed": False, "measured": 0, "limit": 0.98}


def test_a_service_that_is_down_while_it_judges_rejects_nothing(workshop: Workshop) -> None:
    old = replacing(workshop, MET)
    workshop.fault("status,code=503,method=POST,path=generateText,count=forever")
    ended = workshop.apply(expect=4)
    assert "its gate could not be evaluated" in ended.err
    assert "apply judges it again; nothing is trained" in ended.err
    assert workshop.serving("numbers") == old
    assert "ready, not judged yet" in workshop.run("status").out
    assert workshop.kinds() == [("numbers", "wait")]
    workshop.emulator.faults.clear()
    workshop.apply()
    assert workshop.serving("numbers") != old
    assert workshop.bought() == 2


def test_a_moment_without_an_answer_is_waited_out(workshop: Workshop) -> None:
    replacing(workshop, MET)
    workshop.fault("status,code=503,method=POST,path=generateText,count=2")
    workshop.apply()
    assert workshop.bought() == 2


JUDGE = """
import json, os, pathlib, sys
rows = [json.loads(line) for line in (pathlib.Path(os.environ["TUNECTL_ANSWERS"]) / "answers.jsonl").open()]
print("judged", len(rows), "of", os.environ["TUNECTL_NAME"], os.environ["TUNECTL_MODEL"],
      os.environ["TUNECTL_CURRENT_MODEL"], os.environ["TUNECTL_ENDPOINT"], os.environ.get("MINE"), os.getcwd())
print("and says so", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 7)])
def test_a_program_reads_the_answers_and_decides(workshop: Workshop, status: int, code: int) -> None:
    workshop.write("judge.py", JUDGE)
    old = replacing(workshop, {**MET, "command": [sys.executable, "judge.py", str(status)]})
    ended = workshop.apply(expect=code, environ={"MINE": "yes"})
    assert ("command: ended with status 3" in ended.err) == (code == 7)
    (log,) = (workshop.root / ".tunectl" / "gates" / "numbers").glob("*/command.log")
    first, second = sorted(log.read_text().splitlines(), reverse=True)
    entry = workshop.entry("numbers")
    new = (entry["rejected"][0] if code else entry)["resource"]
    assert first == f"judged 2 of numbers {new} {old} emulator yes {workshop.root}"
    assert second == "and says so"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["./no-such-program"], "gate.command no-such-program cannot be run (No such file or directory)"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], "was killed by signal 9"),
    ],
)
def test_a_program_that_gives_no_verdict_rejects_nothing(workshop: Workshop, command: list[str], said: str) -> None:
    old = replacing(workshop, {"command": command})
    ended = workshop.apply(expect=4)
    assert said in ended.err
    assert workshop.serving("numbers") == old
    assert workshop.kinds() == [("numbers", "wait")]


def test_an_expression_that_would_never_be_done_rejects_nothing_and_is_named(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "reconciler.project.evidence.FileEvidence.search", lambda _self, searches, **_: [True] * len(searches[1:])
    )
    old = replacing(workshop, {"prompts": [{"input": "4", "matches": "5"}, {"input": "9", "matches": "CANARY"}]})
    ended = workshop.apply(expect=4)
    assert "its gate could not be evaluated: prompts[1]: the search for its regular expression" in ended.err
    assert "CANARY" not in ended.text
    assert [row["score"] for row in rows(workshop, "answers.jsonl")] == [1.0, None]
    assert workshop.serving("numbers") == old
    workshop.want("numbers", **MORE, gate={"prompts": [{"input": "4", "matches": "5"}]})
    monkeypatch.undo()
    workshop.apply()
    assert workshop.bought() == 2


def test_a_gate_on_losses_alone_keeps_nothing_and_names_no_folder(workshop: Workshop) -> None:
    replacing(workshop, {"maxFinalLoss": 0})
    assert "answers:" not in workshop.apply(expect=7).err
    ended = workshop.run("eval", "numbers", "--candidate", expect=7)
    assert "maxFinalLoss" in ended.out
    assert "answers:" not in ended.out
    document = workshop.run("eval", "numbers", "--candidate", "--format", "json", expect=7).json()
    assert [model["answers"] for model in document["models"]] == [None]


def test_a_gate_that_only_stops_tunings_is_none_to_pass(workshop: Workshop) -> None:
    replacing(workshop, {"abortIf": {"meanLossAbove": 1000}})
    for form in ("text", "markdown"):
        assert "pass" not in workshop.run("plan", "--format", form).out


def test_what_is_reused_is_not_said_to_need_a_training(workshop: Workshop) -> None:
    workshop.want("numbers", lifecycle={"deletion": "retain"})
    workshop.apply()
    workshop.want("numbers", **MORE, lifecycle={"deletion": "retain"})
    assert "# needs a new training" in workshop.run("plan").out
    workshop.apply()
    workshop.want("numbers", lifecycle={"deletion": "retain"})
    for form in ("text", "markdown"):
        out = workshop.run("plan", "--format", form).out
        assert ("epochCount" in out, "needs a new training" in out) == (True, False)


def test_a_plan_approved_under_another_gate_is_refused_and_the_gate_is_named(workshop: Workshop) -> None:
    replacing(workshop, MET)
    workshop.run("plan", "--out", "plan.json")
    workshop.want("numbers", **MORE)
    said = workshop.apply("plan.json", expect=6).err
    assert "under gate sha256:" in said
    assert "now replace of" in said


def test_no_plan_ever_runs_a_program_or_asks_a_model(workshop: Workshop) -> None:
    workshop.write("judge.py", "open('ran', 'w').close()")
    replacing(workshop, {**MET, "command": [sys.executable, "judge.py"]})
    workshop.emulator.world.log.clear()
    workshop.run("plan")
    workshop.run("validate")
    assert {method for method, _ in workshop.requests()} == {"GET"}
    assert not (workshop.root / "ran").exists()


def test_answers_that_cannot_be_kept_are_no_verdict(workshop: Workshop) -> None:
    replacing(workshop, MET)
    workshop.write(".tunectl/gates", "in the way")
    ended = workshop.apply(expect=4)
    assert "the answers cannot be kept" in ended.err


def test_the_event_of_a_gate_fits_its_schema(workshop: Workshop) -> None:
    replacing(workshop, UNMET)
    events = workshop.apply("--format", "jsonl", expect=7).events()
    (event,) = [event for event in events if event["type"] == "gate"]
    jsonschema.validate(event, events_schema())
    assert (event["name"], event["passed"]) == ("numbers", False)
    assert event["checks"] == [
        {"check": "prompts", "passed": False, "measured": 0.0, "limit": 1.0, "note": "not as expected: prompts[0]"}
    ]
    assert event["answers"].startswith(".tunectl/gates/numbers/")
    (summary,) = [event for event in events if event["type"] == "summary"]
    assert (summary["rejected"], summary["exitCode"]) == (1, 7)


def test_a_report_of_a_run_says_what_was_rejected(workshop: Workshop) -> None:
    replacing(workshop, UNMET)
    workshop.apply("--format", "markdown=run.md", expect=7)
    text = (workshop.root / "run.md").read_text()
    assert "| gate | **rejected**: 0 of 1 prompts right" in text
    assert "**Applied: 1 rejected.**" in text


def test_the_record_of_the_past_tells_each_verdict_and_no_answer(workshop: Workshop) -> None:
    replacing(workshop, UNMET)
    workshop.apply(expect=7)
    workshop.want("numbers", **MORE, gate=MET)
    workshop.apply()
    text = workshop.run("history", "numbers", "--format", "json").out
    told = [(each["event"], each.get("verdict", {}).get("passed")) for each in json.loads(text)["records"]]
    assert [pair for pair in told if pair[0] != "deleted"] == [
        ("promoted", True),
        ("rejected", False),
        ("promoted", None),
    ]
    assert "SECRET" not in text
    workshop.run("lineage", "verify")


def test_waiting_says_that_apply_judges(workshop: Workshop) -> None:
    workshop.want("numbers", gate=MET)
    workshop.apply("--no-wait")
    assert "apply judges by its gate: numbers" in workshop.run("wait").out
    assert workshop.kinds() == [("numbers", "wait")]
    workshop.apply()
    assert workshop.entry("numbers")["verdict"]["passed"]


@pytest.mark.parametrize(
    ("fault", "gate", "said"),
    [
        ("", {"abortIf": {"meanLossAbove": 0.5, "afterStep": 3}}, "above 0.5 (gate.abortIf, from step 3 on)"),
        ("nan,at=0.2", None, "the mean loss is no number (NaN) at step"),
    ],
)
def test_a_hopeless_tuning_is_stopped_on_the_service(
    workshop: Workshop, fault: str, gate: dict[str, Any] | None, said: str
) -> None:
    old = replacing(workshop, {"maxFinalLoss": 9})
    workshop.want("numbers", **MORE, gate=gate)
    if fault:
        workshop.fault(fault)
    ended = workshop.apply("--poll-interval", "2", expect=4)
    assert "stopped: the mean loss is" in ended.err
    assert said in ended.err
    assert [path.rpartition(":")[2] for method, path in workshop.requests() if method == "POST"][-1] == "cancel"
    assert workshop.serving("numbers") == old
    assert workshop.kinds() == [("numbers", "blocked")]
    assert said in workshop.plan()["actions"][0]["reason"]
    workshop.apply(expect=4)
    assert workshop.bought() == 2


def test_a_limit_that_is_loosened_after_it_struck_names_the_command_that_buys_another_attempt(
    workshop: Workshop,
) -> None:
    workshop.want("numbers", gate={"abortIf": {"meanLossAbove": 0.5, "afterStep": 3}})
    workshop.apply("--poll-interval", "2", expect=4)
    assert "abortIf is another one now" not in workshop.plan()["actions"][0]["reason"]
    workshop.want("numbers", gate={"abortIf": {"meanLossAbove": 500, "afterStep": 3}})
    (action,) = workshop.plan()["actions"]
    assert action["action"] == "blocked"
    command = "`tunectl apply --replace numbers`"
    assert (
        f"gate.abortIf is another one now, but what has ended cannot go on; buy another attempt: {command}"
        in (action["reason"])
    )
    workshop.apply("--replace", "numbers")
    assert workshop.bought() == 2


def test_a_patch_of_a_model_that_failed_is_left_out_with_words(workshop: Workshop) -> None:
    workshop.fault("fail")
    workshop.apply("--no-wait")
    workshop.want("numbers", temperature=0.25)
    ended = workshop.apply(expect=4)
    assert "numbers: update not begun: the model it is for failed" in ended.err
