"""The loss of a tuning on Vertex AI: the way to it request by request, how it is read, and what is said without it."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import httpx
import pytest
from providers_kit import error, ok
from test_providers_vertex import JOB, LISTED, Desk, job
from vertex_world import VertexWorld

from reconciler.core.event import Warned
from reconciler.core.observation import ModelState, Operation, Progress, Snapshot
from reconciler.testing.contract_world import create, started

RESOURCE = "tuningJobs/numbers-1a2b3c4d5e6f"
CONTEXT = "projects/123/locations/europe-west4/metadataStores/default/contexts/tuning-experiment-1"
BOARD = "projects/123/locations/us-east1/tensorboards/55"
RUNS = f"{BOARD}/experiments/tuning-experiment-1/runs"
SERIES = f"{RUNS}/r1/timeSeries"
RUNNING = {"state": "JOB_STATE_RUNNING", "tunedModel": {}, "experiment": CONTEXT}


def points(*values):
    """Points by step, from 1 on, as the service spells them."""
    return [{"step": str(step), "wallTime": f"2026-11-23T10:{step:02}:00Z", "scalar": value} for step, value in values]


CURVE = points((1, {"value": 2.5}), (4, {"value": 1.25}), (12, {"value": 0.5}))


def series(name="/train_total_loss", *, number=7, most="12"):
    return {"name": f"{SERIES}/{number}", "displayName": name, "valueType": "SCALAR", "metadata": {"maxStep": most}}


def kept(*, fields=None, **answers):
    """A service with one job whose loss is where Google's clients look for it; the rest of the answers may differ."""
    known = {
        "context": ok({"name": CONTEXT, "metadata": {"backing_tensorboard_resource": BOARD}}),
        "runs": ok({"tensorboardRuns": [{"name": f"{RUNS}/r1", "createTime": "2026-11-23T10:00:00Z"}]}),
        "series": ok({"tensorboardTimeSeries": [series("/train_num_predictions", number=6), series()]}),
        "read": ok({"timeSeriesData": {"tensorboardTimeSeriesId": "7", "valueType": "SCALAR", "values": CURVE}}),
        **answers,
    }
    found = job(**{"experiment": CONTEXT, **(fields or {})})
    return {
        "GET contexts/tuning-experiment-1": known["context"],
        "GET experiments/tuning-experiment-1/runs": known["runs"],
        "GET r1/timeSeries": known["series"],
        "GET timeSeries/7:read": known["read"],
        "GET tuningJobs/456": ok(found),
        **LISTED,
        "GET /tuningJobs": ok({"tuningJobs": [found]}),
    }


def asked(desk):
    """What was asked about experiments and TensorBoards."""
    return [line for line in desk.seen() if "metadataStores" in line or "tensorboards" in line]


def warnings(desk):
    return [event.problem for event in desk.events if isinstance(event, Warned)]


def losses(desk):
    return [point.mean_loss for point in desk.provider.get(RESOURCE, snapshots=True).snapshots]


