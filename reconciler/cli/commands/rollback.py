"""``tunectl rollback``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.base import Command, Invocation
from reconciler.cli.commands.apply import require_consent
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import Duration, reporting
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from reconciler.engine.world import World
    from reconciler.ports.store import Hold, Loaded
    from reconciler.wiring import Session


@click.command("rollback", cls=Command, epilog="Example: tunectl rollback number-generator --to cd8e5c96")
@click.argument("name", metavar="NAME")
@click.option(
    "--to",
    "revision",
    metavar="REVISION",
    help="The first characters of a revision's hash, an attempt's number, or a resource; default: what served last.",
)
@click.option("--unpin", is_flag=True, help="End the pin of an earlier rollback: the next apply follows the manifest.")
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--lock-timeout", type=Duration(), default=0.0, metavar="DURATION", help="Wait this long for a lock that is held."
)
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
    formats: tuple[str, ...],
) -> int:
    """Let a former model serve again, without training, and keep it until the manifest changes."""
    from reconciler.cli.names import check_recorded

    outputs = Outputs.parse(formats, ("text", "jsonl"))
    invocation.expect(outputs)
    if unpin and revision is not None:
        raise click.UsageError("--unpin goes back to nothing: leave --to out")
    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    with reporting(invocation, outputs.machine) as report, invocation.session(report) as session:
        store = session.store()
        with store.hold(timeout=lock_timeout) as hold:
            loaded = store.load()
            check_recorded([name], loaded.lockfile, store.address)
            if unpin:
                _unpin(invocation, _world(session, hold), loaded, name, asking=not auto_approve)
            else:
                _roll_back(invocation, session, hold, loaded, name, revision, asking=not auto_approve)
    return 0


def _roll_back(
    invocation: Invocation,
    session: Session,
    hold: Hold,
    loaded: Loaded,
    name: str,
    revision: str | None,
    *,
    asking: bool,
) -> None:
    from reconciler.engine.rollback import consider, switch
    from reconciler.views.rollback import render_done, render_rollback

    world = _world(session, hold)
    proposal = consider(session.manifests, session.provider(read_only=True), loaded, name, revision)
    if invocation.machine is None and not (invocation.globals.quiet and not asking):
        click.echo(render_rollback(proposal.rollback, color=False), nl=False)
    if asking and not agreed("Roll back?"):
        invocation.note("Nothing was changed.")
        return
    switch(world, proposal)
    if invocation.machine is None:
        conclude(render_done(proposal.rollback))


def _unpin(invocation: Invocation, world: World, loaded: Loaded, name: str, *, asking: bool) -> None:
    from reconciler.engine.rollback import end_pin
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


def agreed(question: str) -> bool:
    """Ask, and tell whether the answer was yes."""
    click.echo(f"\n{question} Only 'yes' is taken as consent.", err=True)
    answer: str = click.prompt("Answer", default="no", show_default=False, err=True)
    return answer.strip() == "yes"


def _world(session: Session, hold: Hold) -> World:
    from reconciler.engine.world import World

    return World(
        provider=session.provider(read_only=True),
        store=session.store(),
        datasets=session,
        clock=session.clock,
        report=session.report,
        stop=session.stop,
        hold=hold,
    )
