"""Events reach people and programs: in order, rationed, from any thread, and never as an exception."""

import io
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import jsonschema
import pytest
from test_views_hostile import events_of
from views_samples import PLAN

from reconciler.core.actual import Actual
from reconciler.core.estimate import Forecast, Pace, Steps, forecast_json
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
from reconciler.core.observation import Progress, Snapshot
from reconciler.core.price import Cost
from reconciler.errors import Location, Problem
from reconciler.views.events import events_schema
from reconciler.views.events_jsonl import JsonlReporter
from reconciler.views.live import LiveReporter
from reconciler.views.sentences import Weight
from reconciler.views.tally import Tally
from reconciler.views.terminal import PlainReporter, open_reporter


def progressed(percent, *, steps=None, name="numbers", **more):
    snapshot = Snapshot(steps or 0, 1, 0.41666)
    return Progressed(name, f"tunedModels/{name}", Progress(steps, 23, percent, snapshot), **more)


ACTUAL = Actual(
    forecast_json(Steps(3, 12), Forecast(1.0, 4.0, Pace(0.3, 2), Cost(Decimal("0.3"), Decimal("1.2"), "USD"))),
    7,
    2.5,
    Cost(Decimal("0.7"), Decimal("0.7"), "USD"),
)
RUN = [
    Planned(PLAN),
    Started("numbers", "create", "tunedModels/numbers-1"),
    Accepted("numbers", "tunedModels/numbers-1", "operations/1", 23),
    Saved(4),
    progressed(52.2, steps=12, eta=190.0),
    Waiting(1, 5.0),
    Retried("GET tunedModels", "503 Unavailable", 2.0, 1),
    Finished("numbers", "create", "tunedModels/numbers-1", 7_512.0),
    Failed("tone", "update", "no permission", "grant it"),
    Skipped("child", "create", "numbers failed"),
    Warned(Problem(Location("a.yaml", 1, 2), "odd", severity="warning")),
    Stopping("SIGINT"),
    Errored("some models failed", "see above", 4),
    Measured("numbers", "tunedModels/numbers-1", ACTUAL),
    Summarised({"create": 1}, failed=1, exit_code=4),
]


def plain(events, **more):
    stream = io.StringIO()
    reporter = PlainReporter(stream, **more)
    for event in events:
        reporter(event)
    return stream.getvalue()


def test_a_run_reads_like_this(golden):
    golden("run.txt", plain(RUN))


def test_more_and_less_can_be_told():
    loud, quiet = plain(RUN, least=Weight.DETAIL), plain(RUN, least=Weight.ALERT)
    assert "lockfile saved, serial 4" in loud
    assert "waiting for 1 tuning; next look in 5s" in loud
    assert [line.partition(":")[0] for line in quiet.splitlines()] == ["tone", "  hint", "child", "warning"]


def test_progress_is_told_every_ten_percent_or_after_five_minutes():
    now = [0.0]
    stream = io.StringIO()
    reporter = PlainReporter(stream, now=lambda: now[0])
    told = []
    for percent, seconds in [(0, 0), (5, 1), (9.9, 2), (10, 3), (11, 4), (12, 302), (13, 303), (13.1, 604), (90, 605)]:
        now[0] = seconds
        before = len(stream.getvalue())
        reporter(progressed(percent))
        told.append(len(stream.getvalue()) > before)
    assert told == [True, False, False, True, False, False, True, True, True]


def test_each_model_has_its_own_ration_and_a_new_attempt_a_new_one():
    events = [
        progressed(50),
        progressed(50, name="tone"),
        progressed(51),
        Finished("numbers", "create"),
        progressed(1),
    ]
    assert [line.partition(":")[0] for line in plain(events).splitlines()] == ["numbers", "tone", "numbers", "numbers"]


