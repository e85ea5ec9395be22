"""Where training data has to be before a job can read it: a folder of a bucket, each dataset under its digest."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from reconciler.core.examples import digest_of
from reconciler.core.resource import Example
from reconciler.errors import FailedPrecondition, InvalidArgument, NotFound
from reconciler.ports.objects import StoredObject
from reconciler.providers.vertex.dialect import CAPABILITIES
from reconciler.providers.vertex.places import bucket_of, staged_uri
from reconciler.providers.vertex.rows import jsonl
from reconciler.providers.vertex.storage import Content, Storage

__all__ = ["NEEDED", "Staging"]

NEEDED: Final = ("storage.objects.create", "storage.objects.get")
"""What an upload needs on the bucket: writing it, and looking whether it is there."""


class Staging:
    """A folder of a bucket, such as ``gs://bucket/prefix``; None where the project names none."""

    def __init__(self, storage: Storage, place: str | None) -> None:
        self._storage = storage
        self._place = place

    def __call__(self, examples: Sequence[Example]) -> str:
        """Return the ``gs://`` URI of the examples, uploaded unless they are there already.

        Raises:
            InvalidArgument: an example that the service would not take, or more of them than it takes.
            FailedPrecondition: no bucket is named, it does not exist, or something else lies under the name.
            RemoteError: they cannot be put there.
        """
        uri = staged_uri(self._named(), digest_of(examples))
        content = _measured(examples)
        found = self._find(uri)
        if found is None and not self._storage.put(uri, content):
            found = self._find(uri)  # another run was quicker
        if found is not None and (found.size, found.md5) != (content.size, content.md5):
            raise FailedPrecondition(
                f"{uri}: holds {found.size:,} bytes that are not the dataset of that name ({content.size:,} bytes)",
                hint=f"somebody changed it; delete it and apply again: gcloud storage rm {uri}",
            )
        return uri

    @property
    def bucket(self) -> str:
        """The bucket; raises FailedPrecondition if none is named."""
        return bucket_of(self._named())

    def _named(self) -> str:
        if self._place is None:
            raise FailedPrecondition(
                "provider.staging: no bucket is named, and vertex reads its data from one",
                hint="set spec.provider.staging to a place such as gs://bucket/prefix",
            )
        return self._place

    def _find(self, uri: str) -> StoredObject | None:
        try:
            return self._storage.stored(uri)
        except NotFound:
            return None


def _measured(examples: Sequence[Example]) -> Content:
    """Go through the lines once for size and checksum; they are made again for the upload, and never all held."""
    size, total = 0, hashlib.md5(usedforsecurity=False)
    for line in jsonl(examples):
        size += len(line)
        total.update(line)
    most = CAPABILITIES.example_limits.bytes
    if most is not None and size > most:
        raise InvalidArgument(f"the training data: {size:,} bytes as a file; the service takes {most:,}")
    return Content(size, b64encode(total.digest()).decode(), lambda: jsonl(examples))
