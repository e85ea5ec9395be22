"""Loading models that were not trained here: a recorded answer of tunedModels.list.

They keep the names, times, snapshots and states of the recording and belong to the default account.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.emulator.masks import MUTABLE
from reconciler.emulator.parsing import bind
from reconciler.emulator.problems import ApiError
from reconciler.emulator.records import Model
from reconciler.emulator.scalars import nanoseconds
from reconciler.emulator.schema import TUNED_MODEL, V1BETA, page_of
from reconciler.emulator.world import ACCOUNT, World
from reconciler.errors import UsageError

_PAGE = page_of("ListTunedModelsResponse", "tunedModels", TUNED_MODEL[V1BETA])
_KEPT = MUTABLE | {"baseModel", "tunedModelSource"}


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
    for entry, original in zip(checked.get("tunedModels", []), listing.get("tunedModels", []), strict=True):
        model_id = (entry or {}).get("name", "").removeprefix("tunedModels/")
        if not model_id:
            raise ApiError("INVALID_ARGUMENT", "every model needs a name")
        if world.store.find(model_id) is None:
            model = world.store.add(_model(world, model_id, entry, original))
            world.store.grant(model.seq, type="USER", email=ACCOUNT, role="OWNER")
            added += 1
    return added


def _model(world: World, model_id: str, entry: Mapping[str, Any], original: Mapping[str, Any]) -> Model:
    created = _moment(entry["createTime"]) if "createTime" in entry else world.now()
    frozen = {name: entry[name] for name in ("state", "createTime", "updateTime") if name in entry}
    return Model(
        id=model_id,
        owner=ACCOUNT,
        created=created,
        version=V1BETA,
        fields={name: value for name, value in entry.items() if name in _KEPT},
        frozen={"state": "ACTIVE", **frozen, "tuningTask": original.get("tuningTask", {})},
    )


def _moment(text: str) -> int:
    try:
        return nanoseconds(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise ApiError("INVALID_ARGUMENT", f"createTime {text} is no time") from None
