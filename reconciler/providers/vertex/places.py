"""Where training data lies in Cloud Storage, as texts. Pure, and light on purpose."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

__all__ = ["EMBEDDED_STAGING", "bucket_of", "object_path", "staged_uri"]

EMBEDDED_STAGING: Final = "gs://emulator/tunectl"
"""Where datasets go where the project names no place and the emulator in our own process is asked."""
_HEAD: Final = "gs://"


def staged_uri(place: str, digest: str) -> str:
    """Return where the dataset of a digest goes below a place such as ``gs://bucket/prefix``.

    The digest is of the examples, and the bytes of the file follow from them: one digest, one name, one content.
    """
    bucket, _, prefix = place.removeprefix(_HEAD).partition("/")
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    return f"{_HEAD}{bucket}/{folder}{digest.removeprefix('sha256:')}.jsonl"


def bucket_of(uri: str) -> str:
    """Return the bucket of a URI."""
    return uri.removeprefix(_HEAD).partition("/")[0]


def object_path(uri: str) -> str:
    """Return the path of an object in the JSON API of Cloud Storage."""
    bucket, _, name = uri.removeprefix(_HEAD).partition("/")
    return f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
