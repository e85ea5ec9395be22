"""Errors as the service answers them: canonical status, message, details (google.rpc.Status over HTTP).

Only answers to requests live here. What goes wrong on the emulator's own side (its file, its port) is raised as an
error of ``reconciler.errors``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Code:
    """A canonical code: its name, its HTTP status and its gRPC number (google/rpc/code.proto)."""

    name: str
    http: int
    number: int


_CODES = (
    Code("CANCELLED", 499, 1),
    Code("UNKNOWN", 500, 2),
    Code("INVALID_ARGUMENT", 400, 3),
    Code("DEADLINE_EXCEEDED", 504, 4),
    Code("NOT_FOUND", 404, 5),
    Code("ALREADY_EXISTS", 409, 6),
    Code("PERMISSION_DENIED", 403, 7),
    Code("RESOURCE_EXHAUSTED", 429, 8),
    Code("FAILED_PRECONDITION", 400, 9),
    Code("ABORTED", 409, 10),
    Code("OUT_OF_RANGE", 400, 11),
    Code("UNIMPLEMENTED", 501, 12),
    Code("INTERNAL", 500, 13),
    Code("UNAVAILABLE", 503, 14),
    Code("DATA_LOSS", 500, 15),
    Code("UNAUTHENTICATED", 401, 16),
)
CODES: Mapping[str, Code] = {code.name: code for code in _CODES}
BY_HTTP: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""The status a bare HTTP number stands for, where several share it the commonest."""

MESSAGES: Mapping[str, str] = {
    "ALREADY_EXISTS": "Requested entity already exists.",
    "CANCELLED": "The operation was cancelled.",
    "DEADLINE_EXCEEDED": "Deadline expired before operation could complete.",
    "INTERNAL": "Internal error encountered.",
    "INVALID_ARGUMENT": "Request contains an invalid argument.",
    "NOT_FOUND": "Requested entity was not found.",
    "PERMISSION_DENIED": "The caller does not have permission",
    "RESOURCE_EXHAUSTED": "Resource has been exhausted (e.g. check quota).",
    "UNAUTHENTICATED": "Request had invalid authentication credentials.",
    "UNAVAILABLE": "The service is currently unavailable.",
}
"""What the service says when it says nothing in particular."""


class ApiError(Exception):
    """An error answer.

    ``message`` is what the real service says, as far as it is known; ``reason`` says in our own words what was wrong
    and travels in a header, because the real message often names no field.
    """

    def __init__(
        self,
        status: str,
        message: str | None = None,
        *,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Sequence[tuple[str, str]] = (),
        reason: str | None = None,
        http: int | None = None,
    ) -> None:
        self.status = status
        self.message = MESSAGES.get(status, status) if message is None else message
        self.details = tuple(details)
        self.headers = tuple(headers)
        self.reason = reason
        self.http = CODES[status].http if http is None else http
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """Return the envelope: ``{"error": {"code", "message", "status", "details"}}``, code being the HTTP status."""
        error: dict[str, Any] = {"code": self.http, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def invalid(reason: str) -> ApiError:
    """Return the service's one answer to most bad values: it names no field, so ``reason`` does."""
    return ApiError("INVALID_ARGUMENT", reason=reason)


def violations(problems: Sequence[tuple[str, str]], message: str | None = None) -> ApiError:
    """Return a 400 with google.rpc.BadRequest details; each problem is a proto field path and a description."""
    entries = [{"field": field, "description": text} if field else {"description": text} for field, text in problems]
    details = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": entries}
    said = "\n".join(text for _, text in problems) if message is None else message
    return ApiError("INVALID_ARGUMENT", said, details=(details,))


def no_such_model(name: str) -> ApiError:
    """Return the recorded answer for a tuned model that is not there."""
    return ApiError("NOT_FOUND", f"Tuned model {name} does not exist.")


def no_access(name: str) -> ApiError:
    """Return the recorded answer for a tuned model the caller may not see or change."""
    return ApiError("PERMISSION_DENIED", f"You do not have permission to access tuned model {name}")
