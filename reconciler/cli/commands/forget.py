"""``tunectl forget``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.consent import agreed, approve_option, require_consent
from reconciler.cli.invocation import Invocation
from reconciler.cli.running import lock_timeout_option
from reconciler.cli.streams import conclude

if TYPE_CHECKING:
    from reconciler.core.lockfile import Entry
    from reconciler.errors import Refused
    from reconciler.wiring import Session


@click.command("forget", cls=Command, epilog="Example: tunectl forget number-generator")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@approve_option
@lock_timeout_option
@click.pass_obj
def command(invocation: Invocation, /, names: tuple[str, ...], auto_approve: bool, lock_timeout: float) -> int:
    """Drop names from the lockfile. Their models stay as they are, and nothing manages them any more."""
    from reconciler.cli.names import check_recorded
    from reconciler.views.words import count

    require_consent(auto_approve=auto_approve, machine=None)
    with invocation.session() as session:
        store = session.store()
        with store.hold(timeout=lock_timeout) as hold:
            loaded = store.load()
            check_recorded(names, loaded.lockfile, store.address)
            entries = {name: loaded.lockfile.models[name] for name in names}
            protected = [name for name, entry in entries.items() if entry.protect]
            if protected:
                raise _refused(protected)
            invocation.note("\n".join(_consequences(entries, _declared(session))))
            if not auto_approve and not agreed(f"Forget {count(len(entries), 'name')}?"):
                invocation.note("Nothing was forgotten.")
                return 0
            hold.check()
            lockfile = loaded.lockfile
            for name in entries:
                lockfile = lockfile.drop(name)
            store.save(lockfile, expect=loaded.version)
    conclude(f"Forgotten: {', '.join(entries)}. Nothing remote was deleted.")
    return 0


def _refused(names: list[str]) -> Refused:
    from reconciler.errors import Refused, Violation

    violations = tuple(
        Violation(f"{name}: is protected and may not be forgotten", rule="lifecycle.protect") for name in names
    )
    hint = "apply its manifest with lifecycle.protect: false first"
    return Refused(f"{len(names)} protected; nothing was forgotten", violations=violations, hint=hint)


def _declared(session: Session) -> frozenset[str] | None:
    """Return the names that have manifests; None if those cannot be read, which keeps nobody from forgetting."""
    from reconciler.errors import ProblemsError

    try:
        return frozenset(manifest.name for manifest in session.manifests(may_be_empty=True, offline=True).desired)
    except ProblemsError:
        return None


def _consequences(entries: Mapping[str, Entry], declared: frozenset[str] | None) -> Iterator[str]:
    from reconciler.core.lockfile import UNFINISHED
    from reconciler.core.text import sanitize

    for name, entry in entries.items():
        for instance in entry.instances():
            going = " goes on tuning, and is paid for" if instance.state in UNFINISHED else " stays"
            yield f"{name}: {sanitize(instance.resource)} ({instance.state.value}){going}"
        if declared is None:
            yield f"  whether {name} has a manifest is not known, since the manifests cannot be read"
        elif name in declared:
            yield (
                f"  {name} has a manifest: the next apply takes up a model that has the very id it leads to, and tunes "
                "one anew where there is none. Remove the manifest, too, or adopt another model."
            )
