"""models: get, list, listVersions, patch, mergeVersionAliases, delete, deleteVersion (ModelService).

Models come into being when a tuning job succeeds; there is no upload here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.vertex import checks
from reconciler.emulator.vertex.finding import find_model
from reconciler.emulator.vertex.listing import list_records
from reconciler.emulator.vertex.operations import start
from reconciler.emulator.vertex.patching import patched_fields
from reconciler.emulator.vertex.records import Model, Version
from reconciler.emulator.vertex.schema import MODEL
from reconciler.emulator.vertex.views import describe_model
from reconciler.emulator.world import Call

_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")


def get(call: Call) -> Object:
    """Return a model, in the version asked for."""
    return describe_model(*find_model(call))


def list_page(call: Call) -> Object:
    """Return a page of the models of a location, each in its default version."""
    return list_records(call, Model, lambda model: describe_model(model, _default(model)), "models", MODEL)


def list_versions(call: Call) -> Object:
    """Return the versions of a model, newest first, on one page."""
    model, _ = find_model(call)
    return {"models": [describe_model(model, version, versioned=True) for version in reversed(model.versions)]}


def patch(call: Call) -> Object:
    """Change the display name, the description or the labels of a model."""
    with call.store.writing():
        model, version = find_model(call)
        fields = patched_fields(call, model, MODEL, "model")
        changed = replace(model, fields=fields, updated=call.now)
        call.world.shelf.put(changed)
    return describe_model(changed, version)


def merge_aliases(call: Call) -> Object:
    """Give a version aliases, or take them away where they begin with a dash."""
    with call.store.writing():
        model, version = find_model(call)
        asked = call.body.get("versionAliases", [])
        wrong = [alias for alias in asked if not _ALIAS.fullmatch(alias.removeprefix("-"))]
        checks.refuse([("version_aliases", f"{alias[:80]!r} is no alias.") for alias in wrong])
        gone = {alias.removeprefix("-") for alias in asked if alias.startswith("-")}
        new = [alias for alias in asked if not alias.startswith("-")]
        if "default" in gone:
            raise ApiError("INVALID_ARGUMENT", "The default alias can only be given to another version.")
        versions = [_realiased(item, item.id == version.id, new, gone) for item in model.versions]
        changed = replace(model, versions=versions, updated=call.now)
        call.world.shelf.put(changed)
    return describe_model(changed, next(item for item in versions if item.id == version.id))


def delete(call: Call) -> Object:
    """Delete a model with all its versions, once nothing is deployed of them."""
    with call.store.writing():
        model, _ = find_model(call)
        for version in model.versions:
            _refuse_deployed(call, model, version)
        return start(call, "delete-model", model.name)


def delete_version(call: Call) -> Object:
    """Delete one version of a model, if it is not the only one and nothing is deployed of it."""
    with call.store.writing():
        if "@" not in call.path["model"]:
            checks.refuse([("name", "A version is required, as projects/*/locations/*/models/*@*.")])
        model, version = find_model(call)
        if len(model.versions) == 1:
            raise ApiError(
                "FAILED_PRECONDITION",
                f"Version {version.id} is the only one of {model.name}; delete the model instead.",
            )
        _refuse_deployed(call, model, version)
        return start(call, "delete-version", model.name, {"version": version.id})


def _default(model: Model) -> Version:
    return model.version() or model.versions[-1]


def _realiased(version: Version, chosen: bool, new: Sequence[str], gone: set[str]) -> Version:
    kept = [alias for alias in version.aliases if alias not in new and not (chosen and alias in gone)]
    return replace(version, aliases=[*kept, *new] if chosen else kept)


def _refuse_deployed(call: Call, model: Model, version: Version) -> None:
    if version.deployed or call.now < version.held_until:
        raise ApiError(
            "FAILED_PRECONDITION",
            f"Model {model.name}@{version.id} cannot be deleted while there are deployed models of it.",
            reason=f"{len(version.deployed)} deployed, undeployed ones are held by undeploy_lag",
        )
