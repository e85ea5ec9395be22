"""What went wrong, in our own words: one function from an answer to an error, one from a lost connection.

Messages carry the service's ``error.message`` at most (google.rpc.Status, AIP-193), made safe to show; never a body, a
header or a URL. Nothing here sends, sleeps or decides whether to try again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Final

import httpx
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from reconciler.core.text import clip, sanitize
from reconciler.errors import (
    AlreadyExists,
    AuthenticationFailed,
    FailedPrecondition,
    InvalidArgument,
    MalformedAnswer,
    NotFound,
    PermissionDenied,
    QuotaExhausted,
    RemoteError,
    Unavailable,
)
from reconciler.providers.plugin import GCLOUD_LOGIN, SCOPES

__all__ = ["GCLOUD_LOGIN", "SCOPES", "Answer", "Fault", "fault_of_answer", "fault_of_connection", "spoken"]

_LONGEST = 500
_CODES: Final = {
    "UNAUTHENTICATED": AuthenticationFailed,
    "PERMISSION_DENIED": PermissionDenied,
    "NOT_FOUND": NotFound,
    "ALREADY_EXISTS": AlreadyExists,
    "INVALID_ARGUMENT": InvalidArgument,
    "OUT_OF_RANGE": InvalidArgument,
    "FAILED_PRECONDITION": FailedPrecondition,
    "UNAVAILABLE": Unavailable,
}
# The gRPC project's http-grpc-status-mapping: what a proxy means that answers in the service's stead. Its 404 is left
# out on purpose: "gone" has to be the service's own word.
_PROXIES: Final = {
    401: "UNAUTHENTICATED",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
_NUMBERS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}

_PATH: Final = "check the path of provider.endpoint: tunectl adds the API's version and all that follows by itself"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``what`` names the request in messages (``create tunedModels/x``)."""

    what: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def described(self) -> str:
        """Return status, content type and size: all that may be told of a body."""
        kind = clip(sanitize(self.headers.get("content-type", "no content type")), 80)
        return f"HTTP {self.status}, {kind}, {len(self.content)} bytes"

    def malformed(self, problem: str, *, hint: str | None = None) -> MalformedAnswer:
        """Return the error that this answer does not have the API's shape."""
        return MalformedAnswer(f"{self.what}: {problem} ({self.described()})", http_status=self.status, hint=hint)


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that failed: the error, the service's advice in seconds when to come back, and the foreign cause.

    ``sent`` is False only if the service cannot have seen the request.
    """

    error: RemoteError
    advice: float | None = None
    cause: Exception | None = None
    sent: bool = True


def _listed(value: object) -> object:
    """Take what is no list of objects for no details at all: they are advice, never worth an error of their own."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class _Status(BaseModel):
    code: int = 0
    message: str = ""
    status: str = ""
    details: Annotated[list[dict[str, Any]], BeforeValidator(_listed)] = Field(default_factory=list)


class _Envelope(BaseModel):
    error: _Status


def spoken(text: str) -> str:
    """Return what a service said, fit for one line of a terminal or a log."""
    return clip(sanitize(text.strip()), _LONGEST)


def fault_of_connection(what: str, place: str, error: httpx.TransportError, *, named: str | None) -> Fault:
    """Return the fault of a request whose answer never came, or came cut short.

    ``place`` is host and port, ``named`` is the setting they follow from; None where nobody chooses them.
    """
    unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    reason = "timed out" if isinstance(error, httpx.TimeoutException) else "was lost"
    # Only a failed connect is quoted: it is the system's own text (refused, no such host, bad certificate).
    detail = f": {spoken(str(error))}" if isinstance(error, httpx.ConnectError) and str(error) else ""
    return Fault(
        Unavailable(
            f"{what}: the connection to {place} {'could not be made' if unsent else reason}{detail}",
            status="UNAVAILABLE",
            hint=f"check the network{f' and {named}' if named else ''}, then run the command again",
        ),
        cause=error,
        sent=not unsent,
    )


