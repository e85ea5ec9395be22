"""``tunectl status``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import check_selection, select_option

if TYPE_CHECKING:
    from reconciler.core.lockfile import Lockfile
    from reconciler.core.observation import Observed
    from reconciler.views.rows import Row
    from reconciler.wiring import Session

_EVERY = 5.0
_EVERY_EMBEDDED = 1.0


@click.command("status", cls=Command, epilog="Example: tunectl status --watch")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@select_option
@click.option("--watch", is_flag=True, help="Show it again and again, until nothing is tuning any more.")
@format_option("text", "json", "markdown", "github")
@click.pass_obj
def command(
    invocation: Invocation, /, names: tuple[str, ...], select: tuple[str, ...], watch: bool, outputs: Outputs
) -> int:
    """List the managed models, their state and progress."""
    if watch and outputs.stdout != "text":
        raise click.UsageError("--watch is for people: leave --format out")
    with invocation.session() as session:
        chosen = _choice(session, select)
        while True:
            recorded, observed = observe_recorded(session, names)
            rows = _rows(recorded, observed, list(filter(chosen, names or sorted(recorded.models))))
            if watch and sys.stdout.isatty():
                click.clear()
            _write(invocation, outputs, rows, observed)
            if not rows and session.config.file is None:
                invocation.note("there is no tunectl.yaml here: -C DIR works in another folder, tunectl init begins")
            if not watch or not any(row.remote == "tuning" for row in rows):
                return 0
            session.clock.sleep(_EVERY_EMBEDDED if session.embedded else _EVERY)


def observe_recorded(session: Session, names: Sequence[str]) -> tuple[Lockfile, Observed]:
    """Read the lockfile and what the service reports of it, the progress of trainings included.

    Raises:
        click.UsageError: a name is not recorded.
    """
    from reconciler.cli.names import check_recorded
    from reconciler.engine.looking.audit import with_progress
    from reconciler.engine.looking.observe import observe

    store = session.store()
    recorded = store.load().lockfile
    check_recorded(names, recorded, store.address)
    provider = session.provider(read_only=True)
    return recorded, with_progress(provider, recorded, observe(provider, recorded))


def _choice(session: Session, select: tuple[str, ...]) -> Callable[[str], bool]:
    """Return what tells whether a name is selected; the manifests are read only if labels are asked for."""
    from reconciler.core.plan import Scope
    from reconciler.core.scope import choose

    desired = session.manifests(offline=True).desired if select else ()
    check_selection(select, desired)
    return choose(Scope(select=select), desired)


def _rows(recorded: Lockfile, observed: Observed, names: Sequence[str]) -> tuple[Row, ...]:
    from reconciler.views.rows import build_rows

    return build_rows(recorded, observed.models, names=names)


def columns() -> int | None:
    """Return how wide the terminal is that reads standard output; None if it is none."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _write(invocation: Invocation, outputs: Outputs, rows: Sequence[Row], observed: Observed) -> None:
    from reconciler.views.status_document import status_document
    from reconciler.views.status_markdown import render_status_markdown
    from reconciler.views.status_text import render_status
    from reconciler.views.words import json_text

    def github() -> str:
        from reconciler.cli.actions import summarise

        summarise(render_status_markdown(rows), invocation.environ)
        return render_status(rows)

    outputs.write(
        {
            "text": lambda: render_status(rows, color=invocation.color(sys.stdout), width=columns()),
            "json": lambda: json_text(status_document(rows, observed.models)) + "\n",
            "markdown": lambda: render_status_markdown(rows),
            "github": github,
        }
    )
