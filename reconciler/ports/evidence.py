"""What a gate leaves behind for people to read, and the program it may ask: a folder for each judged model.

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


class NoEvidence:
    """For runs that judge nothing."""

    def folder(self, name: str, label: str) -> NoReturn:
        """Refuse."""
        raise RuntimeError(f"{name} ({label}) is judged in a run that was not to judge; this is a bug in tunectl")
