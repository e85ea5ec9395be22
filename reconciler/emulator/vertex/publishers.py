"""publishers.models: get (v1 and v1beta1) and list (v1beta1), Google's base models in the Model Garden.

Whether a base can be tuned is said nowhere in so many words. A model's ``supportedActions`` may hold
``openFineTuningPipeline``, a link for the console; the emulator sets it on those that it tunes. What really decides is
the create of a tuning job.
"""

from __future__ import annotations

from reconciler.emulator import paging
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.query import page_size
from reconciler.emulator.vertex.catalogue import BASES, Base, find_base
from reconciler.emulator.world import Call

_PAGE, _PAGE_LIMIT = 50, 1000
_REGIONS = ("us-central1", "europe-west4")


def get(call: Call) -> Object:
    """Return one of Google's models."""
    base = find_base(call.path["base"])
    if base is None or base.name in call.world.settings.retired:
        raise ApiError("NOT_FOUND", f"Publisher model publishers/google/models/{call.path['base']} is not found.")
    return _describe(base)


def list_page(call: Call) -> Object:
    """Return a page of Google's models."""
    limit = page_size(call.query, default=_PAGE, limit=_PAGE_LIMIT)
    after = paging.read_token(call.query.get("pageToken"), "publishers")
    if call.empty_page:
        return {"nextPageToken": paging.write_token(after, "publishers")}
    rest = [base for base in BASES if base.name not in call.world.settings.retired][after:]
    answer: Object = {"publisherModels": [_describe(base) for base in rest[:limit]]} if rest else {}
    if len(rest) > limit:
        answer["nextPageToken"] = paging.write_token(after + limit, "publishers")
    return answer


def _describe(base: Base) -> Object:
    answer: Object = {
        "name": base.resource,
        "versionId": "default",
        "openSourceCategory": "PROPRIETARY",
        "launchStage": base.stage,
    }
    if base.tunable:
        link = {"references": {region: {"uri": f"{base.resource}/tune"} for region in base.regions or _REGIONS}}
        answer["supportedActions"] = {"openFineTuningPipeline": {**link, "title": "Tune"}}
    return answer
