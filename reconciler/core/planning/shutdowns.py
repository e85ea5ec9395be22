"""Base models that are about to go: known days of shutdown, and what the service still offers.

A model whose base is gone cannot be tuned again, and stops answering with it. The days in ``KNOWN`` are those of the
hosted services; each has its source. No clock is read here: today comes in as a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from reconciler.core.descent import base_model_of
from reconciler.core.lockfile import InstanceState, Lockfile
from reconciler.core.observation import Observed
from reconciler.core.plan import Drift
from reconciler.core.planning.ancestry import Ancestry
from reconciler.core.resource import Desired, Spec
from reconciler.core.text import did_you_mean, meant
from reconciler.errors import Location, Problem

NOTICE = 90
"""Days before a shutdown from which on it is told, unless the project says otherwise."""

KNOWN: Mapping[str, Mapping[str, date]] = MappingProxyType(
    {
        "generativelanguage": {
            # "PaLM API is decommissioned": ai.google.dev/palm_docs/deprecation
            "models/text-bison-001": date(2024, 8, 15),
        },
        "vertex": {
            # docs.cloud.google.com/gemini-enterprise-agent-platform/models/gemini/2-5-flash-lite, page header
            "gemini-2.5-flash": date(2026, 10, 20),
            "gemini-2.5-flash-lite": date(2026, 10, 20),
            "gemini-2.5-pro": date(2026, 10, 20),
        },
    }
)
"""Days of shutdown of the hosted services by kind of service; checked on 2026-11-22."""

_DIGIT = re.compile("[0-9]")
_HOSTED = ".googleapis.com"
_EACH = 5


@dataclass(frozen=True, slots=True)
class Shutdowns:
    """What is known of the end of base models.

    ``days`` maps base models to the day from which on they answer no more. ``today`` is the day of the run, in UTC;
    None tells of nothing. ``notice`` is in days. ``offered`` are the base models that the service lists, None if it
    was not asked or lists none. ``lost`` are models that manifests are tuned from and that are not there any more.
    """

    days: Mapping[str, date] = field(default_factory=dict)
    today: date | None = None
    notice: int = NOTICE
    offered: frozenset[str] | None = None
    lost: frozenset[str] = frozenset()

    def listing(self, names: Iterable[str]) -> Shutdowns:
        """Return the same with what the service lists; a listing without anything says nothing."""
        return replace(self, offered=frozenset(names) or None)

    def fate(self, base: str) -> str | None:
        """Return what is to be said of a base model, None if there is nothing."""
        if self.offered is not None and base not in self.offered:
            return f"base model {base} is not offered by the service any more"
        day = self.days.get(base)
        if day is None or self.today is None:
            return None
        left = (day - self.today).days
        if left <= 0:
            return f"base model {base} was shut down on {day}"
        if left <= self.notice:
            return f"base model {base} will be shut down on {day}, in {left} day{'' if left == 1 else 's'}"
        return None

    def fate_of_parent(self, spec: Spec) -> str | None:
        """Return what is to be said of the model that a spec is tuned from, None if there is nothing."""
        parent = outside_parent(spec)
        if parent is None or parent not in self.lost:
            return None
        return f"{parent}, which it is tuned from, does not exist any more, or may not be read"


def outside_parent(spec: Spec) -> str | None:
    """Return the model that a spec is tuned from, if it is one that no manifest describes."""
    source = spec.get("source")
    parent = source.get("tunedModel") if isinstance(source, Mapping) else None
    return parent if isinstance(parent, str) else None


def known_days(service: str, endpoint: str, own: Mapping[str, date | None]) -> dict[str, date]:
    """Return the days of shutdown that hold for an endpoint.

    Args:
        service: the kind of service, as in ``spec.provider.type``.
        endpoint: where it is; what is known of hosted services says nothing of emulators and others.
        own: the project's own days, which come before what is known; None takes one away.
    """
    host = endpoint.removeprefix("https://").partition("/")[0]
    known = KNOWN.get(service, {}) if endpoint.startswith("https://") and host.endswith(_HOSTED) else {}
    return {base: day for base, day in {**known, **own}.items() if day is not None}


def misspelt(own: Mapping[str, Location | None], manifests: Iterable[Desired], service: str) -> Iterator[Problem]:
    """Yield a warning for each base model of the project's own table that is likely to be another one, misspelt.

    That is one which nothing here is tuned from, and which looks like one that something is, and that has no day of its
    own. Another version of the same length (``-001``, ``-002``) is no slip: tables outlive the models they are about.

    Args:
        own: the base models in the project's table, with their places.
        manifests: all of them.
        service: the kind of service, as in ``spec.provider.type``.
    """
    used = {base for manifest in manifests if isinstance(base := manifest.spec.get("baseModel"), str)}
    known = used | KNOWN.get(service, {}).keys()
    for base, place in own.items():
        close = None if base in known else meant(base, sorted(known - own.keys()))
        if close is not None and _DIGIT.sub("0", close) != _DIGIT.sub("0", base):
            message = f"spec.shutdowns: no manifest has the base model {base}"
            yield Problem(place, message, did_you_mean(close, otherwise=""), severity="warning")


def warnings(
    manifests: Iterable[Desired], chosen: Callable[[str], bool], observed: Observed, shutdowns: Shutdowns
) -> tuple[Problem, ...]:
    """Return a warning for each manifest whose base model or parent goes; for many of one base just one.

    The base model is that of its parents, where it has some.

    Args:
        manifests: all of them.
        chosen: which names to look at.
        observed: the listing, for parents that no manifest describes.
        shutdowns: what is known.
    """
    declared = {manifest.name: manifest for manifest in manifests}
    doomed: dict[str, list[Desired]] = {}
    for manifest in filter(lambda manifest: chosen(manifest.name), declared.values()):
        base = base_model_of(manifest, declared, observed)
        if base is not None and shutdowns.fate(base) is not None:
            doomed.setdefault(base, []).append(manifest)
    orphans = [(m, fate) for m in declared.values() if chosen(m.name) and (fate := shutdowns.fate_of_parent(m.spec))]
    hint = "tune from another model before it has to be tuned anew"
    return (
        *(problem for base, found in sorted(doomed.items()) for problem in _told(base, found, shutdowns)),
        *(Problem(_place(m), f"{m.name}: {fate}", hint, severity="warning") for m, fate in orphans),
    )


def dying(recorded: Lockfile, observed: Observed, shutdowns: Shutdowns, *, names: Collection[str]) -> Iterator[Drift]:
    """Yield the names whose serving model has a base model that goes, or whose parent is gone.

    Args:
        recorded: the lockfile.
        observed: the listing, which says what each model comes from.
        shutdowns: what is known.
        names: which names to look at.
    """
    ancestry = Ancestry(recorded)
    for name in sorted(names & recorded.models.keys()):
        current = recorded.models[name].current
        if current.state is not InstanceState.READY:
            continue
        seen = observed.get(current.resource)
        base = (None if seen is None else seen.base_model) or ancestry.base_model(current.spec)
        fate = None if base is None else shutdowns.fate(base)
        if fate is not None:
            yield _dying(name, current.resource, "spec.baseModel", fate, base)
        fate = shutdowns.fate_of_parent(current.spec)
        if fate is not None:
            yield _dying(name, current.resource, "spec.source", fate, outside_parent(current.spec))


def _dying(name: str, resource: str, path: str, fate: str, value: str | None) -> Drift:
    """Return drift at a field whose value is what it was: it is the world that has changed."""
    return Drift(name, "dying", fate, resource=resource, path=path, before=value, after=value)


def _told(base: str, found: list[Desired], shutdowns: Shutdowns) -> Iterator[Problem]:
    fate = shutdowns.fate(base)
    hint = "tune from another base model before"
    if len(found) > _EACH:
        named = ", ".join(manifest.name for manifest in found[:_EACH])
        message = f"{fate} ({named} and {len(found) - _EACH} more)"
        yield Problem(_place(found[0]), message, hint, severity="warning")
        return
    for manifest in found:
        yield Problem(_place(manifest), f"{manifest.name}: {fate}", hint, severity="warning")


def _place(manifest: Desired) -> Location | None:
    return manifest.locate("spec.baseModel" if "baseModel" in manifest.spec else "spec.source")
