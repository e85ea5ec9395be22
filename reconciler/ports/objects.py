"""Where a service that reads its training data from a bucket has it: what can be known of objects, read only.

Providers of such services implement this beside ``ports.provider.Provider``; whoever needs it asks ``isinstance``, for
third parties need not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from reconciler.core.canonical import digest

__all__ = ["Objects", "StoredObject"]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as its service describes it, without a byte of it: ``size`` in bytes, checksums in base64.

    ``generation`` is a new number whenever the object is written. An object that was put together from others has no
    ``md5``.
    """

    uri: str
    size: int
    crc32c: str
    generation: str
    md5: str | None = None

    @property
    def digest(self) -> str:
        """What a dataset at this place is told from another by: name, size and CRC32C.

        The generation is left out, so that writing the same bytes again is no other dataset.
        """
        return digest({"crc32c": self.crc32c, "size": self.size, "uri": self.uri})


@runtime_checkable
class Objects(Protocol):
    """The bucket's side of a provider. Safe to use from several threads; sends nothing but reads."""

    def stored(self, uri: str) -> StoredObject:
        """Return what is known of an object.

        Raises:
            NotFound: there is none.
            PermissionDenied: we may not look.
            RemoteError: as the service says.
        """
        ...

    def missing_permissions(self) -> tuple[str, Sequence[str]]:
        """Return the staging bucket, and what these credentials may not do there although an upload needs it.

        Nothing is written to find out.

        Raises:
            FailedPrecondition: no bucket is named, or it does not exist.
            RemoteError: as the service says.
        """
        ...
