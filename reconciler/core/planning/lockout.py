"""Whether a plan takes the account that applies it off a model for good.

After ``tunectl transfer`` the former owner, most often the very account that applies, is a WRITER and no more. A
manifest that does not list it would have that role taken away, and with it the right to read the permissions, so that
no later plan of that account could be made, let alone undo it. Who is applying cannot be known here; who gave a model
away is in the lockfile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.core.lockfile import Entry
from reconciler.core.permission import OWNER, WRITER, Permission, wider
from reconciler.core.plan import Action
from reconciler.core.planning.sharing import grantee_in
from reconciler.core.resource import Desired
from reconciler.errors import Violation


def lockouts(
    actions: Iterable[Action], manifests: Iterable[Desired], entries: Mapping[str, Entry], *, allowed: int
) -> Iterator[Violation]:
    """Yield every former owner who would be less than a WRITER, unless as many as that are allowed.

    Args:
        actions: what is planned.
        manifests: where permissions are declared.
        entries: what is recorded, former owners with it.
        allowed: how many may lose their hold.
    """
    places = {manifest.name: manifest.locate("spec.permissions") for manifest in manifests}
    found = [
        (action, former, None if change.after is None else str(change.after))
        for action in actions
        for change in action.changes
        if (former := grantee_in(change.path)) is not None
        and former in _former_owners(action, entries.get(action.name))
        and wider(None if change.after is None else str(change.after), WRITER)
    ]
    if len(found) <= allowed:
        return
    for action, former, role in found:
        left = "leaves out" if role is None else f"makes a {role} of"
        message = (
            f"{action.name}: spec.permissions {left} {former}, who owned {action.resource} until `tunectl transfer`; "
            "if that account applies, it locks itself out, and only the new owner can let it in again; list "
            f"{{role: WRITER, {former.replace(':', ': ', 1)}}} there, or --allow-lockouts {len(found)} allows exactly "
            "this plan"
        )
        yield Violation(message, places.get(action.name), rule="spec.permissions")


def _former_owners(action: Action, entry: Entry | None) -> tuple[str, ...]:
    """Return who gave away the model that an action touches; a model that is yet to be made is nobody's else."""
    if entry is None:
        return ()
    return next((i.former_owners for i in entry.instances() if i.resource == action.resource), ())


def note_transfer(entry: Entry, listed: Iterable[Permission], *, to: str) -> Entry:
    """Return an entry that remembers who owns its model today, since it is about to be another one's.

    Args:
        entry: of the name whose model is given away.
        listed: the permissions of the model as the service has them.
        to: the address of who gets it.
    """
    given = [p.grantee for p in listed if p.role == OWNER and p.email.lower() != to.lower()]
    known = entry.current.former_owners
    owners = (*known, *(grantee for grantee in given if grantee not in known))
    return replace(entry, current=replace(entry.current, former_owners=owners)) if owners != known else entry
