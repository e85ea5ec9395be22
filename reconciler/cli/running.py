"""What the commands that change something share: their options, signals, reporters, and how they end."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from reconciler.cli.invocation import LONGEST, Invocation
from reconciler.core.event import Errored
from reconciler.errors import Interrupted

if TYPE_CHECKING:
    from reconciler.cli.output import Outputs
    from reconciler.core.event import Event
    from reconciler.engine.outcome import Outcome
    from reconciler.engine.stop import Stop
    from reconciler.engine.world import Options
    from reconciler.ports.store import Hold
    from reconciler.wiring import Session

Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])

_STOPPING = b"\nStopping: what is known is saved, training goes on. Once more to exit at once.\n"
_PAUSE = 5.0
_PAUSE_EMBEDDED = 0.5


class Duration(click.ParamType[float]):
    """``30s``, ``5m``, ``2h``, ``1d`` or plain seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        from reconciler.manifest.duration import parse_duration

        try:
            text = str(value)
            return float(text) if text.isdigit() else parse_duration(text)
        except ValueError as error:
            self.fail(f"{value!r} is no duration such as 30s, 5m or 2h", param, ctx)
            raise AssertionError from error  # fail() does not return


class Pause(click.FloatRange):
    """A number of seconds that can be slept through: more than none, and at most a million."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=LONGEST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds; what is no number lies in every range that it is compared with."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


lock_timeout_option = click.option(
    "--lock-timeout", type=Duration(), default=0.0, metavar="DURATION", help="Wait this long for a lock that is held."
)
_RUN = (
    click.option("--timeout", type=Duration(), metavar="DURATION", help="Wait no longer than this; training goes on."),
    click.option(
        "--poll-interval",
        type=Pause(),
        metavar="SECONDS",
        help="First pause between two looks; it grows to 60 s.",
    ),
    lock_timeout_option,
)


def run_options(command: Wrapped) -> Wrapped:
    """Add ``--timeout``, ``--poll-interval`` and ``--lock-timeout`` to a command."""
    for option in reversed(_RUN):
        command = option(command)
    return command


def engine_options(
    invocation: Invocation,
    session: Session,
    *,
    timeout: float | None,
    poll_interval: float | None,
    parallelism: int = 10,
    wait: bool = True,
) -> Options:
    """Return the engine's options from flags and environment; the embedded emulator is looked at more often."""
    from reconciler.engine.watch import LONGEST_PAUSE, Pace
    from reconciler.engine.world import Options

    usual = _PAUSE_EMBEDDED if session.embedded else _PAUSE
    first = poll_interval or invocation.number("TUNECTL_POLL_INTERVAL", usual, least=0.001)
    longest = max(first, 2 * first if session.embedded else LONGEST_PAUSE)
    return Options(parallelism=parallelism, wait=wait, timeout=timeout, pace=Pace(first, longest))


@contextmanager
def changing(invocation: Invocation, outputs: Outputs, *, lock_timeout: float) -> Iterator[tuple[Session, Hold]]:
    """Open the project and hold its lockfile while something is changed, telling what happens as it was asked for.

    Raises:
        LockHeld: somebody else holds it longer than ``lock_timeout`` seconds.
        TunectlError, click.ClickException: see ``Invocation.session``, ``LockfileStore.hold`` and ``reporting``.
    """
    with (
        reporting(invocation, outputs.machine) as report,
        invocation.session(report) as session,
        session.store().hold(timeout=lock_timeout) as hold,
    ):
        yield session, hold


@contextmanager
def reporting(invocation: Invocation, form: str | None) -> Iterator[Callable[[Event], None]]:
    """Give the reporter that fits, and let the files that were asked for have the events, too.

    Raises:
        click.FileError: a file of ``--format jsonl=FILE`` cannot be written.
    """
    from reconciler.cli.stopped import as_ours
    from reconciler.views.run_markdown import Account

    with ExitStack() as files:
        account, written = Account(), list(_event_files(invocation, files))
        with _shown(invocation, form) as shown:
            sinks: tuple[Callable[[Event], None], ...] = (account, shown, *written)

            def report(event: Event) -> None:
                for sink in sinks:
                    sink(event)

            invocation.account = account
            try:
                yield report
            except Exception as error:
                ours = as_ours(error)
                for sink in written:
                    sink(Errored(ours.message, ours.hint, ours.exit_code))
                raise


def _event_files(invocation: Invocation, files: ExitStack) -> Iterator[Callable[[Event], None]]:
    """Open what ``--format jsonl=FILE`` names."""
    outputs = invocation.outputs
    for form, path in () if outputs is None else outputs.owed():
        if form == "jsonl" and outputs is not None:
            try:
                stream = files.enter_context(path.open("w", encoding="utf-8"))
            except OSError as error:
                raise click.FileError(str(path), os.strerror(error.errno or 0)) from error
            outputs.done.add((form, str(path)))
            yield jsonl_reporter(invocation, stream)


def jsonl_reporter(invocation: Invocation, stream: TextIO) -> Callable[[Event], None]:
    """Give a reporter that writes JSON Lines to a stream, as a run of its own."""
    import time
    import uuid

    from reconciler.views.events_jsonl import JsonlReporter

    now = time.time if invocation.clock is None else invocation.clock.now
    return JsonlReporter(stream, run_id=str(uuid.uuid4()), now=now)


@contextmanager
def _shown(invocation: Invocation, form: str | None) -> Iterator[Callable[[Event], None]]:
    """Give what somebody sees: JSON Lines on standard output, live lines on a terminal, plain ones elsewhere."""
    if form == "jsonl":
        invocation.sink = jsonl = jsonl_reporter(invocation, sys.stdout)
        yield jsonl
        return
    from reconciler.views.terminal import open_reporter

    live = sys.stderr.isatty() and invocation.environ.get("TERM") != "dumb" and not invocation.environ.get("CI")
    with open_reporter(
        sys.stderr,
        live=live,
        color=invocation.color(sys.stderr),
        quiet=invocation.globals.quiet,
        verbose=invocation.globals.verbose,
    ) as report:
        yield report


@contextmanager
def stopping(stop: Stop, *, quiet: bool) -> Iterator[None]:
    """While this lasts, the first SIGINT or SIGTERM asks the run to save and end, the second ends it at once."""

    def handle(number: int, _: object) -> None:
        if stop.requested():
            os._exit(128 + number)
        stop.request(number)
        if not quiet:
            with suppress(OSError):  # the terminal may be what went away, and that must not unwind the run
                os.write(2, _STOPPING)  # a buffered stream may be in the middle of a write of its own

    former = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def end(outcome: Outcome, stop: Stop) -> None:
    """Raise what the command is to end with, if it did not go as planned.

    Raises:
        LockHeld, Interrupted, PartialFailure, GateNotMet, WaitTimedOut: see the exit codes.
    """
    if outcome.lost is not None:
        raise outcome.lost
    if stop.requested():
        running = len(outcome.running)
        jobs = f"{running} tuning{'s' if running != 1 else ''} still running" if running else "nothing left running"
        raise Interrupted(
            f"stopped and saved; {jobs}",
            signal_number=stop.signal_number or signal.SIGINT,
            hint="`tunectl apply` goes on from here, `tunectl wait` only waits",
        )
    error = outcome.error()
    if error is not None:
        raise error
