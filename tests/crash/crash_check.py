"""What has to hold after a kill, and after the run that resumes; told as sentences, none when all is well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash_project import LOCKFILE, Story
from crash_remote import OTHERS, Remote

from reconciler.core.lineage import Event
from reconciler.core.lockfile import Entry, InstanceState, Lockfile
from reconciler.core.past.chain import chain_of, verify
from reconciler.core.past.lineage_text import read_records
from reconciler.engine.looking.audit import take_stock
from reconciler.engine.looking.preview import preview
from reconciler.errors import LockfileError
from reconciler.project.overrides import Overrides
from reconciler.stores.codec import decode
from reconciler.wiring import Session, open_project

LOG = "tunectl.lineage.jsonl"
PROJECT = "sweep"
_PLACES = {
    "tunectl.yaml",
    LOCKFILE,
    ".tunectl/tunectl.lock.lock",
    f".tunectl/backup/{LOCKFILE}",
    LOG,
    "manifests/datasets/numbers.jsonl",
}
_CACHES = re.compile(
    r"\.tunectl/(rows/(key|[0-9a-f]{64})(\.\d+\.\d+)?|(datasets|manifests|leaks)\.json(\.\d+)?"
    r"|gates/[a-z]+/[0-9a-f]{12}-\d/(answers\.jsonl|\.answers\.jsonl\.\d+))"
)
"""What is remembered of files, the answers of gates, and what a kill left of either half written: worth nothing to us,
and may be deleted any time."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything there is at one time. ``lockfile`` is None if it is absent or cannot be believed, see ``broken``."""

    lockfile: Lockfile | None
    absent: bool
    broken: str
    models: Mapping[str, Mapping[str, Any]]
    bought: int
    files: frozenset[str]
    log: bytes = b""

    def entries(self) -> Mapping[str, Entry]:
        return {} if self.lockfile is None else self.lockfile.models


