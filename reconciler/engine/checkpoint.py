"""The lockfile while a run changes it: every change in memory at once, on disk at a bounded rate.

Terraform rewrites its whole state for each resource, which makes the bytes written grow with the square of their
number. Here a write follows when a fair share of the entries has changed, so that the bytes stay linear; what a crash
takes in between is found again by listing.
"""

from __future__ import annotations

from collections.abc import Callable

from reconciler.core.event import Saved
from reconciler.core.lockfile import Lockfile
from reconciler.ports.clock import Clock
from reconciler.ports.reporter import Reporter
from reconciler.ports.store import Loaded, LockfileStore

_SHARE = 4
_FEWEST = 32
_SECONDS = 15.0


class Checkpoint:
    """Holds the current lockfile and writes it when it is due. Used from one thread only."""

    def __init__(self, store: LockfileStore, loaded: Loaded, *, clock: Clock, report: Reporter) -> None:
        self._store = store
        self._loaded = loaded
        self._clock = clock
        self._report = report
        self._dirty = 0
        self._written = clock.now()
        self.lockfile = loaded.lockfile

    def change(self, step: Callable[[Lockfile], Lockfile]) -> None:
        """Take a step, and write if enough has changed since the last write, or long enough ago.

        Raises:
            StaleLockfile: somebody else wrote the lockfile meanwhile.
            StoreError: it cannot be written; the last written state still stands.
        """
        changed = step(self.lockfile)
        if changed is self.lockfile:
            return
        self.lockfile = changed
        self._dirty += 1
        enough = self._dirty >= max(_FEWEST, len(changed.models) // _SHARE)
        if enough or self._clock.now() - self._written >= _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has changed since the last write, if anything; raises as ``change`` does."""
        if self._dirty == 0:
            return
        self._loaded = self._store.save(self.lockfile, expect=self._loaded.version)
        self.lockfile = self._loaded.lockfile
        self._dirty = 0
        self._written = self._clock.now()
        self._report(Saved(serial=self.lockfile.serial))
