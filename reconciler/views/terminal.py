"""Events for people: plain lines for logs and pipes; ``live`` draws for terminals.

Lines about progress are rationed, so that a night of training fills no log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from reconciler.core.event import Event, Failed, Finished, Progressed
from reconciler.ports.reporter import Reporter
from reconciler.views.paint import painter
from reconciler.views.sentences import Weight, sentence
from reconciler.views.watcher import Watcher

PERCENT = 10.0
PAUSE = 300.0


class PlainReporter(Watcher):
    """Writes what happens as lines that stay.

    Args:
        stream: where to; characters that it cannot encode are spelled out.
        color: whether to use SGR codes.
        least: what matters less than this is not told.
        now: seconds, from any beginning.
        percent: a model's progress is told again when it has moved this far,
        pause: or when so many seconds have passed.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        color: bool = False,
        least: Weight = Weight.NEWS,
        now: Callable[[], float] = time.monotonic,
        percent: float = PERCENT,
        pause: float = PAUSE,
    ) -> None:
        super().__init__()
        self._stream = stream
        self._paint = painter(color=color)
        self._least = least
        self._now = now
        self._percent = percent
        self._pause = pause
        self._told: dict[str, tuple[float, float]] = {}

    def show(self, event: Event) -> None:
        """Write an event, if it is time to."""
        said = sentence(event, self._paint)
        if said is None or said[0] < self._least or (isinstance(event, Progressed) and not self._due(event)):
            return
        if isinstance(event, Finished | Failed):
            self._told.pop(event.name, None)
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(said[1].encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self._stream.flush()

    def _due(self, event: Progressed) -> bool:
        """Tell whether a model's progress is worth a line, and remember that it got one."""
        now, percent = self._now(), event.progress.percent or 0.0
        last = self._told.get(event.name)
        due = last is None or percent >= last[0] + self._percent or now >= last[1] + self._pause
        if due:
            self._told[event.name] = (percent, now)
        return due


@contextmanager
def open_reporter(
    stream: TextIO, *, live: bool, color: bool, quiet: bool = False, verbose: int = 0
) -> Iterator[Reporter]:
    """Give the reporter for a stream, and let go of the stream in the end.

    Args:
        stream: where to.
        live: whether one line a running model may be redrawn; only for a terminal.
        color: whether to use SGR codes.
        quiet: tell failures and warnings only.
        verbose: from 1 on, pauses and saves are told as well, from 2 on every request.
    """
    least = Weight.least(quiet=quiet, verbose=verbose)
    if not live or quiet:
        yield PlainReporter(stream, color=color, least=least)
        return
    from reconciler.views.live import LiveReporter  # noqa: PLC0415  # rich is loaded only where it draws

    with LiveReporter(stream, color=color, least=least) as reporter:
        yield reporter
