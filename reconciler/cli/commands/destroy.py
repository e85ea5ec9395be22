"""``tunectl destroy``."""

from __future__ import annotations

from functools import partial

import click

from reconciler.cli.applying import carry_out
from reconciler.cli.command import Command
from reconciler.cli.consent import approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.planning import PlanOptions, limit_options, make_preview, scope_options
from reconciler.cli.running import changing, engine_options, run_options


@click.command("destroy", cls=Command, epilog="Example: tunectl destroy number-generator")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@partial(scope_options, target=False)
@limit_options
@approve_option
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
    outputs: Outputs,
    **limits: int | None,
) -> int:
    """Plan and apply the deletion of the named models, or of all that the lockfile records."""
    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    chosen = PlanOptions(target=names, exclude=exclude, select=select, **limits)  # type: ignore[arg-type]  # click has checked them
    with changing(invocation, outputs, lock_timeout=lock_timeout) as (session, hold):
        shown = make_preview(session, chosen, destroy=True)
        options = engine_options(invocation, session, timeout=timeout, poll_interval=poll_interval)
        carry_out(invocation, session, shown, hold, options, auto_approve=auto_approve)
    return 0
