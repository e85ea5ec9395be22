"""``tunectl github action``: what ``action.yml`` does, in a place where it can be tested.

Inputs come as ``INPUT_*`` variables and go into an argument list, never through a shell.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation

_COMMANDS = ("plan", "apply", "drift", "validate")
_LARGEST_EVENT = 32_000_000
_TRUE, _FALSE = "true", "false"


@click.command("action", cls=Command, epilog="Example: INPUT_COMMAND=plan tunectl github action")
@click.pass_obj
def action(invocation: Invocation, /) -> int:
    """Run the command that the inputs of action.yml name, comment, and set the action's outputs."""
    from reconciler.cli.main import run

    environ = invocation.environ
    name = _choice(environ, "COMMAND", _COMMANDS, "plan")
    comment = _choice(environ, "COMMENT", (_TRUE, _FALSE), _TRUE) == _TRUE
    folder = Path(environ.get("RUNNER_TEMP") or ".tunectl").absolute() / "tunectl"
    folder.mkdir(parents=True, exist_ok=True)
    summary, plan = folder / f"{name}.md", folder / "plan.json"
    for stale in (summary, plan) if name == "plan" else (summary,):
        stale.unlink(missing_ok=True)
    where = _where(environ)
    code = run([*where, *_arguments(name, environ, summary, plan)], invocation=_fresh(invocation))
    outputs = {
        "exit-code": str(code),
        "plan-file": str(plan) if name == "plan" and plan.is_file() else "",
        "summary-file": str(summary) if summary.is_file() else "",
    }
    _put(environ, outputs)
    if name == "plan" and comment and summary.is_file() and _may_comment(invocation):
        posted = run(
            ["github", "comment", f"--id={environ.get('INPUT_ID') or 'plan'}", "--", str(summary)],
            invocation=_fresh(invocation),
        )
        return code or posted
    return code


def _arguments(name: str, environ: Mapping[str, str], summary: Path, plan: Path) -> list[str]:
    arguments = [name, "--format=github", f"--format=markdown={summary}"]
    if config := environ.get("INPUT_CONFIG"):
        arguments.append(f"--config={config}")
    if name == "plan":
        arguments.append(f"--out={plan}")
    if name == "apply":
        arguments.append("--auto-approve")
        if digest := environ.get("INPUT_EXPECT_DIGEST"):
            arguments.append(f"--expect-digest={digest}")
        if saved := environ.get("INPUT_PLAN_FILE"):
            arguments += ["--", saved]
    return arguments


def _where(environ: Mapping[str, str]) -> list[str]:
    folder = environ.get("INPUT_WORKING_DIRECTORY")
    return [f"--directory={folder}"] if folder else []


def _choice(environ: Mapping[str, str], name: str, among: tuple[str, ...], default: str) -> str:
    from reconciler.core.text import clip, sanitize

    value = environ.get(f"INPUT_{name}") or default
    if value not in among:
        raise click.UsageError(f"{name.lower()}: {clip(sanitize(value), 80)!r} is none of {', '.join(among)}")
    return value


def _fresh(invocation: Invocation) -> Invocation:
    """Return an invocation for a command of its own: global options are given to it, not inherited."""
    return Invocation(environ=invocation.environ, clock=invocation.clock)


def _may_comment(invocation: Invocation) -> bool:
    """Tell whether there is a pull request whose comments the job's token may write."""
    event = read_event(invocation.environ)
    pull = event.get("pull_request")
    if not isinstance(pull, dict):
        return False
    head = pull.get("head")
    repository = head.get("repo") if isinstance(head, dict) else None
    full_name = repository.get("full_name") if isinstance(repository, dict) else None
    if full_name != invocation.environ.get("GITHUB_REPOSITORY"):
        invocation.note("This pull request comes from a fork: its token may only read, so the plan is in the summary.")
        return False
    return True


def read_event(environ: Mapping[str, str]) -> dict[str, object]:
    """Return the event that the runner wrote down; an empty one if there is none.

    Raises:
        click.ClickException: the file cannot be read.
    """
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        return {}
    try:
        with Path(path).open("rb") as stream:
            event = json.loads(stream.read(_LARGEST_EVENT))
    except (OSError, ValueError, RecursionError) as error:
        raise click.ClickException("GITHUB_EVENT_PATH: the event cannot be read") from error
    return event if isinstance(event, dict) else {}


def _put(environ: Mapping[str, str], values: Mapping[str, str]) -> None:
    from reconciler.views.github import write_outputs

    if output := environ.get("GITHUB_OUTPUT"):
        write_outputs(Path(output), values, delimiter=f"tunectl-{uuid.uuid4()}")
