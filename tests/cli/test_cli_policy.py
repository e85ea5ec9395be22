"""A project's policy on the command line: refused with its place, and nothing is asked of the service but to read."""

from __future__ import annotations

import json
import sys
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cli_kit import Workshop

CHECK = """
import json, os, sys
plan = json.load(sys.stdin)
open("seen.json", "w").write(json.dumps({"plan": plan, "cwd": os.getcwd(), "environ": dict(os.environ)}))
buys = [action["name"] for action in plan["actions"] if action["action"] == "create"]
if buys:
    print("workflow command on standard output")
    sys.exit("\\n\\x1b[31mno models on Fridays: " + ", ".join(buys) + "\\nsecond line")
"""


def govern(workshop: Workshop, **policy: Any) -> None:
    workshop.project(policy=policy)


def check(workshop: Workshop, source: str, **more: Any) -> None:
    workshop.write("policy/check.py", source)
    govern(workshop, checks=[{"command": [sys.executable, "policy/check.py"], **more}])


def test_a_broken_rule_refuses_plan_and_apply_with_its_place(workshop: Workshop) -> None:
    govern(workshop, hyperparameters={"epochCount": {"max": 2}}, requiredLabels=["team"])
    place = "manifests/numbers.yaml:14:7: numbers: epochCount is 3 and must be at most 2"
    assert place in workshop.run("plan", expect=5).out
    said = workshop.apply(expect=5)
    assert place in said.text
    assert "the label team is required" in said.text
    assert workshop.bought() == 0
    assert not (workshop.root / "tunectl.lock").exists()


def test_the_document_and_the_annotations_carry_the_place_and_the_rule(workshop: Workshop) -> None:
    govern(workshop, allowedBaseModels=["models/gemini-*"])
    (violation,) = workshop.plan()["violations"]
    rule = "policy.allowedBaseModels"
    assert (violation["file"], violation["line"], violation["rule"]) == ("manifests/numbers.yaml", 9, rule)
    github = workshop.run("plan", "--format", "github", expect=5).out
    assert "::error file=manifests/numbers.yaml,line=9,col=5,title=" in github
    page = unescape(workshop.run("plan", "--format", "markdown", expect=5).out)
    assert "manifests/numbers.yaml:9:5: numbers: base model" in page


def test_a_saved_plan_keeps_its_violations_and_is_judged_anew(workshop: Workshop) -> None:
    govern(workshop, requiredLabels=["team"])
    workshop.run("plan", "--out", "plan.json", expect=5)
    assert "the label team is required" in workshop.run("show", "plan.json").out
    workshop.apply("plan.json", expect=5)
    govern(workshop)
    workshop.apply("plan.json")
    assert workshop.bought() == 1


def test_a_policy_that_is_kept_is_in_nobody_s_way(workshop: Workshop) -> None:
    govern(
        workshop,
        allowedBaseModels=["models/text-*"],
        namePattern="[a-z]+",
        hyperparameters={"epochCount": {"min": 3, "max": 3}, "learningRate": {"max": 0.001}},
        dataset={"minExamples": 15, "maxExamples": 15},
        requiredLabels=["team"],
    )
    workshop.want("numbers", metadata={"labels": {"team": "math"}})
    workshop.apply()
    assert workshop.bought() == 1


def test_a_check_reads_the_plan_and_refuses_it_with_the_first_line_it_says(workshop: Workshop) -> None:
    check(workshop, CHECK)
    said = workshop.run("plan", expect=5).out
    assert "tunectl.yaml:1:" in said
    assert r"\x1b[31mno models on Fridays: numbers" in said
    assert "second line" not in said
    assert "workflow command" not in said
    (violation,) = workshop.plan()["violations"]
    assert (violation["file"], violation["rule"]) == ("tunectl.yaml", "policy.checks[0]")
    workshop.apply(expect=5)
    assert workshop.bought() == 0


def test_a_check_gets_the_document_the_project_folder_and_no_credential(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNECTL_API_KEY", "canary")
    monkeypatch.setenv("GITHUB_ENV", "canary")
    check(workshop, CHECK)
    document = workshop.plan()
    seen = json.loads((workshop.root / "seen.json").read_text())
    assert seen["plan"] == {**document, "violations": []}
    assert seen["cwd"] == str(workshop.root)
    assert "canary" not in seen["environ"].values()


def test_a_check_that_accepts_lets_the_plan_through(workshop: Workshop) -> None:
    check(workshop, "import sys; sys.stdin.close(); print('fine', file=sys.stderr)")
    workshop.apply()
    assert workshop.bought() == 1


FAULTY = {
    "a status alone": ("raise SystemExit(7)", {}, "ended with status 7 and said nothing"),
    "no end": ("import time; time.sleep(60)", {"timeout": "1s"}, "gave no verdict within 1 s"),
    "a signal": ("import os; os.kill(os.getpid(), 9)", {}, "ended with status -9"),
}


@pytest.mark.parametrize(("source", "more", "message"), FAULTY.values(), ids=FAULTY.keys())
def test_a_check_without_a_verdict_refuses(workshop: Workshop, source: str, more: Any, message: str) -> None:
    check(workshop, source, **more)
    (violation,) = workshop.plan()["violations"]
    assert message in violation["message"]


def test_a_check_that_cannot_be_run_refuses(workshop: Workshop) -> None:
    govern(workshop, checks=[{"command": ["./missing"]}])
    (violation,) = workshop.plan()["violations"]
    assert violation["message"] == "check missing: cannot be run (No such file or directory)"


WRONG = {
    "a bound upside down": ({"hyperparameters": {"epochCount": {"min": 3, "max": 2}}}, "min is above max"),
    "no bound": ({"dataset": {}}, "needs minExamples, maxExamples or both"),
    "a pattern that is none": ({"namePattern": "("}, "is no valid regular expression"),
    "a shell line": ({"checks": [{"command": "rm -rf /"}]}, "must be a program and its arguments, as a list"),
    "no program": ({"checks": [{"command": [""]}]}, "names no program"),
    "a rule that is none": ({"maxEpochs": 3}, "unknown key"),
}


@pytest.mark.parametrize(("policy", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_policy_that_cannot_be_kept_is_an_error_of_the_project_file(
    workshop: Workshop, policy: Any, message: str
) -> None:
    govern(workshop, **policy)
    said = workshop.fails(1, "plan")
    assert "tunectl.yaml:1:" in said
    assert message in said
