"""Where training data has to be before a job can read it: Cloud Storage, each dataset under the digest of its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Final, Protocol
from urllib.parse import quote

from reconciler.core.resource import Example
from reconciler.errors import FailedPrecondition, InvalidArgument, NotFound, RemoteError
from reconciler.providers.http import Call, Http
from reconciler.providers.retry import Patience

__all__ = ["CloudStorage", "Stage"]

_EXISTS: Final = 412
_STORAGE: Final = "https://storage.googleapis.com"


class Stage(Protocol):
    """Puts examples where the service can read them."""

    def __call__(self, examples: Sequence[Example]) -> str:
        """Return the ``gs://`` URI of the examples; the same ones have the same URI and are sent once.

        Raises:
            InvalidArgument: an example that the service would not take.
            RemoteError: they cannot be put there.
        """
        ...


class CloudStorage:
    """A folder of a bucket. ``base`` is the address of Cloud Storage, None for the provider's own endpoint."""

    def __init__(self, http: Http, place: str | None, *, base: str | None = _STORAGE) -> None:
        self._http = http
        self._place = place
        self._base = base

    def __call__(self, examples: Sequence[Example]) -> str:
        """Upload the examples unless they are there already; see ``Stage``."""
        if self._place is None:
            raise FailedPrecondition(
                "provider.staging: no bucket is named, and vertex reads its data from one",
                hint="set spec.provider.staging to a place such as gs://bucket/prefix",
            )
        bucket, _, prefix = self._place.removeprefix("gs://").partition("/")
        content = b"".join(_rows(examples))
        name = f"{prefix.rstrip('/')}/{hashlib.sha256(content).hexdigest()}.jsonl".lstrip("/")
        if not self._there(bucket, name):
            self._upload(bucket, name, content)
        return f"gs://{bucket}/{name}"

    def _there(self, bucket: str, name: str) -> bool:
        path = f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        try:
            self._http.send(Call(f"look for the dataset in gs://{bucket}", "GET", path, base=self._base))
        except NotFound:
            return False
        return True

    def _upload(self, bucket: str, name: str, content: bytes) -> None:
        call = Call(
            f"upload the dataset to gs://{bucket}",
            "POST",
            f"/upload/storage/v1/b/{quote(bucket, safe='')}/o",
            query={"uploadType": "media", "name": name, "ifGenerationMatch": "0"},
            content=content,
            base=self._base,
            patience=Patience(),
        )
        try:
            self._http.send(call)
        except RemoteError as error:
            if error.http_status != _EXISTS:  # who was quicker has put the same bytes there
                raise


def _rows(examples: Sequence[Example]) -> Iterator[bytes]:
    """Yield the lines of Vertex's JSON Lines: one conversation each, the last turn the model's."""
    for number, example in enumerate(examples, start=1):
        if not example.output:
            raise InvalidArgument(f"the training data: example {number} has no output")
        turns = [
            {"role": role, "parts": [{"text": text}]}
            for role, text in (("user", example.input), ("model", example.output))
        ]
        yield json.dumps({"contents": turns}, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
