"""endpoints: get, list, patch, undeployModel, delete (EndpointService).

Endpoints come into being with the models of tuning jobs, one for each checkpoint; nothing can be deployed by hand.
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.emulator.parsing import Object
from reconciler.emulator.problems import ApiError
from reconciler.emulator.vertex import checks
from reconciler.emulator.vertex.finding import find_endpoint
from reconciler.emulator.vertex.listing import list_records
from reconciler.emulator.vertex.operations import start
from reconciler.emulator.vertex.patching import patched_fields
from reconciler.emulator.vertex.records import Endpoint
from reconciler.emulator.vertex.schema import ENDPOINT
from reconciler.emulator.vertex.views import describe_endpoint
from reconciler.emulator.world import Call


def get(call: Call) -> Object:
    """Return one endpoint."""
    return describe_endpoint(find_endpoint(call))


def list_page(call: Call) -> Object:
    """Return a page of the endpoints of a location."""
    return list_records(call, Endpoint, describe_endpoint, "endpoints", ENDPOINT)


def patch(call: Call) -> Object:
    """Change the display name, the description or the labels of an endpoint."""
    with call.store.writing():
        endpoint = find_endpoint(call)
        changed = replace(endpoint, fields=patched_fields(call, endpoint, ENDPOINT, "endpoint"), updated=call.now)
        call.world.shelf.put(changed)
    return describe_endpoint(changed)


def undeploy(call: Call) -> Object:
    """Take a deployed model off its endpoint."""
    wanted = call.body.get("deployedModelId", "")
    if not wanted:
        checks.refuse([("deployed_model_id", "Required field is not set.")])
    with call.store.writing():
        endpoint = find_endpoint(call)
        if wanted not in {deployed["id"] for deployed in endpoint.deployed}:
            raise ApiError("NOT_FOUND", f"DeployedModel {wanted[:80]} is not found in {endpoint.name}.")
        return start(call, "undeploy", endpoint.name, {"deployedModelId": wanted})


def delete(call: Call) -> Object:
    """Delete an endpoint, once nothing is deployed there any more, nor has been until just now (``undeploy_lag``)."""
    with call.store.writing():
        endpoint = find_endpoint(call)
        if endpoint.deployed or call.now < endpoint.held_until:
            ids = ", ".join(str(deployed["id"]) for deployed in endpoint.deployed) or "being undeployed"
            raise ApiError(
                "FAILED_PRECONDITION",
                f'Endpoint "{endpoint.name}" has deployed or being-deployed DeployedModel(s): {ids}',
            )
        return start(call, "delete-endpoint", endpoint.name)
