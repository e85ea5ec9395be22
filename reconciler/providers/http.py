"""HTTP, once: the only place that sends a request, bounds an answer, and tries again.

Redirects are never followed, so no credential reaches another host; an answer is read up to a bound; a read-only client
refuses everything but GET. Nothing here knows a path, a body or a model.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter
from typing import Final

import httpx

from reconciler.core.canonical import Json
from reconciler.core.event import Event, Requested
from reconciler.errors import InvalidArgument, NotFound, RemoteError
from reconciler.ports.clock import Clock
from reconciler.providers.auth import Credentials
from reconciler.providers.faults import Answer, Fault, fault_of_answer, fault_of_connection
from reconciler.providers.retry import READ, Patience, Tally
from reconciler.providers.settings import ProviderSettings

__all__ = ["Call", "Http"]

_LARGEST_ANSWER: Final = 256 * 1024 * 1024
"""Bytes, after decompression. A page of 1,000 models with 375 snapshots each is about 40 MB."""
_CONNECTIONS: Final = 64
_TELLING: Final = frozenset({"alt", "pageSize", "tunedModelId", "updateMask", "uploadType"})
"""The parameters of a query whose values may be told: they are ours, and no tokens."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what it is for (``list tuned models``), and everything that goes over the wire.

    ``path`` starts with a slash and is appended to the endpoint, or to ``base``, another address of the service: it is
    for the provider to see that credentials may go there. ``body`` may hold training rows and is never shown;
    ``content`` are bytes in place of it. ``accepts`` are the numbers outside 2xx that are answers all the same.
    """

    what: str
    method: str
    path: str
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    body: Mapping[str, Json] | None = field(default=None, repr=False)
    patience: Patience = READ
    base: str | None = None
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts: frozenset[int] = frozenset()


class Http:
    """A connection to one service; safe to use from several threads.

    ``largest_answer`` is in bytes, after decompression; a longer answer is malformed. ``service`` is the
    name that Google knows the API by, and ``named`` is what says where it is, both for hints.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        credentials: Credentials,
        *,
        transport: httpx.BaseTransport | None,
        clock: Clock,
        report: Callable[[Event], None],
        largest_answer: int = _LARGEST_ANSWER,
        service: str = "generativelanguage.googleapis.com",
        named: str | None = "provider.endpoint",
    ) -> None:
        _silence()
        self._settings = settings
        self._credentials = credentials
        self._clock = clock
        self._report = report
        self._largest_answer = largest_answer
        self._service = service
        self._named = named
        self._client = httpx.Client(
            base_url=settings.base_url,
            auth=credentials.auth,
            headers={"user-agent": settings.user_agent, "accept": "application/json"},
            timeout=httpx.Timeout(settings.http_timeout, pool=None),
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            follow_redirects=False,
            transport=transport,
        )

    def send(self, call: Call) -> Answer:
        """Send a request until it is answered or patience ends, and return the answer (2xx, or what the call accepts).

        A DELETE that finds nothing after an earlier try went unanswered has done its work and counts as success.

        Raises:
            RemoteError: the kind that the service's status names, see ``reconciler.errors``.
        """
        if self._settings.read_only and call.method != "GET":
            raise RuntimeError(f"a read-only provider was asked to {call.what}; this is a bug in tunectl")
        request = self._build(call)
        tally = Tally(call.what, self._patience(call), self._clock, self._report)
        attempts = count(1)
        outcome = tally.run(lambda: self._attempt(call, request, next(attempts)))
        if isinstance(outcome, Answer):
            return outcome
        if call.method == "DELETE" and tally.doubtful and isinstance(outcome.error, NotFound):
            return Answer(call.what, 200, {}, b"{}")
        outcome.error.doubtful = tally.doubtful
        raise outcome.error from outcome.cause

    def close(self) -> None:
        """Close the connections, those of the credentials included."""
        self._client.close()
        self._credentials.close()

    def _build(self, call: Call) -> httpx.Request:
        kind = "application/octet-stream" if call.body is None else "application/json"
        content = call.content if call.body is None else _encode(call.what, call.body)
        headers = {} if content is None else {"content-type": kind}
        query: dict[str, str | Sequence[str]] = dict(call.query)
        url = f"{call.base or self._settings.base_url}{call.path}"
        return self._client.build_request(
            call.method, url, params=query or None, content=content, headers={**headers, **call.headers}
        )

    def _patience(self, call: Call) -> Patience:
        most = self._settings.tries
        return call.patience if most is None else replace(call.patience, tries=min(most, call.patience.tries))

    def _attempt(self, call: Call, request: httpx.Request, attempt: int) -> Answer | Fault:
        """Send once. Our own errors (no credentials, an answer without end) are faults that no retry mends."""
        what, began = call.what, perf_counter()
        try:
            answer = self._receive(what, request)
            self._trace(call, request, began, attempt, status=answer.status)
        except httpx.TransportError as error:
            self._trace(call, request, began, attempt, reason=type(error).__name__)
            named = self._named if call.base is None else "provider.location"
            return fault_of_connection(what, request.url.netloc.decode("ascii"), error, named=named)
        except RemoteError as error:
            return Fault(error, cause=_cause(error), sent=False)
        if 200 <= answer.status < 300 or answer.status in call.accepts:  # noqa: PLR2004 (the class of successes)
            return answer
        return fault_of_answer(
            answer,
            now=self._clock.now(),
            mend=self._credentials.mend,
            login=self._credentials.login,
            service=self._service,
            project=self._settings.project,
        )

    def _trace(
        self,
        call: Call,
        request: httpx.Request,
        began: float,
        attempt: int,
        *,
        status: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Tell that a request was sent, if somebody wants to know; see ``Requested`` for what is left out."""
        if self._settings.trace:
            spent = 1000 * (perf_counter() - began)
            self._report(Requested(call.method, _address(call, request), status, spent, attempt, reason))

    def _receive(self, what: str, request: httpx.Request) -> Answer:
        response = self._client.send(request, stream=True)
        content = bytearray()
        try:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > self._largest_answer:
                    raise Answer(what, response.status_code, response.headers, bytes(content)).malformed(
                        f"the answer is longer than {self._largest_answer} bytes"
                    )
        except httpx.DecodingError as error:
            broken = Answer(what, response.status_code, response.headers, bytes(content))
            raise broken.malformed("the answer's compression is broken") from error
        finally:
            response.close()
        return Answer(what, response.status_code, response.headers, bytes(content))


def _address(call: Call, request: httpx.Request) -> str:
    """Return where a request goes, without what a query may give away."""
    url = request.url
    host = "" if call.base is None else f"{url.scheme}://{url.netloc.decode('ascii')}"
    names = sorted(call.query)
    query = "&".join(f"{name}={call.query[name] if name in _TELLING else '…'}" for name in names)
    return f"{host}{url.path}{f'?{query}' if query else ''}"


def _cause(error: RemoteError) -> Exception | None:
    return error.__cause__ if isinstance(error.__cause__, Exception) else None


def _encode(what: str, body: Mapping[str, Json]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        # UnicodeEncodeError is a ValueError and quotes the text, which may be a training row: it is not chained.
        raise InvalidArgument(
            f"{what}: a text holds half a surrogate pair, or a number is not finite; JSON can carry neither"
        ) from None


def _silence() -> None:
    """Keep the HTTP libraries from logging requests and headers, whatever the root logger's level is."""
    for name in ("httpx", "httpcore", "hpack"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
