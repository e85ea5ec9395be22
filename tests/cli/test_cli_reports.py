"""A report that was asked for is written, whatever happens: with its content, or with why it has none."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator

from reconciler.engine.looking import preview
from reconciler.views.events import events_schema
from reconciler.views.plan_markdown import LIMIT

FORMS = ("--format", "markdown=r.md", "--format", "json=r.json", "--format", "text=r.txt")
RUN_FORMS = ("--format", "markdown=r.md", "--format", "jsonl=r.jsonl", "--format", "github")


def broken_manifest(workshop):
    workshop.want("numbers", topK="many")


def broken_lockfile(workshop):
    workshop.write("tunectl.lock", "{")


def denied(workshop):
    workshop.fault("status,code=403,count=forever")


def html(workshop):
    workshop.fault("html,count=forever")


def no_manifests(workshop):
    workshop.drop("numbers")


def unknown_target(workshop):
    """Nothing is wrong with the project."""


FAILURES = [
    (broken_manifest, 1, "topK"),
    (broken_lockfile, 1, "tunectl.lock"),
    (denied, 3, "list"),
    (html, 1, "API"),
    (no_manifests, 1, "manifest"),
    (unknown_target, 64, "nothing-has-this-name"),
]
failing = pytest.mark.parametrize(("spoil", "code", "words"), FAILURES, ids=[case[0].__name__ for case in FAILURES])


def plain(page):
    """What a reader sees of a page."""
    text = re.sub(r"<[^>]*>", "", page)
    return re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), text)


@failing
@pytest.mark.parametrize("command", ["plan", "drift"])
def test_every_file_that_was_asked_for_says_why_there_is_no_result(workshop, command, spoil, code, words):
    spoil(workshop)
    target = ("--target", "nothing-has-this-name") if spoil is unknown_target else ()
    if command == "drift" and spoil is no_manifests:
        code = 1
    workshop.run(command, *FORMS, *target, expect=code)
    page, document, text = ((workshop.root / name).read_text() for name in ("r.md", "r.json", "r.txt"))
    assert plain(page).startswith(f"**tunectl {command} failed with exit code {code}.**")
    assert words in plain(page)
    assert json.loads(document)["exitCode"] == code
    assert words in text


@failing
def test_an_apply_reports_its_failure_too(workshop, spoil, code, words):
    spoil(workshop)
    summary = workshop.root / "summary.md"
    target = ("--target", "nothing-has-this-name") if spoil is unknown_target else ()
    workshop.apply(*RUN_FORMS, *target, expect=code, environ={"GITHUB_STEP_SUMMARY": str(summary)})
    for page in (workshop.root / "r.md", summary):
        assert plain(page.read_text()).startswith(f"**tunectl apply failed with exit code {code}.**")
        assert words in plain(page.read_text())
    events = [json.loads(line) for line in (workshop.root / "r.jsonl").read_text().splitlines()]
    assert events[-1]["type"] == "error"
    assert events[-1]["exitCode"] == code


def test_an_apply_reports_what_it_did(workshop):
    summary, outputs = workshop.root / "summary.md", workshop.root / "outputs"
    environ = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
    ended = workshop.apply(*RUN_FORMS, environ=environ)
    page = (workshop.root / "r.md").read_text()
    assert page.startswith("**Applied: 1 created.**")
    assert f"done: <code>{workshop.serving('numbers')}</code>" in page
    assert page in summary.read_text()
    assert re.search(r"has-changes<<(\S+)\ntrue\n\1\n", outputs.read_text())
    assert "plan-digest<<" in outputs.read_text()
    assert "Applied: 1 created" in ended.out


def test_an_apply_with_nothing_to_do_says_so(workshop):
    workshop.apply()
    workshop.apply("--format", "markdown=r.md")
    assert (workshop.root / "r.md").exists()
    assert (workshop.root / "r.md").read_text().startswith(("**No changes.", "**Nothing was applied."))


def test_a_model_that_failed_leads_the_report_and_is_annotated(workshop):
    workshop.want("other")
    workshop.fault("fail,model=other")
    summary = workshop.root / "summary.md"
    ended = workshop.apply(*RUN_FORMS, expect=4, environ={"GITHUB_STEP_SUMMARY": str(summary)})
    page = (workshop.root / "r.md").read_text()
    assert "tunectl apply failed with exit code 4" in plain(page)
    assert page.index("**failed**") < page.index("| done")
    assert "Applied: 1 created, 1 failed." in plain(page)
    assert page in summary.read_text()
    assert any(line.startswith("::error") and "other" in line for line in ended.out.splitlines())


def test_a_report_that_stands_is_not_replaced_by_a_later_failure(workshop):
    ended = workshop.run("plan", "--format", "markdown=r.md", "--format", "json=no/such/folder.json", expect=1)
    assert "no/such/folder.json" in ended.err
    assert (workshop.root / "r.md").read_text().startswith("**Plan: 1 to create")


def test_a_refused_plan_is_a_plan_and_no_failure_report(workshop):
    workshop.project(limits={"maxSteps": 1})
    workshop.run("plan", *FORMS, expect=5)
    assert (workshop.root / "r.md").read_text().startswith("**Plan: 1 to create")
    workshop.apply("--format", "markdown=r.md", expect=5)
    assert "exit code 5" in (workshop.root / "r.md").read_text()
    assert "maxSteps" in plain((workshop.root / "r.md").read_text())


def test_a_bug_of_ours_is_reported_without_its_values(workshop, monkeypatch):
    def stumble(*_, **__):
        raise ValueError("canary-of-a-value")

    monkeypatch.setattr(preview, "preview", stumble)
    from reconciler.cli.invocation import Invocation  # noqa: PLC0415  # beside its only use
    from reconciler.cli.main import run  # noqa: PLC0415

    assert run(["plan", *FORMS], invocation=Invocation(environ={}, clock=workshop.clock)) == 1
    for name in ("r.md", "r.json", "r.txt"):
        text = (workshop.root / name).read_text()
        assert "ValueError" in plain(text)
        assert "canary" not in text


def test_many_problems_stay_within_the_limit_of_a_comment(workshop):
    for number in range(120):
        workshop.want(f"model-{number}", **{f"unknown{index}" + "x" * 200: 1 for index in range(10)})
    workshop.run("plan", "--format", "markdown=r.md", expect=1)
    page = (workshop.root / "r.md").read_text()
    assert len(page.encode()) <= LIMIT
    assert "more problems; the log has all of them" in page


def test_the_stream_of_an_apply_keeps_to_its_schema_and_tells_the_whole_story(workshop):
    ended = workshop.apply("--format", "jsonl", "--format", "jsonl=r.jsonl", "--poll-interval", "2")
    written = [json.loads(line) for line in (workshop.root / "r.jsonl").read_text().splitlines()]
    validator = Draft202012Validator(events_schema())
    for event in (*ended.events(), *written):
        assert not list(validator.iter_errors(event)), event
    assert [event["type"] for event in written] == [event["type"] for event in ended.events()]
    types = [event["type"] for event in written]
    for needed in ("plan", "started", "accepted", "progress", "finished", "summary"):
        assert needed in types, needed
    assert types.index("plan") < types.index("started") < types.index("progress") < types.index("finished")
    assert types[-1] == "summary"
    assert {event["format"] for event in written} == {"tunectl.event/v1"}
    assert [event["seq"] for event in written] == list(range(1, len(written) + 1))
    progress = [event for event in written if event["type"] == "progress"]
    assert all({"completedSteps", "totalSteps", "percent", "loss", "eta"} <= set(event) for event in progress)
    assert any(event["eta"] is not None and event["loss"] is not None for event in progress)
    assert "gate" in [shape["properties"]["type"]["const"] for shape in events_schema()["oneOf"]]


def test_markdown_of_an_apply_goes_to_a_file(workshop):
    assert "markdown=FILE" in workshop.fails(64, "apply", "-y", "--format", "markdown")
