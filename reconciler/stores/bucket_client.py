"""Objects of a bucket through obstore: one conditional request each, and every failure in our own words.

The only module that touches obstore. It knows nothing of lockfiles, deleted blobs or second tries beyond obstore's own.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import sleep
from types import ModuleType
from typing import Any, Final

from reconciler.errors import RemoteError, StoreDenied, StoreError, Unavailable, UsageError
from reconciler.ports.store import Version
from reconciler.stores.bucket_failure import UnsureStore, failure_of, first_line, missing_bucket
from reconciler.stores.bucket_place import Place

__all__ = ["BucketClient", "Conflict", "Found", "Patience"]

_TICKET: Final = "tunectl-write"
_PRINTABLE: Final = re.compile(r"[!-~]+")
_COMPARED: Final = {"gs": "version", "s3": "e_tag"}
_TOKEN_LIFE: Final = timedelta(minutes=1)
_HEADER_VARIABLES: Final = ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_TOKEN")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the bucket is asked. Pauses are in seconds and double from the first to the longest.

    ``timeout`` bounds one request; ``tries`` how often it is sent in all.
    """

    tries: int = 5
    timeout: float = 30.0
    first_pause: float = 0.1
    longest_pause: float = 5.0

    def pauses(self) -> Iterator[float]:
        """Yield the pause after each try."""
        for number in range(self.tries):
            yield min(self.first_pause * 2**number, self.longest_pause)


class Conflict(Exception):
    """The service refused the condition of a write, or says so."""


@dataclass(frozen=True, slots=True)
class Found:
    """A stored object; ``ticket`` names the write that stored it, if it was one of ours."""

    data: bytes
    version: Version
    ticket: str | None


