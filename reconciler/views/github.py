"""What a GitHub runner reads: annotations on stdout, the job summary and the step outputs in files it names.

Escaping as in the runner's own toolkit (actions/toolkit, command.ts and file-command.ts). The environment is read by
the caller; here are only the forms. (No ``from __future__`` import here: it would take the name ``annotations``.)
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.core.text import clip, sanitize
from reconciler.errors import Problem, StoreError
from reconciler.views.words import guard

SHOWN = 10
"""Annotations of one severity that GitHub shows for a step."""

SUMMARY_LIMIT = 1_000_000
"""Bytes of a step's job summary; above 1 MiB the runner drops all of it."""

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})
_MESSAGE, _TITLE = 2_000, 120


def annotations(problems: Iterable[Problem], *, title: str) -> Iterator[str]:
    """Yield workflow commands that show problems at their places, errors first.

    GitHub shows ten of a severity; the last of those says how many more there are.
    """
    found = list(problems)
    for severity in ("error", "warning"):
        some = [problem for problem in found if problem.severity == severity]
        shown = some if len(some) <= SHOWN else some[: SHOWN - 1]
        yield from (_annotation(problem, title) for problem in shown)
        if len(some) > len(shown):
            more = Problem(None, f"{len(some) - len(shown):,} more {severity}s are in the log", severity=severity)
            yield _annotation(more, title)


def write_summary(path: Path, markdown: str, *, limit: int = SUMMARY_LIMIT) -> bool:
    """Append Markdown to the job summary (``GITHUB_STEP_SUMMARY``), counting what earlier writers put there.

    Returns:
        Whether it fitted; if not, a short note stands in its place when that still fits.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        used = path.stat().st_size if path.exists() else 0
        text = f"{markdown.rstrip()}\n\n"
        fits = used + len(_utf8(text)) <= limit
        note = "The summary of tunectl is too long for this page; see the log of the step.\n\n"
        if fits or used + len(note) <= limit:
            _append(path, text if fits else note)
    except OSError as error:
        raise _unwritable("GITHUB_STEP_SUMMARY", error) from error
    return fits


def write_outputs(path: Path, values: Mapping[str, str], *, delimiter: str) -> None:
    """Append step outputs (``GITHUB_OUTPUT``), each as a block between two lines of ``delimiter``.

    Args:
        path: the file the runner named.
        values: outputs by name; names are ours.
        delimiter: random, so that no value can end its block and begin another.

    Raises:
        StoreError: the file cannot be written, or a value contains the delimiter.
    """
    for name, value in values.items():
        if delimiter in value or delimiter in name:
            raise StoreError(f"GITHUB_OUTPUT: the output {sanitize(name)} contains its own delimiter")
    blocks = (f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())
    try:
        _append(path, "".join(blocks))
    except OSError as error:
        raise _unwritable("GITHUB_OUTPUT", error) from error


def _annotation(problem: Problem, title: str) -> str:
    place = problem.location
    properties = {"title": clip(sanitize(title), _TITLE)}
    if place is not None:
        numbers = {"line": place.line, "col": place.column}
        known = {key: str(number) for key, number in numbers.items() if number is not None}
        properties = {"file": sanitize(place.file), **known} | properties
    listed = ",".join(f"{key}={value.translate(_PROPERTY)}" for key, value in properties.items())
    hint = "" if problem.hint is None else f" ({problem.hint})"
    message = guard(sanitize(f"{problem.message}{hint}", multiline=True))
    command = "error" if problem.severity == "error" else "warning"
    return f"::{command} {listed}::{clip(message, _MESSAGE).translate(_DATA)}"


def _append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(_utf8(text))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _unwritable(name: str, error: OSError) -> StoreError:
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return StoreError(f"{name}: cannot be written ({reason})")
