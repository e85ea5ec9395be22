"""``tunectl drift``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command, cache_option
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import check_names, check_selection, scope_options
from reconciler.cli.streams import columns
from reconciler.core.plan import Drift, Scope

if TYPE_CHECKING:
    from reconciler.core.planning.tolerance import Tolerated
    from reconciler.engine.looking.audit import Audit

_DRIFT = 2


@click.command("drift", cls=Command, epilog="Example: tunectl drift --format json\n\nExit code 2 means drift.")
@scope_options
@click.option("--count-unmanaged", is_flag=True, help="Let models that nothing manages count as drift.")
@cache_option
@format_option("text", "json", "markdown", "github")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    target: tuple[str, ...],
    exclude: tuple[str, ...],
    select: tuple[str, ...],
    count_unmanaged: bool,
    outputs: Outputs,
) -> int:
    """Audit, read-only: changed, missing, failed, stuck, dying, shared otherwise, data or manifest moved on."""
    from reconciler.core.planning.tolerance import sift
    from reconciler.engine.looking.audit import take_stock

    with invocation.session() as session:
        found = take_stock(
            session.manifests,
            session.provider(read_only=True),
            session.store(),
            session.policy(scope=Scope(target, exclude, select)),
            now=session.clock.now(),
        )
    drift, tolerated = sift(found.drift, session.config.tolerances, now=session.clock.now())
    check_selection(select, found.desired)
    check_names("--target", target, found.known, globs=True)

    outputs.write(_forms(invocation, found, drift, tolerated))
    return _DRIFT if drift or (count_unmanaged and found.unmanaged) else 0


def _forms(
    invocation: Invocation, found: Audit, drift: Sequence[Drift], tolerated: Sequence[Tolerated]
) -> dict[str, Callable[[], str]]:
    """Return what renders the report, by form."""
    from reconciler.views.fold import fold
    from reconciler.views.status_document import drift_report
    from reconciler.views.status_markdown import render_drift_markdown
    from reconciler.views.status_text import render_drift, render_tolerated
    from reconciler.views.words import json_text

    def text() -> str:
        color = invocation.color(sys.stdout)
        text = render_drift(drift, found.unmanaged, found.coverage, pinned=found.pinned, color=color)
        text += render_tolerated(tolerated, listed=bool(invocation.globals.verbose))
        width = columns()
        return text if width is None else fold(text, width)

    def markdown() -> str:
        return render_drift_markdown(drift, found.unmanaged, found.coverage, pinned=found.pinned)

    def document() -> str:
        return json_text(drift_report(drift, found.unmanaged, found.coverage, tolerated, found.pinned)) + "\n"

    def github() -> str:
        from reconciler.cli.actions import report_drift

        return report_drift(drift, markdown(), text(), invocation.environ)

    return {"text": text, "json": document, "markdown": markdown, "github": github}
