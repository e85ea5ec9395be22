"""The only file that knows every adapter: it puts manifests, datasets, providers and stores behind the ports."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reconciler.core.limits import Limits
from reconciler.core.manifests import Manifests
from reconciler.core.resource import Desired, Example, Remote
from reconciler.dataset import RowShelf
from reconciler.engine.stop import Stop
from reconciler.errors import Problem, StoreError, UsageError
from reconciler.manifest.project import ProjectConfig, load_project
from reconciler.overrides import EMULATOR, Overrides, overridden
from reconciler.providers.description import Description, describe
from reconciler.providers.settings import ProviderSettings
from reconciler.reading import Reading

if TYPE_CHECKING:  # what validate needs none of: each of these costs milliseconds before it starts
    from types import TracebackType

    import httpx

    from reconciler.core.canonical import Json
    from reconciler.core.datachange import Rows
    from reconciler.core.event import Event
    from reconciler.core.lockfile import Lockfile
    from reconciler.core.observation import Observation
    from reconciler.core.pace import Run
    from reconciler.core.plan import Plan, Scope
    from reconciler.core.planning.build import Policy
    from reconciler.core.planning.shutdowns import Shutdowns
    from reconciler.core.provenance import Provenance
    from reconciler.core.resource import Capabilities
    from reconciler.core.upkeep.rebuild import Identity
    from reconciler.emulator import Emulator
    from reconciler.engine.lineage import RecordingStore
    from reconciler.engine.world import World
    from reconciler.forge.client import Client
    from reconciler.past import Past
    from reconciler.ports.clock import Clock
    from reconciler.ports.evidence import Evidence
    from reconciler.ports.lineage import LineageLog
    from reconciler.ports.objects import StoredObject
    from reconciler.ports.provider import Provider
    from reconciler.ports.store import BlobStore, Hold
    from reconciler.providers.auth import TokenSource
    from reconciler.stores.bucket import BucketBlobStore
    from reconciler.stores.lease import BlobLease

STATE_FOLDER = ".tunectl"
_PATIENCE = 30.0
_GOOGLE_LOGIN = "run: gcloud auth application-default login"


class SystemClock:
    """The machine's clock; its sleep ends early when the run is to stop."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep, or return as soon as the run is to stop."""
        self._stop.wait(seconds)


