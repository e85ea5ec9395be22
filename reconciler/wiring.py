"""The only file that knows every adapter: it puts manifests, datasets, providers and stores behind the ports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reconciler.core.limits import Limits
from reconciler.core.manifests import Manifests
from reconciler.core.resource import Example, Remote
from reconciler.engine.stop import Stop
from reconciler.errors import StoreError
from reconciler.manifest.project import ProjectConfig, load_project
from reconciler.overrides import EMULATOR, Overrides, overridden
from reconciler.providers.description import Description, describe
from reconciler.providers.settings import ProviderSettings
from reconciler.reading import Reading

if TYPE_CHECKING:  # what validate needs none of: each of these costs milliseconds before it starts
    from types import TracebackType

    import httpx

    from reconciler.core.event import Event
    from reconciler.core.plan import Scope
    from reconciler.core.planning import Policy
    from reconciler.core.rebuild import Identity
    from reconciler.emulator import Emulator
    from reconciler.forge.client import Client
    from reconciler.ports.clock import Clock
    from reconciler.ports.provider import Provider
    from reconciler.ports.store import BlobStore, LockfileStore
    from reconciler.providers.auth import TokenSource
    from reconciler.stores.bucket import BucketBlobStore
    from reconciler.stores.lease import BlobLease

STATE_FOLDER = ".tunectl"
_DATASETS = "datasets.json"
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
    ) -> None:
        self.config = overridden(config, overrides)
        self.stop = Stop()
        self.clock: Clock = SystemClock(self.stop) if clock is None else clock
        self.report = report
        self._overrides = overrides
        self._command = command
        self._closing = ExitStack()
        self._emulator: Emulator | None = None
        self._store: LockfileStore | None = None
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
    def _reading(self) -> Reading:
        cache = f"{STATE_FOLDER}/{_DATASETS}" if self._overrides.cache else None
        return Reading(self.config, self._description, cache=cache)

    @property
    def embedded(self) -> bool:
        """Whether the remote is the emulator in our own process."""
        return self.config.provider.endpoint == EMULATOR

    def provider(self, *, read_only: bool) -> Provider:
        """Open the project's provider; one that is read-only cannot write even by mistake."""
        transport = self._in_process() if self.embedded else None
        return self._open(transport, read_only=read_only)

    def store(self) -> LockfileStore:
        """Open the lockfile's store; one for the whole session, since it remembers what it read."""
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _open_store(self) -> LockfileStore:
        from reconciler.stores.lockfile import BlobLockfileStore

        address = self.config.lockfile
        bucket = self._open_bucket(address) if "://" in address else None
        return BlobLockfileStore(
            self._open_file(address) if bucket is None else bucket,
            remote=self._remote,
            new_id=_new_id,
            lock_path=self.config.root / STATE_FOLDER / f"{Path(address).name}.lock",
            command=self._command,
            lease=None if bucket is None else self._open_lease(bucket.beside(".lease")),
        )

    def _open_lease(self, blob: BlobStore) -> BlobLease:
        from reconciler.stores.holder import this_holder
        from reconciler.stores.lease import BlobLease

        holder = this_holder(self._command)
        return BlobLease(blob, holder=holder, new_id=_new_id, clock=self.clock, report=self.report)

    def _open_file(self, address: str) -> BlobStore:
        from reconciler.stores.local import LocalBlobStore

        path = Path(address) if Path(address).is_absolute() else self.config.root / address
        return LocalBlobStore(path, backup=self.config.root / STATE_FOLDER / "backup", address=address)

    def _open_bucket(self, address: str) -> BucketBlobStore:
        from reconciler.stores.bucket_open import open_bucket

        proofs = self.config.root / STATE_FOLDER / "bucket-proofs.json"
        return open_bucket(address, credentials=self._google_token, proofs=proofs)

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
        from reconciler.core.rebuild import Identity

        return Identity(self._remote, self.config.name, self._description.capabilities)

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

    def manifests(self, paths: Sequence[str] | None = None) -> Manifests:
        """Read manifests and datasets.

        Raises:
            ProblemsError: with everything that is wrong, warnings included.
        """
        return self._reading.manifests(paths)

    def examples(self, name: str) -> Sequence[Example]:
        """Return a manifest's examples, as the engine sends them (``ports.datasets.Datasets``)."""
        return self._reading.examples(name)

    def evaluation(self, name: str) -> Sequence[Example]:
        """Return the examples of a manifest's gate (``ports.datasets.Datasets``)."""
        return self._reading.evaluation(name)

    def policy(
        self,
        *,
        limits: Mapping[str, int | None] | None = None,
        scope: Scope | None = None,
        replaced: frozenset[str] = frozenset(),
        destroy: bool = False,
    ) -> Policy:
        """Return what a plan is asked, with the limits that flags override (``max_deletes`` …)."""
        from reconciler.core.plan import Scope
        from reconciler.core.planning import Policy

        return Policy(
            project=self.config.name,
            capabilities=self._description.capabilities,
            limits=_limited(self.config.limits, limits or {}),
            scope=scope or Scope(),
            replace=replaced,
            destroy=destroy,
            rules=self.config.rules,
            tolerances=tuple(each for each in self.config.tolerances if each.holds(self.clock.now())),
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
            options=config.options,
            api_version=config.api_version,
            access_token=overrides.access_token,
            api_key=overrides.api_key,
            http_timeout=overrides.http_timeout,
            quota_patience=_PATIENCE,
            read_only=read_only,
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


def _limited(limits: Limits, exact: Mapping[str, int | None]) -> Limits:
    return replace(limits, **{key: value for key, value in exact.items() if value is not None})


def open_forge(environ: Mapping[str, str], *, report: Callable[[Event], None], clock: Clock | None = None) -> Client:
    """Connect with the service that keeps the repository, as the environment of a runner describes it.

    Raises:
        UsageError, AuthenticationFailed: see ``forge.place.place_of``.
    """
    from reconciler.forge.client import Client
    from reconciler.forge.place import place_of

    return Client(place_of(environ), clock=SystemClock(Stop()) if clock is None else clock, report=report)
