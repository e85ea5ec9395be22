"""Which method answers which path on which version, and what it takes: the service's http rules as a table.

From the http annotations of the published clients and the service configuration of v1. Beyond them, v1 and v1beta3
answer for operations and v1 for tunedModels, because clients in use ask there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.emulator import base_models, inference, operations, permissions, tuned_models
from reconciler.emulator.parsing import GENERATIVE_LANGUAGE, Object
from reconciler.emulator.schema import (
    CANCEL,
    EMPTY,
    GENERATE_CONTENT,
    GENERATE_TEXT,
    GENERATED_CONTENT,
    GENERATED_TEXT,
    MODEL,
    OPERATION,
    PERMISSION,
    TRANSFER,
    TUNED_MODEL,
    V1,
    V1BETA,
    V1BETA3,
    VERSIONS,
    Field,
    Message,
    page_of,
)
from reconciler.emulator.world import Call

Method = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One http rule.

    ``body`` is the message the body is bound to, None if the method takes none; ``root`` is its place in the request
    message (``tuned_model``), empty where the body is the whole request. ``answer`` is what ``fields`` selects from,
    ``api`` the proto package whose version it is.
    """

    verb: str
    pattern: re.Pattern[str]
    versions: tuple[str, ...]
    call: Method
    answer: Mapping[str, Message]
    query: Message = EMPTY
    body: Mapping[str, Message] | None = None
    root: str = ""
    stream: bool = False
    api: str = GENERATIVE_LANGUAGE


def make_route(verb: str, path: str, versions: tuple[str, ...], call: Method, answer: Any, **options: Any) -> Route:
    """Return a rule for a path with names in braces; ``answer`` is a message, or one for each version."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path)
    shapes = answer if isinstance(answer, Mapping) else dict.fromkeys(versions, answer)
    return Route(verb, re.compile(pattern), versions, call, shapes, **options)


def _takes(*fields: Field) -> Message:
    return Message("request", fields)


_PAGES = (Field("pageSize", "int32"), Field("pageToken", "string"))
_MASK = Field("updateMask", "string")
_FILTER = Field("filter", "string")
_TUNED_PAGE = {v: page_of("ListTunedModelsResponse", "tunedModels", TUNED_MODEL[v]) for v in VERSIONS}
_NEW, _OLD = (V1, V1BETA), (V1BETA3,)
_BETAS = (V1BETA, V1BETA3)
_CANCEL = dict.fromkeys(VERSIONS, CANCEL)
_PERMISSION = dict.fromkeys(VERSIONS, PERMISSION)
_TRANSFER = dict.fromkeys(VERSIONS, TRANSFER)
_MODEL_PAGE = page_of("ListModelsResponse", "models", MODEL)
_PERMISSION_PAGE = page_of("ListPermissionsResponse", "permissions", PERMISSION)
_OPERATION_PAGE = page_of("ListOperationsResponse", "operations", OPERATION)


def _cancel_operation(call: Call) -> Object:
    operations.check(call)
    return tuned_models.cancel(call)


def _inference(path: str) -> list[Route]:
    texts: dict[str, Any] = {"body": GENERATE_TEXT}
    contents: dict[str, Any] = {"body": GENERATE_CONTENT}
    stream, content = inference.stream_generate_content, inference.generate_content
    return [
        make_route("POST", f"{path}:generateText", _BETAS, inference.generate_text, GENERATED_TEXT, **texts),
        make_route("POST", f"{path}:generateContent", _NEW, content, GENERATED_CONTENT, **contents),
        make_route("POST", f"{path}:streamGenerateContent", _NEW, stream, GENERATED_CONTENT, stream=True, **contents),
    ]


def _table() -> list[Route]:
    model, operation = "tunedModels/{model}", "tunedModels/{model}/operations/{operation}"
    grants, grant = f"{model}/permissions", f"{model}/permissions/{{permission}}"
    ours = {"body": TUNED_MODEL, "root": "tuned_model"}
    theirs = {"body": _PERMISSION, "root": "permission"}
    new_id, pages = _takes(Field("tunedModelId", "string")), _takes(*_PAGES)
    mask, filtered = _takes(_MASK), _takes(*_PAGES, _FILTER)
    return [
        make_route("GET", model, VERSIONS, tuned_models.get, TUNED_MODEL),
        make_route("GET", operation, VERSIONS, operations.get, OPERATION),
        make_route("GET", "tunedModels", _NEW, tuned_models.list_page, _TUNED_PAGE, query=filtered),
        make_route("GET", "tunedModels", _OLD, tuned_models.list_page, _TUNED_PAGE, query=pages),
        make_route("POST", "tunedModels", VERSIONS, tuned_models.create, OPERATION, query=new_id, **ours),
        make_route("PATCH", model, VERSIONS, tuned_models.patch, TUNED_MODEL, query=mask, **ours),
        make_route("DELETE", model, VERSIONS, tuned_models.delete, EMPTY),
        make_route("POST", f"{model}:cancel", (V1,), tuned_models.cancel, EMPTY, body=_CANCEL),
        make_route("POST", f"{model}:transferOwnership", VERSIONS, permissions.transfer, EMPTY, body=_TRANSFER),
        make_route("GET", f"{model}/operations", VERSIONS, operations.list_page, _OPERATION_PAGE, query=filtered),
        make_route("POST", f"{operation}:cancel", VERSIONS, _cancel_operation, EMPTY, body=_CANCEL),
        make_route("POST", grants, VERSIONS, permissions.create, PERMISSION, **theirs),
        make_route("GET", grants, VERSIONS, permissions.list_page, _PERMISSION_PAGE, query=pages),
        make_route("GET", grant, VERSIONS, permissions.get, PERMISSION),
        make_route("PATCH", grant, VERSIONS, permissions.patch, PERMISSION, query=mask, **theirs),
        make_route("DELETE", grant, VERSIONS, permissions.delete, EMPTY),
        make_route("GET", "models", VERSIONS, base_models.list_page, _MODEL_PAGE, query=pages),
        make_route("GET", "models/{base}", VERSIONS, base_models.get, MODEL),
        *_inference(model),
        *_inference("models/{base}"),
    ]


ROUTES = _table()


def find_route(routes: Iterable[Route], verb: str, version: str, rest: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a request and the names in its path, or None."""
    for route in routes:
        if route.verb == verb and version in route.versions:
            match = route.pattern.fullmatch(rest)
            if match is not None:
                return route, match.groupdict()
    return None
