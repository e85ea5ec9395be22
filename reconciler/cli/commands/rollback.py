"""``tunectl rollback``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.consent import agreed, approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import changing, lock_timeout_option
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.event import Event
    from reconciler.engine.byhand.rollback import Proposal
    from reconciler.engine.world import World
    from reconciler.ports.store import Loaded


@click.command("rollback", cls=Command, epilog="Example: tunectl rollback number-generator --to cd8e5c96")
@click.argument("name", metavar="NAME")
@click.option(
    "--to",
    "revision",
    metavar="REVISION",
    help="The first characters of a revision's hash, an attempt's number, or a resource; default: what served last.",
)
@click.option("--unpin", is_flag=True, help="End the pin of an earlier rollback: the next apply follows the manifest.")
@approve_option
@lock_timeout_option
@format_option("text", "jsonl")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    name: str,
    revision: str | None,
    unpin: bool,
    auto_approve: bool,
    lock_timeout: float,
    outputs: Outputs,
) -> int:
    """Let a former model serve again, without training, and keep it until the manifest changes."""
    from reconciler.cli.names import check_recorded
    from reconciler.engine.byhand.rollback import consider

    if unpin and revision is not None:
        raise click.UsageError("--unpin goes back to nothing: leave --to out")
    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    with changing(invocation, outputs, lock_timeout=lock_timeout) as (session, hold):
        store = session.store()
        loaded = store.load()
        check_recorded([name], loaded.lockfile, store.address)
        world = session.world(hold, read_only=True)
        if outputs.machine is None and not outputs.files:
            world = replace(world, report=_by_name(world.report))
        if unpin:
            _unpin(invocation, world, loaded, name, asking=not auto_approve)
        else:
            proposal = consider(session.manifests, world.provider, loaded, name, revision)
            _roll_back(invocation, world, proposal, asking=not auto_approve)
    return 0


def _roll_back(invocation: Invocation, world: World, proposal: Proposal, *, asking: bool) -> None:
    from reconciler.engine.byhand.rollback import switch
    from reconciler.views.rollback import render_done, render_rollback

    if invocation.machine is None and not (invocation.globals.quiet and not asking):
        click.echo(render_rollback(proposal.rollback, color=False), nl=False)
    if asking and not agreed("Roll back?"):
        invocation.note("Nothing was changed.")
        return
    switch(world, proposal)
    if invocation.machine is None:
        conclude(render_done(proposal.rollback))


def _by_name(report: Callable[[Event], None]) -> Callable[[Event], None]:
    """Leave the beginning and the end of the one step to the sentence that says by name what serves."""
    from reconciler.core.event import Finished, Started

    return lambda event: None if isinstance(event, Started | Finished) else report(event)


def _unpin(invocation: Invocation, world: World, loaded: Loaded, name: str, *, asking: bool) -> None:
    from reconciler.engine.byhand.rollback import end_pin
    from reconciler.views.rollback import render_pin, render_unpinned

    entry = loaded.lockfile.models[name]
    if entry.pin is None:
        invocation.note(f"{name} is not pinned.")
        return
    if asking:
        click.echo(render_pin(name, entry))
        if not agreed("End the pin?"):
            invocation.note("Nothing was changed.")
            return
    end_pin(world, loaded, name)
    if invocation.machine is None:
        conclude(render_unpinned(name, entry))
