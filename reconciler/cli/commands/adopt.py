"""``tunectl adopt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.consent import agreed, approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.running import lock_timeout_option
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from reconciler.core.resource import Desired
    from reconciler.engine.byhand.adopt import Adoption
    from reconciler.ports.store import Loaded
    from reconciler.wiring import Session


@click.command("adopt", cls=Command, epilog="Example: tunectl adopt number-generator tunedModels/numbers-by-hand")
@click.argument("name", metavar="NAME")
@click.argument("resource", metavar="RESOURCE")
@approve_option
@lock_timeout_option
@click.pass_obj
def command(invocation: Invocation, /, name: str, resource: str, auto_approve: bool, lock_timeout: float) -> int:
    """Let a manifest take over a model that nothing manages; only the lockfile is changed."""
    from reconciler.cli.resources import resource_name

    require_consent(auto_approve=auto_approve, machine=None)
    with invocation.session() as session:
        store = session.store()
        with store.hold(timeout=lock_timeout) as hold:
            loaded, desired = store.load(), _manifest(session, name)
            full = resource_name(resource, session.policy().capabilities.resource_prefix)
            entry = loaded.lockfile.models.get(name)
            if entry is not None and entry.current.resource == full:
                conclude(f"{name}: has {full} already")
                return 0
            found = _adoption(session, desired, resource, loaded)
            _show(invocation, found)
            if not auto_approve and not agreed("Adopt it?"):
                invocation.note("Nothing was adopted.")
                return 0
            hold.check()
            store.save(loaded.lockfile.put(name, found.entry), expect=loaded.version)
    conclude(f"{name}: adopted {full}; `tunectl plan` shows what is left to do")
    return 0


def _manifest(session: Session, name: str) -> Desired:
    """Return the manifest of a name.

    Raises:
        UsageError: there is none.
        ProblemsError: the manifests are wrong, or ask for what cannot be done.
    """
    from reconciler.core.text import did_you_mean, meant, sanitize
    from reconciler.core.unsupported import unsupported
    from reconciler.errors import ProblemsError, UsageError

    manifests = {manifest.name: manifest for manifest in session.manifests().desired}
    refuse = unsupported(manifests.values(), session.policy().capabilities)
    if refuse:
        raise ProblemsError(refuse)
    if name not in manifests:
        hint = did_you_mean(meant(name, manifests), otherwise="`tunectl import` writes one for a model that exists")
        raise UsageError(f"{sanitize(name)}: there is no manifest of that name", hint=hint)
    return manifests[name]


def _adoption(session: Session, desired: Desired, resource: str, loaded: Loaded) -> Adoption:
    from reconciler.cli.resources import find_unmanaged
    from reconciler.engine.byhand.adopt import adoption
    from reconciler.engine.looking.observe import observe
    from reconciler.errors import FailedPrecondition

    lockfile, provider = loaded.lockfile, session.provider(read_only=True)
    entry = lockfile.models.get(desired.name)
    if entry is not None:
        raise FailedPrecondition(
            f"{desired.name}: has a model already, {entry.current.resource}",
            hint=f"`tunectl forget {desired.name}` lets go of it first",
        )
    observed = observe(provider, lockfile)
    prefix = session.policy().capabilities.resource_prefix
    seen = find_unmanaged(resource, prefix, observed, lockfile.resources(), provider)
    return adoption(desired, seen, lockfile, provider)


def _show(invocation: Invocation, found: Adoption) -> None:
    from reconciler.core.address import looks_like_ours
    from reconciler.views.plan_text import render_action

    invocation.note(render_action(found.action).rstrip("\n"))
    if found.action.changes:
        invocation.note("The next apply changes these fields.")
    if looks_like_ours(found.action.resource or ""):
        invocation.note("Its id has the shape of tunectl's own: make sure that no other project manages it.")
