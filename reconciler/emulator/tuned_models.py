"""tunedModels: create, get, list, patch, delete (ModelService of v1beta and v1beta3; v1 answers as v1beta does).

Rules are those of the published protos and of what the service was seen to do; where it was never seen, AIP-133, 134,
135, 158 and 203 decide. The rules of single values live in ``checks``, those of update masks in ``masks``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.emulator import checks, masks, paging
from reconciler.emulator.catalogue import BASES, Base
from reconciler.emulator.fields import wants
from reconciler.emulator.operations import describe_operation
from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError, invalid, no_access
from reconciler.emulator.query import page_size
from reconciler.emulator.records import Model
from reconciler.emulator.scalars import SECOND
from reconciler.emulator.search import parse_filter
from reconciler.emulator.training import Training
from reconciler.emulator.views import describe_model, state_of
from reconciler.emulator.world import Call

_PAGE, _PAGE_LIMIT = 10, 1000
_ID_LIMIT = 40
_FORBIDDEN = 403
_ID = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def create(call: Call) -> Object:
    """Start a training and answer its operation, which is running whatever ``train_seconds`` says."""
    source, base = _source(call)
    checks.model_fields(call.body)
    task = call.body.get("tuningTask") or {}
    pairs = checks.examples(task, base)
    settings = checks.hyperparameters(task.get("hyperparameters") or {}, len(pairs), call.version)
    fields = {**source, **_stored_fields(call.body, base), "hyperparameters": settings}
    with call.store.writing():
        model_id = _choose_id(call)
        _check_quota(call)
        added = call.store.add(_new_model(call, model_id, fields, len(pairs)), pairs)
        call.store.grant(added.seq, type="USER", email=call.account, role="OWNER")
    return describe_operation(call, added, fresh=True)


def get(call: Call) -> Object:
    """Return one model."""
    return describe_model(call, call.model(), snapshots=wants(call.fields, "tuningTask", "snapshots"))


def list_page(call: Call) -> Object:
    """Return a page of the models the caller has a role on, oldest first.

    Models that are merely shared with everyone are left out unless the filter asks for them.
    """
    limit = page_size(call.query, default=_PAGE, limit=_PAGE_LIMIT)
    text = call.query.get("filter", "")
    bound = ("tunedModels", text, call.account)
    after = paging.read_token(call.query.get("pageToken"), *bound)
    if call.empty_page:
        return {"nextPageToken": paging.write_token(after, *bound)}
    chosen = parse_filter(text)
    horizon = call.now - int(call.world.settings.listing_lag * SECOND)
    snapshots = wants(call.fields, "tunedModels", "tuningTask", "snapshots")
    models: list[Object] = []
    last = after
    with call.store.reading():
        for model, role, shared in call.store.models(after=after, account=call.account):
            if model.created > horizon or not chosen(model, role, shared):
                continue
            if len(models) == limit:
                return {"tunedModels": models, "nextPageToken": paging.write_token(last, *bound)}
            models.append(describe_model(call, model, snapshots=snapshots))
            last = model.seq
    return {"tunedModels": models} if models else {}


def patch(call: Call) -> Object:
    """Change what the mask names; what is output only is ignored, what is immutable may only be repeated."""
    with call.store.writing():
        model = call.model("WRITER")
        paths = masks.read_mask(call)
        current = describe_model(call, model, snapshots=False)
        masks.refuse_immutable(call, paths, current, model)
        checks.model_fields({name: call.body[name] for name in masks.MUTABLE & paths & call.body.keys()})
        fields = dict(model.fields)
        for name in masks.MUTABLE & paths:
            fields.pop(name, None)
            if name in call.body:
                fields[name] = call.body[name]
        changed = replace(model, fields=_with_defaults(fields, model.base), patched=call.now)
        call.store.put(changed)
    return describe_model(call, changed, snapshots=wants(call.fields, "tuningTask", "snapshots"))


def delete(call: Call) -> Object:
    """Delete a model, trained or not; its operation goes with it."""
    with call.store.writing():
        call.store.remove(call.model("OWNER").seq)
    return {}


def cancel(call: Call) -> Object:
    """Stop a model's training; one that is over stays as it is."""
    with call.store.writing():
        model = call.model("WRITER")
        stop(call, model)
    return {}


