"""Going back: which former models of a name may serve again, which of them is meant, and what the entry is then.

Only what served before can be gone back to; what failed or was rejected never served. Nothing is asked of the remote
here, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, Instance, InstanceState
from reconciler.core.succession import take_back, unpin
from reconciler.core.text import meant
from reconciler.errors import FailedPrecondition, UsageError

_HASH = "sha256:"
_SHOWN = 12
_FEWEST = 4
_ATTEMPT_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Rollback:
    """A switch to a former model of a name.

    ``asked`` is the revision that the manifest asks for. ``pinned`` says whether the former model is kept against it;
    ``replacement`` is what is being tuned for it meanwhile and takes over when it is ready. ``gone`` says that the
    serving model does not exist any more. ``before`` and ``after`` are the entry, ``after`` as it is to be written.
    """

    name: str
    before: Entry
    after: Entry
    asked: str
    gone: bool = False

    @property
    def source(self) -> Instance:
        """The model that serves until now."""
        return self.before.current

    @property
    def target(self) -> Instance:
        """The model that serves from now on."""
        return self.after.current

    @property
    def pinned(self) -> bool:
        """Whether the manifest asks for another revision, and is not to have it."""
        return self.after.pin is not None

    @property
    def replacement(self) -> Instance | None:
        """What is being tuned for the manifest and will take the target's place."""
        candidate = self.after.candidate
        return candidate if candidate is not None and candidate.revision == self.asked else None


def targets(entry: Entry) -> tuple[Instance, ...]:
    """Return the former models that may serve again, the one that served last first."""
    return tuple(instance for instance in entry.retained if instance.state is InstanceState.READY)


def find_target(name: str, entry: Entry, revision: str | None, *, retain: int) -> Instance:
    """Return the former model that is meant.

    Args:
        name: the manifest's name, for messages.
        entry: its entry.
        revision: the first characters of a revision's hash, the number of an attempt, or a resource name; None is what
            served last.
        retain: how many former models the manifest keeps.

    Raises:
        FailedPrecondition: nothing serves, or there is nothing to go back to.
        UsageError: no former model is meant, or more than one; the message lists them.
    """
    if not entry.serves:
        raise FailedPrecondition(
            f"{name}: {short(entry.current.resource)} is {entry.current.state.value} and serves nothing yet",
            hint="`tunectl apply` finishes it, or says why it cannot",
        )
    choices = targets(entry)
    if not choices:
        raise FailedPrecondition(
            f"{name}: no former model is kept, so there is nothing to roll back to",
            hint=f"spec.lifecycle.retain is {retain}: the next replacement keeps {short(entry.current.resource)}"
            if retain
            else "set spec.lifecycle.retain to 1 or more; from the next replacement on the former model is kept",
        )
    if revision is None:
        return choices[0]
    found = [instance for instance in choices if means(revision, instance)]
    if len({instance.revision for instance in found}) == 1 and not is_attempt(revision):
        return found[0]  # of several attempts the one that served last
    if len(found) == 1:
        return found[0]
    raise UsageError(f"--to {revision}: {_complaint(revision, entry, found)}", hint=_listed(revision, found or choices))


def roll_back(name: str, entry: Entry, target: Instance, *, asked: str, retain: int, gone: bool = False) -> Rollback:
    """Return the switch to a former model.

    The one that served until now is kept, whatever ``retain`` says, so that going back again is possible. The target
    is pinned if the manifest asks for another revision, unless that one is being tuned already: it is paid for, it is
    none of those that served, and it takes over as it would have done. The gate that the lockfile keeps for the name
    goes along: it is the manifest's, which has not moved, and the target is not held to it. Its own verdict stays.

    Args:
        name: the manifest's name.
        entry: its entry.
        target: one of ``targets``.
        asked: the revision that the manifest asks for now.
        retain: how many former models the manifest keeps.
        gone: whether the serving model does not exist any more.
    """
    switched = unpin(take_back(entry, target.resource, retain=max(retain, 1), gone=gone))
    switched = replace(switched, current=replace(switched.current, gate=entry.current.gate))
    coming = entry.candidate is not None and entry.candidate.revision == asked
    if target.revision != asked and not coming:
        switched = replace(switched, pin=target.revision, pin_over=asked)
    return Rollback(name, entry, switched, asked, gone)


def short_revision(revision: str) -> str:
    """Return a revision as ``--to`` takes it: the first characters of its hash."""
    return revision.removeprefix(_HASH)[:_SHOWN]


def means(text: str, instance: Instance) -> bool:
    """Tell whether a word names an instance: its resource or id, its attempt, or how its revision's hash begins."""
    if text in {instance.resource, short(instance.resource)}:
        return True
    if is_attempt(text):
        return int(text) == instance.attempt
    digits = text.removeprefix(_HASH).lower()
    return len(digits) >= _FEWEST and instance.revision.removeprefix(_HASH).startswith(digits)


def is_attempt(text: str) -> bool:
    """Tell whether a word is the number of an attempt rather than the beginning of a hash."""
    return text.isascii() and text.isdigit() and len(text) <= _ATTEMPT_DIGITS


def _complaint(text: str, entry: Entry, found: list[Instance]) -> str:
    """Return why a target is not found, or not clear."""
    if found:
        return "fits more than one former model"
    others = (
        ([entry.current], "serves already"),
        (entry.rejected, "was rejected by its gate and never served"),
        (entry.failed, "failed and never served"),
        (entry.deposed, "was replaced and is to be deleted"),
        ([] if entry.candidate is None else [entry.candidate], "is still in the making"),
    )
    for instances, what in others:
        known = next((instance for instance in instances if means(text, instance)), None)
        if known is not None:
            return f"{short(known.resource)} {what}"
    return "no former model has such a revision, attempt or id"


def _listed(text: str, instances: Iterable[Instance]) -> str:
    """Return what can be gone back to, on one line, led by the one that may have been meant."""
    known = {short(i.resource): f"{short_revision(i.revision)}, attempt {i.attempt}" for i in instances}
    close = meant(short(text), known)
    question = f"did you mean {close}? " if close else ""
    return f"{question}to choose from: {', '.join(f'{resource} ({what})' for resource, what in known.items())}"
