"""A lockfile made anew from what the manifests ask for and what the remote shows, after the old one was lost.

The ids of our models follow from the manifests, so every attempt of what they ask for now is found, also under a name
that has no manifest any more, as far as it stands in the id whole: that was a rename. The rest is not guessed: what no
manifest leads to is listed, and what the listing cannot show is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.core.address import looks_like_ours, remote_id, short, stem_in, stem_of
from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.observation import ModelState, Observation, Observed
from reconciler.core.ordering import parents_first
from reconciler.core.resource import Capabilities, Desired, Remote
from reconciler.core.revision import compatible, revision_of
from reconciler.core.upkeep.adoption import adopted, obstacle
from reconciler.core.upkeep.attempts import Attempt, attempts_in, instance_of


@dataclass(frozen=True, slots=True)
class Identity:
    """What our ids are made of besides names and revisions: the remote, and the tunectl project."""

    remote: Remote
    project: str
    capabilities: Capabilities

    def resource(self, name: str, revision: str) -> str:
        """Return the resource name of the first attempt of a revision."""
        return self.capabilities.resource_prefix + remote_id(
            remote_project=self.remote.project, project=self.project, name=name, revision=revision
        )


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A lockfile made anew, and what it does not say.

    ``missing`` are manifests of which no model was found. ``doubts`` are sentences on what cannot be known.
    ``orphaned`` are resources with an id of our shape that no manifest leads to.
    """

    lockfile: Lockfile
    missing: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    orphaned: tuple[str, ...] = ()


@dataclass(slots=True)
class _Ledger:
    """What is known while the manifests are gone through, parents first."""

    revisions: dict[str, str] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    claimed: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def first_ids(desired: Iterable[Desired], identity: Identity) -> dict[str, tuple[str, ...]]:
    """Map each manifest's name to the resources its first attempts have, under its own name and under former ones."""
    revisions: dict[str, str] = {}
    found = {}
    for manifest in parents_first(tuple(desired)):
        revision = _revision(manifest, revisions)
        revisions[manifest.name] = revision
        names = dict.fromkeys((manifest.name, *manifest.previous_names))
        found[manifest.name] = tuple(identity.resource(name, revision) for name in names)
    return found


def rebuild(
    desired: Iterable[Desired], observed: Observed, identity: Identity, *, taken_over: Mapping[str, str] | None = None
) -> Rebuilt:
    """Return the lockfile that the manifests and the remote amount to.

    Of all attempts of what a manifest asks for, the newest one that is ready serves; a newer one that is still being
    tuned is its candidate; those that failed are recorded as such, and other ready ones as retained, so that nothing
    is deleted that nobody has looked at.

    Args:
        desired: all manifests, specs normalised by the provider, sources known and acyclic, names unique.
        observed: the listing, completed by a look at the ids of ``first_ids`` that it lacked.
        identity: what ids are made of.
        taken_over: the model that each name had taken over and that served last, as the log of lineage tells it. The
            ids of such models follow from nothing.
    """
    manifests = parents_first(tuple(desired))
    ids = first_ids(manifests, identity)
    ledger = _Ledger()
    attempts = attempts_in(observed)
    renamed, unclear = _renamed(manifests, ids, attempts, identity)
    ids = {name: (*firsts, *renamed.get(name, ())) for name, firsts in ids.items()}
    claims = Counter(first for firsts in ids.values() for first in firsts)
    for manifest in manifests:
        ledger.revisions[manifest.name] = _revision(manifest, ledger.revisions)
        own, *former = ids[manifest.name]
        firsts = [own, *(first for first in former if claims[first] == 1)]
        live = [attempt for first in firsts for attempt in attempts.get(first, ())]
        _record(manifest, [a for a in live if _fits(manifest, a.seen, ledger)], ledger)
        if manifest.name in renamed and manifest.name in ledger.entries:
            ledger.doubts.append(_taken_for_rename(manifest.name, renamed[manifest.name][0]))
        if manifest.name not in ledger.entries:
            _take_over_again(manifest, observed.get((taken_over or {}).get(manifest.name, "")), ledger)
    ledger.doubts += _contested(ids, claims, attempts)
    ledger.doubts += unclear
    strange = [(r, seen) for r, seen in sorted(observed.models.items()) if r not in ledger.claimed and not seen.record]
    orphaned = tuple(resource for resource, seen in strange if looks_like_ours(resource))
    ledger.doubts += _other_revisions(manifests, orphaned, observed)
    return Rebuilt(
        lockfile=Lockfile(remote=identity.remote, models=dict(sorted(ledger.entries.items()))),
        missing=tuple(sorted(manifest.name for manifest in manifests if manifest.name not in ledger.entries)),
        doubts=tuple(ledger.doubts),
        orphaned=orphaned,
    )


