"""``tunectl lock``: who holds the lockfile (``show``), ending that (``break``), and making it anew (``rebuild``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command, CommandGroup
from reconciler.cli.consent import agreed, approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.running import Duration, lock_timeout_option
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from reconciler.core.lineage import Record
    from reconciler.core.upkeep.rebuild import Rebuilt
    from reconciler.views.lock import LockState
    from reconciler.wiring import Session

_FORMS = ("text", "json")
_DECLINED = "declined"


@click.group("lock", cls=CommandGroup)
def command() -> None:
    """Show, break or rebuild: who holds the lockfile, and the lockfile itself."""


@command.command("show", cls=Command, epilog="Example: tunectl lock show --format json")
@format_option(*_FORMS)
@click.pass_obj
def show(invocation: Invocation, /, outputs: Outputs) -> int:
    """Show who holds the lockfile, since when, and which lockfile it is. Takes no lock."""
    from reconciler.views.lock import lock_document, render_lock
    from reconciler.views.words import json_text

    with invocation.session() as session:
        state = _look(session)
    outputs.write({"text": lambda: render_lock(state), "json": lambda: json_text(lock_document(state)) + "\n"})
    return 0


@command.command("break", cls=Command, epilog="Example: tunectl lock break --if-older-than 2h -y")
@click.option(
    "--if-older-than",
    type=Duration(),
    default=0.0,
    metavar="DURATION",
    help="Only if nothing was heard of its holder for this long.",
)
@approve_option
@click.pass_obj
def break_(invocation: Invocation, /, if_older_than: float, auto_approve: bool) -> int:
    """End the lease of a holder that is gone; one that is alive notices, begins nothing more and exits with 8."""
    from reconciler.core.lease import lease_text
    from reconciler.core.text import sanitize

    require_consent(auto_approve=auto_approve, machine=None)
    with invocation.session() as session:
        store = session.store()
        confirmed = None if auto_approve else _ask_to_break(session)
        if confirmed == _DECLINED:
            invocation.note("Nothing was broken.")
            return 0
        ended = store.break_lock(silent_for=if_older_than, confirmed=confirmed)
        address = sanitize(store.address)
        if ended is None:
            conclude(f"{address}: free")
        else:
            conclude(f"{address}: broken; it was held by {lease_text(ended, session.clock.now())}")
    return 0


@command.command("rebuild", cls=Command, epilog="Example: tunectl lock rebuild -y")
@click.option("--replace-existing", is_flag=True, help="Also if there is a lockfile that is not damaged; it is kept.")
@approve_option
@lock_timeout_option
@format_option(*_FORMS)
@click.pass_obj
def rebuild(
    invocation: Invocation,
    /,
    replace_existing: bool,
    auto_approve: bool,
    lock_timeout: float,
    outputs: Outputs,
) -> int:
    """Write a lost lockfile anew, from the manifests and what the service lists."""
    from reconciler.engine.looking.rebuild import survey
    from reconciler.views.lock import rebuilt_document, render_rebuilt
    from reconciler.views.words import json_text

    require_consent(auto_approve=auto_approve, machine=outputs.machine)
    with invocation.session() as session:
        store = session.store()
        with store.hold(timeout=lock_timeout) as hold:
            former = store.former(replace_existing=replace_existing)
            provider, identity = session.provider(read_only=True), session.identity()
            rebuilt = survey(session.manifests, provider, identity, records=_remembered(session))
            if outputs.stdout == "text":
                click.echo(render_rebuilt(rebuilt), nl=False)
            useless = former.blob is None and not rebuilt.lockfile.models
            wanted = not useless and (auto_approve or _ask_to_write(rebuilt))
            written, kept = None, None
            if wanted:
                hold.check()
                kept = None if former.blob is None else session.keep(former.blob.data)
                written = store.start_over(rebuilt.lockfile, former=former).lockfile
    document = rebuilt_document(rebuilt, written=written, kept=kept)
    Outputs(outputs.machine, outputs.files).write(
        {"text": lambda: render_rebuilt(rebuilt), "json": lambda: json_text(document) + "\n"}
    )
    if outputs.machine is None:
        conclude("Nothing was written." if written is None else f"{store.address}: written, serial {written.serial}")
        if kept is not None:
            invocation.note(f"The former one is kept as {kept}.")
    return 0


def _remembered(session: Session) -> list[Record]:
    """Return the records of lineage; none of a log that cannot be read, since there is a rebuild without it, too."""
    from reconciler.core.past.lineage_text import read_records
    from reconciler.errors import StoreError

    try:
        return read_records(session.lineage().read().split(b"\n"))
    except StoreError:
        return []


def _look(session: Session) -> LockState:
    from reconciler.errors import LockfileError
    from reconciler.views.lock import LockState

    store = session.store()
    lockfile, trouble = None, None
    lease = store.holder()
    try:
        lockfile = store.load().lockfile
    except LockfileError as error:
        trouble = error.message
    return LockState(store.address, lease, session.clock.now(), lockfile, trouble)


def _ask_to_break(session: Session) -> str:
    """Ask, and return the id of the lease that may be broken: UNREADABLE for what is no lease, NONE if none is held."""
    from reconciler.core.lease import NONE, UNREADABLE, Standing, lease_text, standing
    from reconciler.errors import LockfileError

    now = session.clock.now()
    try:
        lease = session.store().holder()
    except LockfileError as error:
        click.echo(error.message, err=True)
        return UNREADABLE if agreed("Put a free lease in its place?") else _DECLINED
    if lease is None or lease.ttl is None or standing(lease, now) is Standing.FREE:
        return NONE
    click.echo(f"Held by {lease_text(lease, now)}.", err=True)
    return lease.id if agreed("Break it?") else _DECLINED


def _ask_to_write(rebuilt: Rebuilt) -> bool:
    from reconciler.views.words import count

    return agreed(f"Write a lockfile of {count(len(rebuilt.lockfile.models), 'model')}?")
