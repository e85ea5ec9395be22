"""What happens in Vertex AI's world by itself, when its time has come: jobs end, operations are carried out.

Nothing runs in the background: whoever comes next settles what was due, in the order in which it fell due, each thing
as of its own time. So a clock that is turned by a day shows the same world as a day of waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.emulator.scalars import SECOND, timestamp
from reconciler.emulator.vertex import stats
from reconciler.emulator.vertex.catalogue import ADAPTER, BATCH, find_base
from reconciler.emulator.vertex.dataset import BadData, read_datasets
from reconciler.emulator.vertex.names import number_from
from reconciler.emulator.vertex.records import SUCCEEDED, Endpoint, Job, Model, Operation, Place, Version
from reconciler.emulator.world import World

_CHECKPOINTS = 10
KIND_LABEL = "tune-type"
"""The label that Google's client looks for to find tuned models; its value here is the emulator's."""

__all__ = ["ADAPTER", "KIND_LABEL", "admit", "checkpoint_epochs", "settle"]


def settle(world: World, now: int) -> None:
    """Let everything happen that was to happen by now."""
    if world.shelf.next_due(now) is None and not world.shelf.waiting():
        return
    with world.store.writing():
        while (record := world.shelf.next_due(now)) is not None:
            if isinstance(record, Job):
                _finish(world, record)
            else:
                _carry_out(world, record)
        for project in world.shelf.waiting():
            _admit_waiting(world, project, now)


def admit(world: World, job: Job, moment: int) -> Job:
    """Return a job that has got its slot at a time, its dataset read; the caller keeps it and holds the transaction."""
    preference = "preferenceOptimizationSpec" in job.body
    spec = job.body["preferenceOptimizationSpec" if preference else "supervisedTuningSpec"]
    settings = spec["hyperParameters"]
    try:
        dataset = read_datasets(world.objects.read, spec, preference=preference)
    except BadData as error:
        return replace(job, admitted=moment, refused=(error.code, error.message))
    steps = stats.steps_at(len(dataset.examples), settings["epochCount"], settings.get("batchSize", BATCH))
    world.shelf.keep_pairs(job.name, [example.pair for example in dataset.examples])
    said = stats.describe(dataset, steps, preference=preference)
    return replace(job, admitted=moment, steps=steps, stats=said)


def checkpoint_epochs(epochs: int) -> list[int]:
    """Return the epochs at whose ends checkpoints are kept: all of them up to ten, else ten spread evenly."""
    kept = min(epochs, _CHECKPOINTS)
    return [-(-epochs * number // kept) for number in range(1, kept + 1)]


def release(world: World, reference: Mapping[str, Any], moment: int) -> None:
    """Take a deployment out of the version of the model it was of; that one can be deleted after ``undeploy_lag``."""
    model_name, _, version_id = str(reference["model"]).partition("@")
    place = _place(model_name)
    model = world.shelf.find(Model, place.project, place.location, place.id)
    if model is None:
        return
    until = moment + int(world.settings.undeploy_lag * SECOND)
    versions = [
        replace(
            version,
            deployed=[r for r in version.deployed if r["deployedModelId"] != reference["id"]],
            held_until=max(until, version.held_until),
        )
        if version.id == version_id
        else version
        for version in model.versions
    ]
    world.shelf.put(replace(model, versions=versions))


def _admit_waiting(world: World, project: str, moment: int) -> None:
    """Give free slots to the jobs that have waited longest."""
    limit = world.settings.concurrent_tunings
    while (job := world.shelf.queued(project)) is not None:
        if limit is not None and world.shelf.running(project) >= limit:
            return
        world.shelf.put(admit(world, job, moment))


def _finish(world: World, job: Job) -> None:
    ends = job.ends
    assert ends is not None  # noqa: S101 - a job without an end is never due
    done = replace(job, tuned={})
    if job.state(ends) == SUCCEEDED:
        done = replace(job, tuned=_make(world, job, ends))
    world.shelf.put(done)
    _admit_waiting(world, job.place.project, ends)


def _make(world: World, job: Job, moment: int) -> dict[str, Any]:
    """Make the model version of a job, and an endpoint for it or for each of its checkpoints."""
    preference = "preferenceOptimizationSpec" in job.body
    spec = job.body["preferenceOptimizationSpec" if preference else "supervisedTuningSpec"]
    epochs = spec["hyperParameters"]["epochCount"]
    kept = [epochs] if spec.get("exportLastCheckpointOnly") else checkpoint_epochs(epochs)
    checkpoints = [
        {
            "checkpointId": str(number),
            "epoch": str(epoch),
            "step": str(max(1, job.steps * epoch // epochs)),
        }
        for number, epoch in enumerate(kept, start=1)
    ]
    model, version_id = _version(world, job, moment)
    every = not spec.get("exportLastCheckpointOnly")
    references, endpoints = [], []
    for checkpoint in checkpoints:
        chosen = checkpoint["checkpointId"] if every else ""
        endpoint = _endpoint(world, job, model, version_id, chosen, moment)
        endpoints.append(endpoint)
        reference = {"endpoint": endpoint.name, "deployedModelId": endpoint.deployed[0]["id"]}
        references.append({**reference, "checkpointId": chosen} if every else reference)
    version = Version(
        id=version_id,
        created=moment,
        job=job.name,
        base=job.base,
        aliases=("default",),
        checkpoints=checkpoints if every else (),
        deployed=references,
    )
    others = [replace(v, aliases=[a for a in v.aliases if a != "default"]) for v in model.versions]
    world.shelf.put(replace(model, versions=[*others, version], updated=moment))
    tuned: dict[str, Any] = {"model": f"{model.name}@{version_id}", "endpoint": endpoints[-1].name}
    if every:
        pairs = zip(checkpoints, endpoints, strict=True)
        tuned["checkpoints"] = [{**checkpoint, "endpoint": endpoint.name} for checkpoint, endpoint in pairs]
    return tuned


def _version(world: World, job: Job, moment: int) -> tuple[Model, str]:
    """Return the model that a job's version goes to and its number: a new model, or the next version of the parent."""
    name = job.body.get("tunedModelDisplayName", "")
    if job.parent is not None:
        place = _place(job.parent[0])
        parent = world.shelf.find(Model, place.project, place.location, place.id)
        if parent is not None and name in {"", parent.fields["displayName"]}:
            return parent, str(max(int(version.id) for version in parent.versions) + 1)
    fields = {
        "displayName": name or f"tuned-{job.base}-{job.place.id[-6:]}",
        "description": job.body.get("description", ""),
        "labels": _labels(job),
        "encryptionSpec": job.body.get("encryptionSpec"),
    }
    place = replace(job.place, id=number_from("model", job.name))
    return world.shelf.add(Model(place, moment, fields, (), moment)), "1"


