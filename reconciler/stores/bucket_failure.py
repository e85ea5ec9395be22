"""What a failure of obstore means, in our own words.

Its error texts are a kilobyte long: the service's whole answer, which may quote the request, and a dump of internals.
So they are read here and never shown, and never chained. What is told is the HTTP status, the code of the service's
answer, or what became of the connection.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from reconciler.core.text import clip, sanitize
from reconciler.errors import StoreDenied, StoreError
from reconciler.stores.bucket_place import Place

__all__ = ["UnsureStore", "failure_of", "first_line", "missing_bucket"]

_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_ASKED: Final = re.compile(r"Error performing [A-Z]+ (\S+)")


class UnsureStore(StoreError):
    """No usable answer came; the request may have been carried out."""


def missing_bucket(error: Exception) -> bool:
    """Tell whether the bucket itself is not there; obstore knows no difference to an object that is not there."""
    return "<Code>NoSuchBucket</Code>" in str(error)


def failure_of(error: Exception, place: Place, what: str, *, unknown: bool, forbidden: bool) -> StoreError:
    """Return the error of ours that one of obstore's stands for.

    Args:
        error: obstore's.
        place: the object that was asked for.
        what: what it cannot (``be read``).
        unknown: the service does not accept the credentials.
        forbidden: the service accepts them and refuses all the same.
    """
    text = str(error)
    status, reason = _reason(text)
    message = f"{place.address}: cannot {what} ({reason})"
    if missing_bucket(error) or isinstance(error, FileNotFoundError):
        return StoreError(message, hint=f"make the bucket {place.bucket}, or correct spec.lockfile")
    if unknown or _sought_credentials(text, place):
        return StoreDenied(message, hint=_credentials_hint(place))
    if forbidden:
        return StoreDenied(message, hint="give this account the right to read and write objects there")
    if status.startswith("3"):
        hint = "set AWS_REGION to the bucket's region" if place.scheme == "s3" else "check STORAGE_EMULATOR_HOST"
        return StoreError(message, hint=hint)
    return UnsureStore(message, hint="check the network and the endpoint, then run the command again")


def _reason(text: str) -> tuple[str, str]:
    """Return the HTTP status, if there was one, and what may be told: that, and the code of the service's answer."""
    status, code = _STATUS.search(text), _CODE.search(text)
    if status is not None:
        return status.group(1), f"HTTP {status.group(1)}{f' {code.group(1)}' if code else ''}"
    if "Received redirect" in text:
        return "3", "redirected elsewhere"
    if "HTTP error" in text:
        return "", "timed out" if "timed out" in text or "TimedOut" in text else "the connection failed"
    return "", first_line(text)


def _sought_credentials(text: str, place: Place) -> bool:
    """Tell whether a failure met the search for credentials: a metadata service, a token exchange, and no bucket."""
    line = text.partition("\n")[0]
    asked = _ASKED.search(line)
    return "redential" in line if asked is None else place.bucket not in unquote(asked.group(1))


def first_line(text: str) -> str:
    """Return the first line of a text of obstore, fit to be shown."""
    return clip(sanitize(text.partition("\n")[0].strip()), 200)


def _credentials_hint(place: Place) -> str:
    if place.scheme == "gs":
        return "run: gcloud auth application-default login"
    return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (aws configure export-credentials --format env prints them)"
