"""Manifests for models that have none: composed, tried against the planner, written, and adopted, in this order.

Files come before the lockfile. A kill in between leaves manifests of models that nothing records: a plan refuses to
tune them, since they have no dataset, and the same import again takes them up where it stopped. The other way round a
plan would see models whose manifests are gone, and delete them.
"""

from __future__ import annotations

import glob
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from reconciler.core.address import looks_like_ours
from reconciler.core.canonical import Json
from reconciler.core.lockfile import Entry, Lockfile
from reconciler.core.manifests import Manifests
from reconciler.core.observation import Observation, Observed
from reconciler.core.plan import Plan
from reconciler.core.planning.build import Policy, build_plan
from reconciler.core.resource import Desired
from reconciler.core.revision import compatible
from reconciler.core.showing.portrait import Portrait, portray
from reconciler.core.upkeep.adoption import adopted, choose_names, obstacle
from reconciler.engine import PARALLEL_READS
from reconciler.engine.looking.observe import observe_permissions
from reconciler.errors import FailedPrecondition, ProblemsError, TunectlError
from reconciler.manifest.compose import compose
from reconciler.manifest.writing import make_folder, take_away, take_folders_away, write_new
from reconciler.ports.provider import Provider
from reconciler.ports.store import Hold, Loaded, LockfileStore

__all__ = ["Draft", "Drafts", "Importing", "Skipped", "default_folder"]

