"""``tunectl init``: a project that validates, plans and applies as it is. What it writes is in ``cli.blueprint``."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.blueprint import (
    EMULATOR,
    EXAMPLES,
    IGNORED,
    MODEL,
    SERVICES,
    Wishes,
    contents_of,
    described,
    lacking,
    problem_of,
    template,
)
from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.streams import columns, interactive
from reconciler.core.text import sanitize
from reconciler.errors import Problem, ProblemsError, StoreError

_IGNORE = ".gitignore"
_USUAL = next(iter(SERVICES))
_WIDE = 100
_QUESTIONS = (
    ("Project, part of every remote id", "name"),
    ("Name of the first model", "model"),
    (f"API: {' or '.join(SERVICES)}", "type"),
)
_NEEDED = {
    "project": "Cloud project whose models these are",
    "location": "Region that tunes",
    "staging": "Place for datasets, such as gs://my-bucket/tunectl",
}
_BASES = ", ".join(service.base for service in SERVICES.values())


@click.command(
    "init", cls=Command, epilog="Example: tunectl init models --workflows && cd models && tunectl plan && tunectl apply"
)
@click.argument("where", required=False, default=".", metavar="[DIR]")
@click.option("--name", metavar="TEXT", help="The project's name, part of every remote id (default: the folder's).")
@click.option("--model", metavar="TEXT", help=f"The name of the first model (default: {MODEL}).")
@click.option("--base-model", metavar="TEXT", help=f"What it is tuned from (default: {_BASES}).")
@click.option("--type", "kind", metavar="TEXT", help=f"The service: {' or '.join(SERVICES)} (default: the first).")
@click.option("--location", metavar="REGION", help="With --type vertex: the region that tunes.")
@click.option("--staging", metavar="gs://…", help="With --type vertex: where datasets are uploaded to.")
@click.option(
    "--workflows",
    is_flag=True,
    help="Also write GitHub workflows: plan in pull requests, apply on merge, audit by night.",
)
@click.option(
    "-y", "--yes", "--auto-approve", is_flag=True, help="Ask nothing; take what is not given as it usually is."
)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    where: str,
    name: str | None,
    model: str | None,
    base_model: str | None,
    kind: str | None,
    location: str | None,
    staging: str | None,
    workflows: bool,
    yes: bool,
) -> int:
    """Write a project that plans cleanly: tunectl.yaml, a manifest, a dataset, JSON Schemas for the editor.

    On a terminal it asks for what was not given; with --endpoint and --project the project is one of that service, and
    with --type vertex one of Vertex AI. No file that exists is overwritten; a .gitignore gets a line added.
    """
    folder = Path(where)
    given = invocation.globals
    wishes = Wishes(
        name=_name_of(folder) if name is None else name,
        model=MODEL if model is None else model,
        type=_USUAL if kind is None else kind,
        base=base_model,
        endpoint=None if given.endpoint == EMULATOR else given.endpoint,
        project=given.project,
        location=location,
        staging=staging,
    )
    if not (yes or name or model or base_model or kind or location or staging or workflows) and interactive():
        _refuse_conflicts(folder, {"tunectl.yaml": ""})  # before anybody has answered questions for nothing
        wishes, workflows = _asked(wishes)
    _check(wishes)
    contents = contents_of(wishes, workflows=workflows)
    ignore = _ignore_lines(folder)
    _refuse_conflicts(folder, contents)
    _write(folder, contents, ignore)
    if not invocation.globals.quiet:
        click.echo(_summary(folder, contents, wishes, ignore=ignore is not None), nl=False)
    return 0


def _asked(usual: Wishes) -> tuple[Wishes, bool]:
    """Ask for everything, with what is usual as the answer to Enter; and whether workflows are wanted."""
    from reconciler.views.fold import fold

    click.echo("Enter takes what stands in brackets.", err=True)
    wishes = usual

    def ask(question: str, field: str, answer: str | None) -> str:
        def good(text: str) -> str:
            problem = problem_of(wishes.having(field, text.strip()))
            if problem is not None and text.strip() != EMULATOR:
                raise click.BadParameter(
                    fold(f"Error: {problem}", columns(sys.stderr) or _WIDE).removeprefix("Error: ")
                )
            return text.strip()

        return str(click.prompt(question, default=answer, err=True, value_proc=good))

    for question, field in _QUESTIONS:
        wishes = wishes.having(field, ask(question, field, getattr(wishes, field)))
    service = SERVICES[wishes.type]
    wishes = wishes.having("base", ask("Base model", "base", service.base))
    if wishes.endpoint is None:
        endpoint = ask(f"Service: emulator, or {service.address}", "endpoint", EMULATOR)
        wishes = wishes.having("endpoint", "" if endpoint == EMULATOR else endpoint)
    if wishes.endpoint is not None:
        wanted = {"project": "Cloud project that is billed", **{field: _NEEDED[field] for field in service.needs}}
        for field, question in wanted.items():
            if getattr(wishes, field) is None:
                usually = "" if field not in service.needs else EXAMPLES[field] if field == "location" else None
                wishes = wishes.having(field, ask(question, field, usually))
    return wishes, click.confirm("GitHub workflows too?", default=False, err=True)


def _check(wishes: Wishes) -> None:
    """Refuse what the files could not hold, and what they could not plan with.

    Raises:
        click.UsageError: with what it must be.
    """
    problem = problem_of(wishes) or lacking(wishes)
    if problem is not None:
        raise click.UsageError(problem)


def _name_of(folder: Path) -> str:
    """Make a project name of the folder's name, which may not exist yet."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-")
    return name or "demo"


def _ignore_lines(folder: Path) -> str | None:
    """Return what is to be appended to .gitignore, or None if it holds our line."""
    path = folder / _IGNORE
    try:
        before = path.read_text(encoding="utf-8", errors="replace") if stat.S_ISREG(path.lstat().st_mode) else ""
    except OSError:
        before = ""
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in before.splitlines()):
        return None
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    return gap + template("gitignore", {})


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


def _summary(folder: Path, contents: Mapping[str, str], wishes: Wishes, *, ignore: bool) -> str:
    about, hosted = described(wishes), wishes.endpoint is not None
    lines = [f"  {path:34} {about[path]}" for path in contents]
    if ignore:
        lines.append(f"  {_IGNORE:34} keeps {IGNORED} out of git")
    here = folder.resolve() == Path.cwd().resolve()
    steps = [] if here else [f"  cd {_quoted(folder)}"]
    steps += [f"  {'tunectl doctor':38} whether the service would let us, and what mends it"] if hosted else []
    steps += [
        f"  {'tunectl plan':38} what apply would do",
        f"  {'tunectl apply':38} tune it{'' if hosted else '; the emulator costs nothing'}",
        f"  {f'tunectl generate {wishes.model} 41':38} ask it",
    ]
    return "\n".join(["Written:", *lines, "", "Next:", *steps, ""])


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(sanitize(str(folder)))