WORDS = [
    (progressed(52.2, steps=12, eta=190.0), "12/23 steps (52%), loss 0.4167, about 3m 10s left"),
    (Progressed("n", "r", Progress(completed_steps=1_200)), "1,200 steps"),
    (Progressed("n", "r", Progress(percent=7.0), 59.6), "7%, about 1m 00s left"),
    (Progressed("n", "r", Progress(last=Snapshot(1, 0, None)), 42.0), "about 42s left"),
    (Progressed("n", "r", Progress(last=Snapshot(1, 0, float("nan"))), 7_512.0), "loss nan, about 2h 05m left"),
    (Progressed("n", "r", Progress()), "tuning"),
]


@pytest.mark.parametrize(("event", "words"), WORDS)
def test_progress_is_told_with_what_is_known(event, words):
    assert plain([event]) == f"{event.name}: {words}\n"


def test_a_stream_that_cannot_spell_a_character_gets_its_number():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    PlainReporter(stream)(Failed("tone", "update", "kein Zugriff auf „Ü“"))
    assert raw.getvalue() == b"tone: update failed: kein Zugriff auf \\u201e\\xdc\\u201c\n"
    stream.detach()


class Broken(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


@pytest.mark.parametrize("reporter", [PlainReporter(Broken()), JsonlReporter(Broken(), run_id="r")])
def test_a_stream_that_went_away_stops_nothing(reporter):
    for event in RUN:
        reporter(event)


def test_a_terminal_that_went_away_stops_nothing_either():
    with LiveReporter(Broken(), color=False) as reporter:
        for event in RUN:
            reporter(event)


def jsonl(events, now=lambda: 1_772_359_200.25):
    stream = io.StringIO()
    reporter = JsonlReporter(stream, run_id="run-1", now=now)
    for event in events:
        reporter(event)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_program_reads_a_numbered_dated_typed_stream():
    found = jsonl(RUN)
    assert [event["seq"] for event in found] == list(range(1, 16))
    assert {(event["format"], event["runId"], event["time"]) for event in found} == {
        ("tunectl.event/v1", "run-1", "2026-03-01T10:00:00.250Z")
    }
    assert [event["type"] for event in found[:5]] == ["plan", "started", "accepted", "saved", "progress"]
    assert found[0]["plan"]["digest"] == PLAN.digest
    assert found[-1]["exitCode"] == 4


def test_progress_lies_flat():
    (found,) = jsonl([progressed(52.2, steps=12, eta=190.0)])
    assert {key: found[key] for key in ("name", "completedSteps", "totalSteps", "percent", "epoch", "loss", "eta")} == {
        "name": "numbers",
        "completedSteps": 12,
        "totalSteps": 23,
        "percent": 52.2,
        "epoch": 1,
        "loss": 0.41666,
        "eta": 190.0,
    }


def test_a_warning_has_its_place():
    (found,) = jsonl([RUN[10]])
    assert (found["file"], found["line"], found["column"], found["severity"]) == ("a.yaml", 1, 2, "warning")


@pytest.mark.parametrize("events", [RUN, events_of("text"), [Progressed("n", "r", Progress())]])
def test_every_event_fits_the_published_schema(events):
    validator = jsonschema.Draft202012Validator(events_schema())
    for event in jsonl(events):
        validator.validate(event)


@pytest.mark.parametrize("change", [{"type": "unknown"}, {"seq": 0}, {"format": "tunectl.event/v2"}, {"name": 7}])
def test_the_schema_refuses_what_is_no_event(change):
    (found,) = jsonl([RUN[1]])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(events_schema()).validate(found | change)


def test_many_threads_make_whole_lines_in_one_order():
    stream = io.StringIO()
    reporter = JsonlReporter(stream, run_id="r")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: reporter(Saved(number)), range(400)))
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["seq"] for event in found] == list(range(1, 401))
    assert sorted(event["serial"] for event in found) == list(range(400))


def test_a_tally_counts():
    tally = Tally()
    for event in (*RUN, Finished("x", "delete"), Saved(5)):
        tally(event)
    assert (tally.events["saved"], tally.events["finished"], tally.events["error"]) == (2, 2, 1)
    assert tally.finished == {"create": 1, "delete": 1}
    assert (tally.failed, tally.skipped) == ({"update": 1}, {"create": 1})


