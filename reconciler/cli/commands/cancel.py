"""``tunectl cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.consent import agreed, approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import changing, end, engine_options, run_options, stopping
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from reconciler.core.observation import Operation


@click.command("cancel", cls=Command, epilog="Example: tunectl cancel number-generator -y")
@click.argument("name", metavar="NAME")
@approve_option
@run_options
@format_option("text", "jsonl")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    name: str,
    auto_approve: bool,
    timeout: float | None,
    poll_interval: float | None,
    lock_timeout: float,
    outputs: Outputs,
) -> int:
    """Stop a tuning that runs. It is recorded as failed, and not bought again by itself."""
    from reconciler.cli.names import check_recorded
    from reconciler.engine.byhand.cancel import cancel_tuning, running_tuning

    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    with changing(invocation, outputs, lock_timeout=lock_timeout) as (session, hold):
        store = session.store()
        loaded = store.load()
        check_recorded([name], loaded.lockfile, store.address)
        world = session.world(hold, read_only=False)
        operation = running_tuning(world, loaded, name)
        if not (auto_approve or agreed(_question(name, operation))):
            invocation.note("Nothing was cancelled.")
            return 0
        options = engine_options(invocation, session, timeout=timeout, poll_interval=poll_interval)
        with stopping(session.stop, quiet=invocation.globals.quiet):
            outcome = cancel_tuning(world, loaded, name, operation, options)
        end(outcome, session.stop)
    if invocation.machine is None:
        conclude(f"Cancelled: {name}. `tunectl apply --replace {name}` buys another attempt.")
    return 0


def _question(name: str, operation: Operation) -> str:
    progress = operation.progress
    far = "" if progress is None or progress.percent is None else f" It is {progress.percent:.0f}% through."
    return f"Cancel the tuning of {operation.resource} ({name})?{far} What it has cost so far is not given back."