def _take_over_again(manifest: Desired, seen: Observation | None, ledger: _Ledger) -> None:
    """Record the model that a name had taken over, if it is still one the manifest may have; else say what helps."""
    name = manifest.name
    if (
        seen is not None
        and obstacle(seen) is None
        and seen.resource not in ledger.claimed
        and _fits(manifest, seen, ledger)
    ):
        parent = None if manifest.parent is None else ledger.revisions[manifest.parent]
        ledger.entries[name] = adopted(manifest, seen, parent_revision=parent)
        ledger.claimed[seen.resource] = name
        ledger.doubts.append(
            f"{name}: {seen.resource} had been taken over, as the lineage tells, and is recorded again"
        )
    elif manifest.dataset is None and manifest.parent is None:
        ledger.doubts.append(
            f"{name}: names no dataset, so its model was made elsewhere, and its id follows from nothing here; "
            f"`tunectl adopt {name} RESOURCE` takes it over again, `tunectl drift` lists what nothing manages"
        )


def _renamed(
    manifests: Iterable[Desired],
    ids: Mapping[str, tuple[str, ...]],
    attempts: Mapping[str, object],
    identity: Identity,
) -> tuple[dict[str, tuple[str]], list[str]]:
    """Find manifests without a model whose very revision was made under a name that no manifest has or had.

    The stem of an id is the name, unless that was cut; together with a manifest's revision it proves itself by its
    hash. As in a plan (``core.renames``), only a match of one with one counts.

    Returns the first id of each match by the manifest's name, and a sentence on each that is none.
    """
    names = {name for manifest in manifests for name in (manifest.name, *manifest.previous_names)}
    stems = {stem_in(first) for first in attempts} - names
    revisions: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for manifest in manifests:
        revision = revisions[manifest.name] = _revision(manifest, revisions)
        if not any(first in attempts for first in ids[manifest.name]):
            made = (identity.resource(stem, revision) for stem in sorted(stems))
            found[manifest.name] = [first for first in made if first in attempts]
    rivals: dict[str, list[str]] = {}
    for name, firsts in found.items():
        for first in firsts:
            rivals.setdefault(first, []).append(name)
    single = {name: (firsts[0],) for name, firsts in found.items() if len(firsts) == 1 and len(rivals[firsts[0]]) == 1}
    return single, [
        f"{', '.join(sorted(news))}: {short(first)} is of this very revision and was made under the name "
        f"{stem_in(first)}, which has no manifest any more; which was renamed to which cannot be known: say it with "
        "metadata.previousNames and rebuild again"
        for first, news in sorted(rivals.items())
        if not any(name in single for name in news)
    ]


def _taken_for_rename(name: str, first: str) -> str:
    old = stem_in(first)
    return (
        f"{name}: {short(first)} is of this very revision and was made under the name {old}, which has no manifest any "
        f"more, so it is taken for a rename; metadata.previousNames: [{old}] says so for good"
    )


def _revision(manifest: Desired, revisions: Mapping[str, str]) -> str:
    parent = None if manifest.parent is None else revisions[manifest.parent]
    return revision_of(manifest.spec, manifest.dataset, parent_revision=parent)


