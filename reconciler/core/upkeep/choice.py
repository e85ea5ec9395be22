"""Which recorded model is meant: ``NAME``, ``NAME@REVISION``, ``NAME@attempt``, ``NAME@role``, or a resource name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.address import short
from reconciler.core.lockfile import Entry, Instance, Lockfile
from reconciler.core.text import did_you_mean, meant
from reconciler.core.upkeep.rollback import means, short_revision
from reconciler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Chosen:
    """A recorded model, the name it belongs to, and what it is to that name."""

    name: str
    role: str
    instance: Instance

    @property
    def label(self) -> str:
        """What it is called beside others: ``numbers@1a2b3c4d5e6f``, with the attempt if it is not the first."""
        attempt = f"-{self.instance.attempt}" if self.instance.attempt > 1 else ""
        revision = short_revision(self.instance.revision)
        return f"{self.name}@{revision or short(self.instance.resource)}{attempt}"


def models_of(name: str, entry: Entry) -> Iterator[Chosen]:
    """Yield every model that an entry records, with its role, the current one first."""
    yield Chosen(name, "current", entry.current)
    if entry.candidate is not None:
        yield Chosen(name, "candidate", entry.candidate)
    former = {"retained": entry.retained, "rejected": entry.rejected, "failed": entry.failed, "deposed": entry.deposed}
    for role, instances in former.items():
        yield from (Chosen(name, role, instance) for instance in instances)


def choose(word: str, recorded: Lockfile) -> Chosen:
    """Return the one model that a word of the command line means; a bare name means its current model.

    Raises:
        UsageError: none is meant, or more than one; the message says which there are.
    """
    name, at, which = word.partition("@")
    if "/" in name or (not at and name not in recorded.models):
        return _by_resource(word, recorded)
    if name not in recorded.models:
        raise _unknown(name, recorded)
    known = list(models_of(name, recorded.models[name]))
    if not at:
        return known[0]
    found = [chosen for chosen in known if which == chosen.role]
    found = found or [chosen for chosen in known if which and means(which, chosen.instance)]
    if len(found) == 1:
        return found[0]
    problem = "fits more than one of its models" if found else "it has no such revision, attempt, role or id recorded"
    raise UsageError(f"{word}: {problem}", hint=_listed(which, found or known))


def _by_resource(word: str, recorded: Lockfile) -> Chosen:
    for name, entry in recorded.models.items():
        for chosen in models_of(name, entry):
            if word in {chosen.instance.resource, short(chosen.instance.resource)}:
                return chosen
    raise _unknown(word, recorded)


def _unknown(name: str, recorded: Lockfile) -> UsageError:
    hint = did_you_mean(meant(name, recorded.models), otherwise="`tunectl status` lists the models there are")
    return UsageError(f"{name}: the lockfile has no model of that name", hint=hint)


def _listed(which: str, models: list[Chosen]) -> str:
    """Return what there is to choose from, led by what may have been meant."""
    revisions = {short_revision(chosen.instance.revision): chosen for chosen in models}
    words = [*revisions, *dict.fromkeys(chosen.role for chosen in models)]
    close = meant(which.removeprefix("sha256:"), words)
    question = f"did you mean {models[0].name}@{close}? " if close else ""
    return f"{question}to choose from: {', '.join(f'{chosen.label} ({chosen.role})' for chosen in models)}"
