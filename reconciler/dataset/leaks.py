"""Examples that are meant to judge a model and that it is trained on as well: found by input, whatever the output.

Of a conversation the input is all that was said before the answer.

A model that has seen the question says little about those it has not. Inputs are compared by a 64-bit hash that is
keyed anew in each process; of the judging dataset the first 262,144 different inputs are held (about 30 MB), of the
training data nothing. What was found is kept for as long as both files are as they were: line numbers, never a row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler import confined
from reconciler.core.examples import asked_of
from reconciler.core.resource import DatasetSource
from reconciler.dataset.check import read_rows
from reconciler.errors import Location, Problem, TunectlError
from reconciler.kept import Kept, Stamp

__all__ = ["Leak", "Leaks"]

FORMAT: Final = "tunectl.leaks/v1"
REMEMBERED: Final = 262_144
_SHOWN = 5
_HINT = "a score on what was trained on says little: take them out of one of the two"


@dataclass(frozen=True, slots=True)
class Leak:
    """How many inputs stand in both datasets, and the first of them: lines of the judging and of the training data.

    ``partial`` says that the judging dataset has more inputs than were looked at.
    """

    count: int = 0
    lines: tuple[tuple[int, int], ...] = ()
    partial: bool = False

    def problem(
        self, name: str, what: str, judging: DatasetSource, training: DatasetSource, *, forbidden: bool
    ) -> Problem:
        """Return it as a problem at its first place; an error if it is forbidden, else a warning."""
        shown = ", ".join(f"line {line} ({_place(training, other)})" for line, other in self.lines)
        more = f" and {self.count - len(self.lines):,} more" if self.count > len(self.lines) else ""
        some = f" (of the first {REMEMBERED:,} inputs)" if self.partial else ""
        inputs = "1 input" if self.count == 1 else f"{self.count:,} inputs"
        verb = "is" if self.count == 1 else "are"
        message = f"{name}: {inputs} of the {what}{some} {verb} trained on, too: {shown}{more}"
        hint = f"{_HINT}, or allow it (gate.dataset.forbidLeak: false)" if forbidden else _HINT
        place = Location(judging.path or "", self.lines[0][0])
        return Problem(place, message, hint, "error" if forbidden else "warning")


class Leaks:
    """Looks for leaks, each pair of files once. ``path`` is the cache file in the project ``root``, None for none."""

    def __init__(self, root: Path, path: str | None) -> None:
        self._root = root
        self._kept = Kept(root, path, form=FORMAT)
        self._found: dict[tuple[str, ...], Leak] = {}

    def find(self, training: DatasetSource, digest: str, judging: DatasetSource) -> Leak:
        """Return what stands in both of two good datasets.

        Args:
            training: what is trained on.
            digest: its content digest.
            judging: a file of examples that are to judge.

        Raises:
            ProblemsError: one of them cannot be read any more.
        """
        question = (digest, *_of(training), *_of(judging))
        if question not in self._found:
            self._found[question] = self._look(question, training, judging)
        return self._found[question]

    def save(self) -> None:
        """Write what is new; that it cannot be written is no reason to fail."""
        self._kept.save()

    def _look(self, question: Sequence[str], training: DatasetSource, judging: DatasetSource) -> Leak:
        before = self._stamps(training, judging)
        if before is None:
            return _compare(self._root, training, judging)
        key = json.dumps([*question, before[0]])
        leak = _understood(self._kept.find(key, before[1]))
        if leak is None:
            begun = self._kept.begin()
            leak = _compare(self._root, training, judging)
            after = self._stamps(training, judging)
            if after is not None and after[0] == before[0]:
                value = [leak.count, [list(pair) for pair in leak.lines], leak.partial]
                self._kept.keep(key, value, begun=begun, before=before[1], after=after[1])
        return leak

    def _stamps(self, training: DatasetSource, judging: DatasetSource) -> tuple[list[int], Stamp] | None:
        """Return the state of the training file (none for examples in the manifest) and of the judging file."""
        with suppress(TunectlError):
            trained = () if training.path is None else self._stamp(training.path)
            return list(trained), self._stamp(judging.path or "")
        return None

    def _stamp(self, path: str) -> Stamp:
        descriptor = confined.open_file(self._root, path)
        try:
            return Stamp.of(descriptor)
        finally:
            os.close(descriptor)


def _compare(root: Path, training: DatasetSource, judging: DatasetSource) -> Leak:
    wanted: dict[int, int] = {}
    partial = False
    for line, text, _, context in read_rows(root, judging):
        key = hash(asked_of(text, context))
        if len(wanted) < REMEMBERED:
            wanted.setdefault(key, line)
        elif key not in wanted:
            partial = True
            break
    found: dict[int, int] = {}
    for line, text, _, context in read_rows(root, training):
        key = hash(asked_of(text, context))
        if key in wanted and key not in found:
            found[key] = line
    pairs = sorted((wanted[key], line) for key, line in found.items())
    return Leak(len(pairs), tuple(pairs[:_SHOWN]), partial)


def _of(source: DatasetSource) -> tuple[str, str, str]:
    return source.path or "", source.input_key or "", source.output_key or ""


def _place(source: DatasetSource, line: int) -> str:
    return f"{source.path}:{line}" if source.path is not None else str(source.inline[line - 1][1])


def _understood(kept: Any) -> Leak | None:
    """Return a leak that was kept, None if it is not as we write it."""
    try:
        count, lines, partial = kept
        right = type(count) is int and type(partial) is bool and bool(lines) == bool(count)
        right = right and all(type(line) is int and type(other) is int for line, other in lines)
        return Leak(count, tuple((line, other) for line, other in lines), partial) if right else None
    except (ValueError, TypeError):
        return None
