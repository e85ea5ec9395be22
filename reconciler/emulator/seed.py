"""Loading models that were not trained here: a recorded answer of tunedModels.list.

They keep the names, times, snapshots and states of the recording and belong to the default account.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.emulator.masks import MUTABLE
from reconciler.emulator.parsing import bind
from reconciler.emulator.problems import ApiError
from reconciler.emulator.records import Model
from reconciler.emulator.scalars import json_float, nanoseconds
from reconciler.emulator.schema import STATE, TUNED_MODEL, V1BETA, page_of
from reconciler.emulator.world import ACCOUNT, World
from reconciler.errors import UsageError

_PAGE = page_of("ListTunedModelsResponse", "tunedModels", TUNED_MODEL[V1BETA])
_KEPT = MUTABLE | {"baseModel", "tunedModelSource"}
_ID = re.compile(r"[^/:]+")
_END = 7_258_118_400
"""The year 2200, in seconds since the epoch: what is counted in nanoseconds fits 64 bits until 2262."""


def load_seed(world: World, path: Path) -> int:
    """Load a listing from a file, once: what was deleted since does not come back. Return how many models came in.

    Raises:
        UsageError: if the file cannot be read or is no listing.
    """
    try:
        data = path.read_bytes()
        listing = json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no listing of tuned models can be read from it: {error}") from error
    key = f"seed:{hashlib.sha256(data).hexdigest()}"
    with world.store.writing():
        if not world.store.note(key, str(path)):
            return 0
        try:
            return _add(world, listing)
        except ApiError as error:
            raise UsageError(f"{path}: no listing of tuned models: {error.message}") from error


def import_listing(world: World, listing: Mapping[str, Any]) -> int:
    """Load a listing that is at hand; ids that are taken are left alone. Return how many models came in.

    Raises:
        ApiError: INVALID_ARGUMENT, if it is no listing.
    """
    with world.store.writing():
        return _add(world, listing)


def _add(world: World, listing: Mapping[str, Any]) -> int:
    checked = bind(_PAGE, listing, package=V1BETA)
    added = 0
    for entry in _spelt(checked.get("tunedModels", [])):
        model_id = entry.get("name", "").removeprefix("tunedModels/")
        if not _ID.fullmatch(model_id):
            raise ApiError("INVALID_ARGUMENT", f"every model needs a name as tunedModels/x, not {model_id[:80]!r}")
        if world.store.find(model_id) is None:
            model = world.store.add(_model(world, model_id, entry))
            world.store.grant(model.seq, type="USER", email=ACCOUNT, role="OWNER")
            added += 1
    return added


def _model(world: World, model_id: str, entry: Mapping[str, Any]) -> Model:
    created = _moment(entry["createTime"]) if "createTime" in entry else world.now()
    task = {name: value for name, value in entry.get("tuningTask", {}).items() if name != "trainingData"}
    if entry.get("state", "ACTIVE") not in STATE.numbers:
        raise ApiError("INVALID_ARGUMENT", f"state {entry['state']} is none of {', '.join(STATE.numbers)}")
    frozen = {name: entry[name] for name in ("state", "createTime", "updateTime") if name in entry}
    return Model(
        id=model_id,
        owner=ACCOUNT,
        created=created,
        version=V1BETA,
        fields={name: value for name, value in entry.items() if name in _KEPT},
        frozen={"state": "ACTIVE", **frozen, "tuningTask": task},
    )


def _spelt(value: Any) -> Any:
    """Return bound values as an answer spells them: NaN is a word there."""
    if isinstance(value, dict):
        return {name: _spelt(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_spelt(item) for item in value]
    return json_float(value) if isinstance(value, float) else value


def _moment(text: str) -> int:
    try:
        seconds = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        seconds = -1.0
    if not 0 <= seconds < _END:
        raise ApiError("INVALID_ARGUMENT", f"createTime {text} is no time from 1970 to 2200")
    return nanoseconds(seconds)