def _endpoint(world: World, job: Job, model: Model, version_id: str, checkpoint: str, moment: int) -> Endpoint:
    base = find_base(job.base)
    location = job.place.location if base is None else base.served(job.place.location)
    display = model.fields["displayName"]
    deployed = {
        "id": number_from("deployed", job.name, checkpoint),
        "model": f"{model.name}@{version_id}",
        "modelVersionId": version_id,
        "displayName": display,
        "createTime": timestamp(moment),
    }
    if checkpoint:
        deployed["checkpointId"] = checkpoint
    fields = {
        "displayName": display,
        "labels": _labels(job),
        "encryptionSpec": job.body.get("encryptionSpec"),
    }
    place = Place(job.place.project, location, number_from("endpoint", job.name, checkpoint))
    return world.shelf.add(Endpoint(place, moment, fields, (deployed,), moment))


def _labels(job: Job) -> dict[str, str]:
    kind = "preference" if "preferenceOptimizationSpec" in job.body else "sft"
    return {**job.body.get("labels", {}), KIND_LABEL: kind}


def _carry_out(world: World, operation: Operation) -> None:
    """Let an operation take effect; what is gone by then is no error, it was to go."""
    _EFFECTS[operation.kind](world, operation)
    world.shelf.put(replace(operation, done=True))


def _undeploy(world: World, operation: Operation) -> None:
    place = _place(operation.target)
    endpoint = world.shelf.find(Endpoint, place.project, place.location, place.id)
    if endpoint is None:
        return
    for deployed in endpoint.deployed:
        if deployed["id"] == operation.what["deployedModelId"]:
            release(world, deployed, operation.ends)
    left = [deployed for deployed in endpoint.deployed if deployed["id"] != operation.what["deployedModelId"]]
    until = operation.ends + int(world.settings.undeploy_lag * SECOND)
    world.shelf.put(replace(endpoint, deployed=left, updated=operation.ends, held_until=until))


def _delete_endpoint(world: World, operation: Operation) -> None:
    place = _place(operation.target)
    endpoint = world.shelf.find(Endpoint, place.project, place.location, place.id)
    if endpoint is not None:
        world.shelf.remove(endpoint)


def _delete_model(world: World, operation: Operation) -> None:
    place = _place(operation.target)
    model = world.shelf.find(Model, place.project, place.location, place.id)
    if model is not None:
        world.shelf.remove(model)


def _delete_version(world: World, operation: Operation) -> None:
    place = _place(operation.target)
    model = world.shelf.find(Model, place.project, place.location, place.id)
    if model is None:
        return
    gone = model.version(operation.what["version"])
    left = [version for version in model.versions if version is not gone]
    if gone is not None and "default" in gone.aliases and left:
        left[-1] = replace(left[-1], aliases=[*left[-1].aliases, "default"])
    world.shelf.put(replace(model, versions=left, updated=operation.ends))


def _place(name: str) -> Place:
    """Return the place of a resource name that this world has made."""
    _, project, _, location, _, record_id = name.split("/")[:6]
    return Place(project, location, record_id)


_EFFECTS = {
    "undeploy": _undeploy,
    "delete-endpoint": _delete_endpoint,
    "delete-model": _delete_model,
    "delete-version": _delete_version,
}
