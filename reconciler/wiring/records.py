"""Where what was made is recorded: the lockfile, the log of lineage beside it, and former lockfiles that are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.resource import Remote
from reconciler.errors import Problem, StoreError
from reconciler.manifest.project import ProjectConfig
from reconciler.wiring.surroundings import Surroundings

if TYPE_CHECKING:
    from reconciler.core.event import Event
    from reconciler.core.observation import Observation
    from reconciler.core.pace import Run
    from reconciler.core.provenance import Provenance
    from reconciler.engine.lineage import RecordingStore
    from reconciler.ports.lineage import LineageLog
    from reconciler.ports.store import BlobStore
    from reconciler.providers.auth import TokenSource
    from reconciler.stores.bucket import BucketBlobStore
    from reconciler.stores.lease import BlobLease

STATE_FOLDER = ".tunectl"
_GOOGLE_LOGIN = "run: gcloud auth application-default login"


class Records:
    """What a project has recorded, and where. Everything is opened when it is first asked for.

    ``look`` shows one model with its loss curve; ``http_timeout`` is in seconds.
    """

    def __init__(
        self,
        config: ProjectConfig,
        remote: Remote,
        around: Surroundings,
        *,
        http_timeout: float,
        look: Callable[[str], Observation],
    ) -> None:
        self._config = config
        self._remote = remote
        self._around = around
        self._http_timeout = http_timeout
        self._look = look
        self._store: RecordingStore | None = None
        self._bucket: BucketBlobStore | None = None
        self._google: TokenSource | None = None

    def note(self, event: Event) -> None:
        """Let the store, if it is open, take note of an event."""
        if self._store is not None:
            self._store.note(event)

    def store(self) -> RecordingStore:
        """Open the lockfile's store; one for all, since it remembers what it read."""
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _open_store(self) -> RecordingStore:
        from reconciler.engine.lineage import RecordingStore
        from reconciler.stores.lockfile import BlobLockfileStore

        address = self._config.lockfile
        bucket = self._open_bucket(address) if "://" in address else None
        inner = BlobLockfileStore(
            self._open_file(address) if bucket is None else bucket,
            remote=self._remote,
            new_id=new_id,
            lock_path=self._config.root / STATE_FOLDER / f"{Path(address).name}.lock",
            command=self._around.command,
            lease=None if bucket is None else self._open_lease(bucket.beside(".lease")),
        )
        return RecordingStore(
            inner,
            self.lineage(),
            project=self._config.name,
            clock=self._around.clock,
            origin=lambda: self._provenance,
            look=self._look,
            report=self._around.report,
        )

    def lineage(self) -> LineageLog:
        """Open the log of lineage, which stands beside the lockfile."""
        from reconciler.stores.lineage_log import BlobLineageLog, FileLineageLog, log_address

        address = self._config.lockfile
        if "://" in address:
            return BlobLineageLog(self._open_bucket(address).beside(log_address("")))
        name = log_address(address)
        return FileLineageLog(self._path(name), address=name)

    def trainings(self) -> tuple[Run, ...]:
        """Return the trainings that the lineage tells of; without it forecasts rest on what the service lists."""
        from reconciler.core.event import Warned
        from reconciler.core.pace import remembered
        from reconciler.core.past.lineage_text import read_records

        try:
            return tuple(remembered(read_records(self.lineage().read().splitlines())))
        except StoreError as error:
            message = f"the past cannot be read, so forecasts of time may be missing ({error.message})"
            self._around.report(Warned(Problem(None, message, error.hint, severity="warning")))
            return ()

    @cached_property
    def _provenance(self) -> Provenance:
        """Where this run comes from; git is asked once, and only if there is something to record."""
        from reconciler.project.provenance import read_provenance
        from reconciler.stores.lineage_log import log_address

        lockfile = self._config.lockfile
        local = () if "://" in lockfile or Path(lockfile).is_absolute() else (lockfile, log_address(lockfile))
        return read_provenance(self._config.root, self._around.environ, ours=(*local, STATE_FOLDER))

    def keep(self, data: bytes) -> str:
        """Keep a lockfile that is about to be replaced where no later write replaces it, and return where that is.

        Raises:
            StoreError: it cannot be kept.
        """
        from reconciler.ports.store import ABSENT
        from reconciler.stores.local import LocalBlobStore

        name = f"{Path(self._config.lockfile).name}.{new_id()}"
        kept = LocalBlobStore(
            self._config.root / STATE_FOLDER / "backup" / name, address=f"{STATE_FOLDER}/backup/{name}"
        )
        kept.write(data, expect=ABSENT)
        return kept.address

    def _open_lease(self, blob: BlobStore) -> BlobLease:
        from reconciler.stores.holder import this_holder
        from reconciler.stores.lease import BlobLease

        holder = this_holder(self._around.command)
        return BlobLease(blob, holder=holder, new_id=new_id, clock=self._around.clock, report=self._around.report)

    def _open_file(self, address: str) -> BlobStore:
        from reconciler.stores.local import LocalBlobStore

        backup = self._config.root / STATE_FOLDER / "backup"
        return LocalBlobStore(self._path(address), backup=backup, address=address)

    def _path(self, address: str) -> Path:
        return Path(address) if Path(address).is_absolute() else self._config.root / address

    def _open_bucket(self, address: str) -> BucketBlobStore:
        from reconciler.stores.bucket_open import open_bucket

        if self._bucket is None:
            proofs = self._config.root / STATE_FOLDER / "bucket-proofs.json"
            self._bucket = open_bucket(address, credentials=self._google_token, proofs=proofs)
        return self._bucket

    def _google_token(self) -> str:
        """Return a token of the application default credentials, for Cloud Storage only.

        TUNECTL_ACCESS_TOKEN is not taken: it is meant for the endpoint that the user names with it.
        """
        if self._google is None:
            from reconciler.providers.adc import load_default_credentials

            self._google = load_default_credentials(transport=None, timeout=self._http_timeout, mend=_GOOGLE_LOGIN)
            self._around.closing.callback(self._google.close)
        return self._google.token(refused=None)


def new_id() -> str:
    """Return an id that nothing has yet."""
    import uuid

    return str(uuid.uuid4())
