"""Fakes with rules: a clock that only moves when it is told to, a reporter that remembers, evidence in memory.

For tests of engines, and for those who write a provider or a store of their own; ``fake_provider`` stands in for the
service. Nothing here sleeps or sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.canonical import Json
from reconciler.core.event import Event
from reconciler.core.scorers import regex
from reconciler.errors import TunectlError


class FakeClock:
    """Seconds that pass only by sleeping. ``slept`` remembers every pause."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Return the time."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self._now += seconds
        self.on_sleep()

    def advance(self, seconds: float) -> None:
        """Let time pass without anybody sleeping."""
        self._now += seconds


class EventLog:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""
        self.events.append(event)

    def of(self, *types: type) -> list[Event]:
        """Return the events of these types, in order."""
        return [event for event in self.events if isinstance(event, types)]


class FakeEvidence:
    """Evidence in memory: ``kept`` maps addresses to rows, ``verdicts`` programs to the status they end with.

    ``ran`` lists the environment each program was given.
    """

    def __init__(self) -> None:
        self.kept: dict[str, list[Mapping[str, Json]]] = {}
        self.verdicts: dict[str, int | TunectlError] = {}
        self.ran: list[Mapping[str, str]] = []

    def folder(self, name: str, label: str) -> FakeFolder:
        """Return a folder."""
        return FakeFolder(self, f"{name}/{label}")

    def search(self, searches: Sequence[tuple[str, str]], *, stopped: Callable[[], bool]) -> Sequence[bool] | None:
        """Search for expressions, which had better be harmless."""
        return None if stopped() else [regex(expression, text) for expression, text in searches]


@dataclass(frozen=True, slots=True)
class FakeFolder:
    """A folder of such evidence."""

    evidence: FakeEvidence
    address: str

    def keep(self, name: str, rows: Sequence[Mapping[str, Json]]) -> None:
        """Remember rows."""
        self.evidence.kept[f"{self.address}/{name}"] = list(rows)

    def run(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        timeout: float,  # noqa: ARG002  # it is over at once
        stopped: Callable[[], bool],
    ) -> int | None:
        """End as the program is said to end; one that nobody knows cannot be run."""
        self.evidence.ran.append(dict(environ))
        verdict = self.evidence.verdicts.get(command[0], TunectlError(f"{command[0]} cannot be run"))
        if isinstance(verdict, TunectlError):
            raise verdict
        return None if stopped() else verdict
