"""Vertex AI's methods as calls: the version and the host for each resource, pages, and operations that end soon."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from pydantic import BaseModel

from reconciler.core.canonical import Json
from reconciler.core.text import clip, sanitize
from reconciler.errors import FailedPrecondition, InvalidArgument, PermissionDenied, RemoteError, Unavailable
from reconciler.ports.clock import Clock
from reconciler.providers.faults import Answer, spoken
from reconciler.providers.http import Call, Http
from reconciler.providers.messages import decode
from reconciler.providers.retry import READ, Patience
from reconciler.providers.vertex.dialect import Hosts, location_in
from reconciler.providers.vertex.wire import JobPage, LongRunning, ModelPage, RunPage, SeriesPage

__all__ = ["GRANT", "Api", "nap", "shown"]

_SERVICE: Final = "aiplatform"
"""What its permissions and roles begin with."""
_PAGE: Final = 100
_PAGES: Final = 10_000
_SAFE: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._@-]*(/[A-Za-z0-9_-][A-Za-z0-9._@-]*)*")
_FAILED_PRECONDITION: Final = 9
_PAUSES: Final = (0.1, 0.4, 1.0, 2.0, 3.0, 5.0, 8.0, *(10.0,) * 10)
"""Seconds between two looks at an operation that is not about tuning: two minutes in all."""

GRANT: Final = "gcloud projects add-iam-policy-binding"
"""How the hint of a refusal begins that a role of ours mends."""

_Kind = TypeVar("_Kind", bound=BaseModel)
_Page = TypeVar("_Page", JobPage, ModelPage, RunPage, SeriesPage)


class Api:
    """A connection to Vertex AI; safe to use from several threads."""

    def __init__(self, http: Http, *, version: str, hosts: Hosts, clock: Clock) -> None:
        self._http = http
        self._version = version
        self._hosts = hosts
        self._clock = clock

    def read(
        self,
        kind: type[_Kind],
        what: str,
        name: str,
        *,
        query: Mapping[str, str] | None = None,
        patience: Patience = READ,
    ) -> _Kind:
        """Return one resource by its full name, or what a custom verb of it answers (``…:read``)."""
        return decode(kind, self._send(what, "GET", name, query=query, patience=patience))

    def send(
        self,
        what: str,
        method: str,
        name: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
        patience: Patience,
    ) -> Answer:
        """Send a request that changes something; ``name`` may end with a custom verb (``…:cancel``)."""
        return self._send(what, method, name, query=query, body=body, patience=patience)

    def pages(
        self, kind: type[_Page], what: str, name: str, query: Mapping[str, str], *, patience: Patience = READ
    ) -> Iterator[_Page]:
        """Yield every page of a listing; only a missing token ends it, an empty page does not (AIP-158).

        Raises:
            MalformedAnswer: a page is none, or the listing does not end.
        """
        asked, seen = {"pageSize": str(_PAGE), **query}, {""}
        while True:
            answer = self._send(what, "GET", name, query=asked, patience=patience)
            page = decode(kind, answer)
            yield page
            token = page.next_page_token
            if not token:
                return
            if token in seen or len(seen) > _PAGES:
                raise answer.malformed(f"the listing does not end: a page token came twice, or after {_PAGES} pages")
            seen.add(token)
            asked = {**asked, "pageToken": token}

    def versions(self, what: str, model: str) -> int:
        """Return how many versions a model has; ``model`` may name one of them."""
        return len(self.read(ModelPage, what, f"{model.partition('@')[0]}:listVersions").models)

    def finish(self, what: str, answer: Answer) -> None:
        """Wait for a short operation to end: an undeployment or a deletion, never a tuning.

        Raises:
            FailedPrecondition, RemoteError: it ended with an error.
            Unavailable: it has not ended by the time we give up, or the run is being stopped; it goes on by itself.
        """
        running = decode(LongRunning, answer)
        for pause in _PAUSES:
            if running.done:
                break
            if not nap(self._clock, pause):
                break
            running = self.read(LongRunning, what, running.name)
        if not running.done:
            raise Unavailable(f"{what}: is not through yet", status="UNAVAILABLE", hint="it goes on; run again later")
        if running.error is not None and running.error.code:
            message = f"{what}: {spoken(running.error.message) or running.error.code}"
            kind = FailedPrecondition if running.error.code == _FAILED_PRECONDITION else RemoteError
            raise kind(message, status="FAILED_PRECONDITION" if kind is FailedPrecondition else "UNKNOWN")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(
        self,
        what: str,
        method: str,
        name: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
        patience: Patience = READ,
    ) -> Answer:
        resource, colon, verb = name.partition(":")
        if _SAFE.fullmatch(resource) is None or (colon and not verb.isalpha()):
            raise InvalidArgument(f"{shown(name)!r} is no resource name", hint="it looks like tuningJobs/123")
        call = Call(
            what,
            method,
            f"/{self._version}/{name}",
            query=query or {},
            body=body,
            patience=patience,
            base=self._hosts.base(location_in(resource)),
        )
        try:
            return self._http.send(call)
        except PermissionDenied as error:
            error.hint = error.hint or _granting(method, resource, error.message)
            raise


def _granting(method: str, resource: str, said: str) -> str | None:
    """Return the command that grants what is missing; None where it may be a right on something else.

    A create may be refused for a key or a service account that the job is to use (``iam.serviceAccounts.actAs``).
    """
    if method != "GET" and f"{_SERVICE}." not in said:
        return None
    role = "viewer" if method == "GET" else "user"
    return f"{GRANT} {resource.split('/')[1]} --member=WHO --role=roles/{_SERVICE}.{role}"


def nap(clock: Clock, seconds: float) -> bool:
    """Sleep; False if the clock came back early, which says that the run is being stopped."""
    since = clock.now()
    clock.sleep(seconds)
    return clock.now() - since >= seconds / 2


def shown(name: str) -> str:
    """Return a name fit for a message."""
    return clip(sanitize(name), 120)
