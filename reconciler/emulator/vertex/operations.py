"""operations: get, list, wait, delete, and the start of one (google.longrunning.Operations)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.emulator.parsing import Object
from reconciler.emulator.scalars import SECOND
from reconciler.emulator.schema import OPERATION
from reconciler.emulator.vertex.finding import find_operation
from reconciler.emulator.vertex.listing import list_records
from reconciler.emulator.vertex.names import Place, number_from
from reconciler.emulator.vertex.records import Operation
from reconciler.emulator.vertex.views import describe_operation
from reconciler.emulator.world import Call


def start(call: Call, kind: str, target: str, what: Mapping[str, Any] | None = None) -> Object:
    """Start an operation on a resource and answer it, running whatever ``operation_seconds`` says.

    The caller holds the transaction; ``lifecycle`` carries the operation out when it is due.
    """
    number = number_from("operation", call.world.shelf.last_number() + 1, call.now)
    _, project, _, location = target.split("/")[:4]
    ends = call.now + int(call.world.settings.operation_seconds * SECOND)
    operation = Operation(
        place=Place(project, location, number),
        created=call.now,
        ends=ends,
        kind=kind,
        target=target,
        version=call.version,
        what=what or {},
    )
    return describe_operation(call.world.shelf.add(operation))


def get(call: Call) -> Object:
    """Return an operation, as far as it is now."""
    return describe_operation(find_operation(call))


def list_page(call: Call) -> Object:
    """Return a page of the operations of a location."""
    return list_records(call, Operation, describe_operation, "operations", OPERATION)


def wait(call: Call) -> Object:
    """Return an operation as it stands: waiting may end before the timeout, and here it does so at once."""
    return get(call)


def delete(call: Call) -> Object:
    """Forget an operation; what it does it does all the same."""
    with call.store.writing():
        operation = find_operation(call)
        if operation.done:
            call.world.shelf.remove(operation)
    return {}
