"""What nobody needs any more: the plan of ``tunectl gc``. It never touches what serves or is in the making.

Of names that have a manifest, these are let go of: models that were replaced, more former models than are to be kept,
and attempts that failed or were rejected and whose revision nobody asks for any more. While it is asked for, the record
of a failure is what keeps the revision from being bought again, and a rejected model may yet pass another gate.

A model under an id of our shape that nothing records is *orphaned*. It is ours only if its id follows from a name and a
revision that are known here, and if it is what that revision is made of, or the log of lineage tells that we made it. A
shape proves nothing, and an id alone does not: anybody can take one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.address import looks_like_ours, remote_id, short, split_attempt, stem_in, stem_of
from reconciler.core.lockfile import Entry, Instance, InstanceState, Lockfile
from reconciler.core.observation import Observed
from reconciler.core.plan import Action, Kind, Plan
from reconciler.core.planning.build import Policy
from reconciler.core.planning.disposal import RETAIN, beyond, disposal, surplus
from reconciler.core.planning.policy import violations
from reconciler.core.resource import Desired
from reconciler.core.revision import Wanted, compatible, wanted_revisions
from reconciler.core.scope import choose
from reconciler.core.upkeep.rollback import short_revision
from reconciler.errors import Problem, Violation


@dataclass(frozen=True, slots=True)
class Past:
    """What the log of lineage tells of resources.

    ``made`` maps those that we made, and of which it does not tell that they are gone, to the names and revisions they
    had; ``forgotten`` are those that were let go of on purpose.
    """

    made: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    forgotten: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose a resource with an id of ours is: the name and the revision that its id follows from."""

    name: str
    revision: str


def collect(
    desired: Iterable[Desired],
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    *,
    past: Past | None = None,
    orphans: bool = False,
) -> Plan:
    """Return the plan that removes what nobody needs.

    Args:
        desired: all manifests, specs normalised by the provider, sources known and acyclic, names unique.
        recorded: the lockfile. Names without a manifest are left to an apply, which removes or renames them.
        observed: the listing, with a GET done for each recorded model that it lacked.
        policy: its scope says which names to look at; its limits hold.
        past: what is known besides manifests and lockfile.
        orphans: whether orphaned models that are proven to be ours are removed as well; else they are only named.
    """
    manifests = tuple(sorted(desired, key=lambda manifest: manifest.name))
    chosen = choose(policy.scope, manifests)
    wanted = wanted_revisions(manifests, recorded, observed.models)
    actions = [
        action
        for manifest in manifests
        if chosen(manifest.name) and manifest.name in recorded.models
        for action in _former(manifest, recorded.models[manifest.name], wanted[manifest.name], observed)
    ]
    found, warnings = _orphans(manifests, recorded, observed, policy, wanted, past or Past(), orphans=orphans)
    found = [action for action in found if chosen(action.name)]
    refused = [_NOTHING_RECORDED] if found and not recorded.models else []
    actions += found
    return Plan(
        project=policy.project,
        remote=recorded.remote,
        actions=tuple(sorted(actions, key=lambda action: action.name)),
        warnings=tuple(warnings),
        violations=(*refused, *violations(actions, recorded.models, policy.limits)),
        scope=policy.scope,
        lineage=recorded.lineage or None,
        serial=recorded.serial,
    )


_NOTHING_RECORDED = Violation(
    "the lockfile records no model at all, so it cannot be told what is orphaned and what merely lost its record; "
    "`tunectl lock rebuild` or `tunectl apply` first",
    rule="lockfile",
)


def _former(manifest: Desired, entry: Entry, wanted: Wanted, observed: Observed) -> Iterator[Action]:
    """Yield what is done about the former models of a name."""
    retain, keep = manifest.lifecycle.retain, manifest.lifecycle.deletion == RETAIN
    surplus_ones = surplus(entry, retain, observed)
    reasons: list[tuple[tuple[Instance, ...], str]] = [
        (entry.deposed, "was replaced"),
        (surplus_ones, beyond(retain)),
        (entry.failed, "failed, and its revision is not asked for any more"),
        (entry.rejected, "was rejected, and its revision is not asked for any more"),
    ]
    for instances, reason in reasons:
        for instance in _unwanted(instances, entry, wanted):
            seen = observed.get(instance.resource)
            action = disposal(manifest.name, instance, seen, reason, cleanup=True, keep=keep)
            yield action if seen is not None else _gone(action)
    for instance in entry.retained:
        if observed.get(instance.resource) is None:
            yield _gone(disposal(manifest.name, instance, None, "was kept", cleanup=True))


