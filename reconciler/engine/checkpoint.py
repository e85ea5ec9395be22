"""The lockfile while a run changes it: every change in memory at once, on disk at a bounded rate.

Terraform rewrites its whole state for each resource, which makes the bytes written grow with the square of their
number. Here a write follows when a fair share of the entries has changed, so that the bytes stay linear; what a crash
takes in between is found again by listing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reconciler.core.event import Saved
from reconciler.core.lockfile import Entry, Lockfile
from reconciler.ports.clock import Clock
from reconciler.ports.reporter import Reporter
from reconciler.ports.store import Loaded, LockfileStore

_SHARE = 4
_FEWEST = 32
_SECONDS = 15.0


class Checkpoint:
    """Holds the current lockfile and writes it when it is due. Used from one thread only.

    Entries change in a mapping of its own, which is copied into a value when somebody asks for the whole. That is
    seldom; a copy for each change would grow with the square of the models as well.
    """

    def __init__(self, store: LockfileStore, loaded: Loaded, *, clock: Clock, report: Reporter) -> None:
        self._store = store
        self._loaded = loaded
        self._clock = clock
        self._report = report
        self._dirty = 0
        self._written = clock.now()
        self._lockfile = loaded.lockfile
        self._entries = dict(loaded.lockfile.models)
        self._current = True

    @property
    def lockfile(self) -> Lockfile:
        """The lockfile as it stands, as a value."""
        if not self._current:
            self._lockfile = replace(self._lockfile, models=dict(self._entries))
            self._current = True
        return self._lockfile

    def entry(self, name: str) -> Entry | None:
        """Return what the lockfile records of a name."""
        return self._entries.get(name)

    def change_entry(self, name: str, step: Callable[[Entry], Entry | None]) -> None:
        """Take a step with one entry, if there is one; None removes it. Writes and raises as ``change`` does."""
        entry = self._entries.get(name)
        changed = None if entry is None else step(entry)
        if changed is entry:
            return
        if changed is None:
            del self._entries[name]
        else:
            self._entries[name] = changed
        self._current = False
        self._count()

    def change(self, step: Callable[[Lockfile], Lockfile]) -> None:
        """Take a step, and write if enough has changed since the last write, or long enough ago.

        Raises:
            StaleLockfile: somebody else wrote the lockfile meanwhile.
            StoreError: it cannot be written; the last written state still stands.
        """
        changed = step(self.lockfile)
        if changed is self.lockfile:
            return
        self._take(changed)
        self._count()

    def flush(self) -> None:
        """Write what has changed since the last write, if anything; raises as ``change`` does."""
        if self._dirty == 0:
            return
        self._loaded = self._store.save(self.lockfile, expect=self._loaded.version)
        self._take(self._loaded.lockfile)
        self._dirty = 0
        self._written = self._clock.now()
        self._report(Saved(serial=self.lockfile.serial))

    def _take(self, lockfile: Lockfile) -> None:
        self._lockfile = lockfile
        self._entries = dict(lockfile.models)
        self._current = True

    def _count(self) -> None:
        self._dirty += 1
        enough = self._dirty >= max(_FEWEST, len(self._entries) // _SHARE)
        if enough or self._clock.now() - self._written >= _SECONDS:
            self.flush()
