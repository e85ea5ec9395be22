"""``tunectl plan``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler._version import __version__
from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import PlanOptions, make_preview, plan_options, would_do_something
from reconciler.cli.what_if import what_if_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.canonical import Json
    from reconciler.core.datachange import Rows
    from reconciler.core.plan import Plan

_REFUSED = 5
_CHANGES = 2
_PRIVATE = 0o600


@click.command("plan", cls=Command, epilog="Example: tunectl plan --format markdown=plan.md --detailed-exitcode")
@plan_options
@what_if_option
@click.option("--out", metavar="FILE", help="Save the plan, for `tunectl apply FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if apply would do or wait for something.")
@format_option("text", "json", "markdown", "github")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    what_if: tuple[Mapping[str, Json], ...],
    out: str | None,
    detailed_exitcode: bool,
    outputs: Outputs,
    **options: object,
) -> int:
    """Show what apply would do, and why. Reads only."""
    chosen = PlanOptions(**options)  # type: ignore[arg-type]  # click has checked them
    with invocation.session() as session:
        shown = make_preview(session, chosen, variants=what_if)
    plan = shown.plan
    if out is not None:
        _save(plan, Path(out), chosen)
    write_plan(invocation, outputs, plan, rows=shown.rows, asked=bool(chosen.show_rows))
    if plan.violations:
        return _REFUSED
    return _CHANGES if detailed_exitcode and would_do_something(plan) else 0


def write_plan(
    invocation: Invocation,
    outputs: Outputs,
    plan: Plan,
    *,
    rows: Mapping[str, Rows] | None = None,
    asked: bool = False,
) -> None:
    """Write a plan in every form that was asked for.

    ``rows`` are training rows that changed; unless they were ``asked`` for they go to a terminal and nowhere else.
    """
    from reconciler.views.document import to_document
    from reconciler.views.fold import fold
    from reconciler.views.plan_markdown import render_markdown
    from reconciler.views.plan_text import render_plan
    from reconciler.views.words import json_text

    anywhere = (rows or {}) if asked else {}

    def text() -> str:
        shown = asked or not any(form == "text" for form, _ in outputs.files)
        width, color = _width(), invocation.color(sys.stdout)
        said = render_plan(plan, color=color, width=width, samples=(rows or {}) if shown else {})
        return fold(said, width) if sys.stdout.isatty() else said

    def github() -> str:
        from reconciler.cli.actions import report_plan

        return report_plan(plan, invocation.environ, samples=anywhere)

    outputs.write(
        {
            "text": text,
            "json": lambda: json_text(to_document(plan, tool=__version__)) + "\n",
            "markdown": lambda: render_markdown(plan, samples=anywhere),
            "github": github,
        }
    )


def _width() -> int:
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def _save(plan: Plan, path: Path, options: PlanOptions) -> None:
    from reconciler.views.saved import dump_saved

    data = dump_saved(plan, tool=__version__, replace=options.replaced)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, _PRIVATE)  # one that was there already may be open to others
            stream.write(data)
    except OSError as error:
        raise click.FileError(str(path), os.strerror(error.errno or 0)) from error
