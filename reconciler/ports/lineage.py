"""The log of the past: lines that are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class LineageLog(Protocol):
    """Lines, added at the end and never changed; see ``core.lineage_text`` for what they hold."""

    @property
    def address(self) -> str:
        """Where the log is, for messages."""
        ...

    def read(self) -> bytes:
        """Return the whole log; empty if there is none.

        Raises:
            StoreError: it exists but cannot be read, or is not a plain file or object.
        """
        ...

    def append(self, lines: Sequence[bytes]) -> None:
        """Add those lines that are not in the log yet, in their order, and return when they are safe.

        A line holds no line feed. The rest of a line that a crash cut short is replaced by the whole line.

        Raises:
            StaleLockfile: somebody else added to it at the same time.
            StoreError: they could not be stored; some of them may have been, and adding them again adds the others.
        """
        ...
