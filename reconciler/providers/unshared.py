"""The answers of a provider whose models cannot be shared one by one: refusals, and nothing sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from reconciler.core.permission import Permission
from reconciler.errors import InvalidArgument

__all__ = ["Unshared"]


class Unshared:
    """The part of ``ports.provider.Provider`` about permissions, where there are none; ``sharing`` is the way past."""

    sharing = "share it by the means of the service"

    def permissions(self, resource: str) -> Sequence[Permission]:
        """Refuse to list."""
        self._refuse(resource)

    def grant(self, resource: str, permission: Permission) -> None:  # noqa: ARG002  the port's signature
        """Refuse to grant."""
        self._refuse(resource)

    def revoke(self, resource: str, permission: Permission) -> None:  # noqa: ARG002  the port's signature
        """Refuse to revoke."""
        self._refuse(resource)

    def transfer(self, resource: str, email: str) -> None:  # noqa: ARG002  the port's signature
        """Refuse to transfer."""
        self._refuse(resource)

    def _refuse(self, resource: str) -> NoReturn:
        raise InvalidArgument(f"{resource}: models of this service have no permissions of their own", hint=self.sharing)
