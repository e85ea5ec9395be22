"""The control API: what a test in another process turns to, under ``/_emulator``.

It is no part of the emulated service. It shares its state with the Python side (``Emulator.faults`` and its like).

    GET    /_emulator                  version, time, models, settings
    GET    /_emulator/faults           POST adds one (a JSON object), DELETE takes all away
    DELETE /_emulator/faults/{id}
    GET    /_emulator/requests         the log; DELETE empties it
    PATCH  /_emulator/settings         any of the settings
    POST   /_emulator/clock            {"advance": seconds}
    POST   /_emulator/models           a listing to load; DELETE forgets every model
    DELETE /_emulator/models/{id}      somebody deletes it; a model or endpoint of Vertex AI by its resource name
    POST   /_emulator/occupied         {"id", "refusal": 403|409, "visible": false}: somebody else takes an id
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from reconciler._version import __version__
from reconciler.emulator import access, seed
from reconciler.emulator.catalogue import BASES
from reconciler.emulator.faults import describe, fault_from
from reconciler.emulator.parsing import read_json
from reconciler.emulator.problems import ApiError
from reconciler.emulator.scalars import timestamp
from reconciler.emulator.vertex.catalogue import BASES as VERTEX_BASES
from reconciler.emulator.vertex.records import Job
from reconciler.emulator.world import OVER_QUOTA, Request, Settings, World
from reconciler.errors import UsageError

ROOT = "/_emulator"
_LONGEST = 1e9

Answer = tuple[int, Any]


def handle(world: World, method: str, path: str, body: bytes) -> Answer:
    """Answer a control request with a status and a JSON value."""
    name, _, rest = path.removeprefix(ROOT).strip("/").partition("/")
    act = _ACTIONS.get((method, name, bool(rest)))
    if act is None:
        return 404, {"error": {"code": 404, "message": f"no control at {method} {path}", "status": "NOT_FOUND"}}
    try:
        return act(world, _object(body), rest)
    except ApiError as error:
        return error.http, error.body()
    except UsageError as error:
        text = error.message if error.hint is None else f"{error.message} ({error.hint})"
        return 400, {"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}}


def change_settings(settings: Settings, given: Mapping[str, Any]) -> None:
    """Change settings by name.

    Raises:
        UsageError: if a name is unknown or a value is of the wrong kind; nothing is changed then.
    """
    unknown = sorted(set(given) - _READ.keys())
    if unknown:
        raise UsageError(f"unknown setting {unknown[0]!r}", hint=", ".join(_READ))
    try:
        values = {name: _READ[name](value) for name, value in given.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"settings: {error}") from error
    for name, value in values.items():
        setattr(settings, name, value)


def describe_request(request: Request) -> dict[str, Any]:
    """Return a line of the log as the control API shows it."""
    line = asdict(request)
    line["body"] = None if request.body is None else request.body.decode("utf-8", "replace")
    return line


def _overview(world: World, _given: Mapping[str, Any], _rest: str) -> Answer:
    settings = {field.name: getattr(world.settings, field.name) for field in fields(Settings)}
    settings["retired"] = sorted(world.settings.retired)
    settings["buckets"] = None if world.settings.buckets is None else sorted(world.settings.buckets)
    settings["accounts"] = sorted(set(world.settings.accounts.values()))
    return 200, {
        "emulator": "tunectl",
        "version": __version__,
        "time": timestamp(world.now()),
        "models": world.store.count(),
        "running": world.store.running(world.now()),
        "jobs": world.shelf.count(Job),
        "settings": settings,
    }


def _faults(world: World, _given: Mapping[str, Any], _rest: str) -> Answer:
    return 200, {"faults": [describe(number, fault) for number, fault in world.faults.waiting().items()]}


def _add_fault(world: World, given: Mapping[str, Any], _rest: str) -> Answer:
    fault = fault_from(given)
    return 200, describe(world.faults.add(fault), fault)


def _clear_faults(world: World, _given: Mapping[str, Any], _rest: str) -> Answer:
    world.faults.clear()
    return 200, {}


def _remove_fault(world: World, _given: Mapping[str, Any], rest: str) -> Answer:
    if not rest.isascii() or not rest.isdigit() or not world.faults.remove(int(rest)):
        raise ApiError("NOT_FOUND", f"No fault {rest} is waiting.")
    return 200, {}


def _requests(world: World, _given: Mapping[str, Any], _rest: str) -> Answer:
    return 200, {"requests": [describe_request(request) for request in list(world.log)]}


def _clear_requests(world: World, _given: Mapping[str, Any], _rest: str) -> Answer:
    world.log.clear()
    return 200, {}


def _settings(world: World, given: Mapping[str, Any], rest: str) -> Answer:
    change_settings(world.settings, given)
    return _overview(world, given, rest)


def _clock(world: World, given: Mapping[str, Any], rest: str) -> Answer:
    world.turn(_seconds(given.get("advance")))
    return _overview(world, given, rest)


def _import(world: World, given: Mapping[str, Any], _rest: str) -> Answer:
    return 200, {"added": seed.import_listing(world, given)}


def _forget(world: World, _given: Mapping[str, Any], _rest: str) -> Answer:
    with world.store.writing():
        world.store.clear()
        world.shelf.clear()
        world.objects.clear()
    return 200, {}


def _delete_model(world: World, _given: Mapping[str, Any], rest: str) -> Answer:
    if not access.remove(world, rest):
        name = rest if rest.startswith("projects/") else f"tunedModels/{rest}"
        raise ApiError("NOT_FOUND", f"Tuned model {name} does not exist.")
    return 200, {}


def _occupy(world: World, given: Mapping[str, Any], _rest: str) -> Answer:
    model_id, refusal = given.get("id"), given.get("refusal", access.REFUSALS[0])
    if not isinstance(model_id, str) or not model_id or refusal not in access.REFUSALS:
        raise UsageError("an id is needed, and a refusal of 403 or 409")
    access.occupy(world, model_id, refusal=refusal, visible=bool(given.get("visible", False)))
    return 200, {}


def _object(body: bytes) -> dict[str, Any]:
    given = read_json(body)
    if not isinstance(given, dict):
        raise UsageError("a JSON object is needed")
    return given


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST:
        raise UsageError(f"{value!r} is no number of seconds from 0 to {_LONGEST:g}")
    return float(value)


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{value!r} is neither true nor false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{value!r} is no count")
    return value


def _bases(value: Any) -> frozenset[str]:
    names = frozenset(value)
    known = [*(base.name for base in BASES), *(base.name for base in VERTEX_BASES)]
    unknown = sorted(names - set(known))
    if unknown:
        raise UsageError(f"no base model {unknown[0]!r}", hint=", ".join(known))
    return names


def _choice(value: Any) -> str:
    if value not in OVER_QUOTA:
        raise UsageError(f"{value!r} is none of {', '.join(OVER_QUOTA)}")
    return str(value)


def _names(value: Any) -> frozenset[str]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{value!r} is no list of names")
    return frozenset(value)


def _accounts(value: Any) -> dict[str, str]:
    accounts = {str(token): str(email) for token, email in value.items()}
    if not all(accounts.values()):
        raise UsageError("accounts: every token needs somebody's address")
    return accounts


_READ: Mapping[str, Callable[[Any], Any]] = {
    "train_seconds": _seconds,
    "listing_lag": _seconds,
    "operation_ttl": _optional(_seconds),
    "concurrent_tunings": _optional(_whole),
    "require_auth": _flag,
    "require_quota_project": _flag,
    "accounts": _accounts,
    "retired": _bases,
    "record_bodies": _flag,
    "over_quota": _choice,
    "operation_seconds": _seconds,
    "undeploy_lag": _seconds,
    "buckets": _optional(_names),
}

_ACTIONS: Mapping[tuple[str, str, bool], Callable[[World, Mapping[str, Any], str], Answer]] = {
    ("GET", "", False): _overview,
    ("GET", "faults", False): _faults,
    ("POST", "faults", False): _add_fault,
    ("DELETE", "faults", False): _clear_faults,
    ("DELETE", "faults", True): _remove_fault,
    ("GET", "requests", False): _requests,
    ("DELETE", "requests", False): _clear_requests,
    ("PATCH", "settings", False): _settings,
    ("POST", "clock", False): _clock,
    ("POST", "models", False): _import,
    ("DELETE", "models", False): _forget,
    ("DELETE", "models", True): _delete_model,
    ("POST", "occupied", False): _occupy,
}
