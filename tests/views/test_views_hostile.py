"""No text of others commands a terminal, a CI runner or a Markdown page, whichever view shows it."""

import io
import json
import re
import unicodedata
from dataclasses import replace
from decimal import Decimal

import pytest
from markdown_it import MarkdownIt
from views_hostile import HOSTILE
from views_samples import CREATE, REPLACE, UPDATE

from reconciler.core.actual import Actual
from reconciler.core.estimate import Forecast, Pace, Variant
from reconciler.core.event import (
    Accepted,
    Errored,
    Failed,
    Finished,
    Measured,
    Planned,
    Progressed,
    Retried,
    Saved,
    Skipped,
    Started,
    Stopping,
    Summarised,
    Waiting,
    Warned,
)
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import ModelState, Observation, Progress, Snapshot
from reconciler.core.plan import Action, Change, Drift, Kind, Plan, Scope, Steps, Unmanaged
from reconciler.core.price import Cost
from reconciler.core.resource import Dataset, Remote
from reconciler.errors import Location, Problem, ProblemsError, Refused, TunectlError, Violation
from reconciler.views.document import to_document
from reconciler.views.events_jsonl import JsonlReporter
from reconciler.views.github import annotations
from reconciler.views.live import LiveReporter
from reconciler.views.plan_markdown import LIMIT, render_markdown
from reconciler.views.plan_text import render_plan
from reconciler.views.problems import render_error, render_problems
from reconciler.views.rows import build_rows
from reconciler.views.saved import dump_saved, load_saved, what_moved
from reconciler.views.sentences import Weight
from reconciler.views.status_document import drift_report, status_document
from reconciler.views.status_markdown import render_drift_markdown, render_status_markdown
from reconciler.views.status_text import render_drift, render_model, render_status
from reconciler.views.terminal import PlainReporter
from reconciler.views.words import json_text

BENIGN = "benign"
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def plan_of(text):
    """Return a plan with the text wherever a remote, a manifest or a file name could put it."""
    action = Action(
        name=text,
        kind=Kind.REPLACE,
        reason=text,
        resource=text,
        previous=text,
        previous_name=text,
        revision=text,
        changes=(Change(text, text, [text, {text: text}], "replace"), Change("b", None, text, text)),
        dataset=Dataset(text, 15),
        dataset_before=Dataset(f"{text}2", 14),
        steps=Steps(1, 2),
        depends_on=(text, text),
        gate={text: text},
        blocked_by=text,
        forecast=Forecast(1.0, 2.0, Pace(1.0, 2, text), Cost(Decimal(1), Decimal(2), text, estimate=True)),
    )
    unpriced = replace(action, kind=Kind.CREATE, forecast=Forecast(unpriced=text))
    return Plan(
        project=text,
        remote=Remote(text, text, text, text),
        actions=(action, unpriced, Action(text, Kind.MOVE, text, previous_name=text)),
        drift=(Drift(text, text, text, text, text, text, text, text),),
        unmanaged=(Unmanaged(text, text, text, text, orphaned=True), Unmanaged(text, text, text)),
        warnings=(problem_of(text),),
        violations=(Violation(text, Location(text, 1, 1), text), Violation(text)),
        scope=Scope((text,), (text,), only=text, max_effect=text),
        lineage=text,
        left_out=(Action(text, Kind.REPLACE, text),),
        what_if=(
            Variant(text, {text: text}, Steps(1, 2), Forecast(unpriced=text)),
            Variant(text, {text: [text]}, note=text),
        ),
    )


def problem_of(text, severity="warning"):
    return Problem(Location(f"{text}.yaml", 1, 3), text, text, severity=severity)


def lockfile_of(text):
    instance = Instance(
        text,
        text,
        state=InstanceState.FAILED,
        operation=text,
        create_time=text,
        spec={text: text},
        dataset=Dataset(text, 3),
        error=text,
        forecast=forecast_of(text),
    )
    return Lockfile(Remote(text, text), models={text: Entry(current=instance, candidate=instance, failed=(instance,))})


def forecast_of(text):
    """Return what a lockfile may say was foreseen, which nobody checks."""
    return {
        "steps": text,
        "seconds": 1.0,
        "cost": {"amount": "1", "amountAtMost": text, "currency": text, "perStep": "1"},
    }


def rows_of(text):
    state, progress = ModelState.FAILED, progress_of(text)
    seen = Observation(text, {text: text}, state, text, text, progress, text, tuning_seconds=3.0)
    return build_rows(lockfile_of(text), {text: seen}, former=True), {text: seen}


def progress_of(text):
    return Progress(3, 9, 33.3, Snapshot(3, 1, float("nan"), text))


def events_of(text):
    return [
        Planned(plan_of(text)),
        Started(text, text, text),
        Accepted(text, text, text, 9),
        Progressed(text, text, progress_of(text), 12.0),
        Failed(text, text, text, text),
        Skipped(text, text, text),
        Waiting(3, 5.0),
        Retried(text, text, 5.0, 2),
        Saved(4),
        Warned(problem_of(text)),
        Stopping(text),
        Finished(text, text, text, 3.0),
        Measured(text, text, Actual(forecast_of(text), 3, 3.0, Cost(Decimal(1), Decimal(1), text))),
        Errored(text, text, 1),
        Summarised({text: 1}),
    ]


def plain(text):
    stream = io.StringIO()
    reporter = PlainReporter(stream, least=Weight.DETAIL)
    for event in events_of(text):
        reporter.show(event)
    return stream.getvalue()


