"""``tunectl gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.applying import carry_out
from reconciler.cli.command import Command
from reconciler.cli.consent import approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.limits import Allowances
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import check_names
from reconciler.cli.running import changing, engine_options, lock_timeout_option, reporting
from reconciler.core.event import Planned, Summarised

if TYPE_CHECKING:
    from reconciler.engine.looking.preview import Preview
    from reconciler.wiring import Session

_REFUSED = 5


@click.command("gc", cls=Command, epilog="Example: tunectl gc --plan; tunectl gc --orphans -y")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option(
    "--orphans", is_flag=True, help="Also models that nothing records, if their ids prove that they are ours."
)
@click.option("--allow-deletes", type=click.IntRange(min=0), metavar="N", help="Allow up to N deletions.")
@approve_option
@lock_timeout_option
@format_option("text", "json", "jsonl")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    names: tuple[str, ...],
    only_plan: bool,
    orphans: bool,
    allow_deletes: int | None,
    auto_approve: bool,
    lock_timeout: float,
    outputs: Outputs,
) -> int:
    """Remove models that nobody needs: replaced ones, and attempts that failed or were rejected."""
    if outputs.machine == ("jsonl" if only_plan else "json"):
        raise click.UsageError("--format json goes with --plan, and jsonl with the removal itself")
    if only_plan:
        with reporting(invocation, outputs.machine) as report, invocation.session(report) as session:
            shown = _survey(session, names, orphans, allow_deletes)
            _show(invocation, outputs, shown)
        return _REFUSED if shown.plan.violations else 0
    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    with changing(invocation, outputs, lock_timeout=lock_timeout) as (session, hold):
        shown = _survey(session, names, orphans, allow_deletes)
        if not shown.plan.empty or shown.plan.violations:
            options = engine_options(invocation, session, timeout=None, poll_interval=None)
            carry_out(invocation, session, shown, hold, options, auto_approve=auto_approve)
        elif invocation.machine is None:
            _show(invocation, outputs, shown)
        else:
            session.report(Planned(shown.plan))
            session.report(Summarised())
    return 0


def _survey(session: Session, names: tuple[str, ...], orphans: bool, allow_deletes: int | None) -> Preview:
    from reconciler.core.plan import Scope
    from reconciler.engine.looking.collection import survey_waste

    allowed = Allowances(deletes=allow_deletes)
    policy = session.policy(limits=lambda limits: allowed.over(limits, ()), scope=Scope(target=names))
    provider = session.provider(read_only=True)
    loaded = session.store().load()
    shown = survey_waste(session.manifests, provider, loaded, session.lineage(), policy, orphans=orphans)
    declared = {manifest.name for manifest in shown.desired}
    check_names("NAME", names, declared.union(loaded.lockfile.models), globs=True)
    return shown


def _show(invocation: Invocation, outputs: Outputs, shown: Preview) -> None:
    from reconciler.cli.commands.plan import write_plan
    from reconciler.views.collection import render_nothing

    if shown.plan.empty and outputs.stdout == "text":
        click.echo(render_nothing(shown.plan), nl=False)
        outputs = Outputs(None, outputs.files)
    write_plan(invocation, outputs, shown.plan)