def _gone(action: Action) -> Action:
    return replace(action, kind=Kind.FORGET, reason=f"{action.reason}; it is gone from the remote already")


def _unwanted(instances: Iterable[Instance], entry: Entry, wanted: Wanted) -> tuple[Instance, ...]:
    """Return those that nobody asks for: another revision is wanted, or a model of that one serves.

    What is asked for is taken up by an apply, or keeps it from buying the same again.
    """
    current = entry.current
    served = {current.revision} if current.state is InstanceState.READY else set()
    needed = {wanted.revision, wanted.asked} - served
    return tuple(instance for instance in instances if instance.revision not in needed)


def _orphans(
    manifests: tuple[Desired, ...],
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    wanted: Mapping[str, Wanted],
    past: Past,
    *,
    orphans: bool,
) -> tuple[list[Action], list[Problem]]:
    """Return the removal of orphaned models that are ours, if asked for, and a sentence on each that stays."""
    known = recorded.resources()
    trace = _tracer(manifests, recorded, observed, policy, wanted, past)
    actions, said = [], []
    for resource in sorted(observed.models):
        if resource in known or not looks_like_ours(resource):
            continue
        origin = trace(resource)
        if origin is None:
            said.append(_note(resource, "its id is like ours, but nothing known here proves that we made it; it stays"))
        elif resource in past.forgotten:
            said.append(_note(resource, f"it was let go of on purpose, as a model of {origin.name}; it stays"))
        elif _is_wanted(origin, manifests, recorded, wanted):
            said.append(_note(resource, f"{origin.name} asks for this very revision; `tunectl apply` takes it up"))
        elif orphans:
            actions.append(_removal(resource, origin))
        else:
            made = f"made for {origin.name}, revision {short_revision(origin.revision)}"
            said.append(_note(resource, f"{made}, and recorded nowhere; `tunectl gc --orphans` deletes it"))
    return actions, said


def _tracer(
    manifests: tuple[Desired, ...],
    recorded: Lockfile,
    observed: Observed,
    policy: Policy,
    wanted: Mapping[str, Wanted],
    past: Past,
) -> Callable[[str], Origin | None]:
    """Return what finds the name and the revision that a resource was made for, if that can be proven.

    A name that is not known any more stands in the id itself if it is short enough not to be cut.
    """
    stems: dict[str, set[str]] = {}
    for name in {*recorded.models, *(n for m in manifests for n in (m.name, *m.previous_names))}:
        stems.setdefault(stem_of(name), set()).add(name)
    specs = {i.revision: i.spec for entry in recorded.models.values() for i in entry.instances()}
    specs.update((wanted[manifest.name].asked, manifest.spec) for manifest in manifests)

    def follows(resource: str, name: str, revision: str) -> bool:
        project = recorded.remote.project
        made = remote_id(remote_project=project, project=policy.project, name=name, revision=revision)
        return made == short(split_attempt(resource)[0])

    def trace(resource: str) -> Origin | None:
        for name, revision in sorted(past.made.get(resource, ())):
            if follows(resource, name, revision):
                return Origin(name, revision)
        stem = stem_in(resource)
        for name in sorted({stem, *stems.get(stem, ())}):
            for revision, spec in specs.items():
                if follows(resource, name, revision):
                    ours = compatible(Desired(name=name, spec=spec), observed.models[resource])
                    return Origin(name, revision) if ours else None
        return None

    return trace


def _is_wanted(origin: Origin, manifests: Iterable[Desired], recorded: Lockfile, wanted: Mapping[str, Wanted]) -> bool:
    """Tell whether a manifest asks for what an orphaned model is, and has no model of it that serves."""
    for manifest in manifests:
        goal = wanted[manifest.name]
        if origin.name in {manifest.name, *manifest.previous_names} and origin.revision in {goal.revision, goal.asked}:
            entry = recorded.models.get(manifest.name)
            serves = entry is not None and entry.serves
            return not (serves and entry is not None and entry.current.revision == origin.revision)
    return False


def _removal(resource: str, origin: Origin) -> Action:
    revision = short_revision(origin.revision)
    return Action(
        name=origin.name,
        kind=Kind.DELETE,
        reason=f"is orphaned: its id is that of {origin.name}, revision {revision}, and nothing records or needs it",
        resource=resource,
        revision=origin.revision,
        attempt=split_attempt(resource)[1],
        cleanup=True,
    )


def _note(resource: str, text: str) -> Problem:
    return Problem(None, f"{short(resource)}: orphaned; {text}", severity="warning")
