"""What GitHub's answers mean: from an answer to the data in it, or to a fault with advice when to come back.

Source of the rules: the REST API's pages on rate limits and on troubleshooting, and the error types of the GraphQL API.
Messages carry GitHub's own ``message`` at most, made safe to show; never a body, a header or a URL. Nothing here sends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from reconciler.core.text import clip, sanitize
from reconciler.errors import (
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

__all__ = ["MINUTE", "STALE", "Answer", "Fault", "data_of_graphql", "data_of_rest"]

STALE: Final = "STALE_DATA"
"""The status of a commit that was refused because the branch is not where it was expected to be."""

MINUTE: Final = 60.0
"""Seconds to hold off at least when a limit is hit and no header says for how long (REST, "Rate limit errors")."""

_LONGEST = 500
_PERMISSIONS: Final = (
    "give the job what it needs under permissions: pull-requests, issues or contents: write; a fork's pull request and "
    "Dependabot get a token that may only read"
)
_MAY_BE_LIMITS: Final = frozenset({403, 429})
_BY_STATUS: Final = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: FailedPrecondition,
    410: NotFound,
    412: FailedPrecondition,
}
_BY_TYPE: Final = {
    "NOT_FOUND": (NotFound, 404),
    "FORBIDDEN": (PermissionDenied, 403),
    "INSUFFICIENT_SCOPES": (PermissionDenied, 403),
    STALE: (FailedPrecondition, 409),
    "SERVICE_UNAVAILABLE": (Unavailable, 503),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; ``what`` names the request in messages. Header names are lower case."""

    what: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def malformed(self, problem: str) -> MalformedAnswer:
        """Return the error that this answer is not one of the API's."""
        kind = clip(sanitize(self.headers.get("content-type", "no content type")), 80)
        return MalformedAnswer(
            f"{self.what}: {problem} (HTTP {self.status}, {kind}, {len(self.content)} bytes)",
            http_status=self.status,
            hint="check GITHUB_API_URL and any proxy on the way",
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that failed; ``wait`` is how many seconds GitHub wants us to hold off, None if it does not say."""

    error: RemoteError
    wait: float | None = None


class _Said(BaseModel):
    message: str = ""


class _GraphError(BaseModel):
    message: str = ""
    type: str = ""


class _Graph(BaseModel):
    data: dict[str, Any] | None = None
    errors: list[_GraphError] = []


def data_of_rest(answer: Answer, *, now: float) -> Any | Fault:
    """Return the JSON of a REST answer, or what is wrong with it; ``now`` is in seconds since the epoch."""
    if not 200 <= answer.status < 300:  # noqa: PLR2004 (the class of successes)
        return _fault(answer, now)
    try:
        return json.loads(answer.content or b"null")
    except (ValueError, RecursionError):
        return Fault(answer.malformed("the answer is no JSON"))


def data_of_graphql(answer: Answer, *, now: float) -> dict[str, Any] | Fault:
    """Return the ``data`` of a GraphQL answer, which is 200 for most errors, too; see ``data_of_rest``."""
    if not 200 <= answer.status < 300:  # noqa: PLR2004 (the class of successes)
        return _fault(answer, now)
    try:
        graph = _Graph.model_validate_json(answer.content)
    except ValidationError:
        return Fault(answer.malformed("the answer is not GraphQL's"))
    if not graph.errors:
        return Fault(answer.malformed("the answer holds no data")) if graph.data is None else graph.data
    first = graph.errors[0]
    message = f"{answer.what}: {_spoken(first.message) or first.type or 'refused without a word'}"
    if first.type == "RATE_LIMITED":
        return _limited(answer, message, now)
    if not first.type and "something went wrong" in first.message.lower():
        return Fault(_unavailable(answer, 500))
    kind, status = _BY_TYPE.get(first.type, (InvalidArgument, 422))
    return Fault(kind(message, status=clip(first.type, 80) or None, http_status=status, hint=_hint(kind)))


def _fault(answer: Answer, now: float) -> Fault:
    """Return what an answer outside 2xx stands for."""
    said, status = _message(answer), answer.status
    message = f"{answer.what}: {said or 'refused without a word'} (HTTP {status})"
    if status in _MAY_BE_LIMITS and _is_limit(answer, said):
        return _limited(answer, message, now)
    if status >= 500:  # noqa: PLR2004 (the class of the service's own failures)
        return Fault(_unavailable(answer, status))
    if status < 400:  # noqa: PLR2004 (redirects, and what no API answers with)
        return Fault(answer.malformed("redirected, which is not followed; was the repository renamed?"))
    kind = _BY_STATUS.get(status, InvalidArgument)
    return Fault(kind(message, http_status=status, hint=_hint(kind)))


def _hint(kind: type[RemoteError]) -> str | None:
    if kind is PermissionDenied:
        return _PERMISSIONS
    if kind is AuthenticationFailed:
        return "pass the job's own token: env: GITHUB_TOKEN: ${{ github.token }}"
    if kind is InvalidArgument:
        return "look at the limits: 65,536 characters a text, an open conversation, issues switched on"
    if kind is NotFound:
        return (
            f"check repository, number and branch; GitHub also says this of what the token may not see: {_PERMISSIONS}"
        )
    return None


def _is_limit(answer: Answer, said: str) -> bool:
    """Tell a limit from a missing permission: both are 403."""
    headers = answer.headers
    spent = headers.get("x-ratelimit-remaining") == "0"
    return answer.status == 429 or "retry-after" in headers or spent or "rate limit" in said.lower()  # noqa: PLR2004


def _limited(answer: Answer, message: str, now: float) -> Fault:
    """Return the fault of a limit: Retry-After first, then the reset of an empty purse, else nobody knows."""
    wait = _number(answer.headers.get("retry-after"))
    if wait is None and answer.headers.get("x-ratelimit-remaining") == "0":
        reset = _number(answer.headers.get("x-ratelimit-reset"))
        wait = None if reset is None else max(1.0, reset - now)
    error = QuotaExhausted(
        message,
        retry_after=wait,
        status="RATE_LIMITED",
        http_status=answer.status,
        hint="run the step again later; fewer runs at a time use less of the limit",
    )
    return Fault(error, wait)


def _unavailable(answer: Answer, status: int) -> Unavailable:
    return Unavailable(
        f"{answer.what}: GitHub is in trouble (HTTP {status})",
        status="UNAVAILABLE",
        http_status=status,
        hint="run the step again; nothing is posted twice",
    )


def _message(answer: Answer) -> str:
    try:
        return _spoken(_Said.model_validate_json(answer.content).message)
    except ValidationError:
        return ""


def _spoken(text: str) -> str:
    return clip(sanitize(text.strip()), _LONGEST)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0.0 <= number < 1e11 else None  # noqa: PLR2004 (seconds; what is beyond is no moment of ours)
