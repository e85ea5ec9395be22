"""A plan in a file (``plan --out``): the document, sealed so that a changed byte is noticed.

The seal proves that the file is whole, not that it is right: ``apply`` plans again and compares digests before it does
anything. A file that cannot be trusted is a StalePlan, since what was approved can no longer be told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import ValidationError

from reconciler.core.canonical import digest
from reconciler.core.plan import Kind, Plan, Scope
from reconciler.core.resource import Remote
from reconciler.core.text import clip, sanitize
from reconciler.errors import StalePlan
from reconciler.views.document import FORMAT, action_document, to_document
from reconciler.views.shapes import ActionShape, SavedShape
from reconciler.views.words import count, guard, json_text, remote_text, short_digest

_TOLD_APART = 8


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What apply needs of a saved plan, and the whole document for those who show it.

    ``scope`` and ``replace`` are the options it was made with; a plan made again with them must have the same
    ``digest``. ``actions`` maps each action's own digest to the action, so that a message can say what moved.
    """

    digest: str
    project: str
    remote: Remote
    lineage: str | None
    serial: int
    scope: Scope
    replace: tuple[str, ...]
    actions: Mapping[str, ActionShape]
    document: Mapping[str, Any]


def dump_saved(plan: Plan, *, tool: str, replace: Sequence[str] = ()) -> bytes:
    """Return a plan as the bytes of a plan file.

    Args:
        plan: the plan.
        tool: the version that made it.
        replace: the names given to --replace, which a plan does not remember.
    """
    document = json.loads(json_text(to_document(plan, tool=tool) | {"replace": list(replace)}))
    return _bytes(document | {"checksum": _seal(document)})


def load_saved(data: bytes, *, address: str = "the saved plan") -> SavedPlan:
    """Read a plan file; ``address`` names it in messages.

    Raises:
        StalePlan: no plan, of a newer format, or not byte for byte what was saved.
    """
    found = parsed(data, address)
    try:
        shape = SavedShape.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        refuse(address, f"{clip(path, 200)}: {first['msg']}", error)
    content = {key: value for key, value in found.items() if key != "checksum"}
    if not _whole(found, content, shape.checksum, data):
        refuse(address, "it was changed after it was saved")
    return SavedPlan(
        digest=shape.digest,
        project=shape.project,
        remote=Remote(shape.remote.type, shape.remote.endpoint, shape.remote.project, shape.remote.location),
        lineage=shape.lockfile.lineage,
        serial=shape.lockfile.serial,
        scope=shape.scope.value(),
        replace=tuple(shape.replace),
        actions={action.digest: action for action in shape.actions},
        document=content,
    )


def what_moved(saved: SavedPlan, now: Plan) -> tuple[str, ...]:
    """Say in what a plan made now differs from the saved one, a line each: approved against now."""
    lines = []
    if saved.project != now.project:
        lines.append(f"project: approved {saved.project}, now {now.project}")
    if saved.remote != now.remote:
        lines.append(f"remote: approved {remote_text(saved.remote)}, now {remote_text(now.remote)}")
    if _selection(saved.scope) != _selection(now.scope):
        lines.append("selection: --target, --exclude, --select or --only are not those of the approved plan")
    approved = _by_digest(saved.actions.values())
    wanted = _by_digest(ActionShape.model_validate(action_document(action)) for action in now.actions)
    gone = _by_name(approved[key] for key in approved.keys() - wanted.keys())
    new = _by_name(wanted[key] for key in wanted.keys() - approved.keys())
    lines += [
        f"{name}: approved {_spoken(gone.get(name, []))}, now {_spoken(new.get(name, []))}"
        for name in sorted(gone.keys() | new.keys())
    ]
    return tuple(guard(sanitize(line)) for line in lines)


def _selection(scope: Scope) -> tuple[object, ...]:
    return frozenset(scope.target), frozenset(scope.exclude), frozenset(scope.select), scope.only, scope.max_effect


def _by_digest(actions: Iterable[ActionShape]) -> dict[str, ActionShape]:
    """Map digests to the actions that the plan's digest covers, which leaves out waiting."""
    return {action.digest: action for action in actions if action.action is not Kind.WAIT}


def _by_name(actions: Iterable[ActionShape]) -> dict[str, list[ActionShape]]:
    found: dict[str, list[ActionShape]] = {}
    for action in sorted(actions, key=lambda action: (action.action.value, action.resource or "", action.digest)):
        found.setdefault(action.name, []).append(action)
    return found


def _spoken(actions: Sequence[ActionShape]) -> str:
    """Return actions in a few words, told apart by the beginning of their digests where the words are not enough."""
    return " and ".join(map(_words, actions)) or "nothing else"


def _words(action: ActionShape) -> str:
    dataset = action.dataset
    parts = [
        action.action.value,
        f"of {action.resource}" if action.resource else "",
        f"with {count(dataset.examples, 'example') if dataset.examples else 'data'} ({short_digest(dataset.digest)})"
        if dataset
        else "",
        "changing " + ", ".join(change.path for change in action.changes) if action.changes else "",
        f"under gate {short_digest(digest(action.gate))}" if action.gate else "",
        f"[{action.digest.removeprefix('sha256:')[:_TOLD_APART]}]",
    ]
    return " ".join(part for part in parts if part)


def parsed(data: bytes, address: str) -> dict[str, Any]:
    """Return the JSON object of a plan, of a format this version reads; raises StalePlan otherwise."""
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        refuse(address, "it is no JSON, or was cut short", error)
    name = found.get("format") if isinstance(found, dict) else None
    if not isinstance(name, str) or not name.startswith("tunectl.plan/"):
        refuse(address, "it is no plan of tunectl")
    if name != FORMAT:
        refuse(address, f"its format is {clip(name, 40)}, this tunectl reads {FORMAT}")
    return dict(found)


def refuse(address: str, what: str, cause: Exception | None = None) -> NoReturn:
    """Raise that a file is no plan that can be trusted."""
    raise StalePlan(
        f"{sanitize(address)}: {sanitize(what)}",
        hint="make a new plan with tunectl plan --out",
    ) from cause


def _whole(found: Mapping[str, Any], content: Mapping[str, Any], checksum: str, data: bytes) -> bool:
    """Tell whether the file is, byte for byte, what dump_saved wrote."""
    try:
        return _seal(content) == checksum and _bytes(found) == data
    except (ValueError, RecursionError):  # numbers JSON does not have, nesting no plan has: we did not write those
        return False


def _seal(document: Mapping[str, Any]) -> str:
    return digest(dict(document))


def _bytes(document: Mapping[str, Any]) -> bytes:
    return f"{json_text(document)}\n".encode("ascii")