class TestReading:
    def test_goes_from_the_job_by_its_experiment_to_the_points_asking_each_region_by_its_host(self):
        desk = Desk(kept())
        seen = desk.provider.get(RESOURCE, snapshots=True)
        assert asked(desk) == [
            f"GET europe-west4-aiplatform.googleapis.com/v1/{CONTEXT}",
            f"GET us-east1-aiplatform.googleapis.com/v1/{RUNS}",
            f"GET us-east1-aiplatform.googleapis.com/v1/{SERIES}",
            f"GET us-east1-aiplatform.googleapis.com/v1/{SERIES}/7:read",
        ]
        assert dict(desk.service.requests[-1].url.params) == {"maxDataPoints": "-1"}
        assert seen.snapshots == (
            Snapshot(1, 0, 2.5, "2026-11-23T10:01:00Z"),
            Snapshot(4, 1, 1.25, "2026-11-23T10:04:00Z"),
            Snapshot(12, 3, 0.5, "2026-11-23T10:12:00Z"),
        )
        assert warnings(desk) == []

    def test_is_left_alone_while_nobody_asks_for_it(self):
        desk = Desk(kept())
        desk.provider.observe()
        desk.provider.get(RESOURCE)
        assert asked(desk) == []
        mask = next(r for r in desk.service.requests if r.url.path.endswith("/tuningJobs")).url.params["fields"]
        assert "experiment" in mask

    def test_comes_with_the_listing_where_that_is_asked_for(self):
        desk = Desk(kept())
        (seen,) = desk.provider.observe(snapshots=True)
        assert [point.step for point in seen.snapshots] == [1, 4, 12]

    @pytest.mark.parametrize("name", ["/train_total_loss", "train_total_loss", "/Train_Total_Loss/"])
    def test_takes_the_name_of_the_metric_with_or_without_its_slash(self, name):
        assert losses(Desk(kept(series=ok({"tensorboardTimeSeries": [series(name)]})))) == [2.5, 1.25, 0.5]

    def test_of_preference_tuning_is_that_of_the_preferences(self):
        fields = {"preferenceOptimizationSpec": {"hyperParameters": {"epochCount": "6"}}}
        named = series("/preference_optimization_train_loss")
        desk = Desk(kept(fields=fields, series=ok({"tensorboardTimeSeries": [named]})))
        seen = desk.provider.get(RESOURCE, snapshots=True)
        assert [(point.step, point.epoch) for point in seen.snapshots] == [(1, 0), (4, 2), (12, 6)]

    def test_takes_protobufs_spellings_and_the_last_of_several_points_of_a_step(self):
        values = [
            {"step": "3", "wallTime": "2026-11-23T10:05:00Z", "scalar": {"value": 9.0}},
            {"wallTime": "2026-11-23T10:00:00Z", "scalar": {"value": "Infinity"}},
            {"step": 2, "wallTime": "2026-11-23T10:02:00Z", "scalar": {"value": "NaN"}},
            {"step": "3", "wallTime": "2026-11-23T10:03:00Z", "scalar": {"value": 1}},
            {"step": "4", "wallTime": "2026-11-23T10:04:00Z", "tensor": {"value": "AA=="}},
            {"step": "12", "scalar": {}},
        ]
        desk = Desk(kept(read=ok({"timeSeriesData": {"values": values}})))
        first, second, *rest = desk.provider.get(RESOURCE, snapshots=True).snapshots
        assert (first.step, first.mean_loss) == (0, math.inf)
        assert math.isnan(second.mean_loss)
        assert [(point.step, point.mean_loss) for point in rest] == [(3, 9.0), (12, 0.0)]

    def test_epochs_are_none_where_the_job_does_not_say_its_steps(self):
        desk = Desk(kept(fields={"tuningDataStats": {}}))
        assert [point.epoch for point in desk.provider.get(RESOURCE, snapshots=True).snapshots] == [0, 0, 0]

    def test_looks_through_every_page_and_at_the_newest_run_first(self):
        def runs(request):
            if "pageToken" not in request.url.params:
                return ok({"tensorboardRuns": [{"name": f"{RUNS}/r0", "createTime": "2026"}], "nextPageToken": "t"})
            return ok({"tensorboardRuns": [{"name": f"{RUNS}/r1", "createTime": "2027"}]})

        def listed(request):
            if "pageToken" not in request.url.params:
                return ok({"nextPageToken": "t"})
            return ok({"tensorboardTimeSeries": [series()]})

        desk = Desk(kept(runs=runs, series=listed))
        assert losses(desk) == [2.5, 1.25, 0.5]
        assert not any("/r0/" in line for line in asked(desk))


def elsewhere(value):
    return ok({"name": CONTEXT, "metadata": {"backing_tensorboard_resource": value}})


