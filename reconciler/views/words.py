"""The words and signs that all views share: one symbol an action, one spelling of counts, values, times and digests.

Everything that is returned here is safe to print as part of one line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.canonical import Json
from reconciler.core.datachange import DataChange
from reconciler.core.plan import TRAINS, Action, Change, Kind, Plan, Scope, Steps
from reconciler.core.resource import Dataset, Effect, Remote
from reconciler.core.text import clip, sanitize

SYMBOLS = {
    Kind.CREATE: "+",
    Kind.UPDATE: "~",
    Kind.REPLACE: "+/-",
    Kind.DELETE: "-",
    Kind.MOVE: ">",
    Kind.REUSE: "=",
    Kind.ADOPT: "<",
    Kind.FORGET: "x",
    Kind.WAIT: "…",
    Kind.BLOCKED: "!",
}

_ALWAYS = (Kind.CREATE, Kind.UPDATE, Kind.REPLACE, Kind.DELETE)
_SOMETIMES = {
    Kind.WAIT: "to wait for",
    Kind.REUSE: "to reuse",
    Kind.ADOPT: "to adopt",
    Kind.MOVE: "to move",
    Kind.FORGET: "to forget",
    Kind.BLOCKED: "blocked",
}
_COMMAND = re.compile(r"^(\s*)(::)", re.MULTILINE)
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_FRACTION = re.compile(r"\.\d+(?=Z$)")
_AS_THEY_ARE = (str, int)
_MINUTE, _HOUR = 60, 3600


def guard(block: str) -> str:
    """Return text in which a CI runner finds no command.

    GitHub's runner obeys lines that begin with ``::`` after white space, and ``##[`` wherever it stands
    (actions/runner, ActionCommand.TryParseV2 and TryParse).
    """
    return _COMMAND.sub(r"\1\\\2", block).replace("##[", "##\\[")


def plan_line(plan: Plan) -> str:
    """Return the sentence that the text view of a plan ends with, without the rare kinds that do not occur."""
    counts = plan.summary
    parts = [f"{counts[kind]} to {kind.value}" for kind in _ALWAYS]
    parts += [f"{counts[kind]} {words}" for kind, words in _SOMETIMES.items() if counts[kind]]
    return f"Plan: {', '.join(parts)}."


def unchanged_line(plan: Plan) -> str:
    """Return the sentence that stands first when there is nothing to do."""
    models = f"{count(plan.unchanged, 'model')} {'is' if plan.unchanged == 1 else 'are'} as the manifests ask"
    selected = " (of those selected)" if plan.scope.selects else ""
    if plan.left_out:
        return f"No changes. There is no drift to mend{selected}; what else there is to do is left out."
    pinned = f", {len(plan.pinned):,} pinned by a rollback" if plan.pinned else ""
    return f"No changes. {models}{pinned}{selected}."


def selection_text(scope: Scope) -> str:
    """Return in what a plan is partial, or nothing if it is whole."""
    parts = ["the other models were not looked at"] if scope.selects else []
    if scope.only is not None:
        cost = "new models of what is missing included" if scope.max_effect == Effect.REPLACE else "by patches alone"
        parts.append(f"only drift is mended, {cost}")
    return "; ".join(parts)


def count(number: int, noun: str) -> str:
    """Return ``1 model`` or ``5 models``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def is_paid(action: Action, change: Change) -> bool:
    """Tell whether a change costs a new training; what is reused was paid for long ago."""
    return change.effect == Effect.REPLACE and action.kind is not Kind.REUSE


def steps_text(steps: Steps) -> str:
    """Return how many tuning steps something buys."""
    return f"{steps.least:,}" if steps.exact is not None else f"{steps.least:,} to {steps.most:,}"


def short_digest(digest: str) -> str:
    """Return a digest cut to what tells two apart at a glance."""
    return clip(sanitize(digest), len("sha256:") + 13)


DATASET = "spec.dataset"
"""The path under which a plan has the change of a dataset."""


def dataset_text(dataset: Dataset, before: Dataset | None, data: DataChange | None = None) -> str:
    """Return a dataset in a few words; if it is another one than before, how much of it, and both digests at the end.

    ``data`` is what is known of the rows.
    """
    if before is None or before == dataset:
        return f"{_held(dataset)}, {short_digest(dataset.digest)}"
    rows = "" if data is None else f"{':' if data.rows is not None else ';'} {data_text(data)}"
    return f"{_moved(before, dataset)}{rows} ({short_digest(before.digest)} -> {short_digest(dataset.digest)})"


def moved_dataset(action: Action) -> Change | None:
    """Return the change of an action's dataset, where ``dataset_text`` tells all of it."""
    if not action.data_moved:
        return None
    return next((change for change in action.changes if change.path == DATASET), None)