class Session:
    """One command's work on one project. A context manager: leaving it closes connections and the embedded emulator."""

    def __init__(
        self,
        config: ProjectConfig,
        overrides: Overrides,
        *,
        report: Callable[[Event], None],
        command: str = "tunectl",
        clock: Clock | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.config = overridden(config, overrides)
        self.stop = Stop()
        self.clock: Clock = SystemClock(self.stop) if clock is None else clock
        self._report = report
        self._warned: set[Problem] = set()
        self._environ = environ
        self._overrides = overrides
        self._command = command
        self._closing = ExitStack()
        self._emulator: Emulator | None = None
        self._store: RecordingStore | None = None
        self._bucket: BucketBlobStore | None = None
        self._google: TokenSource | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @cached_property
    def _description(self) -> Description:
        overrides = self._overrides
        given = {"apiVersion": overrides.api_version, "endpoint": overrides.endpoint, "project": overrides.project}
        return describe(
            self._settings(read_only=True),
            where=self.config.where,
            given=frozenset(key for key, value in given.items() if value),
        )

    @cached_property
    def reading(self) -> Reading:
        """What the user asks for: manifests and datasets."""
        cache = STATE_FOLDER if self._overrides.cache else None
        return Reading(self.config, self._description, cache=cache, shelf=self._shelf, look=self._look_at_object)

    @cached_property
    def _shelf(self) -> RowShelf:
        return RowShelf(self.config.root, f"{STATE_FOLDER}/rows" if self._overrides.cache else None)

    @cached_property
    def past(self) -> Past:
        """What the datasets of the project were; closed with the session."""
        from reconciler.past import Past

        return self._closing.enter_context(Past(self.config.root, self._shelf))

    def data_changes(self, plan: Plan, lockfile: Lockfile, *, samples: bool) -> tuple[Plan, dict[str, Rows]]:
        """Return a plan that says what changed in the data, and rows to show, by name, if samples are wanted."""
        if not any(action.data_moved for action in plan.actions):
            return plan, {}
        return self.past.of_plan(plan, lockfile, self.reading.sources, samples=samples)

    @property
    def description(self) -> Description:
        """What is known of the project's provider before anything is sent."""
        return self._description

    @property
    def capabilities(self) -> Capabilities:
        """What the project's provider can do."""
        return self._description.capabilities

    @property
    def embedded(self) -> bool:
        """Whether the remote is the emulator in our own process."""
        return self.config.provider.endpoint == EMULATOR

    def report(self, event: Event) -> None:
        """Tell an event to whoever asked for them, and to the store, which records what becomes of the models.

        A warning in the very same words is told once: two of our connections may meet the same thing.
        """
        from reconciler.core.event import Warned

        if isinstance(event, Warned):
            if event.problem in self._warned:
                return
            self._warned.add(event.problem)
        if self._store is not None:
            self._store.note(event)
        self._report(event)

    def provider(self, *, read_only: bool) -> Provider:
        """Open the project's provider; one that is read-only cannot write even by mistake."""
        transport = self._in_process() if self.embedded else None
        return self._open(transport, read_only=read_only)

    def store(self) -> RecordingStore:
        """Open the lockfile's store; one for the whole session, since it remembers what it read."""
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _open_store(self) -> RecordingStore:
        from reconciler.engine.lineage import RecordingStore
        from reconciler.stores.lockfile import BlobLockfileStore

        address = self.config.lockfile
        bucket = self._open_bucket(address) if "://" in address else None
        inner = BlobLockfileStore(
            self._open_file(address) if bucket is None else bucket,
            remote=self._remote,
            new_id=_new_id,
            lock_path=self.config.root / STATE_FOLDER / f"{Path(address).name}.lock",
            command=self._command,
            lease=None if bucket is None else self._open_lease(bucket.beside(".lease")),
        )
        return RecordingStore(
            inner,
            self.lineage(),
            project=self.config.name,
            clock=self.clock,
            origin=lambda: self._provenance,
            look=self._look,
            report=self._report,
        )

    def lineage(self) -> LineageLog:
        """Open the log of lineage, which stands beside the lockfile."""
        from reconciler.stores.lineage_log import BlobLineageLog, FileLineageLog, log_address

        address = self.config.lockfile
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
            self.report(Warned(Problem(None, message, error.hint, severity="warning")))
            return ()

    @cached_property
    def _provenance(self) -> Provenance:
        """Where this run comes from; git is asked once, and only if there is something to record."""
        from reconciler.provenance import read_provenance
        from reconciler.stores.lineage_log import log_address

        lockfile = self.config.lockfile
        local = () if "://" in lockfile or Path(lockfile).is_absolute() else (lockfile, log_address(lockfile))
        return read_provenance(self.config.root, self._environ, ours=(*local, STATE_FOLDER))

    def _look(self, resource: str) -> Observation:
        """Return one model with its loss curve."""
        return self._reader.get(resource, snapshots=True)

    def _look_at_object(self, uri: str) -> StoredObject:
        """Return what the service's bucket says of an object.

        Raises:
            UsageError: the provider has no bucket.
            RemoteError: as the service says.
        """
        from reconciler.ports.objects import Objects

        reader = self._reader
        if not isinstance(reader, Objects):
            raise UsageError(f"{uri}: the provider {self.config.provider.type} reads no data from buckets")
        return reader.stored(uri)

    @cached_property
    def _reader(self) -> Provider:
        return self.provider(read_only=True)

    def _open_lease(self, blob: BlobStore) -> BlobLease:
        from reconciler.stores.holder import this_holder
        from reconciler.stores.lease import BlobLease

        holder = this_holder(self._command)
        return BlobLease(blob, holder=holder, new_id=_new_id, clock=self.clock, report=self.report)

    def _open_file(self, address: str) -> BlobStore:
        from reconciler.stores.local import LocalBlobStore

        backup = self.config.root / STATE_FOLDER / "backup"
        return LocalBlobStore(self._path(address), backup=backup, address=address)

    def _path(self, address: str) -> Path:
        return Path(address) if Path(address).is_absolute() else self.config.root / address

    def _open_bucket(self, address: str) -> BucketBlobStore:
        from reconciler.stores.bucket_open import open_bucket

        if self._bucket is None:
            proofs = self.config.root / STATE_FOLDER / "bucket-proofs.json"
            self._bucket = open_bucket(address, credentials=self._google_token, proofs=proofs)
        return self._bucket

    def _google_token(self) -> str:
        """Return a token of the application default credentials, for Cloud Storage only.

        TUNECTL_ACCESS_TOKEN is not taken: it is meant for the endpoint that the user names with it.
        """
        if self._google is None:
            from reconciler.providers.adc import load_default_credentials

            timeout = self._overrides.http_timeout
            self._google = load_default_credentials(transport=None, timeout=timeout, mend=_GOOGLE_LOGIN)
            self._closing.callback(self._google.close)
        return self._google.token(refused=None)

    @property
    def _remote(self) -> Remote:
        provider = self.config.provider
        endpoint = provider.endpoint if self.embedded else provider.endpoint.rstrip("/")
        return Remote(provider.type, endpoint, provider.project, provider.location)

    def identity(self) -> Identity:
        """Return what the ids of this project are made of."""
        from reconciler.core.upkeep.rebuild import Identity

        return Identity(self._remote, self.config.name, self.capabilities)

    def keep(self, data: bytes) -> str:
        """Keep a lockfile that is about to be replaced where no later write replaces it, and return where that is.

        Raises:
            StoreError: it cannot be kept.
        """
        from reconciler.ports.store import ABSENT
        from reconciler.stores.local import LocalBlobStore

        name = f"{Path(self.config.lockfile).name}.{_new_id()}"
        kept = LocalBlobStore(
            self.config.root / STATE_FOLDER / "backup" / name, address=f"{STATE_FOLDER}/backup/{name}"
        )
        kept.write(data, expect=ABSENT)
        return kept.address

    def draft(self, file: str, text: str) -> Desired:
        """Return what a manifest would ask for that is not written yet; see ``Reading.draft``."""
        return self.reading.draft(file, text)

    def manifests(
        self, paths: Sequence[str] | None = None, *, may_be_empty: bool = False, offline: bool = False
    ) -> Manifests:
        """Read manifests and datasets; see ``Reading.manifests``.

        Raises:
            ProblemsError: with everything that is wrong, warnings included.
            RemoteError: an object that a manifest names cannot be looked at; not if ``offline``.
        """
        return self.reading.manifests(paths, may_be_empty=may_be_empty, offline=offline)

    def examples(self, name: str) -> Sequence[Example]:
        """Return a manifest's examples, as the engine sends them (``ports.datasets.Datasets``)."""
        return self.reading.examples(name)

    def validation(self, name: str) -> Sequence[Example]:
        """Return a manifest's examples that are not trained on (``ports.datasets.Datasets``)."""
        return self.reading.validation(name)

    def objects(self, name: str) -> tuple[str | None, str | None]:
        """Return the URIs of data that a manifest names in place of files (``ports.datasets.Datasets``)."""
        return self.reading.objects(name)

    def evaluation(self, name: str) -> Sequence[Example]:
        """Return the examples of a manifest's gate (``ports.datasets.Datasets``)."""
        return self.reading.evaluation(name)

    def evidence(self) -> Evidence:
        """Return where the evidence of gates is kept, and what runs their programs: with our own environment.

        What says which service we speak to is added, so that a program asks the same one.
        """
        from reconciler.evidence import FileEvidence

        provider = self.config.provider
        added = {
            "TUNECTL_ENDPOINT": provider.endpoint,
            "TUNECTL_PROJECT": provider.project or "",
            "TUNECTL_API_VERSION": provider.api_version,
        }
        environ = {**self._environ, **{key: value for key, value in added.items() if value}}
        return FileEvidence(self.config.root.resolve(), f"{STATE_FOLDER}/gates", environ)

    def world(self, hold: Hold, *, read_only: bool) -> World:
        """Return the ports of a run that holds the lockfile; with ``read_only`` its provider cannot write."""
        from reconciler.engine.world import World

        return World(
            provider=self.provider(read_only=read_only),
            store=self.store(),
            datasets=self,
            clock=self.clock,
            report=self.report,
            stop=self.stop,
            hold=hold,
            evidence=self.evidence(),
        )

    def policy(
        self,
        *,
        limits: Callable[[Limits], Limits] | None = None,
        scope: Scope | None = None,
        replaced: frozenset[str] = frozenset(),
        destroy: bool = False,
        variants: tuple[Mapping[str, Json], ...] = (),
    ) -> Policy:
        """Return what a plan is asked; ``limits`` puts what flags say in the place of the project's limits."""
        from reconciler.core.plan import Scope
        from reconciler.core.planning.build import Policy

        return Policy(
            project=self.config.name,
            capabilities=self._description.capabilities,
            limits=self.config.limits if limits is None else limits(self.config.limits),
            scope=scope or Scope(),
            replace=replaced,
            destroy=destroy,
            rules=self.config.rules,
            tolerances=tuple(each for each in self.config.tolerances if each.holds(self.clock.now())),
            prices=self.config.prices,
            variants=variants,
            shutdowns=self._shutdowns(),
        )

    def _shutdowns(self) -> Shutdowns:
        from datetime import UTC, datetime

        from reconciler.core.planning.shutdowns import Shutdowns, known_days

        config = self.config
        return Shutdowns(
            days=known_days(config.provider.type, config.provider.endpoint, config.shutdowns),
            today=datetime.fromtimestamp(self.clock.now(), UTC).date(),
            notice=config.shutdown_notice,
        )

    def _open(self, transport: httpx.BaseTransport | None, *, read_only: bool) -> Provider:
        from reconciler.providers.registry import open_provider

        settings = self._settings(read_only=read_only)
        provider = open_provider(settings, transport=transport, clock=self.clock, report=self.report)
        self._closing.callback(provider.close)
        return provider

    def _settings(self, *, read_only: bool) -> ProviderSettings:
        config, overrides = self.config.provider, self._overrides
        return ProviderSettings(
            type=config.type,
            endpoint=config.endpoint,
            project=config.project,
            location=config.location,
            staging=config.staging,
            storage=self._environ.get("STORAGE_EMULATOR_HOST") or None,
            options=config.options,
            api_version=config.api_version,
            access_token=overrides.access_token,
            api_key=overrides.api_key,
            http_timeout=overrides.http_timeout,
            quota_patience=_PATIENCE,
            read_only=read_only,
            tries=overrides.tries,
            trace=overrides.trace,
        )

    def _in_process(self) -> httpx.BaseTransport:
        import sqlite3

        from reconciler.emulator import Emulator

        if self._emulator is None:
            world = self.config.root / STATE_FOLDER / "emulator.db"
            try:
                world.parent.mkdir(parents=True, exist_ok=True)
                self._emulator = Emulator(world, clock=self.clock.now, train_seconds=self._overrides.train_seconds)
            except (OSError, sqlite3.Error) as error:
                raise StoreError(
                    f"{STATE_FOLDER}/{world.name}: the embedded emulator cannot keep its world there ({error})",
                    hint="make the folder writable, or name a service with --endpoint",
                ) from error
            self._closing.callback(self._emulator.close)
        return self._emulator.transport()


def open_project(directory: Path, config: Path | None) -> ProjectConfig:
    """Read the project file; see ``manifest.project.load_project``."""
    return load_project(directory, config=config)


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())


def open_forge(environ: Mapping[str, str], *, report: Callable[[Event], None], clock: Clock | None = None) -> Client:
    """Connect with the service that keeps the repository, as the environment of a runner describes it.

    Raises:
        UsageError, AuthenticationFailed: see ``forge.place.place_of``.
    """
    from reconciler.forge.client import Client
    from reconciler.forge.place import place_of

    return Client(place_of(environ), clock=SystemClock(Stop()) if clock is None else clock, report=report)
