"""``tunectl transfer``."""

from __future__ import annotations

import re

import click

from reconciler.cli.command import Command
from reconciler.cli.consent import agreed, approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.running import lock_timeout_option
from reconciler.cli.streams import conclude

_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")


@click.command("transfer", cls=Command, epilog="Example: tunectl transfer number-generator ada@example.com")
@click.argument("name", metavar="NAME")
@click.argument("email", metavar="EMAIL")
@approve_option
@lock_timeout_option
@click.pass_obj
def command(invocation: Invocation, /, name: str, email: str, auto_approve: bool, lock_timeout: float) -> int:
    """Make somebody else the owner of the model that serves under a name; the owner of today becomes a writer."""
    from reconciler.cli.names import check_recorded
    from reconciler.core.lockfile import InstanceState
    from reconciler.core.planning.lockout import note_transfer
    from reconciler.core.text import clip, sanitize
    from reconciler.errors import FailedPrecondition, UsageError

    if _EMAIL.fullmatch(email) is None:
        raise UsageError(f"{clip(sanitize(email), 80)!r} is no e-mail address", hint="name a user, as ada@example.com")
    require_consent(auto_approve=auto_approve, machine=None)
    with invocation.session() as session:
        if not session.capabilities.permissions:
            raise UsageError(f"{session.config.provider.type}: its models have no owner that could change")
        store = session.store()
        with store.hold(timeout=lock_timeout) as hold:
            loaded = store.load()
            lockfile = loaded.lockfile
            check_recorded([name], lockfile, store.address)
            current = lockfile.models[name].current
            if current.state is not InstanceState.READY:
                raise FailedPrecondition(
                    f"{name}: {current.resource} is {current.state.value} and serves nothing yet",
                    hint="`tunectl apply` finishes it, or says why it cannot",
                )
            invocation.note(_warning(name, current.resource, email, declared="permissions" in current.spec))
            if not auto_approve and not agreed(f"Transfer it to {email}?"):
                invocation.note("Nothing was transferred.")
                return 0
            provider = session.provider(read_only=False)
            given = note_transfer(lockfile.models[name], provider.permissions(current.resource), to=email)
            hold.check()
            if given != lockfile.models[name]:  # first, so that a kill in between leaves a warning too many, not none
                store.save(lockfile.put(name, given), expect=loaded.version)
            provider.transfer(current.resource, email)
    conclude(f"{name}: {sanitize(current.resource)} belongs to {email} now")
    return 0


def _warning(name: str, resource: str, email: str, *, declared: bool) -> str:
    lines = [
        f"{resource} goes to {email}. Whoever owns it today becomes a WRITER and cannot take it back:",
        f"  who is no owner cannot delete it, so {name} can then be replaced or destroyed only by {email}.",
    ]
    if declared:
        lines.append(
            f"  {name} declares spec.permissions: list the owner of today there as WRITER, or that role is taken "
            "away; a plan that would do so is refused without --allow-lockouts."
        )
    return "\n".join(lines)
