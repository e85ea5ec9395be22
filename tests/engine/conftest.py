"""A small workbench: a fake service, a lockfile in memory, and one call that plans and applies."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import pytest

from reconciler.core.examples import digest_of
from reconciler.core.gate import Gate
from reconciler.core.limits import Limits
from reconciler.core.lockfile import Lockfile
from reconciler.core.manifests import Manifests
from reconciler.core.plan import Plan, Scope
from reconciler.core.planning.build import Policy
from reconciler.core.resource import Dataset, Desired, Example, Lifecycle
from reconciler.engine.applying.apply import apply
from reconciler.engine.byhand.resume import wait_for_running
from reconciler.engine.looking.preview import Preview, preview
from reconciler.engine.outcome import Outcome
from reconciler.engine.stop import Stop
from reconciler.engine.watch import Pace
from reconciler.engine.world import Options, World
from reconciler.stores.lockfile import BlobLockfileStore
from reconciler.stores.memory import MemoryBlobStore
from reconciler.testing.fake_provider import CAPABILITIES, REMOTE, FakeProvider
from reconciler.testing.fakes import EventLog, FakeClock, FakeEvidence


@dataclass
class Bench:
    """Everything a run needs, kept between runs as the world keeps it."""

    clock: FakeClock = field(default_factory=FakeClock)
    log: EventLog = field(default_factory=EventLog)
    blob: MemoryBlobStore = field(default_factory=MemoryBlobStore)
    stop: Stop = field(default_factory=Stop)
    data: dict[str, list[Example]] = field(default_factory=dict)
    evidence: FakeEvidence = field(default_factory=FakeEvidence)
    tests: list[Example] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.provider = FakeProvider(self.clock)
        self._ids = itertools.count(1)
        self.desired: list[Desired] = []

    def store(self) -> BlobLockfileStore:
        return BlobLockfileStore(self.blob, remote=REMOTE, new_id=lambda: f"id-{next(self._ids)}")

    def want(
        self,
        name: str,
        *,
        count: int = 15,
        lifecycle: Lifecycle | None = None,
        gate: Gate | None = None,
        **spec: object,
    ) -> Desired:
        """Declare a model; an earlier declaration of the name is replaced."""
        examples = [Example(str(number), str(number + 1)) for number in range(count)]
        self.data[name] = examples
        base = {} if "source" in spec else {"baseModel": "models/text-bison-001"}
        manifest = Desired(
            name=name,
            spec={"displayName": name, **base, **spec},
            dataset=Dataset(digest_of(examples), count),
            lifecycle=lifecycle or Lifecycle(),
            gate=gate,
        )
        self.desired = [*(m for m in self.desired if m.name != name), manifest]
        return manifest

    def drop(self, name: str) -> None:
        """Take a manifest away."""
        self.desired = [manifest for manifest in self.desired if manifest.name != name]

    def preview(self, *, replaced: tuple[str, ...] = (), scope: Scope | None = None, **limits: int | None) -> Preview:
        policy = Policy(
            project="demo",
            capabilities=CAPABILITIES,
            limits=replace(Limits(), **limits),
            scope=scope or Scope(),
            replace=frozenset(replaced),
        )
        return preview(lambda: Manifests(tuple(self.desired)), self.provider, self.store(), policy)

    def plan(self, **options: object) -> Plan:
        return self.preview(**options).plan

    def world(self) -> World:
        return World(self.provider, self.store(), self, self.clock, self.log, self.stop, evidence=self.evidence)

    def apply(self, *, options: Options | None = None, **plan_options: object) -> Outcome:
        self.log.events.clear()
        shown = self.preview(**plan_options)
        return apply(self.world(), shown, options or self.options())

    def wait(self, *, options: Options | None = None) -> Outcome:
        self.log.events.clear()
        return wait_for_running(self.world(), self.store().load(), options or self.options())

    def options(self, **changes: object) -> Options:
        return replace(Options(parallelism=4, pace=Pace(first=5.0), noise=lambda: 0.5), **changes)

    def validation(self, name: str) -> list[Example]:
        return []

    def objects(self, name: str) -> tuple[None, None]:
        return None, None

    def examples(self, name: str) -> list[Example]:
        return self.data[name]

    def evaluation(self, name: str) -> list[Example]:
        return self.tests

    @property
    def lockfile(self) -> Lockfile:
        return self.store().load().lockfile

    def kinds(self, **options: object) -> list[tuple[str, str]]:
        return [(action.name, action.kind.value) for action in self.plan(**options).actions]


@pytest.fixture
def bench() -> Bench:
    return Bench()