def _contested(
    ids: Mapping[str, tuple[str, ...]], claims: Mapping[str, int], attempts: Mapping[str, object]
) -> Iterator[str]:
    """Say of what is there under a former name that more than one manifest may have had: nobody gets it."""
    own = {firsts[0] for firsts in ids.values()}
    for first in sorted(claims):
        if claims[first] > 1 and first in attempts and first not in own:
            names = ", ".join(sorted(name for name, firsts in ids.items() if first in firsts))
            yield (
                f"{names}: {short(first)} was made under a name that all of them had; leave it in one "
                "metadata.previousNames and rebuild again"
            )


def _fits(manifest: Desired, seen: Observation, ledger: _Ledger) -> bool:
    """Tell whether a live model could be what the manifest asks for; its parent may be any attempt of the parent's."""
    entry = None if manifest.parent is None else ledger.entries.get(manifest.parent)
    parents = (None,) if entry is None else tuple(instance.resource for instance in entry.instances())
    return any(compatible(manifest, seen, parent_resource=parent) for parent in parents)


def _record(manifest: Desired, attempts: list[Attempt], ledger: _Ledger) -> None:
    """Enter what was found of one manifest, and say what of it is a guess."""
    attempts.sort(key=lambda attempt: attempt.age, reverse=True)
    ready = [a for a in attempts if a.seen.state is ModelState.READY]
    failed = [a for a in attempts if a.seen.state is ModelState.FAILED]
    unfinished = [a for a in attempts if a not in ready and a not in failed]
    making = [a for a in unfinished[:1] if not ready or a.age > ready[0].age]
    current = next(iter((*ready, *making, *failed)), None)
    if current is None:
        return
    candidate = making[0] if ready and making else None
    kept = [current, *ready[1:], *making, *failed]
    ledger.claimed.update((attempt.seen.resource, manifest.name) for attempt in kept)

    def instance(attempt: Attempt) -> Instance:
        return instance_of(manifest, attempt, ledger.revisions[manifest.name])

    ledger.entries[manifest.name] = Entry(
        current=instance(current),
        candidate=None if candidate is None else instance(candidate),
        retained=tuple(instance(attempt) for attempt in ready[1:]),
        failed=tuple(instance(attempt) for attempt in reversed(failed) if attempt is not current),
        protect=manifest.lifecycle.protect,
        deletion=manifest.lifecycle.deletion,
    )
    ledger.doubts += _guesses(manifest, ready, [a for a in unfinished if a not in making])


def _guesses(manifest: Desired, ready: list[Attempt], left_out: list[Attempt]) -> Iterator[str]:
    name = manifest.name
    if len(ready) > 1:
        others = ", ".join(short(attempt.seen.resource) for attempt in ready[1:])
        yield (
            f"{name}: {len(ready)} models of this revision are ready, and which of them served cannot be known; "
            f"{short(ready[0].seen.resource)} is the newest and serves, {others} retained"
        )
    if ready and manifest.gate:
        yield f"{name}: whether {short(ready[0].seen.resource)} had passed its gate cannot be known; it serves"
    for attempt in left_out:
        yield (
            f"{name}: {short(attempt.seen.resource)} is still being tuned although a newer one is there; "
            "it is not recorded"
        )


def _other_revisions(manifests: Iterable[Desired], orphaned: Iterable[str], observed: Observed) -> Iterator[str]:
    """Say of which manifests there are models of other revisions: what those were made of is not kept anywhere."""
    by_stem: dict[str, list[str]] = {}
    for resource in orphaned:
        by_stem.setdefault(stem_in(resource), []).append(resource)
    for manifest in sorted(manifests, key=lambda manifest: manifest.name):
        stems = dict.fromkeys(stem_of(name) for name in (manifest.name, *manifest.previous_names))
        found = [resource for stem in stems for resource in by_stem.get(stem, ())]
        if found:
            listed = ", ".join(f"{short(r)} ({observed.models[r].state.value})" for r in found)
            yield (
                f"{manifest.name}: {listed} may be of another revision of it; the data and settings that led there "
                "are not kept anywhere, nor whether it served. With the manifest and the data as they were then, "
                "it is found"
            )
