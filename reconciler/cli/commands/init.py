"""``tunectl init``: a project that validates, plans and applies as it is. What it writes stands in ``templates/``."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import click

from reconciler._version import __version__
from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.streams import interactive
from reconciler.core.text import sanitize
from reconciler.errors import Problem, ProblemsError, StoreError

_MODEL = "number-generator"
_PROJECT = {
    "tunectl.yaml": ("tunectl.yaml", "the project: which service, what limits"),
    f"manifests/{_MODEL}.yaml": ("number-generator.yaml", "a manifest: one tuned model"),
    "manifests/datasets/numbers.jsonl": ("numbers.jsonl", "its dataset: fifteen examples"),
}
_BASE = "models/text-bison-001"
_EMULATOR = "emulator"
_EMBEDDED = "endpoint: emulator # the embedded emulator: no account, no network, nothing to pay; or an https URL"
_LOCKFILE = (
    "lockfile: .tunectl/tunectl.lock # what was made, beside the emulator's own models; "
    "for a hosted service: tunectl.lock"
)
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
@click.option("--name", metavar="TEXT", help="The project's name, part of every remote id (default: the folder's).")
@click.option("--model", metavar="TEXT", help=f"The name of the first model (default: {_MODEL}).")
@click.option("--base-model", metavar="TEXT", help=f"What it is tuned from (default: {_BASE}).")
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
    workflows: bool,
    yes: bool,
) -> int:
    """Write a project that plans cleanly: tunectl.yaml, a manifest, a dataset, JSON Schemas for the editor.

    On a terminal it asks for what was not given; with --endpoint and --project the project is one of that service. No
    file that exists is overwritten; a .gitignore gets a line added.
    """
    folder = Path(where)
    given = invocation.globals
    wishes = Wishes(
        name=_name_of(folder) if name is None else name,
        model=_MODEL if model is None else model,
        base=_BASE if base_model is None else base_model,
        endpoint=given.endpoint,
        project=given.project,
    )
    if not (yes or name or model or base_model or workflows) and interactive():
        wishes, workflows = _asked(wishes)
    _check(wishes)
    contents = _contents(wishes, workflows=workflows)
    ignore = _ignore_lines(folder)
    _refuse_conflicts(folder, contents)
    _write(folder, contents, ignore)
    if not invocation.globals.quiet:
        click.echo(_summary(folder, contents, wishes, ignore=ignore is not None), nl=False)
    return 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a new project is to be: its name, the first model's name and base, and the service if it is a hosted one."""

    name: str
    model: str
    base: str
    endpoint: str | None = None
    project: str | None = None


def _asked(usual: Wishes) -> tuple[Wishes, bool]:
    """Ask for everything, with what is usual as the answer to Enter; and whether workflows are wanted."""
    click.echo("Enter takes what stands in brackets.", err=True)

    def ask(question: str, answer: str, field: str = "project") -> str:
        def good(text: str) -> str:
            problem = _problem(replace(usual, **{field: text.strip()}))
            if problem is not None and text.strip() != _EMULATOR:
                raise click.BadParameter(problem)
            return text.strip()

        return str(click.prompt(question, default=answer, err=True, value_proc=good))

    name = ask("Project, part of every remote id", usual.name, "name")
    model = ask("Name of the first model", usual.model, "model")
    base = ask("Base model", usual.base, "base")
    endpoint = usual.endpoint or ask("Service: emulator, or an https URL", _EMULATOR, "endpoint")
    hosted = endpoint != _EMULATOR
    project = usual.project or (ask("Cloud project that is billed", "") if hosted else None)
    workflows = click.confirm("GitHub workflows too?", default=False, err=True)
    return Wishes(name, model, base, endpoint if hosted else None, project or None), workflows


def _check(wishes: Wishes) -> None:
    """Refuse what the files could not hold.

    Raises:
        click.UsageError: with what it must be.
    """
    problem = _problem(wishes)
    if problem is not None:
        raise click.UsageError(problem)


