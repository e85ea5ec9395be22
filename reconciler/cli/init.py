"""``tunectl init``: a project that validates, plans and applies as it is. What it writes stands in ``templates/``."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click

from reconciler._version import __version__
from reconciler.cli.base import Command, Invocation
from reconciler.core.text import sanitize
from reconciler.errors import Problem, ProblemsError, StoreError

_PROJECT = {
    "tunectl.yaml": ("tunectl.yaml", "the project: which service, what limits"),
    "manifests/number-generator.yaml": ("number-generator.yaml", "a manifest: one tuned model"),
    "manifests/datasets/numbers.jsonl": ("numbers.jsonl", "its dataset: fifteen examples"),
}
_WORKFLOWS = {
    ".github/workflows/plan.yml": ("plan.yml", "the plan in every pull request"),
    ".github/workflows/apply.yml": ("apply.yml", "the apply after every merge"),
    ".github/workflows/drift.yml": ("drift.yml", "the audit of every night"),
}
_SCHEMAS = {
    "schemas/project.schema.json": ("project", "for your editor"),
    "schemas/tunedmodel.schema.json": ("tunedmodel", "for your editor"),
}
_IGNORE = ".gitignore"
_IGNORED = ".tunectl/"


@click.command(
    "init", cls=Command, epilog="Example: tunectl init models --workflows && cd models && tunectl plan && tunectl apply"
)
@click.argument("where", required=False, default=".", metavar="[DIR]")
@click.option("--name", metavar="NAME", help="The project's name, part of every remote id (default: the folder's).")
@click.option(
    "--workflows",
    is_flag=True,
    help="Also write GitHub workflows: plan in pull requests, apply on merge, audit by night.",
)
@click.pass_obj
def command(invocation: Invocation, /, where: str, name: str | None, workflows: bool) -> int:
    """Write a project that plans cleanly: tunectl.yaml, a manifest, a dataset, JSON Schemas for the editor.

    No file that exists is overwritten; a .gitignore gets a line added.
    """
    folder = Path(where)
    contents = _contents(_checked(name) if name is not None else _name_of(folder), workflows=workflows)
    ignore = _ignore_lines(folder)
    _refuse_conflicts(folder, contents)
    _write(folder, contents, ignore)
    if not invocation.globals.quiet:
        click.echo(_summary(folder, contents, ignore=ignore is not None), nl=False)
    return 0


def _checked(name: str) -> str:
    from reconciler.manifest.kinds import PROJECT_NAME

    if re.match(PROJECT_NAME.replace("$", r"\Z"), name) is None:
        raise click.UsageError(
            f"--name {sanitize(name)}: a project's name has letters, digits and '-', starts and ends with a letter or "
            "digit, and has at most 63 characters"
        )
    return name


def _name_of(folder: Path) -> str:
    """Make a project name of the folder's name, which may not exist yet."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-")
    return name or "demo"


def _contents(name: str, *, workflows: bool) -> dict[str, str]:
    """Return the text of every file by its path."""
    from reconciler.cli.schema import render

    listed = {**_PROJECT, **(_WORKFLOWS if workflows else {})}
    contents = {path: _template(template, name) for path, (template, _) in listed.items()}
    return contents | {path: render(kind) for path, (kind, _) in _SCHEMAS.items()}


def _template(file: str, name: str) -> str:
    text = (files("reconciler.cli") / "templates" / file).read_text(encoding="utf-8")
    return text.replace("@NAME@", name).replace("@VERSION@", __version__)


def _ignore_lines(folder: Path) -> str | None:
    """Return what is to be appended to .gitignore, or None if it holds our line."""
    path = folder / _IGNORE
    try:
        before = path.read_text(encoding="utf-8", errors="replace") if stat.S_ISREG(path.lstat().st_mode) else ""
    except OSError:
        before = ""
    if any(line.strip().strip("/") == _IGNORED.strip("/") for line in before.splitlines()):
        return None
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    return gap + _template("gitignore", "")


def _refuse_conflicts(folder: Path, contents: Mapping[str, str]) -> None:
    """Refuse to begin if anything stands in the way.

    Raises:
        ProblemsError: with every file that exists and every folder that cannot be one.
    """
    problems = [
        Problem(None, f"{sanitize(str(folder / path))}: exists; init overwrites nothing")
        for path in contents
        if os.path.lexists(folder / path)
    ]
    parents = sorted({folder / parent for path in (*contents, _IGNORE) for parent in Path(path).parents})
    problems += [
        Problem(None, f"{sanitize(str(parent))}: is to be a folder, but is a file")
        for parent in parents
        if os.path.lexists(parent) and not parent.is_dir()
    ]
    ignore = folder / _IGNORE
    if os.path.lexists(ignore) and not stat.S_ISREG(ignore.lstat().st_mode):
        problems.append(Problem(None, f"{sanitize(str(ignore))}: is no plain file, so nothing is added to it"))
    if problems:
        hint = Problem(None, "nothing was written", "choose another folder: tunectl init DIR", severity="warning")
        raise ProblemsError((*problems, hint))


def _write(folder: Path, contents: Mapping[str, str], ignore: str | None) -> None:
    """Write everything, or nothing.

    Raises:
        StoreError: a file could not be written; those that were are gone again.
    """
    written: list[Path] = []
    try:
        for name, text in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                written.append(path)
                stream.write(text)
        if ignore is not None:
            descriptor = os.open(folder / _IGNORE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(ignore)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        where = sanitize(str(error.filename or folder))
        raise StoreError(
            f"{where}: {os.strerror(error.errno or 0)}; nothing was kept", hint="tunectl init DIR takes another folder"
        ) from error


def _summary(folder: Path, contents: Mapping[str, str], *, ignore: bool) -> str:
    about = {path: text for table in (_PROJECT, _WORKFLOWS, _SCHEMAS) for path, (_, text) in table.items()}
    lines = [f"  {path:34} {about[path]}" for path in contents]
    if ignore:
        lines.append(f"  {_IGNORE:34} keeps {_IGNORED} out of git")
    here = folder.resolve() == Path.cwd().resolve()
    steps = [] if here else [f"  cd {_quoted(folder)}"]
    steps += [
        f"  {'tunectl plan':38} what apply would do",
        f"  {'tunectl apply':38} tune it; the embedded emulator costs nothing",
        f"  {'tunectl generate number-generator 41':38} ask it",
    ]
    return "\n".join(["Written:", *lines, "", "Next:", *steps, ""])


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(sanitize(str(folder)))
