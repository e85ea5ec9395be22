"""The managed models, one model in full, and drift: for people, for pages, for programs."""

import json

import pytest
from views_samples import NEW_DATA, OLD_DATA, PLAN, REMOTE

from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation, Progress, Snapshot
from reconciler.core.plan import Unmanaged
from reconciler.views.rows import MISSING, Row, build_rows
from reconciler.views.status_document import drift_report, status_document
from reconciler.views.status_markdown import render_drift_markdown, render_status_markdown
from reconciler.views.status_text import coverage_line, progress_text, render_drift, render_model, render_status
from reconciler.views.words import json_text

SPEC = {"displayName": "Numbers", "baseModel": "models/text-bison-001", "temperature": 0.7}


def instance(number, state, **more):
    return Instance(f"tunedModels/numbers-{number:012}", f"sha256:{number:064x}", state=state, spec=SPEC, **more)


SERVING = instance(1, InstanceState.READY, create_time="2026-03-01T10:00:00Z", dataset=OLD_DATA)
CANDIDATE = instance(2, InstanceState.TUNING, dataset=NEW_DATA, operation="operations/2")
FORMER = instance(3, InstanceState.FAILED, error="the service ran out of room", attempt=2)
LOCKFILE = Lockfile(
    REMOTE,
    models={
        "numbers": Entry(current=SERVING, candidate=CANDIDATE, failed=(FORMER,)),
        "broken": Entry(current=Instance("tunedModels/broken-1", "sha256:9", state=InstanceState.FAILED, error="no")),
    },
)
OBSERVED = {
    SERVING.resource: Observation(
        SERVING.resource, SPEC | {"temperature": 0.9}, ModelState.READY, update_time="2026-03-02T11:00:00Z"
    ),
    CANDIDATE.resource: Observation(
        CANDIDATE.resource, SPEC, ModelState.TUNING, progress=Progress(12, 23, 52.2, Snapshot(12, 1, 0.4))
    ),
}


def test_the_table_reads_like_this(golden):
    golden("status.txt", render_status(build_rows(LOCKFILE, OBSERVED)))


def test_one_model_in_full_reads_like_this(golden):
    rows = build_rows(LOCKFILE, OBSERVED, names=["numbers"], former=True)
    golden("model.txt", render_model(rows, OBSERVED))


def test_drift_reads_like_this(golden):
    golden("drift.txt", render_drift(PLAN.drift, PLAN.unmanaged, 71.4))


def test_no_drift_is_said_first():
    assert render_drift((), (), 100.0) == "No drift.\n\nCoverage: 100% of the remote models are managed here.\n"


def test_coverage_that_nobody_counted_is_not_told():
    assert render_drift((), ()) == "No drift.\n"


def test_nothing_managed_is_no_empty_table():
    assert render_status(()) == "No models are managed here yet.\n"


def test_columns_stand_under_their_heads():
    head, *lines, _, _ = render_status(build_rows(LOCKFILE)).splitlines()
    column = head.index("MODEL")
    assert all(line[column:].startswith("tunedModels/") for line in lines if "tunedModels" in line)
    assert sum("tunedModels" in line for line in lines) == 3


def test_rows_come_by_name_the_candidate_after_its_model_and_former_ones_on_request():
    assert [(row.name, row.role) for row in build_rows(LOCKFILE)] == [
        ("broken", "current"),
        ("numbers", "current"),
        ("numbers", "candidate"),
    ]
    rows = build_rows(LOCKFILE, names=["numbers", "unknown"], former=True)
    assert [row.role for row in rows] == ["current", "candidate", "failed"]


STATES = [
    (InstanceState.READY, None, "ready"),
    (InstanceState.READY, ModelState.READY, "ready"),
    (InstanceState.READY, MISSING, "ready (remotely missing)"),
    (InstanceState.TUNING, ModelState.READY, "tuning (remotely ready)"),
    (InstanceState.TUNING, ModelState.FAILED, "tuning (remotely failed)"),
    (InstanceState.PENDING, MISSING, "pending"),
    (InstanceState.PENDING, ModelState.TUNING, "tuning"),
    (InstanceState.PENDING, ModelState.READY, "pending (remotely ready)"),
    (InstanceState.REJECTED, ModelState.READY, "rejected"),
    (InstanceState.FAILED, ModelState.FAILED, "failed"),
]


@pytest.mark.parametrize(("recorded", "remote", "words"), STATES)
def test_a_state_names_the_remote_one_where_that_says_more(recorded, remote, words):
    assert Row("n", "current", instance(1, recorded), remote).state == words


