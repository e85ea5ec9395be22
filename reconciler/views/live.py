"""Events on a terminal: a line that moves for each model in training, and lines that stay for everything else.

An event only changes numbers; drawing happens a few times a second, however many events there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from math import isfinite
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from reconciler.core.event import Accepted, Event, Failed, Finished, Judged, Progressed, Summarised
from reconciler.core.text import clip, sanitize
from reconciler.views.canvas import speaks_unicode
from reconciler.views.curve_text import sparkline
from reconciler.views.fold import fold
from reconciler.views.paint import painter
from reconciler.views.sentences import Weight, brief_words, progress_words, sentence
from reconciler.views.watcher import Watcher

_DRAWN_PER_SECOND = 4
_NAME = 40
_SPARK = 12
_NARROW, _SLIM, _TINY = 96, 64, 48
"""Columns of a terminal below which a line has fewer words, then no bar, then no curve."""


class _Terminal(Console):
    """A console that falls silent when its terminal goes away; rich itself would end the process, and the run."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class LiveReporter(Watcher):
    """Draws on a terminal while its context lasts, from the first tuning on.

    Not earlier: until then somebody may be asked something, and drawing would hide the cursor and wipe out what is
    being typed.

    Args:
        stream: the terminal.
        color: whether to use SGR colours.
        least: what matters less than this is not told.
        width: columns; the terminal's own if None.
    """

    def __init__(self, stream: TextIO, *, color: bool, least: Weight = Weight.NEWS, width: int | None = None) -> None:
        super().__init__()
        self._paint = painter(color=color)
        self._least = least
        self._console = _Terminal(
            file=stream,
            force_terminal=True,
            no_color=not color,
            highlight=False,
            markup=False,
            emoji=False,
            width=width,
        )
        room = self._console.width
        self._name = _NAME if room >= _NARROW else max(_SPARK, room // 3)
        self._terse = room < _NARROW
        self._unicode = speaks_unicode(stream)
        self._progress = Progress(
            *self._columns(room),
            console=self._console,
            refresh_per_second=_DRAWN_PER_SECOND,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._losses: dict[str, deque[tuple[int, float]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._progress.stop()

    def show(self, event: Event) -> None:
        """Take note of an event, and print what is to stay."""
        match event:
            case Progressed():
                self._move(event)
                return
            case Accepted(name, _, _, total):
                self._begin(name, total)
            case Finished(name) | Failed(name) | Judged(name):
                self._end(name)
            case Summarised():
                self._progress.stop()  # the moving lines go before the result is printed on the other stream
            case _:
                pass
        said = sentence(event, self._paint)
        if said is not None and said[0] >= self._least:
            self._console.print(Text.from_ansi(fold(said[1], self._console.width)), soft_wrap=True)

    def _begin(self, name: str, total: int | None) -> TaskID:
        if name not in self._tasks:
            self._progress.start()
            shown = clip(sanitize(name), self._name)
            self._tasks[name] = self._progress.add_task(shown, total=total, words="tuning", spark="")
        return self._tasks[name]

    def _move(self, event: Progressed) -> None:
        progress = event.progress
        done, total = progress.completed_steps, progress.total_steps
        if done is None or total is None:
            done, total = (None, None) if progress.percent is None else (round(progress.percent), 100)
        task = self._begin(event.name, total)
        words = brief_words(event) if self._terse else progress_words(event)
        self._progress.update(task, completed=done, total=total, words=words, spark=self._spark(event))

    def _columns(self, room: int) -> Iterator[ProgressColumn]:
        """Yield what a line consists of; a narrow terminal gets less of it, so that no line is ever two."""
        whole = Column(no_wrap=True, overflow="ellipsis")
        yield TextColumn("{task.description}", markup=False, table_column=whole)
        if room >= _SLIM:
            yield BarColumn(bar_width=24 if room >= _NARROW else 12)
        if self._unicode and room >= _TINY:
            yield TextColumn("{task.fields[spark]}", markup=False, table_column=Column(width=_SPARK, no_wrap=True))
        yield TextColumn("{task.fields[words]}", markup=False, table_column=whole)

    def _spark(self, event: Progressed) -> str:
        """Return the newest losses of a model as a row of blocks."""
        last = event.progress.last
        losses = self._losses.setdefault(event.name, deque(maxlen=_SPARK))
        loss = None if last is None else last.mean_loss
        if last is not None and loss is not None and isfinite(loss) and (not losses or losses[-1][0] < last.step):
            losses.append((last.step, loss))
        return sparkline([loss for _, loss in losses], _SPARK)

    def _end(self, name: str) -> None:
        self._losses.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            self._progress.remove_task(task)
