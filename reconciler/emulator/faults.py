"""Faults on demand: what goes wrong, at which request, how often.

A fault waits for requests that match its method and path, lets ``skip`` of them pass, then strikes ``count`` times and
is gone. Rules here decide *whether*; ``app`` and ``tuned_models`` do what a fault says.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from reconciler.emulator.problems import BY_HTTP, CODES, ApiError
from reconciler.errors import UsageError

REQUEST_KINDS = ("status", "drop", "html", "truncate", "cut", "delay", "empty-page", "vanish")
TRAINING_KINDS = ("fail", "stuck", "nan", "wrong")

_FIRST_CODE, _LAST_CODE = 200, 599
_LAST_NUMBER = 16
_LONGEST = 1e6
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_TEXT = re.compile(r"[ -~]*")
_FRAMING = {
    *("connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authorization"),
    *("te", "trailer", "trailers", "transfer-encoding", "upgrade"),
}
"""Headers that say where an answer ends belong to the server; ``cut`` and ``truncate`` are there to lie about it."""

_RANGES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("skip", lambda value: value >= 0, "0 or more"),
    ("count", lambda value: value is None or value >= 1, "1 or more, or None for ever"),
    ("seconds", lambda value: 0 <= value <= _LONGEST, f"0 to {_LONGEST:g}"),
    ("retry_delay", lambda value: value is None or 0 <= value <= _LONGEST, f"0 to {_LONGEST:g}"),
    ("at", lambda value: 0 <= value <= 1, "0 to 1"),
    ("retry_after", lambda value: value is None or bool(_HEADER_TEXT.fullmatch(str(value))), "printable ASCII"),
    ("headers", lambda value: all(_is_header(name, text) for name, text in value), "printable ASCII, none of framing"),
)


class ConnectionDropped(ConnectionResetError):
    """The emulated connection was closed without an answer.

    Over a port the socket really closes. In process, ``Emulator.transport()`` turns this into
    ``httpx.RemoteProtocolError``, which is what httpx raises over a port; a bare ``httpx.WSGITransport`` lets it out.
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is to go wrong.

    Attributes:
        kind: of a request: ``status`` (an error answer), ``drop`` (the connection closes without an answer), ``html``
            (a page instead of JSON), ``truncate`` (half of the JSON, well framed), ``cut`` (half of the body, then the
            connection closes), ``delay``, ``empty-page`` (a list answers nothing but a token), ``vanish`` (somebody
            deletes the model just before the request). Of a training, at its create: ``fail``, ``stuck``, ``nan``
            (the loss becomes NaN) and ``wrong`` (the model answers wrongly).
        method, path: regular expressions, matched against the whole method and anywhere in the path.
        model: for trainings, a regular expression searched for in the id and in the display name.
        skip: matching requests that pass first.
        count: how often it strikes; None for ever.
        after: the request is carried out before it goes wrong (for ``status``, ``drop`` and ``html``).
        code: the HTTP status of a ``status`` or ``html``, or the gRPC number of a ``fail``; 0 takes 503, 502 or 3.
        status: the canonical name where the number has several (``ABORTED`` for 409).
        message: the error's text; the service's usual one by default.
        retry_after: the Retry-After header, in seconds or as an HTTP date.
        retry_delay: RetryInfo details, in seconds.
        seconds: how long a ``delay`` takes.
        at: the share of steps after which a training goes wrong.
        headers: further headers of a ``status``.
    """

    kind: str
    method: str = ".*"
    path: str = ""
    model: str = ""
    skip: int = 0
    count: int | None = 1
    after: bool = False
    code: int = 0
    status: str = ""
    message: str = ""
    retry_after: str | float | None = None
    retry_delay: float | None = None
    seconds: float = 1.0
    at: float = 0.5
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in REQUEST_KINDS + TRAINING_KINDS:
            raise UsageError(f"fault: unknown kind {self.kind!r}", hint=", ".join(REQUEST_KINDS + TRAINING_KINDS))
        for name in ("method", "path", "model"):
            try:
                re.compile(getattr(self, name))
            except (re.error, OverflowError, RecursionError) as error:
                raise UsageError(f"fault: {name} is no regular expression: {error}") from error
        if self.status and self.status not in CODES:
            raise UsageError(f"fault: unknown status {self.status!r}", hint=", ".join(CODES))
        for name, good, said in _RANGES:
            if not good(getattr(self, name)):
                raise UsageError(f"fault: {name} is {getattr(self, name)!r}; it must be {said}")
        if self.kind in {"status", "html"} and self.code and not _FIRST_CODE <= self.code <= _LAST_CODE:
            raise UsageError(f"fault: code is {self.code}; an HTTP status is {_FIRST_CODE} to {_LAST_CODE}")
        if self.kind in TRAINING_KINDS and not 0 <= self.code <= _LAST_NUMBER:
            raise UsageError(f"fault: code is {self.code}; a gRPC number is 1 to {_LAST_NUMBER}")

    def error(self) -> ApiError:
        """Return the error answer of a ``status`` fault."""
        http = self.code or (CODES[self.status].http if self.status else 503)
        headers = [*self.headers]
        if self.retry_after is not None:
            after = self.retry_after
            headers.append(("Retry-After", _plain(after) if isinstance(after, float) else str(after)))
        details = []
        if self.retry_delay is not None:
            delay = f"{_plain(self.retry_delay)}s"
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
        return ApiError(
            self.status or BY_HTTP.get(http, "UNKNOWN"),
            self.message or None,
            details=details,
            headers=headers,
            http=http,
        )


def parse_fault(text: str) -> Fault:
    """Read a fault as the command line gives it: ``status,code=429,method=POST,retry_after=2,count=3``, or JSON.

    The kind comes first; ``count=forever`` never ends. A value that holds a comma needs the JSON form.

    Raises:
        UsageError: if it cannot be read.
    """
    if text.lstrip().startswith("{"):
        try:
            return fault_from(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"fault: {text!r} is no JSON object: {error}") from error
    kind, *rest = text.split(",")
    values: dict[str, Any] = {"kind": kind.strip()}
    for item in rest:
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"fault: {item!r} is no name=value", hint="status,code=503,method=POST,count=2")
        values[name.strip()] = value.strip()
    return fault_from(values)


def fault_from(values: object) -> Fault:
    """Build a fault from a JSON object; numbers may come as text.

    Raises:
        UsageError: if a name is unknown or a value is of the wrong kind.
    """
    if not isinstance(values, Mapping) or "kind" not in values:
        raise UsageError("fault: a JSON object with a kind is needed", hint='{"kind": "status", "code": 503}')
    known = {field.name for field in fields(Fault)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise UsageError(f"fault: unknown {', '.join(map(repr, unknown))}", hint=", ".join(sorted(known)))
    try:
        return Fault(**{name: _READ.get(name, str)(value) for name, value in values.items()})
    except (ValueError, TypeError, OverflowError) as error:
        raise UsageError(f"fault: {error}") from error


class Faults:
    """The faults that wait, in the order they were added. Safe to use from several threads."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, Fault] = {}
        self._next = 1
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> int:
        """Add a fault and return its number."""
        with self._lock:
            number = self._next
            self._next += 1
            self._waiting[number] = fault
            return number

    def remove(self, number: int) -> bool:
        """Take a fault away; False if it is gone already."""
        with self._lock:
            return self._waiting.pop(number, None) is not None

    def clear(self) -> None:
        """Take all faults away."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> dict[int, Fault]:
        """Return the faults that have not used up their count, by number."""
        with self._lock:
            return dict(self._waiting)

    def strike(self, method: str, path: str) -> list[Fault]:
        """Return the faults that strike at a request, counting them down."""
        with self._lock:
            return self._take(
                lambda fault: (
                    fault.kind in REQUEST_KINDS
                    and re.fullmatch(fault.method, method) is not None
                    and re.search(fault.path, path) is not None
                )
            )

    def strike_training(self, model_id: str, display_name: str) -> Fault | None:
        """Return the fault that strikes at a training, counting it down."""
        with self._lock:
            struck = self._take(
                lambda fault: (
                    fault.kind in TRAINING_KINDS
                    and (re.search(fault.model, model_id) or re.search(fault.model, display_name)) is not None
                ),
                only_first=True,
            )
        return struck[0] if struck else None

    def _take(self, matches: Callable[[Fault], bool], *, only_first: bool = False) -> list[Fault]:
        struck = []
        for number, fault in list(self._waiting.items()):
            if not matches(fault):
                continue
            if fault.skip > 0:
                self._waiting[number] = replace(fault, skip=fault.skip - 1)
                continue
            struck.append(fault)
            if fault.count is not None and fault.count <= 1:
                del self._waiting[number]
            elif fault.count is not None:
                self._waiting[number] = replace(fault, count=fault.count - 1)
            if only_first:
                break
        return struck


def describe(number: int, fault: Fault) -> dict[str, Any]:
    """Return a fault as the control API shows it."""
    return {"id": number, **asdict(fault)}


def _plain(seconds: float) -> str:
    """Spell seconds as Retry-After and protobuf's Duration do: no exponent, at most nine digits after the point."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".")


def _is_header(name: str, text: str) -> bool:
    good = _HEADER_NAME.fullmatch(name) and _HEADER_TEXT.fullmatch(text)
    return good is not None and name.lower() not in _FRAMING


def _count(value: Any) -> int | None:
    return None if value is None or value == "forever" else int(value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "false"}:
        return bool(value == "true")
    raise ValueError(f"{value!r} is neither true nor false")


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(text)) for name, text in dict(value).items())


_READ: Mapping[str, Callable[[Any], Any]] = {
    "skip": int,
    "count": _count,
    "after": _flag,
    "code": int,
    "retry_delay": float,
    "seconds": float,
    "at": float,
    "headers": _pairs,
}