FORBIDDEN = error(403, "PERMISSION_DENIED", "Permission denied on resource.")
DISABLED = httpx.Response(
    403,
    json={
        "error": {
            "code": 403,
            "status": "PERMISSION_DENIED",
            "message": "API has not been used in project 123 before or it is disabled.",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "metadata": {}}
            ],
        }
    },
)
UNKNOWN = {
    "no experiment": ({"fields": {"experiment": ""}}, "its job names no experiment"),
    "an odd experiment": ({"fields": {"experiment": "../x"}}, "its job names no experiment"),
    "the experiment is gone": ({"context": error(404, "NOT_FOUND", "Context is gone.")}, "Context is gone"),
    "no TensorBoard": ({"context": ok({"name": CONTEXT})}, "its experiment names no TensorBoard"),
    "an odd TensorBoard": ({"context": elsewhere("https://example.com/x")}, "names no TensorBoard"),
    "a number for one": ({"context": elsewhere(7)}, "names no TensorBoard"),
    "the TensorBoard is gone": ({"runs": error(404, "NOT_FOUND", "Tensorboard is gone.")}, "Tensorboard is gone"),
    "no runs": ({"runs": ok({})}, "holds no training loss"),
    "other metrics only": (
        {"series": ok({"tensorboardTimeSeries": [series("/eval_total_loss")]})},
        "holds no training loss",
    ),
    "forbidden": ({"series": FORBIDDEN}, "Permission denied on resource"),
    "disabled": ({"context": DISABLED}, "it is disabled"),
    "unavailable": ({"read": error(503, "UNAVAILABLE", "busy")}, "busy"),
    "quota": ({"read": error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.")}, "Quota exceeded"),
    "no points": ({"read": ok({}), "series": ok({"tensorboardTimeSeries": [series(most="0")]})}, "without points"),
    "no JSON": ({"read": httpx.Response(200, html="<h1>canary</h1>")}, "no JSON"),
    "another shape": ({"runs": ok({"tensorboardRuns": [{"name": "x"}]})}, "tensorboardRuns.0.name"),
    "a point that is left out": (
        {"series": ok({"tensorboardTimeSeries": [series(most="20000")]})},
        "3 points without the last one, of step 20,000",
    ),
}


class TestUnknown:
    @pytest.mark.parametrize("why", UNKNOWN)
    def test_without_a_loss_the_model_is_there_all_the_same_and_why_is_said_once(self, why):
        answers, said = UNKNOWN[why]
        desk = Desk(kept(**answers))
        for _ in range(2):
            seen = desk.provider.get(RESOURCE, snapshots=True)
            assert (seen.state, seen.snapshots) == (ModelState.READY, ())
        (warned,) = warnings(desk)
        assert warned.message.startswith(f"{RESOURCE}: the loss of its tuning is not known: ")
        assert said in warned.message
        assert warned.hint
        assert warned.severity == "warning"
        assert "canary" not in str(desk.events)

    def test_what_may_not_be_read_is_not_asked_for_again_and_the_hint_names_the_role(self):
        desk = Desk(kept(context=FORBIDDEN))
        for _ in range(3):
            desk.provider.get(RESOURCE, snapshots=True)
        assert len(asked(desk)) == 1
        (warned,) = warnings(desk)
        assert "roles/aiplatform.viewer" in warned.hint
        assert "aiplatform.tensorboardTimeSeries.read" in warned.hint

    def test_an_interface_that_is_switched_off_is_said_to_be(self):
        desk = Desk(kept(context=DISABLED))
        desk.provider.get(RESOURCE, snapshots=True)
        (warned,) = warnings(desk)
        assert "gcloud services enable" in warned.hint

    def test_a_job_that_failed_before_it_had_an_experiment_is_nothing_to_speak_of(self):
        desk = Desk(kept(fields={"experiment": "", "state": "JOB_STATE_FAILED", "tunedModel": {}}))
        assert desk.provider.get(RESOURCE, snapshots=True).snapshots == ()
        assert warnings(desk) == []


class TestJustAfterTheEnd:
    """The job's end is at 10:35; whether points come later than that is not known of the service."""

    NOW = datetime(2026, 11, 23, 10, 36, tzinfo=UTC).timestamp()

    def desk(self, *looks, after=0.0):
        left = list(looks)

        def answer(_):
            return ok({"timeSeriesData": {"values": left.pop(0) if len(left) > 1 else left[0]}})

        desk = Desk(kept(series=ok({"tensorboardTimeSeries": [series(most="1")]}), read=answer))
        desk.clock.time = self.NOW + after
        return desk

    def test_a_curve_that_does_not_reach_the_end_is_looked_at_again(self):
        desk = self.desk([], CURVE[:2], CURVE)
        since = desk.clock.now()
        assert losses(desk) == [2.5, 1.25, 0.5]
        assert desk.clock.now() - since == 2 + 5
        assert warnings(desk) == []

    def test_one_that_does_not_come_to_it_is_not_known_rather_than_judged_by_an_earlier_point(self):
        desk = self.desk(CURVE[:2])
        assert losses(desk) == []
        (warned,) = warnings(desk)
        assert "what is written by now, up to step 4 of 12" in warned.message

    def test_one_without_any_points_is_not_known(self):
        assert losses(self.desk([])) == []

    def test_after_a_while_it_is_taken_as_it_is(self):
        desk = self.desk(CURVE[:2], after=600)
        assert losses(desk) == [2.5, 1.25]
        assert warnings(desk) == []

    @pytest.mark.parametrize("steps", [range(12), range(2, 13, 2), (3, 7, 11), range(1, 30), [11]])
    def test_counting_from_zero_or_writing_only_some_steps_is_reaching_the_end(self, steps):
        desk = self.desk(points(*((step, {"value": 1.0}) for step in steps)))
        since = desk.clock.now()
        assert len(losses(desk)) == len(steps)
        assert desk.clock.now() == since

    def test_of_a_tuning_that_failed_no_more_is_awaited(self):
        desk = Desk(
            kept(
                fields={"state": "JOB_STATE_FAILED"},
                read=ok({"timeSeriesData": {"values": CURVE[:1]}}),
                series=ok({"tensorboardTimeSeries": [series(most="1")]}),
            )
        )
        desk.clock.time = self.NOW
        assert losses(desk) == [2.5]


class TestWhileItRuns:
    def test_the_newest_point_tells_loss_and_progress_and_its_place_is_looked_up_once(self):
        fields = {"tuningDataStats": {"supervisedTuningDataStats": {"tuningStepCount": "48"}}}
        desk = Desk(kept(fields={**RUNNING, **fields}))
        for _ in range(2):
            (news,) = desk.provider.poll([Operation(RESOURCE, JOB)])
        last = Snapshot(12, 0, 0.5, "2026-11-23T10:12:00Z")
        assert news.progress == Progress(12, 48, 25.0, last)
        assert not news.done
        assert len(asked(desk)) == 4 + 1
        assert "maxDataPoints" not in desk.service.requests[-1].url.params, "a thousand points are enough for a look"

    def test_steps_beyond_those_of_the_tuning_tell_no_share(self):
        fields = {"tuningDataStats": {"supervisedTuningDataStats": {"tuningStepCount": "11"}}}
        (news,) = Desk(kept(fields={**RUNNING, **fields})).provider.poll([Operation(RESOURCE, JOB)])
        assert (news.progress.completed_steps, news.progress.percent) == (12, None)

    def test_of_a_curve_with_points_left_out_an_older_look_may_be_the_newer_one(self):
        looks = iter((CURVE, CURVE[:2], points((13, {"value": 0.25}))))
        desk = Desk(kept(fields=RUNNING, read=lambda _: ok({"timeSeriesData": {"values": next(looks)}})))
        found = [desk.provider.poll([Operation(RESOURCE, JOB)])[0].progress.last.step for _ in range(3)]
        assert found == [12, 12, 13]

    @pytest.mark.parametrize(
        "answers", [{"context": error(404, "NOT_FOUND")}, {"runs": ok({})}, {"read": ok({})}, {"series": ok({})}]
    )
    def test_before_the_first_step_is_written_there_is_no_loss_and_nothing_to_say(self, answers):
        desk = Desk(kept(fields=RUNNING, **answers))
        (news,) = desk.provider.poll([Operation(RESOURCE, JOB)])
        assert news.progress == Progress(total_steps=12)
        assert warnings(desk) == []

    def test_a_job_without_an_experiment_is_not_asked_for(self):
        desk = Desk(kept(fields={**RUNNING, "experiment": ""}))
        desk.provider.poll([Operation(RESOURCE, JOB)])
        assert asked(desk) == []

    def test_trouble_is_said_once_and_costs_no_waiting(self):
        desk = Desk(kept(fields=RUNNING, read=error(503, "UNAVAILABLE", "busy")))
        since = desk.clock.now()
        for _ in range(3):
            (news,) = desk.provider.poll([Operation(RESOURCE, JOB)])
        assert news.progress == Progress(total_steps=12)
        assert desk.clock.now() == since
        assert len(warnings(desk)) == 1


class TestMany:
    @pytest.fixture
    def world(self):
        made = VertexWorld()
        yield made
        made.close()

    def boards(self, world):
        return [r for r in world.emulator.requests if "tensorboards" in r.path or "metadataStores" in r.path]

    def test_each_of_a_few_that_run_costs_a_request_a_look(self, world):
        operations = [started(world, f"few-{number}")[1] for number in range(5)]
        world.emulator.advance(2000)
        world.provider.poll(operations)
        before = len(self.boards(world))
        news = world.provider.poll(operations)
        assert len(self.boards(world)) - before == len(operations)
        assert all(item.progress.last.mean_loss > 0 for item in news)

    def test_of_more_than_can_be_asked_for_in_a_look_none_is(self, world):
        operations = [started(world, f"many-{number}")[1] for number in range(21)]
        world.emulator.advance(2000)
        news = world.provider.poll(operations)
        assert self.boards(world) == []
        assert {item.progress.last for item in news} == {None}

    def test_a_project_of_many_models_takes_four_requests_for_each_curve(self, world):
        for number in range(12):
            create(world, f"model-{number}")
        world.finish()
        seen = world.provider.observe(snapshots=True)
        assert all(each.snapshots for each in seen)
        assert len(self.boards(world)) == 4 * 12
        assert {r.method for r in self.boards(world)} == {"GET"}
