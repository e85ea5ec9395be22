"""``tunectl report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler._version import __version__
from reconciler.cli.command import Command, cache_option
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import write_text
from reconciler.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.lineage import Record
    from reconciler.core.lockfile import Lockfile
    from reconciler.wiring import Session

_FILE = "tunectl-report.html"


@click.command("report", cls=Command, epilog="Example: tunectl report --out public/models.html")
@click.option("--out", metavar="FILE", default=_FILE, help=f"Where to ({_FILE}); - is standard output.")
@cache_option
@click.pass_obj
def command(invocation: Invocation, /, out: str) -> int:
    """Write one page about every model: state, curves, gates, drift, lineage. It needs no network to be read."""
    from reconciler.engine.looking.survey import survey
    from reconciler.views.report_html import render_report

    with invocation.session() as session:
        store = session.store()
        overview = survey(
            session.manifests,
            session.provider(read_only=True),
            store,
            session.policy(),
            lineage_of(session, store.load().lockfile),
            now=session.clock.now(),
        )
    page = render_report(overview, version=__version__)
    if out == "-":
        say(page)
        return 0
    write_text(Path(out), page)
    names = len(overview.names)
    invocation.note(f"{out}: {names} model{'s' if names != 1 else ''}, {len(page.encode()):,} bytes")
    return 0


def lineage_of(session: Session, recorded: Lockfile) -> Sequence[Record]:
    """Return every record there is, those that only the lockfile holds yet included.

    A log that cannot be read is warned of, and has none.
    """
    from reconciler.core.event import Warned
    from reconciler.core.past.lineage_text import read_records, restore
    from reconciler.errors import Problem, StoreError

    unwritten = [restore(document) for document in recorded.unwritten]
    try:
        written = read_records(session.lineage().read().split(b"\n"))
    except StoreError as error:
        message = f"the past cannot be read, so it is left out ({error.message})"
        session.report(Warned(Problem(None, message, error.hint, severity="warning")))
        written = []
    return [*written, *unwritten]
