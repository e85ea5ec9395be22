"""A verdict, wherever somebody sees it: what was measured, the limit, and where to read on; never an answer."""

import jsonschema
import pytest

from reconciler.core.event import Judged, Planned, Summarised
from reconciler.core.gate import Gate
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation
from reconciler.core.plan import Plan
from reconciler.core.resource import Remote
from reconciler.core.verdict import Check, Verdict
from reconciler.views.events import event_document, events_schema
from reconciler.views.paint import painter
from reconciler.views.rows import build_rows
from reconciler.views.run_markdown import Account, render_run
from reconciler.views.sentences import Weight, sentence
from reconciler.views.status_document import status_document
from reconciler.views.status_text import render_model
from reconciler.views.tally import Tally
from reconciler.views.verdict_text import Ruling, render_rulings, rulings_document

REMOTE = Remote("generativelanguage", "https://fake.invalid")
NEW = "tunedModels/numbers-1a2b3c4d5e6f"
CHECKS = (
    Check("maxFinalLoss", passed=True, measured=0.31, limit=0.5),
    Check("dataset.minScore", passed=False, measured=0.75, limit=0.8),
    Check("command", passed=False, note="ended with status 3"),
)
VERDICT = Verdict(passed=False, gate="sha256:gate", checks=CHECKS)
NOT_MET = Judged("numbers", NEW, passed=False, checks=CHECKS, answers=".tunectl/gates/numbers/1a2b-1")
PASSED = Judged("numbers", NEW, passed=True, checks=CHECKS[:1])
SAID = "mean score 0.75 (dataset.minScore: at least 0.8); command: ended with status 3"


@pytest.mark.parametrize(
    ("event", "weight", "text"),
    [
        (NOT_MET, Weight.ALERT, f"numbers: gate not met: {SAID}\n  answers: .tunectl/gates/numbers/1a2b-1"),
        (PASSED, Weight.NEWS, "numbers: gate passed: final loss 0.31 (maxFinalLoss: at most 0.5)"),
    ],
)
def test_people_read_what_was_measured_and_where_the_answers_are(event, weight, text):
    assert sentence(event, painter(color=False)) == (weight, text)


@pytest.mark.parametrize("event", [NOT_MET, PASSED])
def test_programs_read_every_check(event):
    envelope = {"format": "tunectl.event/v1", "seq": 1, "time": "2026-01-01T00:00:00Z", "runId": "1"}
    document = event_document(event)
    jsonschema.validate(envelope | document, events_schema())
    assert [check["check"] for check in document["checks"]] == [check.name for check in event.checks]


def test_a_report_tells_of_a_rejection_first_and_counts_it():
    account = Account()
    for event in (Planned(Plan("demo", REMOTE)), PASSED, NOT_MET, Summarised(rejected=1, exit_code=7)):
        account(event)
    text = render_run(account)
    assert text.startswith("**Applied: 1 rejected.**")
    assert text.count("**rejected**") == 1
    assert [problem.message for problem in account.failures] == [f"numbers: gate not met: {SAID}"]


def test_verdicts_are_counted():
    tally = Tally()
    for event in (NOT_MET, PASSED, PASSED):
        tally(event)
    assert tally.judged == {"passed": 2, "rejected": 1}


def entry(**fields):
    gate = Gate(max_final_loss=0.5).canonical
    current = Instance("tunedModels/old", "sha256:1", state=InstanceState.READY)
    new = Instance(NEW, "sha256:2", gate=gate, **fields)
    return current, new


@pytest.mark.parametrize("first", [True, False])
def test_a_model_that_is_ready_and_not_judged_says_so(first):
    current, new = entry(state=InstanceState.TUNING if first else InstanceState.READY)
    recorded = Entry(current=new) if first else Entry(current=current, candidate=new)
    seen = {NEW: Observation(NEW, {}, ModelState.READY)}
    rows = build_rows(Lockfile(REMOTE, models={"numbers": recorded}), seen)
    assert rows[-1].state == "ready, not judged yet"


def test_a_model_that_runs_is_merely_tuning():
    _, new = entry(state=InstanceState.TUNING)
    seen = {NEW: Observation(NEW, {}, ModelState.TUNING)}
    (row,) = build_rows(Lockfile(REMOTE, models={"numbers": Entry(current=new)}), seen)
    assert row.state == "tuning"


def test_one_model_in_full_has_its_verdict():
    current, new = entry(state=InstanceState.REJECTED, verdict=VERDICT)
    recorded = Lockfile(REMOTE, models={"numbers": Entry(current=current, rejected=(new,))})
    rows = build_rows(recorded, {}, former=True)
    text = render_model(rows, {})
    assert "NOT mean score 0.75 (dataset.minScore: at least 0.8)" in text
    assert "ok  final loss 0.31 (maxFinalLoss: at most 0.5)" in text
    assert status_document(rows)["models"][1]["verdict"] == VERDICT.document


def test_a_verdict_by_hand_is_a_table_or_a_document():
    ruling = Ruling("numbers", NEW, VERDICT, ".tunectl/gates/numbers/1a2b-1-eval")
    assert render_rulings([ruling]).splitlines() == [
        f"numbers  {NEW}: not met",
        "  check             measured  limit",
        "  maxFinalLoss      0.31      at most 0.5   passed",
        "  dataset.minScore  0.75      at least 0.8  not met",
        "  command                                   not met (ended with status 3)",
        "  answers: .tunectl/gates/numbers/1a2b-1-eval",
    ]
    assert render_rulings([]) == ""
    (model,) = rulings_document([ruling])["models"]
    assert (model["passed"], model["resource"], len(model["checks"])) == (False, NEW, 3)
