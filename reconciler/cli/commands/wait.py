"""``tunectl wait``."""

from __future__ import annotations

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import changing, end, engine_options, run_options, stopping
from reconciler.cli.streams import conclude


@click.command("wait", cls=Command, epilog="Example: tunectl wait --timeout 2h")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@run_options
@format_option("text", "jsonl")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    names: tuple[str, ...],
    timeout: float | None,
    poll_interval: float | None,
    lock_timeout: float,
    outputs: Outputs,
) -> int:
    """Wait for running tunings and record their end; apply does the rest (gate, switch, delete)."""
    from reconciler.cli.names import check_recorded
    from reconciler.cli.words import waited_line
    from reconciler.engine.byhand.resume import wait_for_running

    with changing(invocation, outputs, lock_timeout=lock_timeout) as (session, hold):
        store = session.store()
        loaded = store.load()
        check_recorded(names, loaded.lockfile, store.address)
        world = session.world(hold, read_only=True)
        options = engine_options(invocation, session, timeout=timeout, poll_interval=poll_interval)
        with stopping(session.stop, quiet=invocation.globals.quiet):
            outcome = wait_for_running(world, loaded, options, chosen=lambda name: not names or name in names)
        if invocation.machine is None:
            conclude(waited_line(outcome) if outcome.touched else "Nothing is tuning.")
        end(outcome, session.stop)
    return 0
