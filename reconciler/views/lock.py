"""Who holds the lockfile, and what a rebuilt one holds: for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.core.lease import Holder, Lease, Standing, ago, lease_text, silent_for, stamp, standing
from reconciler.core.lockfile import Instance, Lockfile
from reconciler.core.text import sanitize
from reconciler.core.upkeep.rebuild import Rebuilt
from reconciler.views.words import bullets, count, guard

LOCK_FORMAT = "tunectl.lock-status/v1"
REBUILD_FORMAT = "tunectl.lock-rebuild/v1"
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class LockState:
    """What ``lock show`` shows. ``lockfile`` is None where it cannot be read, and ``trouble`` says why."""

    address: str
    lease: Lease | None
    now: float
    lockfile: Lockfile | None
    trouble: str | None = None

    @property
    def standing(self) -> Standing:
        """What the lock means to somebody who wants it now."""
        return standing(self.lease, self.now)


def render_lock(state: LockState) -> str:
    """Return who holds the lockfile and how long, and which lockfile it is."""
    return guard("\n".join(sanitize(line) for line in _lock_lines(state)) + "\n")


def lock_document(state: LockState) -> dict[str, Any]:
    """Return the same for programs."""
    lease, lockfile = state.lease, state.lockfile
    return {
        "format": LOCK_FORMAT,
        "state": state.standing.value,
        "lockfile": {
            "address": state.address,
            "lineage": None if lockfile is None else lockfile.lineage or None,
            "serial": None if lockfile is None else lockfile.serial,
            "fence": None if lockfile is None else lockfile.fence,
            "models": None if lockfile is None else len(lockfile.models),
            "error": state.trouble,
        },
        "lease": None if lease is None else _lease_document(lease, state.now),
    }


def render_rebuilt(rebuilt: Rebuilt) -> str:
    """Return what a rebuilt lockfile holds, what it does not, and what of it is a guess."""
    return guard("\n".join(sanitize(line) for line in _rebuilt_lines(rebuilt)) + "\n")


def rebuilt_document(rebuilt: Rebuilt, *, written: Lockfile | None, kept: str | None) -> dict[str, Any]:
    """Return the same for programs; ``written`` is the lockfile as stored, ``kept`` where the former one lies."""
    return {
        "format": REBUILD_FORMAT,
        "written": written is not None,
        "lineage": None if written is None else written.lineage,
        "serial": None if written is None else written.serial,
        "kept": kept,
        "models": [_instance_document(name, role, instance) for name, role, instance in _roles(rebuilt.lockfile)],
        "missing": list(rebuilt.missing),
        "doubts": list(rebuilt.doubts),
        "orphaned": list(rebuilt.orphaned),
    }


def _lock_lines(state: LockState) -> Iterator[str]:
    lease = state.lease
    if state.standing is Standing.FREE or lease is None:
        yield f"{state.address}: free"
        if lease is not None and lease.ended is not None:
            by = lease.ended.broken_by
            how = "given back" if by is None else f"broken by {by.command} of {by.user} on {by.host}"
            yield f"  last held by {lease_text(lease, state.now)}; {how} {ago(state.now - lease.ended.at)}"
    elif state.standing is Standing.EXPIRED:
        yield f"{state.address}: the lease has expired, the next run takes it"
        yield f"  was held by {lease_text(lease, state.now)}"
    else:
        yield f"{state.address}: held by {lease_text(lease, state.now)}"
    if state.trouble is not None:
        yield f"  the lockfile cannot be read: {state.trouble}"
    elif state.lockfile is not None and state.lockfile.serial:
        models = count(len(state.lockfile.models), "model")
        yield f"  lockfile: serial {state.lockfile.serial}, lineage {state.lockfile.lineage}, {models}"
    else:
        yield "  lockfile: not written yet"


def _lease_document(lease: Lease, now: float) -> dict[str, Any]:
    ended = lease.ended
    return {
        "kind": "process" if lease.ttl is None else "lease",
        "id": lease.id,
        "holder": _holder_document(lease.holder),
        "fence": lease.fence,
        "since": stamp(lease.since),
        "renewed": stamp(lease.renewed),
        "silentSeconds": None if lease.ttl is None else round(silent_for(lease, now), 3),
        "ttlSeconds": lease.ttl,
        "ended": None if ended is None else stamp(ended.at),
        "brokenBy": None if ended is None or ended.broken_by is None else _holder_document(ended.broken_by),
    }


def _holder_document(holder: Holder) -> dict[str, Any]:
    return {
        "host": holder.host,
        "pid": holder.pid,
        "user": holder.user,
        "command": holder.command,
        "run": holder.run,
        "commit": holder.commit,
    }


def _rebuilt_lines(rebuilt: Rebuilt) -> Iterator[str]:
    rows = list(_roles(rebuilt.lockfile))
    yield (
        f"Found {count(len(rows), 'model')} of {count(len(rebuilt.lockfile.models), 'manifest')}:"
        if rows
        else ("Found no model that a manifest leads to.")
    )
    yield from (f"  {name}: {instance.resource} ({role}, {instance.state.value})" for name, role, instance in rows)
    for head, lines in (
        ("No model was found for (apply would tune one where there is a dataset):", rebuilt.missing),
        ("What cannot be known:", rebuilt.doubts),
        (
            "Orphaned, with an id of our shape that no manifest leads to (not recorded, never touched):",
            rebuilt.orphaned,
        ),
    ):
        if lines:
            yield ""
            yield head
            yield from (f"  {line}" for line in bullets(lines, cap=_SHOWN))


def _roles(lockfile: Lockfile) -> Iterator[tuple[str, str, Instance]]:
    for name, entry in sorted(lockfile.models.items()):
        yield name, "current", entry.current
        if entry.candidate is not None:
            yield name, "candidate", entry.candidate
        yield from ((name, "retained", instance) for instance in entry.retained)
        yield from ((name, "failed", instance) for instance in entry.failed)


def _instance_document(name: str, role: str, instance: Instance) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "resource": instance.resource,
        "state": instance.state.value,
        "revision": instance.revision,
        "attempt": instance.attempt,
        "createTime": instance.create_time,
    }