def look(root: Path, remote: Remote) -> Look:
    """Take in the project folder and the remote."""
    lockfile, absent, broken = None, False, ""
    try:
        lockfile = decode((root / LOCKFILE).read_bytes(), address=LOCKFILE)
    except LockfileError as error:
        broken = error.message
    except FileNotFoundError:
        absent, broken = True, "there is none"
    files = frozenset(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    log = (root / LOG).read_bytes() if (root / LOG).exists() else b""
    return Look(lockfile, absent, broken, remote.models(), remote.bought(), files, log)


def problems_between(story: Story, before: Look, after: Look) -> list[str]:
    """Say what a run, however it ended, has broken."""
    if after.lockfile is None:
        return [] if after.absent and before.absent else [f"the lockfile is not to be believed: {after.broken}"]
    found = []
    if before.lockfile is not None and after.lockfile.serial < before.lockfile.serial:
        found.append(f"the serial went back from {before.lockfile.serial} to {after.lockfile.serial}")
    if before.lockfile is not None and after.lockfile.lineage != before.lockfile.lineage:
        found.append("the lineage is another one")
    for name in sorted(story.wanted):
        former = _entry(story, name, before)
        if former is not None and former.current.state is InstanceState.READY:
            found += _gap(name, _entry(story, name, after), after)
    found += [f"foreign: {resource} was changed" for resource in sorted(OTHERS)
              if after.models.get(resource) != before.models.get(resource)]  # fmt: skip
    return found


def _entry(story: Story, name: str, seen: Look) -> Entry | None:
    return seen.entries().get(name) or seen.entries().get(story.former.get(name, name))


def _gap(name: str, entry: Entry | None, after: Look) -> list[str]:
    """A name that served serves on: what the lockfile calls serving is there and ready."""
    if entry is None:
        return [f"gap: {name} served and is no longer recorded"]
    current = entry.current
    if current.state is not InstanceState.READY:
        return [f"gap: {name} served and is now {current.state.value}"]
    live = after.models.get(current.resource)
    if live is None:
        return [f"gap: {name} is served by {current.resource}, which does not exist"]
    return [] if live["ready"] else [f"gap: {name} is served by {current.resource}, which is not ready"]


def problems_after(story: Story, before: Look, after: Look) -> list[str]:
    """Say what is missing or too much when everything should be done."""
    if after.lockfile is None:
        return ["there is no lockfile"]
    found = []
    paid = after.bought - before.bought
    if paid > story.paid:
        found.append(f"duplicate: {paid} trainings were bought, {story.paid} were wanted")
    if paid < story.paid:
        found.append(f"lost: {paid} trainings were bought, {story.paid} were wanted")
    recorded = after.lockfile.resources()
    found += [
        f"lost: nothing records {resource}" for resource in sorted(after.models.keys() - recorded.keys() - OTHERS)
    ]
    found += [f"lost: {resource} is recorded and gone" for resource in sorted(recorded.keys() - after.models.keys())]
    if after.entries().keys() != story.wanted:
        found.append(f"recorded are {sorted(after.entries())}")
    found += _entries(story, before, after)
    found += _records(after)
    if after.lockfile.approval is not None and after.lockfile.approval.actions:
        found.append("litter: an approval that is carried out still covers actions")
    places = _PLACES | {f"manifests/{name}.yaml" for name in story.wanted}
    litter = sorted(path for path in after.files - places if _CACHES.fullmatch(path) is None)
    found += [f"litter: {path}" for path in litter]
    return found


def _entries(story: Story, before: Look, after: Look) -> list[str]:
    found = []
    for name, entry in after.entries().items():
        former = _entry(story, name, before)
        if any(True for instance in entry.instances() if instance is not entry.current):
            found.append(f"{name} still records former models or a candidate")
        if entry.current.state is not InstanceState.READY:
            found.append(f"{name} is {entry.current.state.value}")
        same = former is not None and former.current.resource == entry.current.resource
        if same != (name in story.kept):
            found.append(f"{name} is served by {entry.current.resource}")
        wanted, live = story.temperatures.get(name), after.models.get(entry.current.resource)
        if wanted is not None and live is not None and live["fields"].get("temperature") != wanted:
            found.append(f"{name} does not have its new temperature")
    return found


def _records(after: Look) -> list[str]:
    """Every chain is whole, and of what serves each chain tells once that it began to."""
    if after.lockfile is None:
        return []
    findings = verify(after.log, after.lockfile, project=PROJECT)
    found = [f"lineage: {b.fault.value}: {b.name}: {b.message}" for b in findings.breaks]
    if findings.unwritten:
        found.append(f"lineage: {findings.unwritten} records never reached their log")
    records = read_records(after.log.split(b"\n"))
    for name, entry in after.entries().items():
        chain = [] if entry.history is None else chain_of(entry.history.head, records)
        told = [r for r in chain if r.event is Event.PROMOTED and r.resource == entry.current.resource]
        if len(told) != 1:
            found.append(f"lineage: {len(told)} records tell that {name} is served by {entry.current.resource}")
    return found


def problems_left(root: Path, endpoint: str) -> list[str]:
    """Say what a plan would still do, and what an audit finds: nothing, when everything is done."""
    with Session(open_project(root, None), Overrides(endpoint=endpoint), report=lambda _event: None) as session:
        provider, store, policy = session.provider(read_only=True), session.store(), session.policy()
        plan = preview(session.manifests, provider, store, policy).plan
        audit = take_stock(session.manifests, provider, store, policy, now=0.0)
    found = [f"the plan afterwards would {action.kind.value} {action.name}" for action in plan.actions]
    found += [f"drift afterwards: {drift.name}: {drift.message}" for drift in audit.drift]
    others = {item.resource for item in plan.unmanaged}
    return found if others == OTHERS else [*found, f"unmanaged are {sorted(others)}"]
