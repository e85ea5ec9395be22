"""One run of the command line: its global options, its environment, and the project that it opens with them.

A flag beats the environment, the environment beats the project file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.completing import Word

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.cli.output import Outputs
    from reconciler.core.event import Event
    from reconciler.ports.clock import Clock
    from reconciler.views.run_markdown import Account
    from reconciler.wiring import Session

EXIT_USAGE = 64
_TRACING = 2
_BRIEF = 10.0
"""Seconds for one step of a request, if it is sent a given number of times: somebody sits and waits."""

LONGEST = 1_000_000.0
"""Seconds: the longest pause or time limit that may be asked for; the operating system's own limits lie beyond."""

GLOBAL_OPTIONS: tuple[Callable[[], click.Option], ...] = (
    partial(
        click.Option,
        ["-C", "--directory"],
        type=Word({"DIR"}),
        metavar="DIR",
        help="Work in this folder instead of the current one.",
    ),
    partial(
        click.Option,
        ["--config"],
        type=Word({"FILE"}),
        metavar="FILE",
        help="The project file (default: tunectl.yaml).",
    ),
    partial(click.Option, ["--endpoint"], metavar="URL", help="The service, or 'emulator' for the embedded one."),
    partial(click.Option, ["--project"], metavar="ID", help="The cloud project that is billed and asked."),
    partial(click.Option, ["--no-color"], is_flag=True, help="No colours, whatever the terminal can do."),
    partial(
        click.Option, ["-v", "--verbose"], count=True, help="Say more: pauses and saves; twice: every HTTP request."
    ),
    partial(click.Option, ["-q", "--quiet"], is_flag=True, help="Say nothing but results and errors."),
)


@dataclass(frozen=True, slots=True)
class Globals:
    """The global options as given; what was not given is None, False or 0."""

    directory: str | None = None
    config: str | None = None
    endpoint: str | None = None
    project: str | None = None
    no_color: bool = False
    verbose: int = 0
    quiet: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Globals:
        """Read them from a click context's parameters."""
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})

    def over(self, other: Globals) -> Globals:
        """Return these, completed by others: what was given after the command's name beats what stood before it."""
        return Globals(**{f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self)})


@dataclass(slots=True)
class Invocation:
    """One run of the command line.

    ``folder`` is where to work, the current folder if None. ``environ`` is the environment, ``clock`` replaces the
    machine's clock in tests. ``machine`` is the machine-readable format the command prints on standard output, if any,
    so that an error can be printed in it too; ``github`` that a runner's annotations were asked for, ``cache`` whether
    a dataset that is known may stay unread; ``tries`` bounds how often a request is sent. ``sink`` is the event stream
    that is open, if one is. ``outputs`` is every form that was asked for, ``account`` what a run has come to so far:
    both are for its reports.
    """

    globals: Globals = field(default_factory=Globals)
    folder: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock | None = None
    machine: str | None = None
    github: bool = False
    cache: bool = True
    tries: int | None = None
    sink: Callable[[Event], None] | None = None
    command: str = "tunectl"
    outputs: Outputs | None = None
    account: Account | None = None

    def color(self, stream: Any) -> bool:
        """Tell whether a stream gets colours: a terminal, and nobody has said no."""
        if self.globals.no_color or self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb":
            return False
        return bool(stream.isatty())

    def expect(self, outputs: Outputs) -> None:
        """Note which form the command prints, so that an error can take it too."""
        self.machine = outputs.machine
        self.github = outputs.stdout == "github"
        self.outputs = outputs

    def enter(self) -> None:
        """Go to the folder that ``-C`` names; every path on the command line is meant from there, as with git.

        Raises:
            click.UsageError: there is no such folder.
        """
        folder = self.globals.directory
        if folder is None:
            return
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"-C {folder}: {os.strerror(error.errno or 0)}") from error

    def config(self) -> Path | None:
        """Return the project file that flag or environment name, if any."""
        from pathlib import Path  # with what it imports a twentieth of --help

        named = self.globals.config or self.environ.get("TUNECTL_CONFIG")
        return Path(named) if named else None

    def note(self, text: str) -> None:
        """Say something on standard error, unless silence was asked for."""
        if not self.globals.quiet:
            click.echo(text, err=True)

    def session(self, report: Callable[[Event], None] | None = None) -> Session:
        """Open the project that flags, environment and files describe."""
        from pathlib import Path

        from reconciler.wiring import Session, open_project

        config = open_project(Path.cwd() if self.folder is None else self.folder, self.config())
        report = self.reporter() if report is None else report
        return Session(
            config,
            self._overrides(),
            report=report,
            command=self.command,
            clock=self.clock,
            environ=self.environ,
        )

    def reporter(self) -> Callable[[Event], None]:
        """Tell on standard error what happens below a command that only looks: tries that failed, and warnings."""
        first: list[Callable[[Event], None]] = []  # mostly there is nothing to tell, and then nothing is imported

        def report(event: Event) -> None:
            if not first:
                from reconciler.views.sentences import Weight
                from reconciler.views.terminal import PlainReporter

                least = Weight.least(quiet=self.globals.quiet, verbose=self.globals.verbose)
                first.append(PlainReporter(sys.stderr, color=self.color(sys.stderr), least=least))
            first[0](event)

        return report

    def number(self, name: str, default: float, *, least: float = 0.0) -> float:
        """Return a number of seconds from the environment.

        Raises:
            click.UsageError: it is none, too small or too large.
        """
        text = self.environ.get(name, "")
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= LONGEST:
            raise click.UsageError(f"{name}: {text!r} is no number of seconds from {least:g} to {LONGEST:.0f}")
        return value

    def _overrides(self) -> Any:
        from reconciler.project.overrides import Overrides

        get = self.environ.get
        self.number("TUNECTL_POLL_INTERVAL", 1.0, least=0.001)  # used later, but wrong before any work is done
        endpoint = self.globals.endpoint or get("TUNECTL_ENDPOINT") or None
        lockfile = get("TUNECTL_LOCKFILE") or None
        self._check(endpoint, lockfile)
        shared = next((get(name) for name in _SHARED_PROJECT_VARIABLES if get(name)), None)
        return Overrides(
            endpoint=endpoint,
            project=self.globals.project or get("TUNECTL_PROJECT") or None,
            shared_project=shared,
            api_version=get("TUNECTL_API_VERSION") or None,
            lockfile=lockfile,
            access_token=get("TUNECTL_ACCESS_TOKEN") or None,
            api_key=get("TUNECTL_API_KEY") or None,
            http_timeout=self.number("TUNECTL_HTTP_TIMEOUT", 30.0 if self.tries is None else _BRIEF, least=0.001),
            train_seconds=self.number("TUNECTL_EMULATOR_TRAIN_SECONDS", 6.0),
            cache=self.cache,
            tries=self.tries,
            trace=self.globals.verbose >= _TRACING,
        )

    def _check(self, endpoint: str | None, lockfile: str | None) -> None:
        """Hold flags and environment to the rules of the project file, and name the one that breaks them."""
        from reconciler.manifest.project import check_endpoint, check_lockfile

        where = "--endpoint" if self.globals.endpoint else "TUNECTL_ENDPOINT"
        for name, value, check in ((where, endpoint, check_endpoint), ("TUNECTL_LOCKFILE", lockfile, check_lockfile)):
            problem = None if value is None else check(value)
            if problem is not None:
                raise click.UsageError(f"{name}: {problem}")


_SHARED_PROJECT_VARIABLES = ("GOOGLE_CLOUD_QUOTA_PROJECT", "GOOGLE_CLOUD_PROJECT")
