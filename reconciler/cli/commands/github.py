"""``tunectl github``: what a workflow posts and commits with the job's own token. People need none of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command, CommandGroup
from reconciler.cli.commands.action import action, read_event
from reconciler.cli.invocation import Invocation
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from reconciler.forge.client import Client
    from reconciler.forge.comment import Posted

_LARGEST = 16_000_000
_ID = click.option("--id", "name", default="plan", metavar="ID", help="Tells what is posted from other posts (plan).")


@click.group("github", cls=CommandGroup)
def command() -> None:
    """Comment on a pull request, keep an issue of drift, commit the lockfile: for workflows.

    Reads GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL and GITHUB_GRAPHQL_URL.
    """


command.add_command(action)


@command.command("comment", cls=Command, epilog="Example: tunectl github comment plan.md --id plan/production")
@click.argument("source", metavar="FILE")
@_ID
@click.option("--number", type=click.IntRange(min=1), metavar="N", help="The pull request (default: the event's).")
@click.pass_obj
def comment(invocation: Invocation, /, source: str, name: str, number: int | None) -> int:
    """Let the pull request have one comment that holds FILE: Markdown, or a plan as a document or saved.

    It is found again by its author and its marker, changed in place, and left alone when nothing changed.
    """
    from reconciler.forge.body import composed, marker
    from reconciler.forge.comment import put_comment

    mark = marker(name)
    text = composed(mark, _markdown(Path(source)), run=_run(invocation.environ))
    number = _number(invocation.environ) if number is None else number
    if number is None:
        invocation.note("This event has no pull request, so there is nothing to comment on.")
        return 0
    with _client(invocation) as client:
        posted = put_comment(client, number, text, mark=mark)
    _told(invocation, posted, noun="comment", output="comment-id")
    return 0


@command.command("issue", cls=Command, epilog="Example: tunectl github issue drift.md --title 'Drift' --id drift")
@click.argument("source", required=False, metavar="[FILE]")
@click.option("--title", default="Tuned models have drifted", metavar="TEXT", help="The title of an issue it opens.")
@click.option("--close", is_flag=True, help="Close the issue instead: there is nothing left to tell.")
@_ID
@click.pass_obj
def issue(invocation: Invocation, /, source: str | None, title: str, close: bool, name: str) -> int:
    """Let the repository have one open issue that holds FILE, or none (--close)."""
    from reconciler.core.text import clip, sanitize
    from reconciler.forge.body import composed, marker
    from reconciler.forge.issue import close_issue, put_issue

    if (source is None) is not close:
        raise click.UsageError("give either FILE, to open or update the issue, or --close")
    mark = marker(name)
    text = "" if source is None else composed(mark, _markdown(Path(source)), run=_run(invocation.environ))
    with _client(invocation) as client:
        if close:
            posted = close_issue(client, mark=mark)
        else:
            posted = put_issue(client, clip(sanitize(title).strip() or "Drift", 200), text, mark=mark)
    _told(invocation, posted, noun="issue", output="issue-number")
    return 0


@command.command("commit-lockfile", cls=Command, epilog="Example: tunectl github commit-lockfile kept/tunectl.lock")
@click.argument("file", metavar="FILE")
@click.option("--path", metavar="PATH", help="Where it belongs in the repository (default: FILE).")
@click.option("--branch", metavar="NAME", help="The branch (default: GITHUB_REF_NAME).")
@click.option("--base", default="", metavar="BLOB", help="The git blob the run began with; none if there was no file.")
@click.pass_obj
def commit_lockfile(invocation: Invocation, /, file: str, path: str | None, branch: str | None, base: str) -> int:
    """Commit a lockfile, and the log of lineage beside it, unless somebody else changed it since the run began."""
    from reconciler.core.text import sanitize
    from reconciler.forge.commit import Change, commit_file
    from reconciler.stores.codec import decode
    from reconciler.stores.lineage_log import log_address

    branch = branch or invocation.environ.get("GITHUB_REF_NAME", "")
    if not branch:
        raise click.UsageError("--branch: not given, and GITHUB_REF_NAME is not set")
    data = _read(Path(file))
    decode(data, address=file)  # what is no lockfile is not committed as one
    log = Path(log_address(file))
    companions = ((log_address(path or file), _read(log)),) if log.is_file() else ()
    with _client(invocation) as client:
        change = Change(branch, path or file, data, base.strip(), companions=companions)
        done = commit_file(client, change)
    where = sanitize(f"{path or file} on {branch}")
    if done.commit is None:
        conclude(f"{where}: it has not changed")
    else:
        conclude(f"{where}: committed as {sanitize(done.commit)}")
    _put(invocation, {"commit": sanitize(done.commit or "")})
    return 0


def _client(invocation: Invocation) -> Client:
    from reconciler.wiring import open_forge

    return open_forge(invocation.environ, report=invocation.reporter(), clock=invocation.clock)


def _markdown(path: Path) -> str:
    """Return a file as Markdown: a plan is rendered, everything else is taken as it stands."""
    from reconciler.core.text import sanitize
    from reconciler.views.plan_markdown import render_markdown

    data = _read(path)
    if data.lstrip()[:1] == b"{":
        from reconciler.views.restore import read_plan

        return render_markdown(read_plan(data, address=str(path)))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{sanitize(str(path))}: no UTF-8 text from byte {error.start}") from error
    if not text.strip():
        raise click.ClickException(f"{sanitize(str(path))}: empty; there is nothing to post")
    return text


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise click.FileError(str(path), error.strerror or "cannot be read") from error
    if len(data) > _LARGEST:
        raise click.FileError(str(path), f"longer than {_LARGEST:,} bytes")
    return data


def _number(environ: Mapping[str, str]) -> int | None:
    """Return the number of the event's pull request, which the runner wrote down, or None if it has none."""
    if not environ.get("GITHUB_EVENT_PATH"):
        raise click.UsageError("--number: not given, and GITHUB_EVENT_PATH is not set")
    pull = read_event(environ).get("pull_request")
    number = pull.get("number") if isinstance(pull, dict) else None
    return number if isinstance(number, int) and number > 0 else None


def _run(environ: Mapping[str, str]) -> str | None:
    server, repository, run = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run.isdigit() else None


def _told(invocation: Invocation, posted: Posted, *, noun: str, output: str) -> None:
    from reconciler.core.text import sanitize

    for note in posted.notes:
        invocation.note(f"warning: {note}")
    known = "" if posted.id is None else f" {posted.id}"
    url = "" if posted.url is None else f", {sanitize(posted.url)}"
    conclude(f"{noun}{known}: {'there is none' if posted.did == 'nothing' else posted.did}{url}")
    _put(invocation, {output: "" if posted.id is None else str(posted.id)})


def _put(invocation: Invocation, values: Mapping[str, str]) -> None:
    from reconciler.views.github import write_outputs

    if output := invocation.environ.get("GITHUB_OUTPUT"):
        write_outputs(Path(output), values, delimiter=f"tunectl-{uuid.uuid4()}")
