"""models: get and list, the base models one may tune or ask."""

from __future__ import annotations

from reconciler.emulator import paging
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.query import page_size
from reconciler.emulator.world import Call

_PAGE, _PAGE_LIMIT = 50, 1000


def get(call: Call) -> Object:
    """Return one base model."""
    name = f"models/{call.path['base']}"
    base = call.world.base(name)
    if base is None:
        raise ApiError("NOT_FOUND", f"Model is not found: {name} for api version {call.version}")
    return base.describe(call.version)


def list_page(call: Call) -> Object:
    """Return a page of the base models."""
    limit = page_size(call.query, default=_PAGE, limit=_PAGE_LIMIT)
    bound = ("models", call.version)
    after = paging.read_token(call.query.get("pageToken"), *bound)
    if call.empty_page:
        return {"nextPageToken": paging.write_token(after, *bound)}
    rest = call.world.bases()[after:]
    answer: Object = {"models": [base.describe(call.version) for base in rest[:limit]]} if rest else {}
    if len(rest) > limit:
        answer["nextPageToken"] = paging.write_token(after + limit, *bound)
    return answer