def stop(call: Call, model: Model) -> None:
    """Record that a running training is cancelled now; the caller holds the transaction."""
    training = model.training
    if training is not None and training.state(call.now) == "CREATING":
        call.store.put(replace(model, training=replace(training, cancelled=call.now)))


def _source(call: Call) -> tuple[Object, Base]:
    """Return the source fields of the new model and the base model it will go back to."""
    source = call.body.get("tunedModelSource")
    if source is None:
        name = call.body.get("baseModel", "")
        if not name:
            raise invalid("baseModel or tunedModelSource is required")
        return {"baseModel": name}, _tunable(call, name)
    parent = source.get("tunedModel", "")
    if not re.fullmatch(r"tunedModels/[^/]+", parent):
        raise invalid("tunedModelSource.tunedModel is required, as tunedModels/{id}")
    model = call.model_named(parent)
    if state_of(model, call.now) != "ACTIVE":
        raise ApiError("FAILED_PRECONDITION", f"Tuned model {parent} is not active.")
    return {"tunedModelSource": {"tunedModel": parent, "baseModel": model.base}}, _tunable(call, model.base)


def _tunable(call: Call, name: str) -> Base:
    base = call.world.base(name)
    if base is None or not base.tunable:
        raise ApiError(
            "NOT_FOUND",
            f"{name} is not found for API version {call.version}, or is not supported for createTunedModel."
            " Call ListModels to see the list of available models and their supported methods.",
        )
    return base


def _stored_fields(body: Mapping[str, Any], base: Base) -> Object:
    """Return the mutable fields of a new model, the base model's values filling in."""
    fields = {name: body[name] for name in masks.MUTABLE if name in body}
    return _filled(fields, base)


def _with_defaults(fields: Object, name: str) -> Object:
    """Give a cleared temperature, topP or topK the base model's value again."""
    base = next((base for base in BASES if base.name == name), None)
    return fields if base is None else _filled(fields, base)


def _filled(fields: Object, base: Base) -> Object:
    defaults = {"temperature": base.temperature, "topP": base.top_p, "topK": base.top_k}
    return {**{name: value for name, value in defaults.items() if value is not None}, **fields}


def _check_quota(call: Call) -> None:
    limit = call.world.settings.concurrent_tunings
    if limit is not None and call.store.running(call.now) >= limit:
        raise ApiError("RESOURCE_EXHAUSTED", reason=f"{limit} tunings are running, which is the limit")


def _choose_id(call: Call) -> str:
    """Return the id asked for, or one made from the display name as the service makes it."""
    asked = call.query.get("tunedModelId")
    if asked is None:
        return _made_id(call)
    if not _ID.fullmatch(asked):
        raise invalid(f"tunedModelId {asked[:80]!r} does not match {_ID.pattern}")
    taken = call.store.find(asked)
    if taken is None:
        return str(asked)
    if call.role(taken) is None and taken.refusal == _FORBIDDEN:
        raise no_access(taken.name)
    raise ApiError("ALREADY_EXISTS", f"Tuned model {taken.name} already exists.")


def _made_id(call: Call) -> str:
    """Return the display name's letters, digits and dashes, and twelve characters that no other model ends in."""
    number = call.store.last_number() + 1
    value = int.from_bytes(hashlib.sha256(f"{number}/{call.now}".encode()).digest()[:8])
    tail = "".join(_ALPHABET[value // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(12))
    kept = re.sub(r"[^a-z0-9 ]", "", call.body.get("displayName", "").lower()).replace(" ", "-").lstrip("0123456789-")
    stem = kept[: _ID_LIMIT - len(tail) - 1].strip("-") or "tuned-model"
    return f"{stem}-{tail}"


def _new_model(call: Call, model_id: str, fields: Object, examples: int) -> Model:
    fault = call.world.faults.strike_training(model_id, fields.get("displayName", ""))
    training = Training(
        model=model_id,
        examples=examples,
        epochs=fields["hyperparameters"]["epochCount"],
        batch=fields["hyperparameters"]["batchSize"],
        created=call.now,
        seconds=call.world.settings.train_seconds,
    )
    if fault is not None:
        said = fault.message or training.message
        training = replace(training, outcome=fault.kind, at=fault.at, code=fault.code or training.code, message=said)
    return Model(
        id=model_id,
        owner=call.account,
        created=call.now,
        version=call.version,
        fields=fields,
        operation=hashlib.sha256(f"{model_id}/{call.now}".encode()).hexdigest()[:12],
        training=training,
    )