class BucketClient:
    """The objects of one bucket.

    Args:
        place: any object of the bucket; bucket and endpoint are taken from it.
        credentials: yields a bearer token that is valid now (``gs://`` only), or raises a RemoteError.
        patience: how long to keep asking.

    Raises:
        UsageError: obstore is not installed, or a variable it reads makes no sense.
    """

    def __init__(self, place: Place, *, credentials: Callable[[], str], patience: Patience) -> None:
        self._place = place
        self._credentials = credentials
        self._patience = patience
        self._lock = threading.Lock()
        self._token = "anonymous"  # noqa: S105 (what an emulator is told; the real ones come from outside)
        self._obstore = _import_obstore()
        try:
            self._store = self._open_google() if place.scheme == "gs" else self._open_s3()
        except self._obstore.exceptions.BaseError as error:
            raise UsageError(
                f"{place.address}: the client of the bucket cannot be set up ({first_line(str(error))})",
                hint="look at the GOOGLE_ and AWS_ variables",
            ) from None

    @property
    def library(self) -> str:
        """Name and version of the library that speaks to the bucket."""
        return f"obstore {self._obstore.__version__}"

    def get(self, place: Place) -> Found | None:
        """Return a stored object, or None.

        Raises:
            StoreError: it cannot be read; no such bucket.
        """
        self._renew()
        try:
            result = self._obstore.get(self._store, place.key)
            data = bytes(result.bytes())
        except FileNotFoundError as error:
            if missing_bucket(error):
                raise self._failure(place, "be read", error) from None
            return None
        except self._obstore.exceptions.BaseError as error:
            raise self._failure(place, "be read", error) from None
        ticket = result.attributes.get(_TICKET)
        return Found(data, _version(place, result.meta), ticket if isinstance(ticket, str) else None)

    def put(self, place: Place, data: bytes, *, over: Version | None, ticket: str) -> Version:
        """Store an object over the given version of it, or where None is stored.

        Raises:
            Conflict: another version is stored, or the service says so.
            UnsureStore: it may have been stored.
            StoreError: it was not stored.
        """
        self._renew()
        raised = self._obstore.exceptions
        try:
            result = self._obstore.put(
                self._store,
                place.key,
                data,
                mode="create" if over is None else _conditions(over),
                attributes={_TICKET: ticket, "Cache-Control": "no-store"},
                use_multipart=False,  # an upload in parts takes no condition
            )
        except (raised.AlreadyExistsError, raised.PreconditionError):
            raise Conflict from None
        except (raised.BaseError, FileNotFoundError) as error:
            raise self._failure(place, "be written", error) from None
        return _version(place, result)

    def remove(self, place: Place) -> None:
        """Remove an object, whatever version it has; one that is not there is no error.

        Raises:
            StoreError: it could not be removed.
        """
        self._renew()
        try:
            self._obstore.delete(self._store, place.key)
        except FileNotFoundError:
            return
        except self._obstore.exceptions.BaseError as error:
            raise self._failure(place, "be removed", error) from None

    def _open_google(self) -> Any:
        return self._obstore.store.GCSStore(
            self._place.bucket,
            # Said outright, because a variable or a key file could move the endpoint and take our token there.
            config={"base_url": self._place.endpoint, "skip_signature": False},
            client_options=self._client_options(),
            retry_config=self._retries(),
            # obstore's own search for credentials does not know workload identity federation.
            credential_provider=self._google_credential,
        )

    def _open_s3(self) -> Any:
        for name in _HEADER_VARIABLES:
            # obstore panics over a header that HTTP does not allow.
            if (value := os.environ.get(name)) and _PRINTABLE.fullmatch(value) is None:
                raise UsageError(f"{name}: {len(value)} characters, not all of which a credential can have")
        endpoint = self._place.endpoint
        named = {} if endpoint is None else {"endpoint": endpoint, "aws_endpoint_url_s3": endpoint}
        return self._obstore.store.S3Store(
            self._place.bucket,
            # One DELETE for one object: not every service has the POST that removes many.
            config={**named, "conditional_put": "etag", "disable_bulk_delete": True},
            client_options=self._client_options(),
            retry_config=self._retries(),
        )

    def _client_options(self) -> dict[str, Any]:
        plain = (self._place.endpoint or "").startswith("http:")
        return {"allow_http": plain, "timeout": timedelta(seconds=self._patience.timeout)}

    def _retries(self) -> dict[str, Any]:
        patience = self._patience
        return {
            "max_retries": patience.tries - 1,
            "retry_timeout": timedelta(seconds=patience.timeout),
            "backoff": {
                "init_backoff": timedelta(seconds=patience.first_pause),
                "max_backoff": timedelta(seconds=patience.longest_pause),
                "base": 2,
            },
        }

    def _renew(self) -> None:
        """Have a valid token ready. Here and not when obstore asks for it, so that its errors reach the user whole."""
        if self._place.scheme == "s3" or self._place.emulated:
            return
        with self._lock:
            try:
                token = self._fetch_token()
            except Unavailable as error:
                raise StoreError(f"{self._place.address}: {error.message}", hint=error.hint) from error
            except RemoteError as error:
                raise StoreDenied(f"{self._place.address}: {error.message}", hint=error.hint) from error
            if _PRINTABLE.fullmatch(token) is None:
                raise StoreDenied(f"{self._place.address}: the token service answered without a usable token")
            self._token = token

    def _fetch_token(self) -> str:
        *pauses, _ = self._patience.pauses()
        for pause in pauses:
            try:
                return self._credentials()
            except Unavailable:
                sleep(pause)
        return self._credentials()

    def _google_credential(self) -> Any:
        # A short life makes obstore ask again: whether the token has to be a fresh one is known where it comes from.
        return {"token": self._token, "expires_at": datetime.now(UTC) + _TOKEN_LIFE}

    def _failure(self, place: Place, what: str, error: Exception) -> StoreError:
        raised = self._obstore.exceptions
        unknown = isinstance(error, raised.UnauthenticatedError)
        forbidden = isinstance(error, raised.PermissionDeniedError)
        return failure_of(error, place, what, unknown=unknown, forbidden=forbidden)


def _import_obstore() -> ModuleType:
    """Return obstore with its parts; 16 MB that only those who keep a lockfile in a bucket install."""
    try:
        import obstore  # noqa: PLC0415 (see above)
        import obstore.exceptions  # noqa: PLC0415
        import obstore.store  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "a lockfile in a bucket needs the extra 'bucket', which is not installed",
            hint="pip install 'tunectl[bucket]'",
        ) from error
    return obstore


def _version(place: Place, meta: Any) -> Version:
    """Keep both names of a version: Cloud Storage compares the generation, S3 the ETag.

    Raises:
        UnsureStore: the one that the service compares is missing, as in the answer of a portal on the way.
    """
    named = {key: meta[key] for key in ("e_tag", "version") if meta.get(key) is not None}
    if _COMPARED[place.scheme] not in named:
        raise UnsureStore(f"{place.address}: the answer names no version", hint="check the endpoint and any proxy")
    return Version(json.dumps(named, sort_keys=True))


def _conditions(version: Version) -> dict[str, str]:
    """Return the condition for obstore, which has no use for None.

    Raises:
        Conflict: this was never the version of an object.
    """
    try:
        named = json.loads(version.token)
    except ValueError:
        named = None
    if not isinstance(named, dict) or not named:
        raise Conflict
    return named
