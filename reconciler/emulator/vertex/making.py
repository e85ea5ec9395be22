"""What a tuning job leaves behind when it succeeds: a version of a model, and an endpoint for each checkpoint of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reconciler.emulator.scalars import timestamp
from reconciler.emulator.vertex.catalogue import find_base
from reconciler.emulator.vertex.names import Place, number_from, place_of
from reconciler.emulator.vertex.records import Endpoint, Job, Model, Version
from reconciler.emulator.world import World

_CHECKPOINTS = 10
KIND_LABEL = "tune-type"
"""The label that Google's client looks for to find tuned models; its values here are the emulator's."""


def make(world: World, job: Job, moment: int) -> dict[str, Any]:
    """Make the model version of a job and its endpoints, and return the job's TunedModel message."""
    spec, kind = spec_of(job)
    epochs = spec["hyperParameters"]["epochCount"]
    every = not spec.get("exportLastCheckpointOnly")
    checkpoints = _checkpoints(epochs if every else 1, epochs, job.steps)
    labels = {**job.body.get("labels", {}), KIND_LABEL: kind}
    model, version_id = _version(world, job, labels, moment)
    endpoints = []
    for checkpoint in checkpoints:
        chosen = checkpoint["checkpointId"] if every else ""
        endpoints.append(_endpoint(world, job, model, version_id, chosen, labels, moment))
    version = Version(
        id=version_id,
        created=moment,
        job=job.name,
        base=job.base,
        aliases=("default",),
        checkpoints=checkpoints if every else (),
        deployed=[_reference(endpoint) for endpoint in endpoints],
    )
    others = [replace(v, aliases=[a for a in v.aliases if a != "default"]) for v in model.versions]
    world.shelf.put(replace(model, versions=[*others, version], updated=moment))
    tuned: dict[str, Any] = {"model": f"{model.name}@{version_id}", "endpoint": endpoints[-1].name}
    if every:
        pairs = zip(checkpoints, endpoints, strict=True)
        tuned["checkpoints"] = [{**checkpoint, "endpoint": endpoint.name} for checkpoint, endpoint in pairs]
    return tuned


def spec_of(job: Job) -> tuple[dict[str, Any], str]:
    """Return a job's tuning spec and the kind of tuning."""
    if "preferenceOptimizationSpec" in job.body:
        return job.body["preferenceOptimizationSpec"], "preference"
    return job.body["supervisedTuningSpec"], "sft"


def checkpoint_epochs(epochs: int) -> list[int]:
    """Return the epochs at whose ends checkpoints are kept: all of them up to ten, else ten spread evenly."""
    kept = min(epochs, _CHECKPOINTS)
    return [-(-epochs * number // kept) for number in range(1, kept + 1)]


def _checkpoints(kept: int, epochs: int, steps: int) -> Sequence[dict[str, str]]:
    """Return the checkpoints of a training, the last one being its end."""
    ends = [epochs] if kept == 1 else checkpoint_epochs(epochs)
    return [
        {"checkpointId": str(number), "epoch": str(epoch), "step": str(max(1, steps * epoch // epochs))}
        for number, epoch in enumerate(ends, start=1)
    ]


def _reference(endpoint: Endpoint) -> dict[str, str]:
    """Return a DeployedModelRef to what an endpoint serves."""
    deployed = endpoint.deployed[0]
    reference = {"endpoint": endpoint.name, "deployedModelId": str(deployed["id"])}
    checkpoint = deployed.get("checkpointId")
    return {**reference, "checkpointId": str(checkpoint)} if checkpoint else reference


def _version(world: World, job: Job, labels: dict[str, str], moment: int) -> tuple[Model, str]:
    """Return the model that a job's version goes to and its number: a new model, or the next version of the parent."""
    name = job.body.get("tunedModelDisplayName", "")
    if job.parent is not None:
        place = place_of(job.parent[0])
        parent = world.shelf.find(Model, place.project, place.location, place.id)
        if parent is not None and name in {"", parent.fields["displayName"]}:
            return parent, str(max(int(version.id) for version in parent.versions) + 1)
    fields = {
        "displayName": name or f"tuned-{job.base}-{job.place.id[-6:]}",
        "description": job.body.get("description", ""),
        "labels": labels,
        "encryptionSpec": job.body.get("encryptionSpec"),
    }
    place = replace(job.place, id=number_from("model", job.name))
    return world.shelf.add(Model(place, moment, fields, (), moment)), "1"


def _endpoint(
    world: World,
    job: Job,
    model: Model,
    version_id: str,
    checkpoint: str,
    labels: dict[str, str],
    moment: int,
) -> Endpoint:
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
        "labels": labels,
        "encryptionSpec": job.body.get("encryptionSpec"),
    }
    place = Place(job.place.project, location, number_from("endpoint", job.name, checkpoint))
    return world.shelf.add(Endpoint(place, moment, fields, (deployed,), moment))