_HEAD = (
    "There is no dataset: what it was tuned on is not looked for. Nothing can tune this model anew until spec.dataset",
    "names one, and naming one tunes nothing by itself; `tunectl apply --replace {name}` does.",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A manifest for a model. ``text`` is None if an import that was cut off has written it already."""

    seen: Observation
    desired: Desired
    entry: Entry
    path: str
    text: str | None

    @property
    def name(self) -> str:
        """The manifest's name."""
        return self.desired.name


@dataclass(frozen=True, slots=True)
class Skipped:
    """A model that is not imported, and why."""

    resource: str
    display_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drafts:
    """What an import comes to."""

    ready: tuple[Draft, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Importing:
    """One import: what it works with.

    ``draft`` reads the text of a manifest as if it stood in a file; ``folder`` is where new ones go, relative to the
    project; ``labels`` are given to each; ``former`` maps resources to names that they had before; ``shared`` asks for
    their permissions as well.
    """

    provider: Provider
    loaded: Loaded
    observed: Observed
    manifests: Manifests
    policy: Policy
    draft: Callable[[str, str], Desired]
    root: Path
    folder: str
    labels: Mapping[str, str] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False

    def prepare(self, models: Iterable[Observation], *, named: bool) -> Drafts:
        """Compose a manifest for each model and try it; nothing is written.

        Args:
            models: those to import, none of them recorded.
            named: whether the user has named them one by one; else models with an id of our shape are left alone,
                because another project may manage them.

        Raises:
            RemoteError: permissions cannot be read.
        """
        skipped = []
        fit = []
        for seen in models:
            why = obstacle(seen)
            if why is None and not named and looks_like_ours(seen.resource):
                why = "its id has the shape of tunectl's own, so another project may manage it; name it to import it"
            if why is None:
                fit.append(seen)
            else:
                skipped.append(_skipped(seen, why))
        drafts = []
        known = {manifest.name: manifest for manifest in self.manifests.desired}
        for seen, name in choose_names(self._with_permissions(fit), partial(self._is_free, known), former=self.former):
            try:
                drafts.append(self._draft(seen, name, known.get(name)))
            except ProblemsError as error:
                skipped.append(_skipped(seen, f"no manifest can say what it is: {error.problems[0]}"))
        ready, refused = self._tried(drafts)
        return Drafts(ready, tuple(sorted((*skipped, *refused), key=lambda each: each.resource)))

    def carry_out(
        self, drafts: Sequence[Draft], store: LockfileStore, hold: Hold, reload: Callable[[], Manifests]
    ) -> Lockfile:
        """Write the manifests, read them back, and record their models; return the lockfile as stored.

        Raises:
            TunectlError: a file is there already, or cannot be written, or the project does not read it. What this
                import has written by then is taken away again.
            LockHeld, StaleLockfile, StoreError: the models cannot be recorded. The files stay, since nobody can know
                whether that failed; the same import again goes on from them.
        """
        written: list[str] = []
        made = make_folder(self.root, self.folder)
        try:
            for draft in drafts:
                if draft.text is not None:
                    write_new(self.root, self.folder, posixpath.basename(draft.path), draft.text)
                    written.append(posixpath.basename(draft.path))
            self._check(drafts, reload())
            hold.check()
        except BaseException:
            for name in written:
                take_away(self.root, self.folder, name)
            take_folders_away(self.root, made)
            raise
        return store.save(self._recording(drafts), expect=self.loaded.version).lockfile

    def _with_permissions(self, models: Sequence[Observation]) -> list[Observation]:
        if not self.shared:
            return list(models)
        with ThreadPoolExecutor(PARALLEL_READS, thread_name_prefix="import") as pool:
            listed = pool.map(lambda seen: tuple(self.provider.permissions(seen.resource)), models)
            return [replace(seen, permissions=found) for seen, found in zip(models, listed, strict=True)]

    def _is_free(self, known: Mapping[str, Desired], name: str, seen: Observation) -> bool:
        """Tell whether nothing has a name, or nothing but a manifest that an import wrote before it was cut off."""
        if name in self.loaded.lockfile.models:
            return False
        manifest = known.get(name)
        return manifest is None or (manifest.dataset is None and manifest.parent is None and compatible(manifest, seen))

    def _draft(self, seen: Observation, name: str, known: Desired | None) -> Draft:
        if known is not None:
            place = known.locate("")
            return Draft(seen, known, adopted(known, seen), "" if place is None else place.file, None)
        path = posixpath.normpath(posixpath.join(self.folder, f"{name}.yaml"))
        portrait = portray(seen, self.policy.capabilities)
        made = "" if seen.create_time is None else f", made {seen.create_time}"
        text = compose(
            name,
            portrait.spec,
            folder=self.folder,
            head=[f"Imported: {seen.resource}{made}.", *(line.format(name=name) for line in _HEAD)],
            notes=portrait.left_out,
            labels=self.labels,
            lifecycle=_lifecycle(portrait),
        )
        desired = self.draft(path, text)
        return Draft(seen, desired, adopted(desired, seen), path, text)

    def _tried(self, drafts: Sequence[Draft]) -> tuple[tuple[Draft, ...], list[Skipped]]:
        """Plan as if all were adopted; who would then be changed, or refused, is not to be imported."""
        ours = {manifest.name for manifest in self.manifests.desired}
        desired = (*self.manifests.desired, *(draft.desired for draft in drafts if draft.name not in ours))
        amiss = _amiss(self._plan(drafts, desired))
        ready = tuple(draft for draft in drafts if draft.name not in amiss)
        return ready, [_skipped(draft.seen, amiss[draft.name]) for draft in drafts if draft.name in amiss]

    def _plan(self, drafts: Sequence[Draft], desired: tuple[Desired, ...]) -> Plan:
        recorded = self._recording(drafts)
        names = {draft.name for draft in drafts}
        observed = replace(self.observed, models={**self.observed.models, **{d.seen.resource: d.seen for d in drafts}})
        if not self.shared:
            observed = observe_permissions(self.provider, desired, recorded, observed, names.__contains__)
        return build_plan(desired, recorded, observed, self.policy)

    def _recording(self, drafts: Sequence[Draft]) -> Lockfile:
        recorded = self.loaded.lockfile
        return replace(recorded, models={**recorded.models, **{draft.name: draft.entry for draft in drafts}})

    def _check(self, drafts: Sequence[Draft], manifests: Manifests) -> None:
        """Make sure that the project reads what was written, before the lockfile relies on it."""
        read = {manifest.name for manifest in manifests.desired}
        unseen = [draft.path for draft in drafts if draft.name not in read]
        if unseen:
            raise FailedPrecondition(
                f"{unseen[0]}: spec.manifests of the project file does not lead there, so nothing would manage it",
                hint="choose a --dir that it names, or add the folder to spec.manifests",
            )
        amiss = _amiss(self._plan(drafts, manifests.desired))
        for draft in drafts:
            if draft.name in amiss:
                raise FailedPrecondition(f"{draft.name}: {amiss[draft.name]}", hint="import again")


def default_folder(patterns: Sequence[str], root: Path) -> str:
    """Return the first folder that the project reads manifests from.

    Raises:
        TunectlError: it names files and globs only.
    """
    for pattern in patterns:
        path = posixpath.normpath(pattern)
        if not glob.has_magic(path) and not path.endswith((".yaml", ".yml")) and not (root / path).is_file():
            return path
    raise TunectlError(
        "spec.manifests names no folder that new manifests could go to", hint="say with --dir where they are to go"
    )


def _amiss(plan: Plan) -> dict[str, str]:
    """Map names to what a plan has against them: a change, or a rule of the project."""
    found = {action.name: f"a plan would {action.kind.value} it: {action.reason}" for action in plan.actions}
    for violation in plan.violations:
        name = violation.message.partition(":")[0]
        found.setdefault(name, str(violation.message).removeprefix(f"{name}: "))
    return found


def _lifecycle(portrait: Portrait) -> dict[str, Json]:
    """Protect what cannot be made again: nobody has its data."""
    lifecycle: dict[str, Json] = {"protect": True}
    return lifecycle | ({"ignore": list(portrait.ignore)} if portrait.ignore else {})


def _skipped(seen: Observation, reason: str) -> Skipped:
    return Skipped(seen.resource, str(seen.spec.get("displayName") or ""), reason)
