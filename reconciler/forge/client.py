"""A connection to GitHub: sends, bounds the answer, waits out limits and tries again. It knows no comment and no plan.

Redirects are never followed, so the token stays with one host. What may have been carried out although no answer said
so is sent again only if twice does no harm; whoever posts something looks first whether it is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import SystemRandom
from types import TracebackType
from typing import Any, Final, Self

import httpx

from reconciler._version import __version__
from reconciler.core.event import Event, Retried
from reconciler.core.text import clip, sanitize
from reconciler.errors import MalformedAnswer, QuotaExhausted, RemoteError, Unavailable
from reconciler.forge.faults import MINUTE, Answer, Fault, data_of_graphql, data_of_rest
from reconciler.forge.place import Place
from reconciler.ports.clock import Clock

__all__ = ["Client", "Patience"]

_LARGEST: Final = 32 * 1024 * 1024
"""Bytes; a page of 100 comments of 64 KiB is a quarter of it."""
_random: Final = SystemRandom().random


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request is worth: requests in all, and seconds spent waiting for limits."""

    tries: int = 5
    limits: float = 300.0


class Client:
    """Speaks REST and GraphQL with one repository's service. A context manager: leaving it closes the connections."""

    def __init__(
        self,
        place: Place,
        *,
        clock: Clock,
        report: Callable[[Event], None],
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)  # their INFO lines hold whole URLs
        self.place = place
        self.clock = clock
        self._report = report
        self._patience = Patience() if patience is None else patience
        self._http = httpx.Client(
            headers={
                "authorization": f"Bearer {place.token}",
                "accept": "application/vnd.github+json",
                "x-github-api-version": "2022-11-28",
                "user-agent": f"tunectl/{__version__}",
            },
            timeout=30.0,
            follow_redirects=False,
            trust_env=transport is None,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def rest(self, what: str, method: str, path: str, body: Mapping[str, Any], *, resend: bool) -> Any:
        """Send a REST request to a path below the repository's, and return its JSON.

        Args:
            what: names the request in messages.
            method: POST or PATCH.
            path: begins with a slash.
            body: what is sent.
            resend: whether a second sending does no harm if the first was carried out unanswered.

        Raises:
            RemoteError: see ``forge.faults``; Unavailable also if it is not known what became of the request.
        """
        url = f"{self.place.api}/repos/{self.place.repository}{path}"
        request = self._http.build_request(method, url, json=dict(body))
        return self._send(what, request, data_of_rest, resend=resend)

    def graphql(self, what: str, query: str, variables: Mapping[str, Any], *, resend: bool = True) -> dict[str, Any]:
        """Send a GraphQL query or mutation and return its ``data``; raises as ``rest``."""
        content = {"query": query, "variables": dict(variables)}
        request = self._http.build_request("POST", self.place.graphql, json=content)
        data: dict[str, Any] = self._send(what, request, data_of_graphql, resend=resend)
        return data

    def pause(self, seconds: float) -> None:
        """Sleep for about so long: a little more or less, so that two runs do not meet again."""
        self.clock.sleep(seconds * (0.75 + 0.5 * _random()))

    def _send(self, what: str, request: httpx.Request, read: Callable[..., Any | Fault], *, resend: bool) -> Any:
        waited = 0.0
        for attempt in range(1, self._patience.tries + 1):
            fault = self._attempt(what, request, read)
            if not isinstance(fault, Fault):
                return fault
            pause = self._worth(fault, attempt, resend=resend)
            if isinstance(fault.error, QuotaExhausted):
                waited += pause or 0.0
            if pause is None or attempt == self._patience.tries or waited > self._patience.limits:
                raise fault.error
            self._report(Retried(what, f"{fault.error.status} (HTTP {fault.error.http_status})", pause, attempt))
            self.clock.sleep(pause)
        raise AssertionError("the last try raises")

    def _attempt(self, what: str, request: httpx.Request, read: Callable[..., Any | Fault]) -> Any | Fault:
        try:
            answer = self._receive(what, request)
        except httpx.TransportError as error:
            unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            lost = Unavailable(
                f"{what}: the connection to {self.place.host} {'could not be made' if unsent else 'was lost'}",
                status="NOT_SENT" if unsent else "UNAVAILABLE",
                hint="check the network and GITHUB_API_URL, and run the step again",
            )
            lost.__cause__ = error
            return Fault(lost)
        except MalformedAnswer as error:
            return Fault(error)
        return read(answer, now=self.clock.now())

    def _receive(self, what: str, request: httpx.Request) -> Answer:
        response = self._http.send(request, stream=True)
        content = bytearray()
        try:
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _LARGEST:
                    break
        except httpx.DecodingError as error:
            raise Answer(what, response.status_code, response.headers, b"").malformed("broken compression") from error
        finally:
            response.close()
        answer = Answer(what, response.status_code, response.headers, bytes(content))
        if len(content) > _LARGEST:
            raise answer.malformed(f"the answer is longer than {_LARGEST} bytes")
        return answer

    def _worth(self, fault: Fault, attempt: int, *, resend: bool) -> float | None:
        """Return how long to pause before the next try, or None if there should be none."""
        growth = 2.0 ** (attempt - 1)
        if isinstance(fault.error, QuotaExhausted):  # refused before it was carried out: may always be sent again
            return MINUTE * growth if fault.wait is None else fault.wait + _random()
        if not isinstance(fault.error, Unavailable) or not (resend or fault.error.status == "NOT_SENT"):
            return None
        return growth * (0.5 + 0.5 * _random())


def refused(error: RemoteError) -> str:
    """Return an error in a few words, for a note about work that goes on without it."""
    return clip(sanitize(error.message), 300)
