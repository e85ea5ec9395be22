"""Where Vertex AI keeps the metrics of tuning jobs: contexts of the metadata store, and TensorBoards (read only).

As google-cloud-aiplatform leaves them: an experiment is a context whose metadata names its TensorBoard, and there is an
experiment of the same id. A project has one TensorBoard in each region; a job makes an experiment with one run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from reconciler.emulator import paging
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.query import page_size
from reconciler.emulator.scalars import timestamp
from reconciler.emulator.schema import Message
from reconciler.emulator.training import noise
from reconciler.emulator.vertex import schema
from reconciler.emulator.vertex.filters import parse_filter
from reconciler.emulator.vertex.finding import location_of, missing
from reconciler.emulator.vertex.metrics import (
    EXPERIMENT,
    RUN,
    Metric,
    done_steps,
    experiment_of,
    metrics_of,
    moment,
    steps_of,
)
from reconciler.emulator.vertex.names import number_from, project_number
from reconciler.emulator.vertex.records import Job
from reconciler.emulator.world import Call

_PAGE, _PAGE_LIMIT = 50, 1000
_HUNDRED = 100
"""The page of TensorBoards and contexts, and the largest one."""
_POINTS, _MOST_POINTS, _ALL_POINTS = 1_000, 10_000, -1
_NEWEST = 2**62
_STORE = "default"


def get_context(call: Call) -> Object:
    """Return the context of an experiment, or of its run."""
    _check_store(call)
    wanted = call.path["context"]
    number = wanted.removesuffix(f"-{RUN}")
    for context in _contexts(_job(call, number, f"Context {wanted}"), call.now):
        if context["displayName"] == wanted:
            return context
    raise missing(f"Context {wanted}")


def list_contexts(call: Call) -> Object:
    """Return a page of the contexts of a metadata store: those of each experiment, newest first."""
    _check_store(call)
    found = (context for job in _begun(call) for context in _contexts(job, call.now))
    return _page(call, "contexts", schema.CONTEXT, found, size=_HUNDRED)


def get_board(call: Call) -> Object:
    """Return the TensorBoard of a region."""
    return _describe_board(_checked_board(call))


def list_boards(call: Call) -> Object:
    """Return a page of the TensorBoards of a region, which has one."""
    return _page(call, "tensorboards", schema.TENSORBOARD, [_describe_board(_board(_parent(call)))], size=_HUNDRED)


def get_experiment(call: Call) -> Object:
    """Return an experiment."""
    return _describe_experiment(call, _experiment(call))


def list_experiments(call: Call) -> Object:
    """Return a page of the experiments of a TensorBoard, newest first."""
    _checked_board(call)
    found = (_describe_experiment(call, job) for job in _begun(call))
    return _page(call, "tensorboardExperiments", schema.EXPERIMENT, found)


def get_run(call: Call) -> Object:
    """Return the run of an experiment."""
    return _describe_run(call, _run(call))


def list_runs(call: Call) -> Object:
    """Return a page of the runs of an experiment, which has one."""
    return _page(call, "tensorboardRuns", schema.RUN, [_describe_run(call, _experiment(call))])


def get_series(call: Call) -> Object:
    """Return a time series without its data."""
    return _describe_series(call, *_series(call))


def list_series(call: Call) -> Object:
    """Return a page of the time series of a run."""
    job = _run(call)
    found = (_describe_series(call, job, metric) for metric in metrics_of(job))
    return _page(call, "tensorboardTimeSeries", schema.SERIES, found)


def read(call: Call) -> Object:
    """Return the data of a time series; of more points than are asked for a selection, which may lack the last one."""
    most = call.query.get("maxDataPoints", 0) or _POINTS
    if call.query.get("filter"):
        raise ApiError("UNIMPLEMENTED", "filter is not emulated.")
    if not (most == _ALL_POINTS or 0 < most <= _MOST_POINTS):
        raise ApiError(
            "INVALID_ARGUMENT", f"max_data_points is {most}; it is at most {_MOST_POINTS}, or {_ALL_POINTS}."
        )
    job, metric = _series(call)
    return {"timeSeriesData": _data(call, job, metric, most)}


def read_many(call: Call) -> Object:
    """Return the data of several time series of a TensorBoard."""
    board, names = _checked_board(call), call.query.get("timeSeries", [])
    if not names:
        raise ApiError("INVALID_ARGUMENT", "time_series is empty.")
    found = []
    for name in names:
        inside = name.removeprefix(f"{board}/experiments/").split("/")
        if not name.startswith(board) or [*inside[1:4:2]] != ["runs", "timeSeries"]:
            raise ApiError("INVALID_ARGUMENT", f"{name[:200]!r} is no time series of {board}.")
        job = _job(call, inside[0], f"TensorboardExperiment {inside[0]}")
        found.append(_data(call, job, _metric(job, inside[4]), _POINTS))
    return {"timeSeriesData": found}


def _parent(call: Call) -> str:
    return f"projects/{project_number(call.path['project'])}/locations/{location_of(call.path['location'])}"


def _board(parent: str) -> str:
    return f"{parent}/tensorboards/{number_from('tensorboard', parent)}"


def _checked_board(call: Call) -> str:
    board = _board(_parent(call))
    if call.path["board"] != board.rpartition("/")[2]:
        raise missing(f"Tensorboard {call.path['board']}")
    return board


def _check_store(call: Call) -> None:
    if call.path["store"] != _STORE:
        raise missing(f"MetadataStore {call.path['store']}")


def _contexts(job: Job, now: int) -> tuple[Object, Object]:
    """Return the contexts of an experiment and of its run, which is below it."""
    parent, experiment, times = f"{job.place.parent}/metadataStores/{_STORE}", experiment_of(job), _times(job, now)
    common = {"schemaVersion": "0.0.1", "etag": times["updateTime"], **times}
    name, run = f"{parent}/contexts/{experiment}", f"{experiment}-{RUN}"
    return (
        {
            "name": name,
            "displayName": experiment,
            "schemaTitle": "system.Experiment",
            "metadata": {"backing_tensorboard_resource": _board(job.place.parent)},
            **common,
        },
        {
            "name": f"{parent}/contexts/{run}",
            "displayName": run,
            "schemaTitle": "system.ExperimentRun",
            "parentContexts": [name],
            **common,
        },
    )


def _begun(call: Call) -> Iterator[Job]:
    """Yield the jobs of a location that have begun to run, newest first."""
    place = project_number(call.path["project"]), location_of(call.path["location"])
    jobs = call.world.shelf.records(Job, *place, before=_NEWEST)
    return (job for job in jobs if _has_begun(job, call.now))


def _has_begun(job: Job, now: int) -> bool:
    return job.starts is not None and job.starts <= now


def _job(call: Call, experiment: str, what: str) -> Job:
    """Return the job that an experiment is of; there is none before the job runs."""
    place = project_number(call.path["project"]), location_of(call.path["location"])
    number = experiment.removeprefix(EXPERIMENT)
    job = call.world.shelf.find(Job, *place, number) if number != experiment else None
    if job is None or not _has_begun(job, call.now):
        raise missing(what)
    return job


def _experiment(call: Call) -> Job:
    _checked_board(call)
    return _job(call, call.path["experiment"], f"TensorboardExperiment {call.path['experiment']}")


def _run(call: Call) -> Job:
    job = _experiment(call)
    if call.path["run"] != RUN:
        raise missing(f"TensorboardRun {call.path['run']}")
    return job


def _series(call: Call) -> tuple[Job, Metric]:
    job = _run(call)
    return job, _metric(job, call.path["series"])


def _metric(job: Job, number: str) -> Metric:
    for metric in metrics_of(job):
        if number == _number(job, metric):
            return metric
    raise missing(f"TensorboardTimeSeries {number}")


def _number(job: Job, metric: Metric) -> str:
    return number_from("series", job.name, metric.name)


def _describe_board(board: str) -> Object:
    return {"name": board, "displayName": "Default TensorBoard", "isDefault": True}


def _describe_experiment(call: Call, job: Job) -> Object:
    name = f"{_board(job.place.parent)}/experiments/{experiment_of(job)}"
    return {"name": name, "displayName": experiment_of(job), **_times(job, call.now)}


def _describe_run(call: Call, job: Job) -> Object:
    experiment = _describe_experiment(call, job)
    return {**experiment, "name": f"{experiment['name']}/runs/{RUN}", "displayName": RUN}


def _describe_series(call: Call, job: Job, metric: Metric) -> Object:
    steps = steps_of(job, metric, call.now)
    answer: Object = {
        "name": f"{_describe_run(call, job)['name']}/timeSeries/{_number(job, metric)}",
        "displayName": metric.name,
        "valueType": call.enum(schema.VALUE_TYPE.numbers, "SCALAR"),
        "pluginName": "scalars",
        **_times(job, call.now),
    }
    if steps:
        answer["metadata"] = {"maxStep": str(steps[-1]), "maxWallTime": timestamp(moment(job, steps[-1]))}
    return answer


def _times(job: Job, now: int) -> dict[str, str]:
    """Return when the job began to write, and when it last did."""
    done, starts = done_steps(job, now), job.starts or job.created
    return {"createTime": timestamp(starts), "updateTime": timestamp(moment(job, done) if done else starts)}


def _data(call: Call, job: Job, metric: Metric, most: int) -> Object:
    steps = steps_of(job, metric, call.now)
    if most != _ALL_POINTS and len(steps) > most:
        steps = sorted(sorted(steps, key=lambda step: noise(job.name, f"{metric.name}/{step}"))[:most])
    answer: Object = {
        "tensorboardTimeSeriesId": _number(job, metric),
        "valueType": call.enum(schema.VALUE_TYPE.numbers, "SCALAR"),
    }
    if steps:
        answer["values"] = [_point(job, metric, step) for step in steps]
    return answer


def _point(job: Job, metric: Metric, step: int) -> Object:
    value = metric.at(step)
    scalar: dict[str, Any] = {"value": "NaN" if math.isnan(value) else value} if value else {}
    return {"step": str(step), "wallTime": timestamp(moment(job, step)), "scalar": scalar}


def _page(call: Call, items: str, message: Message, found: Iterable[Object], *, size: int = _PAGE) -> Object:
    """Return a page of what the filter takes; tokens count what was served and are bound to parent and filter."""
    text = call.query.get("filter", "")
    bound = (items, *sorted(call.path.items()), text)
    after = paging.read_token(call.query.get("pageToken"), *bound)
    limit = page_size(call.query, default=size, limit=_HUNDRED if size == _HUNDRED else _PAGE_LIMIT)
    if call.empty_page:
        return {"nextPageToken": paging.write_token(after, *bound)}
    chosen: Callable[[Object], bool] = parse_filter(text, message)
    rest = list(islice(_taken(found, chosen), after, after + limit + 1))
    answer: Object = {items: rest[:limit]} if rest else {}
    if len(rest) > limit:
        answer["nextPageToken"] = paging.write_token(after + limit, *bound)
    return answer


def _taken(found: Iterable[Object], chosen: Callable[[Object], bool]) -> Iterator[Object]:
    return (each for each in found if chosen(each))