def _moved(before: Dataset, now: Dataset) -> str:
    if not (before.counted and now.counted):
        return f"{_held(before)} -> {_held(now)}"
    return _held(now) if before.examples == now.examples else f"{before.examples:,} -> {_held(now)}"


def _held(dataset: Dataset) -> str:
    return count(dataset.examples, "example") if dataset.counted else sanitize(dataset.uri or "not counted")


def upload_text(action: Action) -> str | None:
    """Return where an action puts its dataset before it trains, if it does."""
    dataset = action.dataset
    if dataset is None or dataset.uri is None or not dataset.counted or action.kind not in TRAINS:
        return None
    return f"{sanitize(dataset.uri)}, unless it is there"


def data_text(change: DataChange) -> str:
    """Return what changed in a dataset in a few words."""
    rows = change.rows
    if rows is None:
        return f"what changed is not known: {sanitize(change.unknown or 'there was nothing to compare with')}"
    counts = ((rows.added, "added"), (rows.removed, "removed"), (rows.changed, "changed"))
    said = ", ".join(f"{number:,} {word}" for number, word in counts if number) or "the same rows in another order"
    if rows.duplicates or rows.duplicates_before:
        said += f"; {count(rows.duplicates, 'duplicate')}, {rows.duplicates_before:,} before"
    return said


def remote_text(remote: Remote) -> str:
    """Return which remote a plan or lockfile speaks of."""
    parts = (remote.type, remote.endpoint, remote.project, remote.location)
    return sanitize(" ".join(part for part in parts if part))


def value_text(value: Json) -> str:
    """Return a field's value on one line: JSON, with what is not set in words."""
    if value is None:
        return "(not set)"
    return sanitize(json.dumps(_plain(value), ensure_ascii=False, sort_keys=True))


def change_text(before: Json, after: Json, *, limit: int) -> tuple[str, str]:
    """Return both values of a change, each at most ``limit`` characters, cut so that the difference stays in sight."""
    left, right = _digest_text(before), _digest_text(after)
    if len(left) <= limit and len(right) <= limit:
        return left, right
    same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = max(0, min(same - limit // 3, max(len(left), len(right)) - limit))
    return _window(left, start, limit), _window(right, start, limit)


def _digest_text(value: Json) -> str:
    """Return a value as it stands in a change: a digest as everywhere else, cut and without quotes."""
    digest = isinstance(value, str) and _DIGEST.fullmatch(value) is not None
    return short_digest(str(value)) if digest else value_text(value)


def time_text(time: str | None) -> str:
    """Return a time of the service to the second; nobody reads its fractions."""
    return sanitize(_FRACTION.sub("", time or ""))


def seconds_text(seconds: float) -> str:
    """Return a span of time, exact enough to plan a coffee by: ``42s``, ``3m 10s``, ``2h 05m``."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"


def json_text(document: Mapping[str, Json], *, indent: int | None = 2) -> str:
    """Return a document as ASCII JSON: what is hidden or commanding in its strings stays escaped.

    Numbers that JSON does not have become null. Two signs that CI runners look for are escaped as well, which changes
    no value: outside of strings JSON has no ``#``.
    """
    text = json.dumps(_plain(document), indent=indent, allow_nan=False)
    return text.replace("##[", "\\u0023#[")


def bullets(lines: Iterable[str], *, cap: int) -> list[str]:
    """Return at most ``cap`` lines, the last one saying how many were left out."""
    found = list(lines)
    return found if len(found) <= cap else [*found[: cap - 1], f"and {len(found) - cap + 1:,} more"]


def _window(text: str, start: int, limit: int) -> str:
    return clip(text if start == 0 else f"…{text[start + 1 :]}", limit)


def _plain(value: object) -> object:
    """Copy a value into plain dicts and lists that ``json`` takes."""
    if value is None or isinstance(value, _AS_THEY_ARE):  # first, because most are, and abstract types take their time
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if type(value) is dict or isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, Sequence) else value


def outgoing_text(action: Action) -> str:
    """Return what else goes once an action's model serves."""
    kept = action.lifecycle is not None and action.lifecycle.deletion == "retain"
    models = ", ".join(map(sanitize, action.outgoing))
    return f"{'lets go of' if kept else 'deletes'} {models} once the new one serves; kept no longer"


def titled(resource: str, display_name: str) -> str:
    """Return a resource with its display name in brackets, on one line; without them if it has none."""
    name = clip(sanitize(display_name), 60).strip()
    return f"{sanitize(resource)} ({name})" if name else sanitize(resource)
