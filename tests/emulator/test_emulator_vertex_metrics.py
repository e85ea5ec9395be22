"""Where Vertex AI keeps the metrics of a tuning: experiments and TensorBoards, held against the discovery documents."""

from __future__ import annotations

import httpx
import pytest
from vertex_kit import PLACE, TRAIN, Vertex, counting, preference, supervised

from reconciler.emulator import Fault

STEPS = 75
"""1,200 examples, an epoch, batches of 16."""


@pytest.fixture
def way(vertex: Vertex) -> Vertex:
    """A client with data for so many steps an epoch."""
    vertex.upload(counting(1200))
    return vertex


def tune(vertex: Vertex, version: str = "v1", **settings):
    return vertex.tune(version=version, supervisedTuningSpec=supervised(**{"epochCount": 1, **settings}))


def experiment(vertex: Vertex, job, version: str = "v1"):
    """The context of a job, and its experiment in the TensorBoard."""
    context = vertex.ok("GET", f"/{version}/{vertex.job(job, version)['experiment']}")
    board = context["metadata"]["backing_tensorboard_resource"]
    return context, vertex.ok("GET", f"/{version}/{board}/experiments/{context['name'].rpartition('/')[2]}")


def series(vertex: Vertex, job, version: str = "v1"):
    """The time series of a job by the names of their metrics."""
    _, found = experiment(vertex, job, version)
    (run,) = vertex.ok("GET", f"/{version}/{found['name']}/runs")["tensorboardRuns"]
    listed = vertex.ok("GET", f"/{version}/{run['name']}/timeSeries")["tensorboardTimeSeries"]
    return {item["displayName"]: item for item in listed}


def read(vertex: Vertex, item, version: str = "v1", **query):
    data = vertex.ok("GET", f"/{version}/{item['name']}:read", params=query)["timeSeriesData"]
    assert data["tensorboardTimeSeriesId"] == item["name"].rpartition("/")[2]
    return data.get("values", [])


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_loss_is_found_from_the_job_and_grows_while_it_trains(way: Vertex, version: str) -> None:
    job = tune(way, version)
    assert "experiment" not in way.job(job, version)
    counts = []
    for seconds in (9, 2, 30, 30, 30, 100):
        way.clock.advance(seconds)
        if "experiment" not in way.job(job, version):
            continue
        found = series(way, job, version)
        assert set(found) == {"/train_total_loss", "/train_fraction_of_correct_next_step_preds"}
        loss = found["/train_total_loss"]
        values = read(way, loss, version)
        counts.append(len(values))
        assert loss.get("metadata", {}).get("maxStep", "0") == str(len(values))
    assert counts == sorted(counts)
    assert (len(set(counts)) >= 4, counts[-1]) == (True, STEPS)
    assert [point["step"] for point in values] == [str(step) for step in range(1, STEPS + 1)]
    assert values[0]["scalar"]["value"] > values[-1]["scalar"]["value"] > 0
    assert [point["wallTime"] for point in values] == sorted(point["wallTime"] for point in values)
    assert way.job(job)["startTime"] < values[0]["wallTime"] < values[-1]["wallTime"] <= way.job(job)["endTime"]


def test_validation_is_measured_at_the_end_of_each_epoch(way: Vertex) -> None:
    way.upload(counting(100), "check.jsonl")
    job = tune(way, validation="gs://bucket/check.jsonl", epochCount=3)
    way.clock.advance(100)
    found = series(way, job)
    assert {name for name in found if name.startswith("/eval")} == {
        "/eval_total_loss",
        "/eval_fraction_of_correct_next_step_preds",
    }
    assert [point["step"] for point in read(way, found["/eval_total_loss"])] == ["75", "150", "225"]


def test_preferences_have_a_loss_of_their_own(vertex: Vertex) -> None:
    vertex.upload([preference(str(number), "yes", "no") for number in range(20)])
    job = vertex.tuned(preferenceOptimizationSpec={"trainingDatasetUri": TRAIN})
    assert list(series(vertex, job)) == ["/preference_optimization_train_loss"]


