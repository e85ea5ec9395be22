"""What a gate leaves behind for people to read, and what it has done apart from us: a folder for each judged model.

Answers are the user's own data and may be confidential: an implementation keeps them where only the user reads them,
and nothing of them in a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Protocol

from reconciler.core.canonical import Json


class Folder(Protocol):
    """Where the evidence about one model is kept."""

    @property
    def address(self) -> str:
        """Where this is, for messages: relative to the project."""
        ...

    def keep(self, name: str, rows: Sequence[Mapping[str, Json]]) -> None:
        """Keep rows under a name, in place of what was there.

        Raises:
            StoreError: they cannot be kept.
        """
        ...

    def run(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        timeout: float,
        stopped: Callable[[], bool],
    ) -> int | None:
        """Run a program without a shell, keep what it prints, and return its exit status; None if it was stopped.

        Args:
            command: the program and its arguments.
            environ: what to add to the environment it gets.
            timeout: in seconds.
            stopped: asked again and again; True ends the program and whatever it started.

        Raises:
            TunectlError: it cannot be started, was killed, or did not end in time; that is no verdict.
        """
        ...


class Evidence(Protocol):
    """Gives a folder for each model that is judged."""

    def folder(self, name: str, label: str) -> Folder:
        """Return the folder of a model; ``label`` tells it from others of the same manifest name."""
        ...

    def search(self, searches: Sequence[tuple[str, str]], *, stopped: Callable[[], bool]) -> Sequence[bool] | None:
        """Tell of each expression whether it is found in its text (``core.scorers.regex``), in bounded time.

        An expression that backtracks can take longer than anybody lives, and no thread can be torn from it.

        Args:
            searches: pairs of a valid regular expression and a text.
            stopped: asked again and again; True ends the search.

        Returns:
            One answer for each pair; fewer if the time was over, and then the first pair without one is to blame. None
            if it was stopped.

        Raises:
            TunectlError: nothing can be searched.
        """
        ...


class NoEvidence:
    """For runs that judge nothing."""

    def folder(self, name: str, label: str) -> NoReturn:
        """Refuse."""
        raise RuntimeError(f"{name} ({label}) is judged in a run that was not to judge; this is a bug in tunectl")

    def search(self, searches: Sequence[tuple[str, str]], *, stopped: Callable[[], bool]) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        raise RuntimeError(f"{len(searches)} searches in a run that was not to judge; this is a bug in tunectl")