def fault_of_answer(
    answer: Answer,
    *,
    now: float,
    mend: str,
    login: str = GCLOUD_LOGIN,
    service: str = "generativelanguage.googleapis.com",
    project: str | None = None,
) -> Fault:
    """Return the fault that an answer outside 2xx stands for.

    The envelope's ``status`` decides, not the number: ABORTED and ALREADY_EXISTS are both 409.

    Args:
        answer: the answer.
        now: seconds since the epoch, for a Retry-After that is a date.
        mend: what mends the credentials in use, for 401.
        login: how somebody gets credentials with all scopes.
        service: the name that Google knows the API by, for hints.
        project: the project that is asked, for hints.
    """
    if 300 <= answer.status < 400:  # noqa: PLR2004 (the class of redirects)
        return Fault(_redirected(answer))
    try:
        envelope = _Envelope.model_validate_json(answer.content).error
    except ValidationError as error:
        return Fault(_foreign(answer, mend), advice=_retry_after(answer, now), cause=_unquoted(error))
    status = envelope.status or _NUMBERS.get(answer.status, "UNKNOWN")
    waits = [seconds for seconds in (_retry_after(answer, now), *_retry_info(envelope)) if seconds is not None]
    advice = max(waits, default=None)
    message = f"{answer.what}: {spoken(envelope.message) or status}"
    if status == "RESOURCE_EXHAUSTED":
        return Fault(_exhausted(answer, message, advice), advice=advice)
    kind = AuthenticationFailed if _bad_key(envelope) else _CODES.get(status, RemoteError)
    hint = (
        mend
        if kind is AuthenticationFailed
        else _hint(kind, envelope, answer, login, f"{service} --project {project or 'ID'}")
    )
    return Fault(kind(message, status=status, http_status=answer.status, hint=hint), advice=advice)


def _unquoted(error: ValidationError) -> ValueError:
    """Return a cause that says what a body lacks, without the body that pydantic would quote."""
    return ValueError("; ".join(f"{'.'.join(map(str, item['loc']))}: {item['type']}" for item in error.errors()[:3]))


def _foreign(answer: Answer, mend: str) -> RemoteError:
    """Return the error of an answer that is not the service's: a proxy's page, a truncated envelope."""
    status = _PROXIES.get(answer.status)
    if status is None:
        return answer.malformed("the answer is not the API's", hint="check provider.endpoint and any proxy on the way")
    message = f"{answer.what}: {status} without the API's own words ({answer.described()})"
    if status == "RESOURCE_EXHAUSTED":
        return _exhausted(answer, message, None)
    hint = mend if status == "UNAUTHENTICATED" else None
    return _CODES[status](message, status=status, http_status=answer.status, hint=hint)


def _exhausted(answer: Answer, message: str, advice: float | None) -> QuotaExhausted:
    return QuotaExhausted(
        message,
        retry_after=advice,
        status="RESOURCE_EXHAUSTED",
        http_status=answer.status,
        hint="wait, lower --parallelism, or ask for more quota in the cloud console",
    )


def _redirected(answer: Answer) -> MalformedAnswer:
    try:
        host = httpx.URL(answer.headers.get("location", "")).host
    except httpx.InvalidURL:
        host = ""
    return answer.malformed(
        f"redirected to {spoken(host) or 'another place'}, which is not followed", hint="check provider.endpoint"
    )


def _hint(kind: type[RemoteError], envelope: _Status, answer: Answer, login: str, enabled: str) -> str | None:
    if kind is not PermissionDenied:
        return _PATH if kind is NotFound and envelope.message.startswith("Method not found") else None
    message, reasons = envelope.message.lower(), set(_reasons(envelope))
    challenge = answer.headers.get("www-authenticate", "")
    if "ACCESS_TOKEN_SCOPE_INSUFFICIENT" in reasons or "insufficient_scope" in challenge or "scopes" in message:
        return f"log in again{' with both scopes' if login == GCLOUD_LOGIN else ''}: {login}"
    if "quota project" in message:
        return "name the project that pays: --project ID or TUNECTL_PROJECT"
    if "SERVICE_DISABLED" in reasons:
        return f"enable the API: gcloud services enable {enabled}"
    return None


def _bad_key(envelope: _Status) -> bool:
    """Tell whether a 400 is really about the API key, as Google answers for one that does not exist."""
    return "API_KEY_INVALID" in _reasons(envelope) or envelope.message.startswith("API key not valid")


def _reasons(envelope: _Status) -> Iterator[str]:
    """Yield the reasons of google.rpc.ErrorInfo."""
    for detail in envelope.details:
        if isinstance(reason := detail.get("reason"), str):
            yield reason


def _retry_info(envelope: _Status) -> Iterator[float | None]:
    """Yield the pauses of google.rpc.RetryInfo, a protobuf Duration in JSON: decimal seconds and an ``s``."""
    for detail in envelope.details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            yield _seconds(delay[:-1])


def _retry_after(answer: Answer, now: float) -> float | None:
    """Return the Retry-After header in seconds from now; it is a number or an HTTP-date (RFC 9110, 10.2.3)."""
    value = answer.headers.get("retry-after")
    if value is None:
        return None
    if (seconds := _seconds(value)) is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)


def _seconds(text: str) -> float | None:
    """Return a count of seconds that can be waited for, or None."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0.0 <= seconds < float("inf") else None
