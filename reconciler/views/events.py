"""Events as JSON objects (``apply --format jsonl``), and the JSON Schema of the stream.

Both come from the dataclasses of ``core.event``: fields become keys in lowerCamel. Some fields hold values with a form
of their own: a plan is its document, a problem lies flat (several are a list, as are the checks of a gate), and so do
the progress of a tuning and what it took.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from reconciler._version import __version__
from reconciler.core.actual import Actual
from reconciler.core.event import Event, type_of
from reconciler.core.observation import Progress
from reconciler.core.plan import Plan
from reconciler.core.verdict import Check
from reconciler.errors import Problem
from reconciler.views.document import problem_document, to_document
from reconciler.views.shapes import plan_schema

FORMAT = "tunectl.event/v1"

_ENVELOPE = {
    "format": {"const": FORMAT},
    "seq": {"type": "integer", "minimum": 1, "description": "counts the events of a run"},
    "time": {"type": "string", "format": "date-time"},
    "runId": {"type": "string"},
}
_PRIMITIVES: dict[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
_PROGRESS: dict[str, dict[str, Any]] = {
    "completedSteps": {"type": ["integer", "null"]},
    "totalSteps": {"type": ["integer", "null"]},
    "percent": {"type": ["number", "null"], "minimum": 0, "maximum": 100},
    "epoch": {"type": ["integer", "null"]},
    "loss": {"type": ["number", "null"], "description": "mean loss of the last step that was reported"},
}
_ACTUAL: dict[str, dict[str, Any]] = {
    "forecast": {"type": "object", "description": "as in a plan's action: steps, seconds, cost"},
    "actual": {
        "type": "object",
        "description": "what it came to; cost by the prices of the forecast, amounts as decimal texts",
        "properties": {
            "steps": {"type": ["integer", "null"]},
            "seconds": {"type": ["number", "null"]},
            "cost": {"type": ["object", "null"]},
        },
        "required": ["steps", "seconds", "cost"],
    },
}
_PROBLEM: dict[str, dict[str, Any]] = {
    "severity": {"enum": ["error", "warning"]},
    "message": {"type": "string"},
    "hint": {"type": ["string", "null"]},
    "file": {"type": ["string", "null"]},
    "line": {"type": ["integer", "null"]},
    "column": {"type": ["integer", "null"]},
}
_CHECK: dict[str, dict[str, Any]] = {
    "check": {"type": "string"},
    "passed": {"type": "boolean"},
    "measured": {"type": ["number", "null"]},
    "limit": {"type": ["number", "null"]},
    "note": {"type": ["string", "null"]},
}


def event_document(event: Event) -> dict[str, Any]:
    """Return an event as a JSON object, without the envelope but with its type."""
    document: dict[str, Any] = {"type": type_of(event)}
    for field in fields(event):
        value = getattr(event, field.name)
        match value:
            case Plan():
                document[field.name] = to_document(value, tool=__version__)
            case Problem():
                document |= problem_document(value)
            case Progress():
                document |= _progress(value)
            case Actual():
                document |= {"forecast": dict(value.forecast), "actual": value.to_json()}
            case tuple():
                document[field.name] = [_item(item) for item in value]
            case _:
                document[_camel(field.name)] = value
    return document


def events_schema() -> dict[str, Any]:
    """Return the JSON Schema of one line of the stream. Later versions of the format may add types and keys."""
    plan = {key: value for key, value in plan_schema().items() if key not in {"$schema", "$defs"}}
    shapes = [_schema(event) for event in get_args(Event)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tunectl event",
        "oneOf": shapes,
        "$defs": plan_schema()["$defs"] | {"Plan": plan},
    }


def _item(item: Problem | Check) -> dict[str, Any]:
    if isinstance(item, Problem):
        return problem_document(item)
    return dict.fromkeys(_CHECK) | item.document


def _progress(progress: Progress) -> dict[str, Any]:
    last = progress.last
    return {
        "completedSteps": progress.completed_steps,
        "totalSteps": progress.total_steps,
        "percent": progress.percent,
        "epoch": None if last is None else last.epoch,
        "loss": None if last is None else last.mean_loss,
    }


def _schema(event: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(event)
    blank: Any = object.__new__(event)  # its type is all that type_of looks at
    properties: dict[str, Any] = {**_ENVELOPE, "type": {"const": type_of(blank)}}
    for field in fields(event):
        hint = hints[field.name]
        if hint is Progress:
            properties |= _PROGRESS
        elif hint is Problem:
            properties |= _PROBLEM
        elif hint is Actual:
            properties |= _ACTUAL
        else:
            properties[_camel(field.name)] = _type_schema(hint)
    doc = (event.__doc__ or "").strip().partition("\n")[0]
    return {"type": "object", "description": doc, "properties": properties, "required": list(properties)}


def _type_schema(hint: Any) -> dict[str, Any]:
    if hint is Plan:
        return {"$ref": "#/$defs/Plan"}
    if hint in _PRIMITIVES:
        return {"type": _PRIMITIVES[hint]}
    if get_origin(hint) is tuple:
        shape = _CHECK if get_args(hint)[0] is Check else _PROBLEM
        return {"type": "array", "items": {"type": "object", "properties": shape, "required": list(shape)}}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _type_schema(get_args(hint)[1])}
    return {"type": [_PRIMITIVES[part] for part in get_args(hint)]}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