def live(text):
    stream = io.StringIO()
    with LiveReporter(stream, color=False, least=Weight.DETAIL, width=200) as reporter:
        for event in events_of(text):
            reporter.show(event)
    return stream.getvalue()


def jsonl(text):
    stream = io.StringIO()
    reporter = JsonlReporter(stream, run_id="run", now=lambda: 0.0)
    for event in events_of(text):
        reporter.show(event)
    return stream.getvalue()


def problems(text):
    lines = text.split("\n")
    return render_problems([problem_of(text), problem_of(text, "error")], read_lines=lambda _: lines)


def errors(text):
    found = [
        TunectlError(text, hint=text),
        Refused(text, violations=(Violation(text, Location(text, 1, 1), text), Violation(text))),
        ProblemsError((problem_of(text, "error"),)),
    ]
    return "".join(render_error(error) for error in found)


def moved(text):
    saved = load_saved(dump_saved(plan_of(text), tool=text))
    return "\n".join(what_moved(saved, plan_of("now"))) + "\n"


TERMINAL = {
    "plan": lambda text: render_plan(plan_of(text)),
    "nothing": lambda text: render_plan(Plan(text, Remote(text, text), warnings=(problem_of(text),))),
    "problems": problems,
    "errors": errors,
    "status": lambda text: render_status(rows_of(text)[0]),
    "model": lambda text: render_model(*rows_of(text)),
    "drift": lambda text: render_drift(plan_of(text).drift, plan_of(text).unmanaged, 50.0),
    "moved": moved,
    "plain": plain,
    "jsonl": jsonl,
    "json": lambda text: json_text(to_document(plan_of(text), tool="0.1.0")),
    "status json": lambda text: json_text(status_document(*rows_of(text))),
    "drift json": lambda text: json_text(drift_report(plan_of(text).drift, plan_of(text).unmanaged)),
    "saved": lambda text: dump_saved(plan_of(text), tool="0.1.0").decode(),
}
MARKDOWN = {
    "plan": lambda text: render_markdown(plan_of(text)),
    "nothing": lambda text: render_markdown(Plan(text, Remote(text, text), warnings=(problem_of(text),))),
    "status": lambda text: render_status_markdown(rows_of(text)[0]),
    "drift": lambda text: render_drift_markdown(plan_of(text).drift, plan_of(text).unmanaged, 50.0),
}


def commands(output):
    """Return what GitHub's runner would take for commands."""
    lines = re.split(r"\r\n|\r|\n", output)
    return [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


def invisible(output):
    return {character for character in output if unicodedata.category(character) in INVISIBLE} - {"\n"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("render", TERMINAL.values(), ids=TERMINAL)
def test_a_terminal_and_a_runner_find_nothing_to_obey(render, text):
    output = render(text)
    assert invisible(output) == set()
    assert commands(output) == []
    output.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("render", [TERMINAL[name] for name in ("plan", "errors", "status", "drift", "moved", "plain")])
def test_no_text_adds_a_line(render, text):
    assert render(text).count("\n") == render(BENIGN).count("\n")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_live_drawing_writes_no_control_character_but_its_own(text):
    own = re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]|\r", "", live(text))
    assert invisible(own) == set()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_stream_of_events_stays_one_object_a_line(text):
    lines = jsonl(text).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, 16))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_an_annotation_is_one_command_whose_title_and_file_hold(text):
    (line,) = annotations([problem_of(text, "error")], title=text)
    assert invisible(line) == set()
    assert re.fullmatch(r"::error file=[^,:]*,line=1,col=3,title=[^,:]*::.*", line)
    assert "##[" not in line.partition("title=")[2].partition("::")[2]


def shape(markdown):
    """Return the structure of a page: every element, without its text."""

    def walk(tokens):
        for token in tokens:
            yield token.type, token.tag, re.sub(r">[^<]*<", "><", token.content) if token.type == "html_inline" else ""
            yield from walk(token.children or ())

    tokens = list(MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").parse(markdown))
    return [part for part in walk(tokens) if part[0] not in {"text", "text_special"}]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("render", MARKDOWN.values(), ids=MARKDOWN)
def test_a_page_keeps_its_shape(render, text):
    output = render(text)
    mentions = len(re.findall("[@#]", text)) > 0
    expected, found = shape(render(BENIGN)), shape(output)
    if mentions:  # these stand in code elements of their own, so there are more of those and nothing else
        expected, found = ([part for part in parts if part[0] != "html_inline"] for parts in (expected, found))
    assert found == expected
    assert invisible(output) == set()
    assert commands(output) == []
    assert len(output.encode()) <= LIMIT


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("render", MARKDOWN.values(), ids=MARKDOWN)
def test_html_in_a_page_is_ours(render, text):
    tags = set(re.findall(r"<[^>]*>", render(text)))
    assert tags <= {"<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"}


def test_the_samples_are_many_and_some_of_them_bite():
    naive = "\n".join(f"| {text} |" for text in HOSTILE.values())
    assert len(HOSTILE) >= 18
    assert commands(naive)
    assert invisible(naive)


def test_plain_actions_of_every_kind_are_shown_too():
    output = render_plan(Plan("demo", Remote("a", "b"), (CREATE, REPLACE, UPDATE)))
    assert all(action.name in output for action in (CREATE, REPLACE, UPDATE))
