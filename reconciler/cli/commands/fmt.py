"""``tunectl fmt``: manifests and the project file in one style, comments kept."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.streams import say
from reconciler.core.text import sanitize

if TYPE_CHECKING:
    from reconciler.errors import Problem

_STDIN = "-"


@click.command("fmt", cls=Command, epilog="Example: tunectl fmt --check --diff")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Rewrite nothing; exit with 1 if a file is not in this style.")
@click.option("--diff", is_flag=True, help="Rewrite nothing; show what would change.")
@click.pass_obj
def command(invocation: Invocation, /, paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Rewrite manifests and tunectl.yaml in one style: keys in their usual order, two spaces a level.

    Comments stay with the key below them, and every line stays as it was written. What a file says never changes.
    Without PATH all files of the project; - formats standard input.
    """
    from reconciler.errors import ProblemsError

    if paths == (_STDIN,):
        return _filter()
    changed = 0
    problems: list[Problem] = []
    for file in _files(invocation, paths):
        before, after, found = _formatted(file)
        problems += found
        if after is None or after == before:
            continue
        changed += 1
        if diff:
            say(_diff(file, before, after, color=invocation.color(sys.stdout)))
        elif not invocation.globals.quiet:
            click.echo(sanitize(str(file)))
        if not (check or diff):
            _rewrite(file, after)
    if problems:
        raise ProblemsError(tuple(problems))
    return 1 if check and changed else 0


def _filter() -> int:
    from reconciler.errors import ProblemsError
    from reconciler.manifest.formatting import format_manifest

    done = format_manifest(sys.stdin.buffer.read(), "standard input")
    if done.text is None:
        raise ProblemsError(done.problems)
    say(done.text)
    return 0


def _files(invocation: Invocation, paths: Sequence[str]) -> list[Path]:
    """Return the files to look at: those of the project, or those that were named.

    Raises:
        ProblemsError: a path names nothing.
    """
    from reconciler.errors import Problem, ProblemsError
    from reconciler.manifest.files import find
    from reconciler.wiring import open_project

    config = open_project(Path.cwd(), invocation.config())
    found: dict[str, None] = {}
    problems = []
    named = [str(Path(path).resolve()) if path.startswith("..") else path for path in paths] or config.manifests
    for pattern in named:
        for each in find(config.root, pattern, None):
            if isinstance(each, Problem):
                problems.append(each)
            else:
                found[each] = None
    if problems:
        raise ProblemsError(tuple(problems))
    if not paths and config.file is not None:
        found[config.file] = None
    here = Path.cwd().resolve()
    return [_shown(config.root / file, here) for file in sorted(found)]


def _shown(path: Path, here: Path) -> Path:
    with suppress(ValueError):
        return path.resolve().relative_to(here)
    return path


def _formatted(file: Path) -> tuple[str, str | None, Sequence[Problem]]:
    """Return a file's text before and after, None if it cannot be read, and why."""
    from reconciler.errors import Location, Problem
    from reconciler.manifest.formatting import format_manifest

    try:
        data = file.read_bytes()
    except OSError as error:
        return "", None, [Problem(Location(str(file)), f"cannot be read: {os.strerror(error.errno or 0)}")]
    done = format_manifest(data, str(file))
    return data.decode("utf-8", "replace"), done.text, done.problems


def _rewrite(file: Path, text: str) -> None:
    """Put the new text in the old one's place in one step, with its mode."""
    target = file.resolve()
    try:
        mode = target.stat().st_mode
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            Path(name).chmod(mode & 0o7777)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise click.FileError(str(file), os.strerror(error.errno or 0)) from error


def _diff(file: Path, before: str, after: str, *, color: bool) -> str:
    from difflib import unified_diff

    from reconciler.views.paint import painter

    paint = painter(color=color)
    styles = {"+": "green", "-": "red", "@": "blue"}
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    lines = unified_diff(old, new, f"a/{file}", f"b/{file}")
    shown = []
    for line in lines:
        text = sanitize(line.rstrip("\n"))
        shown.append(paint(text, styles.get(line[:1], "")) + "\n")
    return "".join(shown)
