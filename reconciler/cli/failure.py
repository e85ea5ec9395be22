"""How errors end: as text on standard error, or as the machine-readable form the command was asked for."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.streams import columns
from reconciler.errors import Location, Problem, ProblemsError, Refused, StalePlan, TunectlError

if TYPE_CHECKING:
    from reconciler.cli.invocation import Invocation
    from reconciler.core.canonical import Json

_INTERNAL = 1
_EXCERPT = re.compile(r"(\x1b\[[0-9;]*m)* *\d* \|")
_LARGEST_SOURCE = 1_000_000


def show(error: TunectlError, invocation: Invocation) -> int:
    """Print an error and return the command's exit code."""
    if invocation.machine == "json":
        from reconciler.views.words import json_text

        click.echo(json_text(document(error)))
    elif invocation.machine == "jsonl":
        _tell(error, invocation)
    else:
        from reconciler.views.problems import render_error

        text = render_error(error, read_lines=_source(), color=invocation.color(sys.stderr), rows=_watched(invocation))
        click.echo(fitted(text), err=True, nl=False)
    if invocation.github:
        from reconciler.cli.actions import annotate

        annotate(problems_of(error), title=f"tunectl: {type(error).__name__}", to_stdout=invocation.machine is None)
    return error.exit_code


def fitted(text: str) -> str:
    """Return what goes to standard error so that a terminal cuts no word; lines of a source stay as they are."""
    from reconciler.views.fold import fold

    width = columns(sys.stderr)
    if width is None:
        return text
    return "\n".join(line if _EXCERPT.match(line) else fold(line, width) for line in text.split("\n"))


def show_problems(problems: Sequence[Problem], invocation: Invocation) -> None:
    """Print warnings on standard error, and where a runner was asked for, at their places."""
    from reconciler.views.problems import render_problems

    text = render_problems(
        problems, read_lines=_source(), color=invocation.color(sys.stderr), rows=_watched(invocation)
    )
    click.echo(fitted(text), err=True, nl=False)
    if invocation.github:
        from reconciler.cli.actions import annotate

        annotate(problems, title="tunectl", to_stdout=True)


def show_internal(error: Exception, invocation: Invocation) -> int:
    """Say that we have a bug: where, but nothing of the values that led there."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "nowhere"
    found = TunectlError(
        f"internal error: {type(error).__name__} in {place}",
        hint="this is a bug in tunectl; please report it with the command you ran",
    )
    show(found, invocation)
    return _INTERNAL


def document(error: TunectlError) -> dict[str, Json]:
    """Return an error as the document that ``--format json`` prints in place of a result."""
    return {
        "format": "tunectl.error/v1",
        "error": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exitCode": error.exit_code,
        "problems": [_problem(problem) for problem in problems_of(error)],
    }


def _problem(problem: Problem) -> dict[str, Json]:
    place = problem.location or Location("")
    return {
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
        "file": place.file or None,
        "line": place.line,
        "column": place.column,
    }


def problems_of(error: TunectlError) -> tuple[Problem, ...]:
    """Return every reason that an error has, at its place where it has one."""
    if isinstance(error, ProblemsError):
        return error.problems
    if isinstance(error, Refused) and error.violations:
        return tuple(violation.problem for violation in error.violations)
    if isinstance(error, StalePlan):
        return (Problem(None, error.message, error.hint), *(Problem(None, detail) for detail in error.details))
    return (Problem(None, error.message, error.hint),)


def _tell(error: TunectlError, invocation: Invocation) -> None:
    """Add the error to the stream of events; one that never began begins with it."""
    from reconciler.cli.running import reporting
    from reconciler.core.event import Errored

    with nullcontext(invocation.sink) if invocation.sink else reporting(invocation, "jsonl") as report:
        reasons = problems_of(error) if isinstance(error, ProblemsError | Refused | StalePlan) else ()
        report(Errored(error.message, error.hint, error.exit_code, reasons))


def _watched(invocation: Invocation) -> bool:
    """Tell whether rows may be shown on standard error: somebody looks at it, and no runner keeps it."""
    return sys.stderr.isatty() and not invocation.environ.get("CI")


def _source() -> Callable[[str], list[str] | None]:
    """Give the lines of files inside the project, for excerpts. Rows end with a line feed and nothing else."""
    root = Path.cwd()

    @lru_cache(maxsize=1)
    def lines(file: str) -> list[str] | None:
        path = (root / file).resolve()
        try:
            if not path.is_relative_to(root) or not path.is_file() or path.stat().st_size > _LARGEST_SOURCE:
                return None
            text = path.read_text(encoding="utf-8")
            return text.splitlines() if path.suffix in {".yaml", ".yml"} else text.split("\n")
        except (OSError, UnicodeDecodeError):
            return None

    return lines
