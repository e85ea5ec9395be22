"""``tunectl show``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option

_OTHERWISE = "`tunectl plan --out FILE` saves a plan, `tunectl status` lists the models"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.observation import Observed
    from reconciler.views.rows import Row


@click.command("show", cls=Command, epilog="Example: tunectl show number-generator; tunectl show plan.json")
@click.argument("what", metavar="NAME|PLANFILE")
@format_option("text", "json", "markdown", "github")
@click.pass_obj
def command(invocation: Invocation, /, what: str, outputs: Outputs) -> int:
    """Show one model (serving, candidate and former ones), or a saved plan, in full."""
    if Path(what).is_file():
        _show_plan(invocation, outputs, Path(what))
    elif "." in what or os.sep in what:
        raise click.UsageError(_no_file(Path(what)))
    else:
        _show_model(invocation, outputs, what)
    return 0


def _show_plan(invocation: Invocation, outputs: Outputs, path: Path) -> None:
    from reconciler.cli.commands.plan import write_plan
    from reconciler.views.restore import restored
    from reconciler.views.saved import load_saved

    if path.suffix in {".yaml", ".yml"}:
        raise click.UsageError(f"{path}: is no saved plan; {_OTHERWISE}, `tunectl validate` reads manifests")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise click.FileError(str(path), error.strerror or "cannot be read") from error
    write_plan(invocation, outputs, restored(load_saved(data, address=str(path)).document))


def _no_file(path: Path) -> str:
    """Return what is wrong with a word that is no file and can be no model's name either."""
    from reconciler.core.text import did_you_mean, meant

    if path.is_dir():
        return f"{path}: is a folder; {_OTHERWISE}"
    plans = {near.stem: str(near) for near in path.parent.glob("*.json")} if path.parent.is_dir() else {}
    close = meant(path.stem, plans)
    return f"{path}: there is no such file; {did_you_mean(close and plans[close], otherwise=_OTHERWISE)}"


def _show_model(invocation: Invocation, outputs: Outputs, name: str) -> None:
    from reconciler.cli.commands.status import observe_recorded
    from reconciler.views.rows import build_rows

    with invocation.session() as session:
        recorded, observed = observe_recorded(session, [name])
    rows = build_rows(recorded, observed.models, names=[name], former=True)
    _write(invocation, outputs, rows, observed)


def _write(invocation: Invocation, outputs: Outputs, rows: Sequence[Row], observed: Observed) -> None:
    from reconciler.views.status_document import status_document
    from reconciler.views.status_markdown import render_status_markdown
    from reconciler.views.status_text import render_model
    from reconciler.views.words import json_text

    def github() -> str:
        from reconciler.cli.actions import summarise

        summarise(render_status_markdown(rows), invocation.environ)
        return render_model(rows, observed.models)

    outputs.write(
        {
            "text": lambda: render_model(rows, observed.models, color=invocation.color(sys.stdout)),
            "json": lambda: json_text(status_document(rows, observed.models)) + "\n",
            "markdown": lambda: render_status_markdown(rows),
            "github": github,
        }
    )
