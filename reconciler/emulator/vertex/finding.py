"""Finding what a path names, and the answers when it is not there."""

from __future__ import annotations

import re

from reconciler.emulator.problems import ApiError
from reconciler.emulator.vertex.names import project_number
from reconciler.emulator.vertex.records import Endpoint, Job, Model, Operation, Version
from reconciler.emulator.world import Call

_REGION = re.compile(r"[a-z]+-[a-z]+\d{1,2}|us|eu|global")


def location_of(location: str) -> str:
    """Return a location, if it can be one.

    Raises:
        ApiError: INVALID_ARGUMENT, if it cannot.
    """
    if not _REGION.fullmatch(location):
        raise ApiError("INVALID_ARGUMENT", f"Location {location[:80]!r} is not valid.")
    return location


def missing(what: str) -> ApiError:
    """Return the answer for what is not there."""
    return ApiError("NOT_FOUND", f"{what} does not exist." if what.startswith("Model ") else f"{what} is not found.")


def find_job(call: Call) -> Job:
    """Return the tuning job that the path names.

    Raises:
        ApiError: NOT_FOUND.
    """
    project, location, number = _place(call, "job")
    job = call.world.shelf.find(Job, project, location, number)
    if job is None:
        raise missing(f"TuningJob projects/{project}/locations/{location}/tuningJobs/{number}")
    return job


def find_model(call: Call) -> tuple[Model, Version]:
    """Return the model that the path names and the version it asks for, the default one unless it says ``@``.

    Raises:
        ApiError: NOT_FOUND.
    """
    project, location, named = _place(call, "model")
    number, _, wanted = named.partition("@")
    model = call.world.shelf.find(Model, project, location, number)
    version = None if model is None else model.version(wanted or "default")
    if model is None or version is None:
        raise missing(f"Model projects/{project}/locations/{location}/models/{named}")
    return model, version


def find_endpoint(call: Call) -> Endpoint:
    """Return the endpoint that the path names.

    Raises:
        ApiError: NOT_FOUND.
    """
    project, location, number = _place(call, "endpoint")
    endpoint = call.world.shelf.find(Endpoint, project, location, number)
    if endpoint is None:
        raise missing(f"Endpoint projects/{project}/locations/{location}/endpoints/{number}")
    return endpoint


def find_operation(call: Call) -> Operation:
    """Return the operation that the path names, with or without the resource it is about.

    Raises:
        ApiError: NOT_FOUND, also if it was of another resource.
    """
    project, location, number = _place(call, "operation")
    operation = call.world.shelf.find(Operation, project, location, number)
    about = [call.path[kind] for kind in ("model", "endpoint", "job") if kind in call.path]
    if operation is None or (about and not operation.target.endswith(f"/{about[0]}")):
        raise missing(f"Operation {number}")
    return operation


def _place(call: Call, kind: str) -> tuple[str, str, str]:
    return project_number(call.path["project"]), location_of(call.path["location"]), call.path[kind]
