"""``tunectl lineage``: whether the record of the past holds together, and chains that have gone apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command, CommandGroup
from reconciler.cli.consent import agreed, approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import lock_timeout_option

if TYPE_CHECKING:
    from reconciler.core.past.chain import Break, Findings
    from reconciler.core.past.forks import Fork
    from reconciler.wiring import Session

_FORMS = ("text", "json")
_BROKEN = 1


@click.group("lineage", cls=CommandGroup)
def command() -> None:
    """Check the record of the past, and join chains that have gone apart."""


@command.command("verify", cls=Command, epilog="Example: tunectl lineage verify; exit code 1 means that it was altered")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@format_option(*_FORMS)
@click.pass_obj
def verify(invocation: Invocation, /, names: tuple[str, ...], outputs: Outputs) -> int:
    """Check that no record, of all names or of these, was altered, removed, put in or cut off. Works offline."""
    with invocation.session() as session:
        findings, breaks = _verified(session, names)
        _show(outputs, findings, breaks, session.lineage().address)
    return _BROKEN if breaks else 0


@command.command("mend", cls=Command, epilog="Example: tunectl lineage mend number-generator")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@approve_option
@lock_timeout_option
@format_option(*_FORMS)
@click.pass_obj
def mend(
    invocation: Invocation,
    /,
    names: tuple[str, ...],
    auto_approve: bool,
    lock_timeout: float,
    outputs: Outputs,
) -> int:
    """Join branches of chains by a record that names them. Nothing that was written before is changed."""
    from reconciler.core.past.forks import find_forks
    from reconciler.views.words import count

    require_consent(auto_approve=auto_approve, machine=invocation.machine)
    with invocation.session() as session:
        store, log = session.store(), session.lineage()
        with store.hold(timeout=lock_timeout) as hold:
            loaded = store.load()
            _verified(session, names)
            found = find_forks(log.read(), loaded.lockfile, project=session.config.name)
            forks = [fork for fork in found if not names or fork.name in names]
            for fork in forks:
                invocation.note(_told(fork))
            if not forks:
                invocation.note("No chain has gone apart; nothing was written.")
            elif not auto_approve and not agreed(f"Join {count(len(forks), 'chain')}?"):
                invocation.note("Nothing was written.")
                return 0
            else:
                hold.check()
                store.join(forks, expect=loaded.version)
        findings, breaks = _verified(session, names)
        _show(outputs, findings, breaks, log.address)
    return _BROKEN if breaks else 0


def _verified(session: Session, names: tuple[str, ...]) -> tuple[Findings, list[Break]]:
    """Look at the log and the lockfile beside it; raise click.UsageError for a name that neither knows."""
    from reconciler.cli.commands.history import check_known
    from reconciler.core.past import chain
    from reconciler.core.past.lineage_text import read_records

    recorded = session.store().load().lockfile
    data = session.lineage().read()
    records = read_records(data.split(b"\n")) if names else []
    for name in names:
        check_known(name, recorded, records)
    findings = chain.verify(data, recorded, project=session.config.name)
    return findings, [found for found in findings.breaks if not names or found.name in names or found.name is None]


def _show(outputs: Outputs, findings: Findings, breaks: list[Break], address: str) -> None:
    from reconciler.views.chains import findings_document, render_findings
    from reconciler.views.words import json_text

    outputs.write(
        {
            "text": lambda: render_findings(findings, breaks, address=address),
            "json": lambda: json_text(findings_document(findings, breaks, address=address)) + "\n",
        }
    )


def _told(fork: Fork) -> str:
    from reconciler.views.chains import fork_line

    return fork_line(fork)
