"""One kill point from beginning to end: put everything back, run, kill, look, run again, look again."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import crash_child as child
from crash_check import Look, look, problems_after, problems_between, problems_left
from crash_service import Boundary, Service

if TYPE_CHECKING:
    from crash_project import Story

APPLY = ("apply", "-y", "--quiet", "--poll-interval", "0.01")
ONE_BY_ONE = (*APPLY, "--parallelism", "1")


@dataclass(frozen=True, slots=True)
class Point:
    """A place to be killed at.

    ``how`` is ``request`` (``what`` is before or after), ``moment`` (``what`` is its name) or ``call`` (``what`` is the
    system call); ``number`` counts from 1. ``again`` kills the run that resumes, too, at that request.
    """

    how: str
    what: str
    number: int
    again: int = 0

    def __str__(self) -> str:
        twice = f", then request {self.again}" if self.again else ""
        return f"{self.how} {self.number} ({self.what}){twice}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a kill point. ``struck`` is False when the run was over before; ``problems`` should be empty."""

    point: Point
    struck: bool
    bought: int
    seconds: float
    problems: tuple[str, ...] = ()


class Bench:
    """A service, and a project with everything left to do, which every point begins with. A context manager."""

    def __init__(self, folder: Path, story: Story) -> None:
        self.story = story
        self._folder = folder
        (folder / "service").mkdir()
        self._service = Service(folder / "service", story.wanted)
        self._base = folder / "base"
        self._world = folder / "base.db"
        self._seen = Look(None, absent=True, broken="", models={}, bought=0, files=frozenset())

    def __enter__(self) -> Self:
        self._service.__enter__()
        try:
            self._prepare()
        except BaseException:
            self._service.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._service.__exit__()

    @property
    def service(self) -> Service:
        """The service that the runs speak to."""
        return self._service

    def requests(self) -> int:
        """Count the requests of an apply that nothing disturbs."""
        with self.stage() as root:
            self._undisturbed(root, child.plain(*APPLY))
            return self._service.requests

    def moments(self) -> list[str]:
        """Name the moments of an apply that nothing disturbs."""
        journal = self._folder / "moments"
        with self.stage() as root:
            self._undisturbed(root, child.hooked(0, journal, *APPLY))
        return journal.read_text(encoding="utf-8").splitlines()

    def calls(self) -> list[tuple[str, int]]:
        """Name the system calls of an apply that nothing disturbs, each with its number within its thread."""
        log = self._folder / "calls"
        found = []
        for calls in (child.ON_FILES, child.ON_SOCKETS):
            with self.stage() as root:
                self._undisturbed(root, child.recorded(calls, log, root, *ONE_BY_ONE))
            found += child.system_calls(log.read_text(encoding="utf-8"))
        return found

    def strike(self, point: Point) -> Verdict:
        """Kill a run at a point, run again, and say what is not as it has to be."""
        since = time.monotonic()
        with self.stage() as root:
            killed = self._run(root, *_aimed(point, root))
            found = [] if killed.killed else _strange_end(killed)
            between = look(root, self._service)
            found += problems_between(self.story, self._seen, between)
            if point.again:
                self._run(root, child.plain(*APPLY), Boundary(point.again, after=point.again % 2 == 0))
                later = look(root, self._service)
                found += problems_between(self.story, between, later)
                between = later
            resumed = self._run(root, child.plain(*APPLY))
            if resumed.code:
                found.append(f"the run that resumes ends with {resumed.code}: {resumed.err.strip()}")
            after = look(root, self._service)
            found += problems_between(self.story, between, after)
            bought = after.bought - self._seen.bought
            found += self.problems(root)
        return Verdict(point, killed.killed, bought, time.monotonic() - since, tuple(found))

    @contextmanager
    def stage(self, *, watched: bool = True) -> Iterator[Path]:
        """Put the project and the remote back, and give the project's folder; see ``Remote.put_back`` for watching."""
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="run-") as name:
            root = Path(name) / "project"
            shutil.copytree(self._base, root)
            self._service.put_back(self._world, root if watched else None)
            self._service.take_aim(None)
            yield root
            self._service.wait_until_idle()

    def run(self, root: Path, *arguments: str, **environ: str) -> child.Child:
        """Run a command line that nothing kills."""
        return self.begin(root, *arguments, **environ)[0]()

    def run_until(self, root: Path, request: int) -> child.Child:
        """Run an apply that is killed right after this request was carried out."""
        return self._run(root, child.plain(*APPLY), Boundary(request, after=True))

    def begin(
        self, root: Path, *arguments: str, **environ: str
    ) -> tuple[Callable[[], child.Child], Callable[[], None]]:
        """Begin a run; return the call that waits for its end, and the one that kills it."""
        process = child.start(child.plain(*arguments), cwd=root, environ={**self._environ, **environ})
        return lambda: child.finish(process), process.kill

    def problems(self, root: Path) -> list[str]:
        """Say what is not as it has to be when everything is done."""
        after = look(root, self._service)
        found = [
            *problems_between(self.story, self._seen, after),
            *problems_after(self.story, self._seen, after),
            *self._service.offences,
        ]
        return [*found, *problems_left(root, self._service.url)]

    @property
    def _environ(self) -> dict[str, str]:
        return {"TUNECTL_ENDPOINT": self._service.url}

    def _prepare(self) -> None:
        self._base.mkdir()
        self._service.new_world()
        if self.story.before is not None:
            self.story.before(self._base)
            first = self._run(self._base, child.plain(*APPLY))
            assert first.code == 0, first.err
        self.story.after(self._base)
        self._seen = look(self._base, self._service)
        self._service.save_world(self._world)

    def _undisturbed(self, root: Path, command: Sequence[str]) -> None:
        ended = self._run(root, command)
        assert ended.code == 0, ended.err
        assert self.problems(root) == []

    def _run(self, root: Path, command: Sequence[str], boundary: Boundary | None = None) -> child.Child:
        process = child.start(command, cwd=root, environ=self._environ)
        self._service.take_aim(process, boundary)
        try:
            return child.finish(process)
        finally:
            self._service.wait_until_idle()


def _aimed(point: Point, root: Path) -> tuple[list[str], Boundary | None]:
    if point.how == "request":
        return child.plain(*APPLY), Boundary(point.number, after=point.what == "after")
    if point.how == "moment":
        return child.hooked(point.number, None, *APPLY), None
    return child.injected(point.what, point.number, root, *ONE_BY_ONE), None


def _strange_end(ended: child.Child) -> list[str]:
    return [] if ended.code == 0 else [f"the run was not killed, yet ends with {ended.code}: {ended.err.strip()}"]