def screen(events, *, width=100, **more):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) if width != 100 else io.StringIO()
    with LiveReporter(stream, color=False, width=width, **more) as reporter:
        for event in events:
            reporter(event)
        reporter._progress.refresh()
        drawn = stream.getvalue() if width == 100 else stream.buffer.getvalue().decode()
    return re.sub(r"\x1b\[[0-9?;]*[a-zA-Z]", "", drawn)


def test_a_running_model_has_a_line_that_moves():
    drawn = screen([*RUN[:3], progressed(52.2, steps=12, eta=190.0)])
    assert re.search(r"numbers ━+.* 12/23 steps \(52%\), loss 0.4167, about 3m 10s left", drawn)


def test_a_model_known_by_percent_only_has_one_too():
    drawn = screen([Progressed("numbers", "r", Progress(percent=40.0)), Progressed("tone", "r", Progress())])
    assert "40%" in drawn
    assert re.search(r"tone +[━ ]+ tuning", drawn)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (110, r"numbers ━+[╸╺]? +█▆▃▁ +12/23 steps \(52%\), loss 0.5, about 3m 10s left"),
        (80, r"numbers ━+[╸╺]? +█▆▃▁ +52%, loss 0.5, 3m 10s"),
        (56, r"numbers █▆▃▁ +52%, loss 0.5, 3m 10s"),
        (40, r"numbers 52%, loss 0.5, 3m 10s"),
    ],
)
def test_a_line_has_a_curve_and_is_never_two(width, line, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    losses = {3: 4.0, 6: 3.0, 9: 1.5, 12: 0.5}
    drawn = screen([*RUN[:3], *(progressed_to(step, loss) for step, loss in losses.items())], width=width)
    (shown,) = [each for each in drawn.split("\r")[-1].splitlines() if "52%" in each]
    assert re.fullmatch(line, shown.rstrip()), shown
    assert len(shown) <= width


def progressed_to(step, loss):
    return Progressed("numbers", "r", Progress(step, 23, 100 * step / 23, Snapshot(step, 0, loss)), 190.0)


def test_a_loss_that_is_no_number_takes_no_part_in_the_curve():
    assert (
        "nan" not in screen([*RUN[:3], progressed_to(3, 1.0), progressed_to(6, float("nan"))], width=110).split("%")[0]
    )


def test_what_is_through_scrolls_away_as_a_line_that_stays():
    drawn = screen(RUN)
    last = drawn.rpartition("SIGINT")[2]
    assert "numbers: created tunedModels/numbers-1 in 2h 05m\n" in drawn
    assert "━" not in last


def test_events_do_not_draw_by_themselves():
    stream = io.StringIO()
    with LiveReporter(stream, color=False, width=100) as reporter:
        reporter(RUN[2])
        before = stream.getvalue().count("\n")
        for number in range(2_000):
            reporter(progressed(number / 20))
        assert stream.getvalue().count("\n") - before < 20


@pytest.mark.parametrize(
    ("options", "kind", "least"),
    [
        ({"live": False}, PlainReporter, Weight.NEWS),
        ({"live": True}, LiveReporter, Weight.NEWS),
        ({"live": True, "quiet": True}, PlainReporter, Weight.ALERT),
        ({"live": False, "verbose": 1}, PlainReporter, Weight.DETAIL),
        ({"live": False, "verbose": 2}, PlainReporter, Weight.TRACE),
        ({"live": True, "verbose": 5}, LiveReporter, Weight.TRACE),
        ({"live": True, "verbose": 2, "quiet": True}, PlainReporter, Weight.ALERT),
    ],
)
def test_the_stream_decides_who_reports(options, kind, least):
    with open_reporter(io.StringIO(), color=False, **options) as reporter:
        assert type(reporter) is kind
        assert reporter._least is least


def test_rich_is_loaded_only_where_it_draws():
    code = (
        "import sys, reconciler.views.terminal, reconciler.views.plan_text, reconciler.views.problems\n"
        "import reconciler.views.plan_markdown, reconciler.views.github, reconciler.views.status_text\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'rich', 'pydantic', 'httpx', 'yaml'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
