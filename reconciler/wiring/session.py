"""One command's work on one project: what it asks for, what is recorded and what is there, behind the ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Self

from reconciler.core.limits import Limits
from reconciler.core.manifests import Manifests
from reconciler.core.resource import Desired
from reconciler.dataset import RowShelf
from reconciler.engine.stop import Stop
from reconciler.errors import Problem, StoreError, UsageError
from reconciler.manifest.project import ProjectConfig
from reconciler.project.overrides import Overrides, overridden
from reconciler.project.reading import Reading
from reconciler.providers.description import Description
from reconciler.wiring.records import STATE_FOLDER, Records
from reconciler.wiring.service import Service
from reconciler.wiring.surroundings import Surroundings, SystemClock, unusable_world

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
    from reconciler.core.resource import Capabilities
    from reconciler.core.upkeep.rebuild import Identity
    from reconciler.emulator import Emulator
    from reconciler.engine.lineage import RecordingStore
    from reconciler.engine.world import World
    from reconciler.ports.clock import Clock
    from reconciler.ports.evidence import Evidence
    from reconciler.ports.lineage import LineageLog
    from reconciler.ports.objects import StoredObject
    from reconciler.ports.provider import Provider
    from reconciler.ports.store import Hold
    from reconciler.project.past import Past


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
        self._closing = ExitStack()
        self._emulator: Emulator | None = None
        around = Surroundings(command, environ, self.clock, self.report, self._closing)
        self._service = Service(self.config, overrides, around)
        self._records = Records(
            self.config, self._service.remote, around, http_timeout=overrides.http_timeout, look=self._look
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @cached_property
    def reading(self) -> Reading:
        """What the user asks for: manifests and datasets."""
        cache = STATE_FOLDER if self._overrides.cache else None
        return Reading(self.config, self.description, cache=cache, shelf=self._shelf, look=self._look_at_object)

    @cached_property
    def _shelf(self) -> RowShelf:
        return RowShelf(self.config.root, f"{STATE_FOLDER}/rows" if self._overrides.cache else None)

    @cached_property
    def past(self) -> Past:
        """What the datasets of the project were; closed with the session."""
        from reconciler.project.past import Past

        return self._closing.enter_context(Past(self.config.root, self._shelf))

    def data_changes(self, plan: Plan, lockfile: Lockfile, *, samples: bool) -> tuple[Plan, dict[str, Rows]]:
        """Return a plan that says what changed in the data, and rows to show, by name, if samples are wanted."""
        if not any(action.data_moved for action in plan.actions):
            return plan, {}
        return self.past.of_plan(plan, lockfile, self.reading.data.sources, samples=samples)

    @property
    def description(self) -> Description:
        """What is known of the project's provider before anything is sent."""
        return self._service.description

    @property
    def capabilities(self) -> Capabilities:
        """What the project's provider can do."""
        return self.description.capabilities

    @property
    def embedded(self) -> bool:
        """Whether the remote is the emulator in our own process."""
        return self._service.embedded

    def report(self, event: Event) -> None:
        """Tell an event to whoever asked for them, and to the store, which records what becomes of the models.

        A warning in the very same words is told once: two of our connections may meet the same thing.
        """
        from reconciler.core.event import Warned

        if isinstance(event, Warned):
            if event.problem in self._warned:
                return
            self._warned.add(event.problem)
        self._records.note(event)
        self._report(event)

    def provider(self, *, read_only: bool) -> Provider:
        """Open the project's provider; one that is read-only cannot write even by mistake."""
        transport = self._in_process() if self.embedded else None
        return self._service.open(transport, read_only=read_only)

    def store(self) -> RecordingStore:
        """Open the lockfile's store; one for the whole session, since it remembers what it read."""
        return self._records.store()

    def lineage(self) -> LineageLog:
        """Open the log of lineage, which stands beside the lockfile."""
        return self._records.lineage()

    def trainings(self) -> tuple[Run, ...]:
        """Return the trainings that the lineage tells of; see ``Records.trainings``."""
        return self._records.trainings()

    def keep(self, data: bytes) -> str:
        """Keep a lockfile that is about to be replaced, and return where; see ``Records.keep``.

        Raises:
            StoreError: it cannot be kept.
        """
        return self._records.keep(data)

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

    def identity(self) -> Identity:
        """Return what the ids of this project are made of."""
        from reconciler.core.upkeep.rebuild import Identity

        return Identity(self._service.remote, self.config.name, self.capabilities)

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

    def evidence(self) -> Evidence:
        """Return where the evidence of gates is kept, and what runs their programs: with our own environment.

        What says which service we speak to is added, so that a program asks the same one.
        """
        from reconciler.project.evidence import FileEvidence

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
            datasets=self.reading.data,
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
            capabilities=self.capabilities,
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

    def _in_process(self) -> httpx.BaseTransport:
        import sqlite3

        from reconciler.emulator import Emulator

        if self._emulator is None:
            world = self.config.root / STATE_FOLDER / "emulator.db"
            try:
                world.parent.mkdir(parents=True, exist_ok=True)
                self._emulator = Emulator(world, clock=self.clock.now, train_seconds=self._overrides.train_seconds)
            except (OSError, sqlite3.Error, StoreError) as error:
                raise unusable_world(world, error) from error
            self._closing.callback(self._emulator.close)
        return self._emulator.transport()