def test_an_experiment_is_a_context_that_names_the_tensorboard_of_its_region(way: Vertex) -> None:
    job = tune(way)
    way.clock.advance(100)
    context, found = experiment(way, job)
    assert context["schemaTitle"] == "system.Experiment"
    (board,) = way.ok("GET", "tensorboards")["tensorboards"]
    assert board["name"] == context["metadata"]["backing_tensorboard_resource"]
    assert way.ok("GET", board["name"]) == board
    assert way.ok("GET", f"{board['name']}/experiments")["tensorboardExperiments"] == [found]
    (run,) = way.ok("GET", f"{found['name']}/runs")["tensorboardRuns"]
    assert way.ok("GET", run["name"]) == run
    for item in series(way, job).values():
        assert way.ok("GET", item["name"]) == item
    elsewhere = way.ok("GET", f"/v1/{PLACE.replace('us-central1', 'europe-west4')}/tensorboards")["tensorboards"]
    assert elsewhere[0]["name"] != board["name"]


def test_runs_are_contexts_below_that_of_their_experiment(way: Vertex) -> None:
    """As public notebooks look for them."""
    jobs = [tune(way) for _ in range(2)]
    way.clock.advance(100)
    experiments = [way.job(job)["experiment"] for job in jobs]
    text = f'schema_title="system.ExperimentRun" AND parent_contexts:"{experiments[0]}"'
    (run,) = way.ok("GET", "metadataStores/default/contexts", params={"filter": text})["contexts"]
    assert run["parentContexts"] == [experiments[0]]
    assert way.ok("GET", run["name"]) == run
    _, found = experiment(way, jobs[0])
    (listed,) = way.ok("GET", f"{found['name']}/runs")["tensorboardRuns"]
    assert run["name"].rpartition("/")[2] == f"{found['displayName']}-{listed['displayName']}"
    every = way.ok("GET", "metadataStores/default/contexts")["contexts"]
    assert [context["name"] for context in every if context["schemaTitle"] == "system.Experiment"] == experiments[::-1]


def test_lists_come_in_pages_and_are_filtered(way: Vertex) -> None:
    jobs = [tune(way) for _ in range(3)]
    way.clock.advance(100)
    board = way.ok("GET", "tensorboards")["tensorboards"][0]["name"]
    names, token = [], None
    while True:
        query = {"pageSize": 2, **({"pageToken": token} if token else {})}
        page = way.ok("GET", f"{board}/experiments", params=query)
        names += [item["name"].rpartition("-")[2] for item in page["tensorboardExperiments"]]
        token = page.get("nextPageToken")
        if not token:
            break
    assert names == [job["name"].rpartition("/")[2] for job in reversed(jobs)]
    run = next(iter(series(way, jobs[0]).values()))["name"].partition("/timeSeries")[0]
    chosen = way.ok("GET", f"{run}/timeSeries", params={"filter": 'displayName="/train_total_loss"'})
    assert [item["displayName"] for item in chosen["tensorboardTimeSeries"]] == ["/train_total_loss"]
    status = way.fails("GET", f"{board}/experiments", params={"pageToken": token or "odd"})
    assert status[:2] == (400, "INVALID_ARGUMENT")


def test_of_many_points_a_selection_comes_unless_all_are_asked_for(vertex: Vertex) -> None:
    vertex.upload(counting(16))
    job = tune(vertex, epochCount=1200)
    vertex.clock.advance(100)
    loss = series(vertex, job)["/train_total_loss"]
    assert loss["metadata"]["maxStep"] == "1200"
    sizes = {most: len(read(vertex, loss, **query)) for most, query in QUERIES.items()}
    assert sizes == {"default": 1000, "zero": 1000, "ten": 10, "most": 1200, "all": 1200}
    (same,) = vertex.ok(
        "GET", f"{loss['name'].partition('/experiments')[0]}:batchRead", params={"timeSeries": loss["name"]}
    )["timeSeriesData"]
    assert same["values"] == read(vertex, loss)
    for most in ("10001", "-2"):
        assert vertex.fails("GET", f"{loss['name']}:read", params={"maxDataPoints": most})[0] == 400


