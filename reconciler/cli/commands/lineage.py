"""``tunectl lineage``: whether the record of the past holds together."""

from __future__ import annotations

import click

from reconciler.cli.base import GLOBAL_OPTIONS, Command, Globals, Invocation
from reconciler.cli.groups import Group
from reconciler.cli.output import Outputs, format_option

_FORMS = ("text", "json")
_BROKEN = 1


@click.group("lineage", cls=Group, params=[option() for option in GLOBAL_OPTIONS])
@click.pass_obj
def command(invocation: Invocation, /, **values: object) -> None:
    """Check the record of the past."""
    invocation.globals = Globals.of(values).over(invocation.globals)


@command.command("verify", cls=Command, epilog="Example: tunectl lineage verify; exit code 1 means that it was altered")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@format_option(*_FORMS)
@click.pass_obj
def verify(invocation: Invocation, /, names: tuple[str, ...], formats: tuple[str, ...]) -> int:
    """Check that no record, of all names or of these, was altered, removed, put in or cut off. Works offline."""
    from reconciler.cli.commands.history import check_known
    from reconciler.core.past import chain
    from reconciler.core.past.lineage_text import read_records
    from reconciler.views.chains import findings_document, render_findings
    from reconciler.views.words import json_text

    outputs = Outputs.parse(formats, _FORMS)
    invocation.expect(outputs)
    with invocation.session() as session:
        recorded = session.store().load().lockfile
        log = session.lineage()
        data, project = log.read(), session.config.name
    records = read_records(data.split(b"\n")) if names else []
    for name in names:
        check_known(name, recorded, records)
    findings = chain.verify(data, recorded, project=project)
    breaks = [found for found in findings.breaks if not names or found.name in names or found.name is None]
    outputs.write(
        {
            "text": lambda: render_findings(findings, breaks, address=log.address),
            "json": lambda: json_text(findings_document(findings, breaks, address=log.address)) + "\n",
        }
    )
    return _BROKEN if breaks else 0
