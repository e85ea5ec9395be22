"""Which method answers which path of Vertex AI: the http rules of the discovery document, as far as they are served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.emulator.routes import Route, make_route
from reconciler.emulator.schema import OPERATION, Field, Message
from reconciler.emulator.vertex import endpoints, experiments, inference, jobs, models, operations, publishers
from reconciler.emulator.vertex.lifecycle import settle
from reconciler.emulator.vertex.schema import (
    API,
    CANCEL,
    CONTEXT,
    CONTEXT_PAGE,
    COUNT_TOKENS,
    COUNTED,
    ENDPOINT,
    ENDPOINT_PAGE,
    EXPERIMENT,
    EXPERIMENT_PAGE,
    GENERATE,
    GENERATED,
    JOB_PAGE,
    MANY_POINTS,
    MERGE_ALIASES,
    MODEL,
    MODEL_PAGE,
    NOTHING,
    OPERATION_PAGE,
    POINTS,
    PUBLISHER_MODEL,
    PUBLISHER_PAGE,
    RUN,
    RUN_PAGE,
    SERIES,
    SERIES_PAGE,
    TENSORBOARD,
    TENSORBOARD_PAGE,
    TUNING_JOB,
    UNDEPLOY,
    V1BETA1,
    VERSIONS,
)
from reconciler.emulator.world import Call

_PAGES = (Field("pageSize", "int32"), Field("pageToken", "string"))
_LISTED = Message(
    "request", (*_PAGES, Field("filter", "string"), Field("orderBy", "string"), Field("readMask", "string"))
)
_READ = Message("request", (Field("maxDataPoints", "int32"), Field("filter", "string")))
_MANY_READ = Message("request", (Field("timeSeries", "string", repeated=True),))
_JOBS_LISTED = Message("request", (*_PAGES, Field("filter", "string")))
_CONTEXTS_LISTED = Message("request", (*_JOBS_LISTED.fields, Field("orderBy", "string")))
_OPERATIONS_LISTED = Message("request", (*_JOBS_LISTED.fields, Field("returnPartialSuccess", "bool")))
_MASKED = Message("request", (Field("updateMask", "string"),))
_TIMED = Message("request", (Field("timeout", "string"),))
_VIEWED = Message(
    "request",
    (
        *(Field(name, "string") for name in ("languageCode", "view", "huggingFaceToken", "filter", "orderBy")),
        *(Field(name, "bool") for name in ("isHuggingFaceModel", "listAllVersions")),
        *_PAGES,
    ),
)


def _route(verb: str, path: str, call: Callable[[Call], Any], answer: Any, **options: Any) -> Route:
    def settled(request: Call) -> Any:
        settle(request.world, request.now)
        return call(request)

    versions = options.pop("versions", VERSIONS)
    body = options.pop("body", None)
    shapes = body if body is None or isinstance(body, Mapping) else dict.fromkeys(VERSIONS, body)
    return make_route(verb, path, versions, settled, answer, body=shapes, api=API, **options)


def _inference(path: str) -> list[Route]:
    return [
        _route("POST", f"{path}:generateContent", inference.generate, GENERATED, body=GENERATE),
        _route("POST", f"{path}:streamGenerateContent", inference.stream, GENERATED, body=GENERATE, stream=True),
        _route("POST", f"{path}:countTokens", inference.count, COUNTED, body=COUNT_TOKENS),
    ]


def _operations(path: str) -> list[Route]:
    one = f"{path}/operations/{{operation}}"
    return [
        _route("GET", one, operations.get, OPERATION),
        _route("POST", f"{one}:wait", operations.wait, OPERATION, query=_TIMED),
        _route("DELETE", one, operations.delete, NOTHING),
    ]


def _metrics(place: str) -> list[Route]:
    contexts, board = f"{place}/metadataStores/{{store}}/contexts", f"{place}/tensorboards/{{board}}"
    experiment, listed = f"{board}/experiments/{{experiment}}", {"query": _LISTED}
    run = f"{experiment}/runs/{{run}}"
    series = f"{run}/timeSeries/{{series}}"
    return [
        _route("GET", f"{contexts}/{{context}}", experiments.get_context, CONTEXT),
        _route("GET", contexts, experiments.list_contexts, CONTEXT_PAGE, query=_CONTEXTS_LISTED),
        _route("GET", board, experiments.get_board, TENSORBOARD),
        _route("GET", f"{place}/tensorboards", experiments.list_boards, TENSORBOARD_PAGE, **listed),
        _route("GET", f"{board}:batchRead", experiments.read_many, MANY_POINTS, query=_MANY_READ),
        _route("GET", experiment, experiments.get_experiment, EXPERIMENT),
        _route("GET", f"{board}/experiments", experiments.list_experiments, EXPERIMENT_PAGE, **listed),
        _route("GET", run, experiments.get_run, RUN),
        _route("GET", f"{experiment}/runs", experiments.list_runs, RUN_PAGE, **listed),
        _route("GET", series, experiments.get_series, SERIES),
        _route("GET", f"{run}/timeSeries", experiments.list_series, SERIES_PAGE, **listed),
        _route("GET", f"{series}:read", experiments.read, POINTS, query=_READ),
    ]


def _table() -> list[Route]:
    place = "projects/{project}/locations/{location}"
    job, model, endpoint = f"{place}/tuningJobs/{{job}}", f"{place}/models/{{model}}", f"{place}/endpoints/{{endpoint}}"
    base = "publishers/google/models/{base}"
    ours = {"body": TUNING_JOB, "root": "tuning_job"}
    listed: dict[str, Any] = {"query": _LISTED}
    return [
        _route("GET", job, jobs.get, TUNING_JOB),
        _route("GET", f"{place}/tuningJobs", jobs.list_page, JOB_PAGE, query=_JOBS_LISTED),
        _route("POST", f"{place}/tuningJobs", jobs.create, TUNING_JOB, **ours),
        _route("POST", f"{job}:cancel", jobs.cancel, NOTHING, body=CANCEL),
        _route("GET", model, models.get, MODEL),
        _route("GET", f"{place}/models", models.list_page, MODEL_PAGE, **listed),
        _route("GET", f"{model}:listVersions", models.list_versions, MODEL_PAGE, **listed),
        _route("PATCH", model, models.patch, MODEL, query=_MASKED, body=MODEL, root="model"),
        _route("POST", f"{model}:mergeVersionAliases", models.merge_aliases, MODEL, body=MERGE_ALIASES),
        _route("DELETE", model, models.delete, OPERATION),
        _route("DELETE", f"{model}:deleteVersion", models.delete_version, OPERATION),
        _route("POST", f"{model}:generateContent", inference.refuse_model, GENERATED, body=GENERATE),
        _route("GET", endpoint, endpoints.get, ENDPOINT),
        _route("GET", f"{place}/endpoints", endpoints.list_page, ENDPOINT_PAGE, **listed),
        _route("PATCH", endpoint, endpoints.patch, ENDPOINT, query=_MASKED, body=ENDPOINT, root="endpoint"),
        _route("POST", f"{endpoint}:undeployModel", endpoints.undeploy, OPERATION, body=UNDEPLOY),
        _route("DELETE", endpoint, endpoints.delete, OPERATION),
        _route("GET", f"{place}/operations", operations.list_page, OPERATION_PAGE, query=_OPERATIONS_LISTED),
        *_metrics(place),
        *_operations(place),
        *_operations(model),
        *_operations(endpoint),
        _route("GET", base, publishers.get, PUBLISHER_MODEL, query=_VIEWED),
        _route("GET", f"{place}/{base}", publishers.get, PUBLISHER_MODEL, query=_VIEWED),
        _route(
            "GET", "publishers/google/models", publishers.list_page, PUBLISHER_PAGE, query=_VIEWED, versions=(V1BETA1,)
        ),
        *_inference(endpoint),
        *_inference(f"{place}/{base}"),
        *_inference(base),
    ]


ROUTES = _table()
