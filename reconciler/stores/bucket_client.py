"""Objects of a bucket through obstore: one conditional request each, and every failure in our own words.

The only module that touches obstore. It knows nothing of lockfiles, deleted blobs or second tries beyond obstore's own.
obstore's error texts hold the service's answer and a dump of its internals, so they are read here and never shown.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Final, NoReturn

from reconciler.core.text import clip, sanitize
from reconciler.errors import AuthenticationFailed, StoreError, Unavailable, UsageError
from reconciler.ports.store import Version
from reconciler.stores.bucket_place import Place

__all__ = ["BucketClient", "Conflict", "Found", "Patience", "UnsureStore"]

_TICKET: Final = "tunectl-write"
_PRINTABLE: Final = re.compile(r"[!-~]+")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
# obstore's own words for the places S3 credentials come from: the machine's metadata service, a token exchange.
_CREDENTIALS: Final = re.compile(r"http://(169\.254\.|\[?fd00:ec2)|https://sts\.|AssumeRole|[Cc]redential")
_TOKEN_LIFE: Final = timedelta(minutes=1)
_MISSING_BUCKET: Final = "NoSuchBucket"
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


class UnsureStore(StoreError):
    """No usable answer came; the request may have been carried out."""


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
        credentials: yields a bearer token that is valid now (``gs://`` only); it raises what the user is to see.
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
                f"{place.address}: the client of the bucket cannot be set up ({_first_line(error)})",
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
            if _MISSING_BUCKET in str(error):
                self._refuse(place, "be read", error)
            return None
        except self._obstore.exceptions.BaseError as error:
            self._refuse(place, "be read", error)
        ticket = result.attributes.get(_TICKET)
        return Found(data, _version(result.meta), ticket if isinstance(ticket, str) else None)

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
            self._refuse(place, "be written", error)
        return _version(result)

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
            self._refuse(place, "be removed", error)

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
            token = self._fetch_token()
            if _PRINTABLE.fullmatch(token) is None:
                raise AuthenticationFailed(f"{self._place.address}: the token service answered without a usable token")
            self._token = token

    def _fetch_token(self) -> str:
        *pauses, _ = self._patience.pauses()
        for pause in pauses:
            try:
                return self._credentials()
            except Unavailable:
                threading.Event().wait(pause)
        return self._credentials()

    def _google_credential(self) -> Any:
        # A short life makes obstore ask again: whether the token has to be a fresh one is known where it comes from.
        return {"token": self._token, "expires_at": datetime.now(UTC) + _TOKEN_LIFE}

    def _refuse(self, place: Place, what: str, error: Exception) -> NoReturn:
        """Raise what a failure means. Not chained: obstore's text quotes the service's answer."""
        text = str(error)
        status, reason = _reason(text)
        message = f"{place.address}: cannot {what} ({reason})"
        raised = self._obstore.exceptions
        if _MISSING_BUCKET in text or isinstance(error, FileNotFoundError):
            raise StoreError(message, hint=f"make the bucket {place.bucket}, or correct spec.lockfile") from None
        if isinstance(error, raised.UnauthenticatedError) or _CREDENTIALS.search(_first_line(error)):
            raise StoreError(message, hint=_credentials_hint(place)) from None
        if isinstance(error, raised.PermissionDeniedError):
            raise StoreError(message, hint="give this account the right to read and write objects there") from None
        if status.startswith("3"):
            hint = "set AWS_REGION to the bucket's region" if place.scheme == "s3" else "check STORAGE_EMULATOR_HOST"
            raise StoreError(message, hint=hint) from None
        raise UnsureStore(message, hint="check the network and the endpoint, then run the command again") from None


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


def _version(meta: Any) -> Version:
    """Keep both names of a version: Cloud Storage compares the generation, S3 the ETag."""
    named = {key: meta[key] for key in ("e_tag", "version") if meta.get(key) is not None}
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


def _reason(text: str) -> tuple[str, str]:
    """Return the HTTP status, if there was one, and what may be told: that, and the code of the service's answer."""
    status, code = _STATUS.search(text), _CODE.search(text)
    if status is not None:
        return status.group(1), f"HTTP {status.group(1)}{f' {code.group(1)}' if code else ''}"
    if "redirect" in text:
        return "3", "redirected elsewhere"
    if "HTTP error" in text:
        return "", "timed out" if "timed out" in text or "TimedOut" in text else "the connection failed"
    return "", "no usable answer" if "Error performing" in text else clip(
        sanitize(text.partition("\n")[0].strip()), 200
    )


def _first_line(error: Exception) -> str:
    return clip(sanitize(str(error).partition("\n")[0].strip()), 200)


def _credentials_hint(place: Place) -> str:
    if place.scheme == "gs":
        return "run: gcloud auth application-default login"
    return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (aws configure export-credentials --format env prints them)"
