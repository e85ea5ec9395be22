"""What is known of dataset files already, so that a file that has not changed is not read again.

Digests, counts and the numbers of repeated lines are kept, never a word of a row; when they may be trusted is told in
``kept``. What is sent in a create is read and digested anew in any case.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

from reconciler.confined import Opener
from reconciler.core.resource import Dataset
from reconciler.kept import Kept, Stamp

__all__ = ["Known", "Question", "Stamp", "Verdict"]

FORMAT: Final = "tunectl.datasets/v4"
"""Also the version of the checks: a cached verdict is one of the rules of its time."""

Question: TypeAlias = tuple[str, ...]
"""Path, columns and limits: whatever else decides what is said of a file."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A good dataset file: digest and number of its examples, and warnings by line."""

    dataset: Dataset
    warnings: tuple[tuple[int | None, str], ...] = ()


class Known:
    """The verdicts of this run, and those of earlier ones as far as they may be trusted.

    Within one run each file is read once, however many manifests name it. ``root`` is the project's folder, ``path``
    the cache file in it; without one nothing outlives the run. Used from one thread only.
    """

    def __init__(self, root: Path, path: str | None, *, now: Callable[[], int] = time.time_ns) -> None:
        self._kept = Kept(root, path, form=FORMAT, now=now)
        self._opener = Opener(root)
        self._found: dict[Question, Verdict] = {}

    def open(self, path: str) -> int:
        """Open a file of the project and return its descriptor; raises what ``confined.open_file`` does."""
        return self._opener.open_file(path)

    def stamp(self, path: str) -> Stamp | None:
        """Return what the file system says of a file that ``open`` would open, None if only opening it tells."""
        status = self._opener.status(path)
        return None if status is None else Stamp.by(status)

    def recall(self, question: Question) -> Verdict | None:
        """Return what this run has found out already."""
        return self._found.get(question)

    def look_up(self, question: Question, stamp: Stamp) -> Verdict | None:
        """Return what an earlier run found out about just this file."""
        kept = self._kept.find("\0".join(question), stamp)
        verdict = None if kept is None else _understood(kept, question[0])
        if verdict is not None:
            self._found[question] = verdict
        return verdict

    def begin(self) -> int:
        """Return the time at which a reading begins, for ``learn``."""
        return self._kept.begin()

    def learn(self, question: Question, verdict: Verdict, *, begun: int, before: Stamp, after: Stamp) -> None:
        """Remember a verdict for this run, and for later ones if the file stood still before and while it was read."""
        self._found[question] = verdict
        dataset = verdict.dataset
        written = [
            dataset.digest,
            dataset.examples,
            dataset.characters,
            [list(warning) for warning in verdict.warnings],
        ]
        self._kept.keep("\0".join(question), written, begun=begun, before=before, after=after)

    def save(self) -> None:
        """Write what is new, and let go of open folders; a cache that cannot be written is no reason to fail."""
        self._opener.close()
        self._kept.save()


def stamp_of(file: BinaryIO) -> Stamp:
    """Ask for the status of an open file."""
    return Stamp.of(file.fileno())


def _understood(kept: Any, path: str) -> Verdict | None:
    """Return a verdict that was kept, None if it is not as we write it."""
    try:
        digest, examples, characters, warnings = kept
        right = type(digest) is str and type(examples) is int and type(characters) is int
        right = right and all(type(line) in {int, type(None)} and type(text) is str for line, text in warnings)
        return (
            Verdict(Dataset(digest, examples, characters, path=path), tuple((line, text) for line, text in warnings))
            if right
            else None
        )
    except (ValueError, TypeError):
        return None
