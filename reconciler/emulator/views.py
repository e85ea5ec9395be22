"""A tuned model as the API answers it: fields in the service's order, zero values left out, times as text."""

from __future__ import annotations

from typing import Any

from reconciler.emulator.parsing import Object
from reconciler.emulator.records import Model
from reconciler.emulator.scalars import timestamp
from reconciler.emulator.schema import STATE, V1BETA3
from reconciler.emulator.training import ACTIVE, CREATING, Training
from reconciler.emulator.world import Call


def state_of(model: Model, now: int) -> str:
    """Return a model's state at a time."""
    if model.training is None:
        return str((model.frozen or {}).get("state", ACTIVE))
    return model.training.state(now)


def describe_model(call: Call, model: Model, *, snapshots: bool, fresh: bool = False) -> Object:
    """Return the TunedModel message; ``fresh`` shows it as its create left it, whatever the time."""
    fields = model.fields
    answer: Object = {"name": model.name}
    for name in ("baseModel", "tunedModelSource", "displayName", "description"):
        if fields.get(name):
            answer[name] = fields[name]
    now = model.created if fresh else call.now
    answer["state"] = call.enum(STATE.numbers, CREATING if fresh else state_of(model, now))
    answer |= _times(model, now)
    answer["tuningTask"] = _task(call, model, now, snapshots=snapshots)
    for name in ("temperature", "topP", "topK"):
        if name in fields:
            answer[name] = fields[name]
    projects = fields.get("readerProjectNumbers")
    if projects and call.version != V1BETA3:
        answer["readerProjectNumbers"] = [str(number) for number in projects]
    return answer


def _times(model: Model, now: int) -> dict[str, str]:
    if model.training is None:
        frozen = model.frozen or {}
        created = str(frozen.get("createTime", timestamp(model.created)))
        updated = timestamp(model.patched) if model.patched else str(frozen.get("updateTime", created))
        return {"createTime": created, "updateTime": updated}
    end = model.training.ends
    ended = end if end is not None and end <= now else model.created
    return {"createTime": timestamp(model.created), "updateTime": timestamp(max(ended, model.patched or 0))}


def _task(call: Call, model: Model, now: int, *, snapshots: bool) -> Object:
    if model.training is None:
        task = dict((model.frozen or {}).get("tuningTask") or {})
        return task if snapshots else {name: value for name, value in task.items() if name != "snapshots"}
    task = _progress(model.training, now, snapshots=snapshots)
    settings = model.fields["hyperparameters"]
    if call.version == V1BETA3:
        settings = {name: value for name, value in settings.items() if name != "learningRateMultiplier"}
    return {**task, "hyperparameters": settings}


def _progress(training: Training, now: int, *, snapshots: bool) -> dict[str, Any]:
    task: dict[str, Any] = {"startTime": timestamp(training.started)}
    end = training.ends
    if end is not None and end <= now:
        task["completeTime"] = timestamp(end)
    done = training.done_steps(now) if snapshots else 0
    if done:
        task["snapshots"] = training.snapshots(done)
    return task