def _problem(wishes: Wishes) -> str | None:
    """Return what the files could not hold, and what it must be."""
    from reconciler.core.address import NAME
    from reconciler.manifest.endpoint import check_endpoint
    from reconciler.manifest.kinds import PROJECT_NAME

    if re.match(PROJECT_NAME.replace("$", r"\Z"), wishes.name) is None:
        return (
            f"--name {sanitize(wishes.name)}: a project's name has letters, digits and '-', starts and ends with a "
            "letter or digit, and has at most 63 characters"
        )
    if NAME.fullmatch(wishes.model) is None:
        return (
            f"--model {sanitize(wishes.model)}: a model's name has lower-case letters, digits and '-', starts with a "
            "letter, and has at most 63 characters"
        )
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/@:-]{0,255}", wishes.base) is None:
        return f"--base-model {sanitize(wishes.base)}: is no model's name, such as {_BASE}"
    problem = None if wishes.endpoint is None else check_endpoint(wishes.endpoint)
    return None if problem is None else f"--endpoint: {problem}"


def _name_of(folder: Path) -> str:
    """Make a project name of the folder's name, which may not exist yet."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:63].strip("-")
    return name or "demo"


def _contents(wishes: Wishes, *, workflows: bool) -> dict[str, str]:
    """Return the text of every file by its path."""
    from reconciler.cli.commands.schema import render

    listed = {**_PROJECT, **(_WORKFLOWS if workflows else {})}
    contents = {path.replace(_MODEL, wishes.model): _template(file, wishes.name) for path, (file, _) in listed.items()}
    manifest = f"manifests/{wishes.model}.yaml"
    contents[manifest] = _as_wished(contents[manifest], wishes)
    if wishes.endpoint is not None:
        contents["tunectl.yaml"] = _hosted(contents["tunectl.yaml"], wishes)
    return contents | {path: render(kind) for path, (kind, _) in _SCHEMAS.items()}


def _as_wished(text: str, wishes: Wishes) -> str:
    """Put the model's name and base in the place of the usual ones."""
    if wishes.model != _MODEL:
        shown = f"{wishes.model.replace('-', ' ')} model"[:40].rstrip()
        text = text.replace("number generator model", shown).replace(f"name: {_MODEL}", f"name: {wishes.model}")
    return text.replace(_BASE, wishes.base)


def _hosted(text: str, wishes: Wishes) -> str:
    """Name the service, the project that is billed, and a lockfile that can be committed."""
    text = text.replace(_EMBEDDED, f"endpoint: {wishes.endpoint} # or emulator, the embedded one")
    if wishes.project is not None:
        text = text.replace("# project: my-project-id #", f"project: {wishes.project} #")
    return text.replace(_LOCKFILE, "lockfile: tunectl.lock # what was made, and of what: commit it")


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


def _summary(folder: Path, contents: Mapping[str, str], wishes: Wishes, *, ignore: bool) -> str:
    listed = {path: text for table in (_PROJECT, _WORKFLOWS, _SCHEMAS) for path, (_, text) in table.items()}
    about = {path.replace(_MODEL, wishes.model): text for path, text in listed.items()}
    lines = [f"  {path:34} {about[path]}" for path in contents]
    if ignore:
        lines.append(f"  {_IGNORE:34} keeps {_IGNORED} out of git")
    here = folder.resolve() == Path.cwd().resolve()
    steps = [] if here else [f"  cd {_quoted(folder)}"]
    steps += [
        f"  {'tunectl plan':38} what apply would do",
        f"  {'tunectl apply':38} tune it{'; the embedded emulator costs nothing' if wishes.endpoint is None else ''}",
        f"  {f'tunectl generate {wishes.model} 41':38} ask it",
    ]
    return "\n".join(["Written:", *lines, "", "Next:", *steps, ""])


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(sanitize(str(folder)))
