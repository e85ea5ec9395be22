"""One broken wire from beginning to end, in process: put everything back, run with a fault, heal, run again, look."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self
from unittest import mock

import httpx
from crash_check import Look, look, problems_after, problems_between, problems_left
from crash_remote import Remote

from reconciler.cli.invocation import Invocation
from reconciler.cli.main import run
from reconciler.core.lockfile import InstanceState
from reconciler.emulator.faults import Fault
from reconciler.emulator.transport import EmulatorTransport
from reconciler.engine.checkpoint import Checkpoint
from reconciler.testing.fakes import FakeClock
from reconciler.wiring import Session

if TYPE_CHECKING:
    from crash_project import Story

APPLY = ("apply", "-y", "--quiet", "--parallelism", "1")
FAULTS = {
    "dropped before": Fault("drop"),
    "dropped after": Fault("drop", after=True),
    "timed out before": None,
    "timed out after": None,
    "500": Fault("status", code=500),
    "500 after": Fault("status", code=500, after=True),
    "503": Fault("status", code=503),
    "503 after": Fault("status", code=503, after=True),
    "429": Fault("status", code=429),
    "409": Fault("status", code=409),
    "403": Fault("status", code=403),
    "truncated": Fault("truncate"),
    "cut": Fault("cut"),
    "no JSON": Fault("html", code=200, after=True),
    "a gateway's page": Fault("html", code=502),
}
"""What goes wrong. ``after``: the request was carried out. Timeouts are the client's own and made by ``Line``."""


@dataclass(frozen=True, slots=True)
class Break:
    """A fault at the request of this number (from 1), once or from then on."""

    fault: str
    number: int
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.fault}, request {self.number}{' and all later' if self.lasting else ''}"


class Line(EmulatorTransport):
    """The wire to the remote. ``sent`` counts requests; a ``broken`` line times out as a slow one would."""

    def __init__(self, remote: Remote) -> None:
        super().__init__(remote.app)
        self.sent = 0
        self.broken: Break | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, or not, or do not wait for its answer."""
        self.sent += 1
        broken = self.broken
        hit = broken is not None and (self.sent >= broken.number if broken.lasting else self.sent == broken.number)
        if hit and broken.fault == "timed out before":
            raise httpx.WriteTimeout("timed out", request=request)
        response = super().handle_request(request)
        if hit and broken.fault == "timed out after":
            raise httpx.ReadTimeout("timed out", request=request)
        return response


@contextmanager
def careless() -> Iterator[None]:
    """Let tunectl be what it set out not to be: it buys first and records afterwards, under ids that mean nothing.

    The control of every sweep: one that finds nothing wrong with this proves nothing.
    """
    flush = Checkpoint.flush

    def forgetful(book: Checkpoint) -> None:
        instances = [instance for entry in book.lockfile.models.values() for instance in entry.instances()]
        if book.lockfile.serial > 0 or all(found.state is not InstanceState.PENDING for found in instances):
            flush(book)

    def meaningless(**_of: object) -> str:
        return f"made-{uuid.uuid4().hex[:12]}"

    with (
        mock.patch.object(Checkpoint, "flush", forgetful),
        mock.patch("reconciler.core.planning.build.remote_id", meaningless),
    ):
        yield


class Wire:
    """A remote in process and a project with everything left to do, which every break begins with.

    While one is ``connected``, sessions on the embedded emulator speak over its ``line``.
    """

    def __init__(self, folder: Path, story: Story) -> None:
        self.story = story
        self.remote = Remote(folder, story.wanted)
        self.line = Line(self.remote)
        self._folder = folder
        self._base, self._world, self._root = folder / "base", folder / "base.db", folder / "project"
        self.length = 0
        self._seen = Look(None, absent=True, broken="", models={}, bought=0, files=frozenset())

    @contextmanager
    def connected(self) -> Iterator[Self]:
        """Be the embedded emulator of this process, with everything prepared."""
        here = Path.cwd()
        try:
            with mock.patch.object(Session, "_in_process", return_value=self.line):
                self._prepare()
                yield self
        finally:
            os.chdir(here)
            self.remote.leave()

    def _prepare(self) -> None:
        """Make what every break begins with; ``length`` is how many requests an undisturbed apply takes then."""
        self._base.mkdir()
        self.remote.new_world()
        if self.story.before is not None:
            self.story.before(self._base)
            assert self._run(self._base) == 0
        self.story.after(self._base)
        self._seen = look(self._base, self.remote)
        self.remote.save_world(self._world)
        with self.stage():
            self.line.sent = 0
            assert self.apply() == 0
            self.length = self.line.sent
            assert self.problems() == []

    def suffer(self, broken: Break) -> tuple[int, list[str]]:
        """Apply over a broken line, then over a healed one; return how the first run ended, and what is wrong."""
        with self.stage():
            self._break(broken)
            code = self.apply()
            between = self.look()
            found = problems_between(self.story, self._seen, between)
            self.remote.emulator.faults.clear()
            self.line.broken = None
            healed = self.apply()
            if healed:
                found.append(f"the run on the healed line ends with {healed}")
            found += problems_between(self.story, between, self.look())
            return code, [*found, *self.problems()]

    def apply(self, *options: str) -> int:
        """Apply and return the exit code."""
        return self._run(self._root, *options)

    def look(self) -> Look:
        """Take in everything there is now."""
        return look(self._root, self.remote)

    def problems(self) -> list[str]:
        """Say what is not as it has to be when everything is done."""
        return [*self.problems_of(self.look()), *self.remote.offences, *problems_left(self._root, "emulator")]

    def problems_of(self, after: Look) -> list[str]:
        """Say what is wrong with a state at the end."""
        return problems_between(self.story, self._seen, after) + problems_after(self.story, self._seen, after)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """Put the project and the remote back, and give the project's folder."""
        shutil.copytree(self._base, self._root)
        self.remote.put_back(self._world, self._root)
        try:
            yield self._root
        finally:
            os.chdir(self._folder)
            shutil.rmtree(self._root)

    def _break(self, broken: Break) -> None:
        self.line.sent, self.line.broken = 0, broken
        fault = FAULTS[broken.fault]
        if fault is not None:
            count = None if broken.lasting else 1
            self.remote.emulator.faults.add(replace(fault, skip=broken.number - 1, count=count))

    def _run(self, root: Path, *options: str) -> int:
        return run(("-C", str(root), *APPLY, *options), invocation=Invocation(environ={}, clock=FakeClock()))
