"""Every error this package raises, and the exit code each one ends a command with.

::

    TunectlError                      1   anything we could not do
    ├── UsageError                   64   the command line asks for something that does not exist
    ├── ProblemsError                 1   one or many problems of manifests, datasets or the project file
    ├── LockfileError                 1   the lockfile cannot be read, trusted or written
    │   └── StaleLockfile             1   somebody else wrote the lockfile since we read it
    ├── StoreError                    1   the place the lockfile lives in refused us (disk full, not reachable)
    │   └── StoreDenied               3   it does not accept our credentials, or they lack a permission
    ├── RemoteError                   1   the service refused a request, or its answer makes no sense
    │   ├── AuthenticationFailed      3   no credentials, or the service does not accept them
    │   ├── PermissionDenied          3   the credentials are good, the permission is missing
    │   ├── NotFound                  1
    │   ├── AlreadyExists             1
    │   ├── InvalidArgument           1
    │   ├── FailedPrecondition        1
    │   ├── QuotaExhausted            1   429, still after the retries
    │   ├── Unavailable               1   503 or a lost connection, still after the retries
    │   └── MalformedAnswer           1   not JSON, truncated, or of a shape the API does not have
    ├── PartialFailure                4   some models failed; the rest is applied and recorded
    ├── Refused                       5   a limit, a protection or a policy said no; nothing was applied
    ├── StalePlan                     6   what was approved is not what would be applied
    ├── GateNotMet                    7   the new model was not good enough; the old one serves on
    ├── LockHeld                      8   somebody else holds the lock
    ├── WaitTimedOut                  9   training goes on, the wait does not
    └── Interrupted             130/143   stopped by a signal after saving

Rules: a message says which thing, what is wrong with it, how much, and the way past. No message carries a response
body, a credential or a training row. Errors of other libraries are mapped where they come in, chained with ``from``.
Nothing but exceptions and the three values they carry may live here.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AlreadyExists",
    "AuthenticationFailed",
    "FailedPrecondition",
    "GateNotMet",
    "Interrupted",
    "InvalidArgument",
    "Location",
    "LockHeld",
    "LockfileError",
    "MalformedAnswer",
    "NotFound",
    "PartialFailure",
    "PermissionDenied",
    "Problem",
    "ProblemsError",
    "QuotaExhausted",
    "Refused",
    "RemoteError",
    "StaleLockfile",
    "StalePlan",
    "StoreDenied",
    "StoreError",
    "TunectlError",
    "Unavailable",
    "UsageError",
    "Violation",
    "WaitTimedOut",
]


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file the user wrote; ``file`` is relative to the project, line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what the user wrote: where, what, and the way past.

    ``severity`` is ``error`` or ``warning``. ``message`` never quotes a training row.
    """

    location: Location | None
    message: str
    hint: str | None = None
    severity: str = "error"

    def __str__(self) -> str:
        text = self.message if self.location is None else f"{self.location}: {self.message}"
        return text if self.hint is None else f"{text} ({self.hint})"


@dataclass(frozen=True, slots=True)
class Violation:
    """One reason why a plan must not be applied, where the user wrote what it is about, and the rule that says so.

    ``rule`` is a path of the project file or of the manifest, such as ``limits.maxDeletes`` or ``lifecycle.protect``;
    None only in a plan that an older version saved.
    """

    message: str
    location: Location | None = None
    rule: str | None = None

    def __str__(self) -> str:
        return self.message if self.location is None else f"{self.location}: {self.message}"

    @property
    def problem(self) -> Problem:
        """The same as a problem of what the user wrote."""
        return Problem(self.location, self.message)


class TunectlError(Exception):
    """Base of all errors a user may see; ``hint`` is the way past, ``exit_code`` what the command ends with."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TunectlError):
    """The command line asks for something that does not exist."""

    exit_code = 64


class ProblemsError(TunectlError):
    """All problems found in manifests, datasets or the project file, reported together."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = sum(problem.severity == "error" for problem in problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} found")
        self.problems = problems


class LockfileError(TunectlError):
    """The lockfile cannot be read, trusted or written."""


class StaleLockfile(LockfileError):
    """Somebody else wrote the lockfile since we read it."""


class StoreError(TunectlError):
    """The place the lockfile lives in refused us."""


class StoreDenied(StoreError):
    """The place the lockfile lives in does not accept our credentials, or they lack a permission."""

    exit_code = 3


class RemoteError(TunectlError):
    """The service refused a request, or its answer makes no sense.

    ``status`` is the canonical name of the service's error (google.rpc.Code), ``http_status`` the HTTP number; either
    may be missing. The message is the service's own, with control characters escaped, never the body.

    ``doubtful`` says that the same request went unanswered before it was refused, so it may have been carried out.
    """

    doubtful = False

    def __init__(
        self,
        message: str,
        *,
        status: str | None = None,
        http_status: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.http_status = http_status


class AuthenticationFailed(RemoteError):
    """No credentials, or the service does not accept them."""

    exit_code = 3


class PermissionDenied(RemoteError):
    """The credentials are good, the permission is missing."""

    exit_code = 3


class NotFound(RemoteError):
    """The resource does not exist."""


class AlreadyExists(RemoteError):
    """The id is taken."""


class InvalidArgument(RemoteError):
    """The service does not accept the request's content."""


class FailedPrecondition(RemoteError):
    """The resource is not in a state that allows the request."""


class QuotaExhausted(RemoteError):
    """Too many requests or jobs; ``retry_after`` is the service's own advice in seconds."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: str | None = None,
        http_status: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, status=status, http_status=http_status, hint=hint)
        self.retry_after = retry_after


class Unavailable(RemoteError):
    """The service is unavailable or the connection was lost; the request may or may not have been carried out."""


class MalformedAnswer(RemoteError):
    """The answer is no JSON, is cut short, or has a shape the API does not have."""


class PartialFailure(TunectlError):
    """Some models failed; what could be done is done and recorded."""

    exit_code = 4


class Refused(TunectlError):
    """A limit, a protection or a policy said no; nothing at all was applied. ``violations`` holds every reason."""

    exit_code = 5

    def __init__(self, message: str, *, violations: tuple[Violation, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.violations = violations


class StalePlan(TunectlError):
    """What was approved is not what would be applied now. ``details`` says what moved, a line each."""

    exit_code = 6

    def __init__(self, message: str, *, details: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.details = details


class GateNotMet(TunectlError):
    """A new model was not good enough; the old one serves on."""

    exit_code = 7


class LockHeld(TunectlError):
    """Somebody else holds the lock."""

    exit_code = 8


class WaitTimedOut(TunectlError):
    """The wait is over before the training is; nothing is lost."""

    exit_code = 9


class Interrupted(TunectlError):
    """Stopped by a signal after saving; ``exit_code`` is 130 for SIGINT and 143 for SIGTERM."""

    def __init__(self, message: str, *, signal_number: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number