QUERIES = {
    "default": {},
    "zero": {"maxDataPoints": 0},
    "ten": {"maxDataPoints": 10},
    "most": {"maxDataPoints": 10_000},
    "all": {"maxDataPoints": -1},
}


def test_several_series_are_read_at_once(way: Vertex) -> None:
    jobs = [tune(way) for _ in range(2)]
    way.clock.advance(50)
    every = [item for job in jobs for item in series(way, job).values()]
    board = every[0]["name"].partition("/experiments")[0]
    names = [item["name"] for item in every]
    data = way.ok("GET", f"{board}:batchRead", params={"timeSeries": names})["timeSeriesData"]
    assert [item["tensorboardTimeSeriesId"] for item in data] == [name.rpartition("/")[2] for name in names]
    assert all(item["values"] for item in data)
    for wrong in ([], ["projects/1/locations/us-central1/tensorboards/2/experiments/3/runs/4/timeSeries/5"]):
        assert way.fails("GET", f"{board}:batchRead", params={"timeSeries": wrong})[0] == 400


def test_a_job_that_never_ran_has_no_experiment(vertex: Vertex) -> None:
    job = vertex.tuned(supervisedTuningSpec=supervised("gs://bucket/absent.jsonl"))
    assert job["state"] == "JOB_STATE_FAILED"
    assert "experiment" not in job
    number = job["name"].rpartition("/")[2]
    path = f"metadataStores/default/contexts/tuning-experiment-{number}"
    assert vertex.fails("GET", path)[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    [
        "metadataStores/other/contexts/{experiment}",
        "metadataStores/default/contexts/other",
        "metadataStores/default/contexts/{experiment}-other",
        "metadataStores/other/contexts",
        "tensorboards/1",
        "tensorboards/1/experiments",
        "tensorboards/{board}/experiments/other",
        "tensorboards/{board}/experiments/{experiment}/runs/other",
        "tensorboards/{board}/experiments/{experiment}/runs/tuning-run/timeSeries/1",
        "tensorboards/{board}/experiments/{experiment}/runs/tuning-run/timeSeries/1:read",
    ],
)
def test_what_is_not_there_is_not_found(way: Vertex, path: str) -> None:
    job = tune(way)
    way.clock.advance(100)
    context, found = experiment(way, job)
    known = {"experiment": context["displayName"], "board": found["name"].split("/")[5]}
    assert way.fails("GET", path.format(**known))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("kind", "last"), [("fail", 37), ("stuck", 37), ("nan", STEPS)], ids=["fails", "is stuck", "loses its numbers"]
)
def test_a_training_that_goes_wrong_goes_wrong_in_its_loss(way: Vertex, emulator, kind: str, last: int) -> None:
    emulator.faults.add(Fault(kind, at=0.5))
    job = tune(way)
    way.clock.advance(500)
    values = read(way, series(way, job)["/train_total_loss"])
    assert len(values) == last
    assert ("NaN" in {point["scalar"]["value"] for point in values}) == (kind == "nan")


def test_a_cancelled_training_keeps_the_loss_it_had(way: Vertex) -> None:
    job = tune(way)
    way.clock.advance(40)
    way.ok("POST", f"{job['name']}:cancel", {})
    way.clock.advance(100)
    assert way.job(job)["state"] == "JOB_STATE_CANCELLED"
    assert 20 < len(read(way, series(way, job)["/train_total_loss"])) < 40


def test_faults_strike_here_as_everywhere(way: Vertex, emulator) -> None:
    job = tune(way)
    way.clock.advance(100)
    found = way.job(job)["experiment"]
    emulator.faults.add(Fault("status", code=403, path="metadataStores"))
    assert way.fails("GET", found)[:2] == (403, "PERMISSION_DENIED")
    emulator.faults.add(Fault("drop", path="tensorboards"))
    with pytest.raises(httpx.RemoteProtocolError):
        series(way, job)
    emulator.faults.add(Fault("empty-page", path="timeSeries$"))
    _, board = experiment(way, job)
    (run,) = way.ok("GET", f"{board['name']}/runs")["tensorboardRuns"]
    assert list(way.ok("GET", f"{run['name']}/timeSeries")) == ["nextPageToken"]
