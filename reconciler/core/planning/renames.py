"""Renames: a manifest that got another name keeps its model, free of charge.

A rename is declared by ``previousNames``, or inferred when exactly one removed name's current revision equals exactly
one added name's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.lockfile import Entry, Lockfile
from reconciler.core.ordering import parents_first
from reconciler.core.plan import Action, Kind
from reconciler.core.resource import Desired
from reconciler.core.revision import revision_of
from reconciler.errors import Violation


@dataclass(frozen=True, slots=True)
class Renames:
    """What the renames of a plan come to.

    ``recorded`` is the lockfile with the entries under their new names; ``claimed`` are removed names that a manifest
    outside the scope may be the new name of, or of which nobody can say what became: they are not to be deleted.
    """

    recorded: Lockfile
    moves: tuple[Action, ...] = ()
    claimed: frozenset[str] = frozenset()
    ambiguous: tuple[Violation, ...] = ()


def find_renames(manifests: tuple[Desired, ...], recorded: Lockfile, chosen: Callable[[str], bool]) -> Renames:
    """Find the renames among all manifests, and carry out in the lockfile those of names in scope (``chosen``)."""
    wanted = {manifest.name for manifest in manifests}
    removed = {name for name in recorded.models if name not in wanted}
    added = {m.name: m for m in sorted(manifests, key=lambda m: m.name) if m.name not in recorded.models}
    if not added or not removed:
        return Renames(recorded)
    declared = _declared(added.values(), removed)
    settled = {news[0]: old for old, news in declared.items() if len(news) == 1}
    unclear = [([old], news, _RIVALS) for old, news in declared.items() if len(news) > 1]
    silent = {name for name in added if not any(name in news for news in declared.values())}
    inferred, doubles = _inferred(manifests, recorded, removed - declared.keys(), silent, settled)
    unclear += [(olds, news, _DOUBLES) for olds, news in doubles]
    pairs = {**settled, **inferred}
    moved = {old: new for new, old in sorted(pairs.items()) if chosen(new)}
    doubtful = [case for case in unclear if any(chosen(name) for name in (*case[0], *case[1]))]
    return Renames(
        recorded=recorded.rename_all(moved) if moved else recorded,
        moves=tuple(_move(old, new, recorded, declared=new in settled) for old, new in moved.items()),
        claimed=frozenset({*pairs.values(), *(old for olds, _, _ in unclear for old in olds)} - moved.keys()),
        ambiguous=tuple(
            Violation(
                text.format(", ".join(news), ", ".join(olds)),
                added[news[0]].locate("metadata.previousNames" if text is _RIVALS else "metadata.name"),
                rule="metadata.previousNames",
            )
            for olds, news, text in doubtful
        ),
    )


_RIVALS = "{0}: all name {1} in metadata.previousNames, and only one of them can be it; leave it in one"
_DOUBLES = "{0}: of the same revision as the removed {1}; say which is which with metadata.previousNames"


def _declared(added: Iterable[Desired], removed: set[str]) -> dict[str, list[str]]:
    """Map each removed name to the manifests that name it in previousNames; a manifest claims the first it can."""
    claims: dict[str, list[str]] = {}
    for manifest in added:
        old = next((name for name in manifest.previous_names if name in removed), None)
        if old is not None:
            claims.setdefault(old, []).append(manifest.name)
    return claims


def _inferred(
    manifests: tuple[Desired, ...], recorded: Lockfile, removed: set[str], added: set[str], settled: Mapping[str, str]
) -> tuple[dict[str, str], list[tuple[list[str], list[str]]]]:
    """Match added manifests with removed entries of the same revision; only a match of one with one counts.

    Returns the matches, new to old, and the groups of old and new names that could be matched in more than one way.
    """
    if not removed or not added:
        return {}, []
    groups: dict[str, tuple[list[str], list[str]]] = {}
    for name in sorted(removed):
        groups.setdefault(_applied(recorded.models[name])[0], ([], []))[0].append(name)
    asked: dict[str, tuple[str, ...]] = {}
    for manifest in parents_first(manifests):
        entry = recorded.models.get(settled.get(manifest.name, manifest.name))
        if entry is not None:
            asked[manifest.name] = _applied(entry)
            continue
        parents = (None,) if manifest.parent is None else asked[manifest.parent]
        made = [revision_of(manifest.spec, manifest.dataset, parent_revision=parent) for parent in parents]
        asked[manifest.name] = tuple(made)
        known = next((revision for revision in made if revision in groups), None)
        if manifest.name in added and known is not None:
            groups[known][1].append(manifest.name)
    matched = [(olds, sorted(news)) for olds, news in groups.values() if news]
    single = {news[0]: olds[0] for olds, news in matched if len(olds) == len(news) == 1}
    return single, [(olds, news) for olds, news in matched if not len(olds) == len(news) == 1]


def _applied(entry: Entry) -> tuple[str, ...]:
    """Return the revision that the manifest of an entry asked for last, and the one a rollback keeps in its place."""
    current = entry.current.revision
    return (current,) if entry.pin_over is None else (entry.pin_over, current)


def _move(old: str, new: str, recorded: Lockfile, *, declared: bool) -> Action:
    current = recorded.models[old].current
    reason = (
        f"renamed from {old} (previousNames)"
        if declared
        else f"is of the same revision as {old}, which has no manifest any more, so it is taken for a rename; "
        f"metadata.previousNames: [{old}] says so for good"
    )
    return Action(new, Kind.MOVE, reason, resource=current.resource, previous_name=old, revision=current.revision)
