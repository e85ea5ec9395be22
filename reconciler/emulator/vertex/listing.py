"""Pages of Vertex AI's resources: filtered, newest first, tokens bound to their other parameters (AIP-158)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciler.emulator import paging
from reconciler.emulator.parsing import Object
from reconciler.emulator.query import page_size
from reconciler.emulator.scalars import SECOND
from reconciler.emulator.schema import Message
from reconciler.emulator.vertex.filters import parse_filter
from reconciler.emulator.vertex.finding import location_of
from reconciler.emulator.vertex.names import project_number
from reconciler.emulator.vertex.records import Endpoint, Job, Model, Operation
from reconciler.emulator.world import Call

R = TypeVar("R", Job, Model, Endpoint, Operation)

_PAGE, _PAGE_LIMIT = 100, 1000
_NEWEST = 2**62


def list_records(call: Call, kind: type[R], describe: Callable[[R], Object], items: str, message: Message) -> Object:
    """Return a page of a location's records of a kind, of those that the filter takes."""
    location, project = location_of(call.path["location"]), project_number(call.path["project"])
    text = call.query.get("filter", "")
    bound = (items, project, location, text)
    limit = page_size(call.query, default=_PAGE, limit=_PAGE_LIMIT)
    before = _NEWEST - paging.read_token(call.query.get("pageToken"), *bound)
    if call.empty_page:
        return {"nextPageToken": paging.write_token(_NEWEST - before, *bound)}
    chosen = parse_filter(text, message)
    horizon = call.now - int(call.world.settings.listing_lag * SECOND)
    found: list[Object] = []
    last = before
    for record in call.world.shelf.records(kind, project, location, before=before):
        if record.created > horizon:
            continue
        described = describe(record)
        if not chosen(described):
            continue
        if len(found) == limit:
            return {items: found, "nextPageToken": paging.write_token(_NEWEST - last, *bound)}
        found.append(described)
        last = record.seq
    return {items: found} if found else {}
