"""Mending what changed outside and nothing else: which actions of a plan do just that, and which of them wait.

``--only drift`` asks for it. A value that somebody changed on the service is put back by a patch; with ``--max-effect
replace`` a model that somebody deleted is tuned again, provided that its manifest still asks for the very revision that
served. Everything else waits for a plan without ``--only``: it would train, delete, or carry out what the manifests
want now and nobody has applied yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.core.lockfile import Entry, Lockfile
from reconciler.core.observation import Observed
from reconciler.core.plan import TRAINS, Action, Change, Drift, Kind
from reconciler.core.planning.comparison import listed
from reconciler.core.resource import Effect

__all__ = ["EFFECTS", "ONLY", "heal", "left_out", "standing"]

ONLY = "drift"
"""What ``--only`` takes."""
EFFECTS = (Effect.UPDATE.value, Effect.REPLACE.value)
"""What ``--max-effect`` takes: mend by patches, or by new models too."""
_PATCHED = frozenset({"changed", "widened", "narrowed"})
_RECREATE = frozenset({*TRAINS, Kind.REUSE})


def standing(recorded: Lockfile, observed: Observed) -> frozenset[str]:
    """Return the names that are to stay at the revision that serves: all that serve and are still there."""
    return frozenset(
        name
        for name, entry in recorded.models.items()
        if entry.serves and observed.get(entry.current.resource) is not None
    )


def heal(
    actions: Iterable[Action],
    drift: Iterable[Drift],
    entries: Mapping[str, Entry],
    *,
    effect: str,
    except_for: frozenset[str] = frozenset(),
) -> tuple[Action, ...]:
    """Return the actions that mend drift, each cut down to the fields that drifted.

    Args:
        actions: those of a plan in which every name that stands keeps its revision.
        drift: what changed outside and counts.
        entries: the lockfile's, renames carried out.
        effect: the most that mending may cost, one of ``EFFECTS``.
        except_for: names that wait whatever drifted of them, because their entry is about to be renamed.
    """
    changed: dict[tuple[str, str | None], set[str | None]] = {}
    missing = set()
    for item in drift:
        if item.kind in _PATCHED:
            changed.setdefault((item.name, item.resource), set()).add(item.path)
        elif item.kind == "missing" and effect == Effect.REPLACE:
            missing.add(item.name)
    kept = []
    for action in actions:
        if action.name in except_for:
            continue
        if action.kind is Kind.UPDATE:
            mended = tuple(c for c in action.changes if c.path in changed.get((action.name, action.resource), ()))
            if mended:
                kept.append(_narrowed(action, mended, "changed outside:"))
        elif action.kind in _RECREATE and action.name in missing and _is_lost(action, entries.get(action.name)):
            kept.append(action)
    return tuple(kept)


def left_out(actions: Iterable[Action], kept: Iterable[Action]) -> tuple[Action, ...]:
    """Return what a plan without ``--only`` would do and the mending does not."""
    done = {(action.name, action.kind, action.resource): action for action in kept}
    waiting = []
    for action in actions:
        same = done.get((action.name, action.kind, action.resource))
        if same is None:
            waiting.append(action)
            continue
        rest = tuple(change for change in action.changes if change not in same.changes)
        if rest:
            waiting.append(_narrowed(action, rest, "differs in"))
    return tuple(waiting)


def _narrowed(action: Action, changes: tuple[Change, ...], reason: str) -> Action:
    """Return an update of some fields; dataset, gate and lifecycle of a manifest that moved on are no part of it."""
    reason = f"{reason} {listed(changes)}"
    return replace(
        action, changes=changes, reason=reason, heals=True, dataset=None, dataset_before=None, gate=None, lifecycle=None
    )


def _is_lost(action: Action, entry: Entry | None) -> bool:
    """Tell whether an action brings back the very model that served and is gone."""
    return entry is not None and entry.serves and action.revision == entry.current.revision
