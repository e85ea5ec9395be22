"""Who may use a model, as manifests declare it and services list it.

Roles are concentric: a READER may ask a model, a WRITER may also change and share it, the OWNER may also delete it
(Generative Language API, Permission). What is done about differences is decided in ``core.sharing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.canonical import Json
from reconciler.core.resource import Spec

READER, WRITER, OWNER = "READER", "WRITER", "OWNER"
USER, GROUP, EVERYONE = "user", "group", "everyone"

_RANK = {None: 0, READER: 1, WRITER: 2, OWNER: 3}


@dataclass(frozen=True, slots=True)
class Permission:
    """A role that somebody has on a model.

    ``kind`` is ``user``, ``group`` or ``everyone``, or what else a service may come to know; ``email`` is empty for
    everyone. ``id`` is the service's own handle of a permission that was listed, empty for one that is wanted.
    """

    role: str
    kind: str
    email: str = ""
    id: str = field(default="", compare=False)

    @property
    def grantee(self) -> str:
        """Who it is: ``everyone``, or kind and address as in ``group:math@example.com``; addresses in lower case."""
        return f"{self.kind}:{self.email.lower()}" if self.email else self.kind


def parse_grantee(grantee: str, role: str) -> Permission:
    """Return the permission that gives a role to a grantee, spelt as ``Permission.grantee`` does."""
    kind, _, email = grantee.partition(":")
    return Permission(role, kind, email)


def declared(spec: Spec) -> tuple[Permission, ...] | None:
    """Return the permissions that a spec lists; None if it does not say, and then they are nobody's business."""
    listed = spec.get("permissions")
    if listed is None:
        return None
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return None
    return tuple(_read(item) for item in listed if isinstance(item, Mapping))


def as_written(permissions: Iterable[Permission]) -> list[Json]:
    """Return permissions as a manifest lists them, in one order and spelling whatever theirs was; owners left out."""
    given = {permission.grantee: permission.role for permission in permissions if permission.role != OWNER}
    return [_write(parse_grantee(grantee, role)) for grantee, role in sorted(given.items())]


def unshared(spec: Spec) -> Spec:
    """Return a spec without its permissions, which no message about the model itself carries."""
    return {key: value for key, value in spec.items() if key != "permissions"} if "permissions" in spec else spec


def wider(before: str | None, after: str | None) -> bool:
    """Tell whether a role lets its holder do more than another; None is no role, and an unknown one is feared."""
    return _RANK.get(after, len(_RANK)) > _RANK.get(before, len(_RANK))


def _read(item: Mapping[str, Json]) -> Permission:
    role = str(item.get("role"))
    for kind in (USER, GROUP):
        if kind in item:
            return Permission(role, kind, str(item[kind]))
    return Permission(role, EVERYONE)


def _write(permission: Permission) -> dict[str, Json]:
    grantee: dict[str, Json] = {permission.kind: permission.email or True}
    return {"role": permission.role, **grantee}
