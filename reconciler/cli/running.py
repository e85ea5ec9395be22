"""What the commands that change something share: their options, signals, reporters, and how they end."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.base import LONGEST, Invocation
from reconciler.errors import Interrupted

if TYPE_CHECKING:
    from reconciler.core.event import Event
    from reconciler.engine.outcome import Outcome
    from reconciler.engine.stop import Stop
    from reconciler.engine.world import Options
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


_RUN = (
    click.option("--timeout", type=Duration(), metavar="DURATION", help="Wait no longer than this; training goes on."),
    click.option(
        "--poll-interval",
        type=Pause(),
        metavar="SECONDS",
        help="First pause between two looks; it grows to 60 s.",
    ),
    click.option(
        "--lock-timeout",
        type=Duration(),
        default=0.0,
        metavar="DURATION",
        help="Wait this long for a lock that is held.",
    ),
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
def reporting(invocation: Invocation, form: str | None) -> Iterator[Callable[[Event], None]]:
    """Give the reporter that fits: JSON Lines on standard output, live lines on a terminal, plain ones elsewhere."""
    if form == "jsonl":
        import time
        import uuid

        from reconciler.views.events_jsonl import JsonlReporter

        now = time.time if invocation.clock is None else invocation.clock.now
        jsonl = JsonlReporter(sys.stdout, run_id=str(uuid.uuid4()), now=now)
        invocation.sink = jsonl
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
