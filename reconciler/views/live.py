"""Events on a terminal: a line that moves for each model in training, and lines that stay for everything else.

An event only changes numbers; drawing happens a few times a second, however many events there are.
"""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from reconciler.core.event import Accepted, Event, Failed, Finished, Judged, Progressed, Summarised
from reconciler.core.text import clip, sanitize
from reconciler.views.paint import painter
from reconciler.views.sentences import Weight, progress_words, sentence
from reconciler.views.watcher import Watcher

_DRAWN_PER_SECOND = 4
_NAME = 40


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
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[words]}", markup=False),
            console=self._console,
            refresh_per_second=_DRAWN_PER_SECOND,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

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
            self._console.print(Text.from_ansi(said[1]), soft_wrap=True)

    def _begin(self, name: str, total: int | None) -> TaskID:
        if name not in self._tasks:
            self._progress.start()
            shown = clip(sanitize(name), _NAME)
            self._tasks[name] = self._progress.add_task(shown, total=total, words="tuning")
        return self._tasks[name]

    def _move(self, event: Progressed) -> None:
        progress = event.progress
        done, total = progress.completed_steps, progress.total_steps
        if done is None or total is None:
            done, total = (None, None) if progress.percent is None else (round(progress.percent), 100)
        task = self._begin(event.name, total)
        self._progress.update(task, completed=done, total=total, words=progress_words(event))

    def _end(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            self._progress.remove_task(task)
