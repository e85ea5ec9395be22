"""``tunectl destroy``."""

from __future__ import annotations

from functools import partial

import click

from reconciler.cli.base import Command, Invocation
from reconciler.cli.commands.apply import carry_out, require_consent
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import PlanOptions, limit_options, make_preview, scope_options
from reconciler.cli.running import end, reporting, run_options


@click.command("destroy", cls=Command, epilog="Example: tunectl destroy number-generator")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@partial(scope_options, target=False)
@limit_options
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@run_options
@format_option("text", "jsonl")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    names: tuple[str, ...],
    exclude: tuple[str, ...],
    select: tuple[str, ...],
    auto_approve: bool,
    timeout: float | None,
    poll_interval: float | None,
    lock_timeout: float,
    formats: tuple[str, ...],
    **limits: int | None,
) -> int:
    """Plan and apply the deletion of the named models, or of all that the lockfile records."""
    outputs = Outputs.parse(formats, ("text", "jsonl"))
    invocation.expect(outputs)
    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    chosen = PlanOptions(target=names, exclude=exclude, select=select, **limits)  # type: ignore[arg-type]  # click has checked them
    with reporting(invocation, outputs.machine) as report, invocation.session(report) as session:
        with session.store().hold(timeout=lock_timeout) as hold:
            shown = make_preview(session, chosen, destroy=True)
            outcome = carry_out(
                invocation,
                session,
                shown,
                hold,
                auto_approve=auto_approve,
                timeout=timeout,
                poll_interval=poll_interval,
            )
        if outcome is not None:
            end(outcome, session.stop)
    return 0