def test_what_the_service_does_not_know_is_missing_only_if_somebody_looked():
    assert [row.remote for row in build_rows(LOCKFILE, {})] == [MISSING] * 3
    assert [row.remote for row in build_rows(LOCKFILE)] == [None] * 3


def test_the_reason_of_a_failure_is_the_recorded_one_or_else_the_services():
    seen = {"tunedModels/broken-1": Observation("tunedModels/broken-1", {}, ModelState.FAILED, error="remote reason")}
    assert build_rows(LOCKFILE, seen, names=["broken"])[0].error == "no"
    unknowing = Lockfile(REMOTE, models={"broken": Entry(Instance("tunedModels/broken-1", "r"))})
    assert build_rows(unknowing, seen)[0].error == "remote reason"


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (None, ""),
        (Progress(), ""),
        (Progress(12), "12"),
        (Progress(12, 23, 52.2), "12/23 52%"),
        (Progress(percent=7.0), "7%"),
    ],
)
def test_progress_fits_a_cell(progress, words):
    assert progress_text(progress) == words


@pytest.mark.parametrize(("coverage", "percent"), [(100.0, 100), (99.9, 99), (71.4, 71), (0.0, 0)])
def test_coverage_is_only_full_when_it_is(coverage, percent):
    assert coverage_line(coverage).startswith(f"Coverage: {percent}% ")


def test_a_program_reads_the_same():
    rows = build_rows(LOCKFILE, OBSERVED)
    document = json.loads(json_text(status_document(rows, OBSERVED)))
    assert document["format"] == "tunectl.status/v1"
    serving, candidate = document["models"][1:]
    assert (serving["state"], serving["remoteState"], serving["role"]) == ("ready", "ready", "current")
    assert (serving["spec"]["temperature"], serving["remoteSpec"]["temperature"]) == (0.7, 0.9)
    assert candidate["progress"] == {"completedSteps": 12, "totalSteps": 23, "percent": 52.2, "loss": 0.4}
    assert document["models"][0]["remoteSpec"] is None


def test_a_program_reads_drift():
    document = drift_report(PLAN.drift, PLAN.unmanaged, 71.4)
    assert document["format"] == "tunectl.drift/v1"
    assert document["summary"] == {"changed": 1, "missing": 1}
    assert (document["coverage"], len(document["unmanaged"])) == (71.4, 2)
    assert document["drift"][0]["path"] == "spec.topK"


def test_pages_look_like_this(golden):
    golden("status.md", render_status_markdown(build_rows(LOCKFILE, OBSERVED)))
    golden("drift.md", render_drift_markdown(PLAN.drift, PLAN.unmanaged, 71.4))


def test_pages_that_are_too_long_count_what_they_leave_out():
    models = tuple(Unmanaged(f"tunedModels/m{number}", "x" * 60, "ready") for number in range(2_000))
    page = render_drift_markdown(PLAN.drift, models)
    assert len(page.encode()) <= 60_000
    shown = page.count("\n* ")
    assert page.endswith(f"\nand {2_002 - shown:,} more lines\n")
    lockfile = Lockfile(REMOTE, models={f"m{number}": Entry(SERVING) for number in range(2_000)})
    page = render_status_markdown(build_rows(lockfile))
    assert len(page.encode()) <= 60_000
    assert "more models" in page


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (None, ["NAME", "STATE", "PROGRESS", "EXAMPLES", "CREATED", "MODEL"]),
        (100, ["NAME", "STATE", "PROGRESS", "EXAMPLES", "CREATED", "MODEL"]),
        (80, ["NAME", "STATE", "PROGRESS", "EXAMPLES", "CREATED"]),
        (64, ["NAME", "STATE", "PROGRESS", "CREATED"]),
        (56, ["NAME", "STATE", "PROGRESS"]),
    ],
)
def test_a_narrow_terminal_gets_less_and_no_line_is_ever_two(width, heads):
    lines = render_status(build_rows(LOCKFILE, OBSERVED), width=width).splitlines()
    assert lines[0].split() == heads
    assert width is None or max(map(len, lines)) <= width


def test_fractions_of_seconds_are_not_shown():
    row = Row("numbers", "current", instance(1, InstanceState.READY), created="2026-03-01T10:00:00.123456789Z")
    assert "2026-03-01T10:00:00Z  tunedModels/" in render_status([row])
