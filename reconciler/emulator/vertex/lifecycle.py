"""What happens in Vertex AI's world by itself, when its time has come: jobs end, operations are carried out.

Nothing runs in the background: whoever comes next settles what was due, in the order in which it fell due, each thing
as of its own time. So a clock that is turned by a day shows the same world as a day of waiting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.emulator.scalars import SECOND
from reconciler.emulator.vertex import stats
from reconciler.emulator.vertex.catalogue import BATCH
from reconciler.emulator.vertex.dataset import BadData, read_datasets
from reconciler.emulator.vertex.making import make, spec_of
from reconciler.emulator.vertex.names import place_of, project_number
from reconciler.emulator.vertex.records import SUCCEEDED, Endpoint, Job, Model, Operation
from reconciler.emulator.world import World

_NAME = re.compile(r"projects/([^/]+)/locations/([^/]+)/(models|endpoints)/([^/]+)")


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
    spec, kind = spec_of(job)
    preference, settings = kind == "preference", spec["hyperParameters"]
    try:
        dataset = read_datasets(world.objects.read, spec, preference=preference)
    except BadData as error:
        return replace(job, admitted=moment, refused=(error.code, error.message))
    steps = stats.steps_at(len(dataset.examples), settings["epochCount"], settings.get("batchSize", BATCH))
    world.shelf.keep_pairs(job.name, [example.pair for example in dataset.examples])
    said = stats.describe(dataset, steps, preference=preference)
    return replace(job, admitted=moment, steps=steps, stats=said)


def release(world: World, reference: Mapping[str, Any], moment: int) -> None:
    """Take a deployment out of the version of the model it was of; that one can be deleted after ``undeploy_lag``."""
    model_name, _, version_id = str(reference["model"]).partition("@")
    place = place_of(model_name)
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


def lose(world: World, name: str) -> bool:
    """Let somebody delete a model or an endpoint behind everybody's back; False if there is none of that name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return False
    project = project_number(match[1])
    with world.store.writing():
        if match[3] == "models":
            model = world.shelf.find(Model, project, match[2], match[4])
            if model is not None:
                world.shelf.remove(model)
            return model is not None
        endpoint = world.shelf.find(Endpoint, project, match[2], match[4])
        if endpoint is not None:
            for deployed in endpoint.deployed:
                release(world, deployed, world.now())
            world.shelf.remove(endpoint)
        return endpoint is not None


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
        done = replace(job, tuned=make(world, job, ends))
    world.shelf.put(done)
    _admit_waiting(world, job.place.project, ends)


def _carry_out(world: World, operation: Operation) -> None:
    """Let an operation take effect; what is gone by then is no error, it was to go."""
    _EFFECTS[operation.kind](world, operation)
    world.shelf.put(replace(operation, done=True))


def _undeploy(world: World, operation: Operation) -> None:
    place = place_of(operation.target)
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
    place = place_of(operation.target)
    endpoint = world.shelf.find(Endpoint, place.project, place.location, place.id)
    if endpoint is not None:
        world.shelf.remove(endpoint)


def _delete_model(world: World, operation: Operation) -> None:
    place = place_of(operation.target)
    model = world.shelf.find(Model, place.project, place.location, place.id)
    if model is not None:
        world.shelf.remove(model)


def _delete_version(world: World, operation: Operation) -> None:
    place = place_of(operation.target)
    model = world.shelf.find(Model, place.project, place.location, place.id)
    if model is None:
        return
    gone = model.version(operation.what["version"])
    left = [version for version in model.versions if version is not gone]
    if gone is not None and "default" in gone.aliases and left:
        left[-1] = replace(left[-1], aliases=[*left[-1].aliases, "default"])
    world.shelf.put(replace(model, versions=left, updated=operation.ends))


_EFFECTS = {
    "undeploy": _undeploy,
    "delete-endpoint": _delete_endpoint,
    "delete-model": _delete_model,
    "delete-version": _delete_version,
}
