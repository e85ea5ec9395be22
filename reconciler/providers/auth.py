"""Who we are: an explicit token, an explicit API key, or Google's application default credentials.

Credentials travel in headers only, and only to the endpoint they are meant for: explicit ones go where the user points
both, application default ones to Google's hosts over TLS and nowhere else, because the endpoint stands in a file that a
pull request may change. google-auth is not imported before its credentials are needed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

import httpx

from reconciler.errors import AuthenticationFailed
from reconciler.providers.faults import GCLOUD_LOGIN
from reconciler.providers.settings import ProviderSettings

__all__ = ["Credentials", "TokenSource", "choose_credentials"]

_PRINTABLE = re.compile(r"[!-~]+")
_GOOGLE = ".googleapis.com"
_UNAUTHORIZED = 401

_VARIABLE = "TUNECTL_ACCESS_TOKEN"
_VARIABLES = f"{_VARIABLE} or TUNECTL_API_KEY"


class TokenSource(Protocol):
    """Something that yields bearer tokens."""

    @property
    def quota_project(self) -> str | None:
        """The project that these credentials are billed to, if they name one."""
        ...

    def token(self, *, refused: str | None) -> str:
        """Return a valid token, another one than ``refused``.

        Raises:
            AuthenticationFailed: there is none.
            Unavailable: the token service cannot be reached.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """How requests are signed, what mends it when the service says 401, and what to close in the end.

    ``login`` is how somebody gets credentials that have all the scopes the service asks for.
    """

    auth: httpx.Auth | None
    mend: str
    close: Callable[[], None] = lambda: None
    login: str = GCLOUD_LOGIN


def choose_credentials(
    settings: ProviderSettings, *, transport: httpx.BaseTransport | None, login: str = GCLOUD_LOGIN, keys: bool = True
) -> Credentials:
    """Return the credentials for an endpoint: a token before an API key before application default credentials.

    ``login`` and ``keys`` are for messages alone: how somebody logs in for the service, and whether it takes API keys.
    The embedded emulator gets none. An endpoint that is not Google's gets none of the application default credentials.

    Raises:
        AuthenticationFailed: a credential is not usable as given, or none may be sent to this endpoint.
    """
    # An API key belongs to one project, and the service refuses to bill another one for it.
    project = None if settings.api_key and not settings.access_token else settings.project
    headers = {} if project is None else {"x-goog-user-project": project}
    variables = _VARIABLES if keys else _VARIABLE
    if settings.embedded:
        return Credentials(_Headers(headers), mend="the embedded emulator asks for no credentials", login=login)
    if settings.access_token:
        headers["authorization"] = f"Bearer {_clean('TUNECTL_ACCESS_TOKEN', settings.access_token)}"
        return Credentials(
            _Headers(headers),
            mend="TUNECTL_ACCESS_TOKEN is expired or wrong; "
            "get a new one with: gcloud auth application-default print-access-token",
            login=login,
        )
    if settings.api_key:
        headers["x-goog-api-key"] = _clean("TUNECTL_API_KEY", settings.api_key)
        return Credentials(_Headers(headers), mend="TUNECTL_API_KEY is not a key of this API; make one and set it")
    if not settings.encrypted:
        return Credentials(_Headers(headers), mend=f"set {variables}", login=login)
    return _default_credentials(settings, headers, transport, login, variables)


def _default_credentials(
    settings: ProviderSettings,
    headers: dict[str, str],
    transport: httpx.BaseTransport | None,
    login: str,
    variables: str,
) -> Credentials:
    if not settings.host.endswith(_GOOGLE):
        raise AuthenticationFailed(
            f"provider.endpoint: application default credentials are not sent to {settings.host}, only to *{_GOOGLE}",
            hint=f"set {variables} for this endpoint",
        )

    def load() -> TokenSource:
        # google-auth and cryptography take a quarter of a second to import; the emulator never needs them.
        from reconciler.providers.adc import load_default_credentials  # noqa: PLC0415 (see above)

        mend = f"run: {login} ; or set {variables}"
        return load_default_credentials(transport=transport, timeout=settings.http_timeout, mend=mend)

    auth = _Tokens(load, headers)
    return Credentials(auth, mend=f"log in again: {login}", close=auth.close, login=login)


def _clean(name: str, secret: str) -> str:
    """Return a secret without white space around it; what cannot be a header is refused without being quoted."""
    text = secret.strip()
    if _PRINTABLE.fullmatch(text) is None:
        raise AuthenticationFailed(
            f"{name}: {len(text)} characters, not all of which a token can have", hint="set it to the bare token"
        )
    return text


class _Headers(httpx.Auth):
    """Sends the same headers with every request."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        yield request


class _Tokens(httpx.Auth):
    """Sends a bearer token, and once more with a fresh one if the service refuses it (401)."""

    def __init__(self, load: Callable[[], TokenSource], headers: dict[str, str]) -> None:
        self._load = load
        self._headers = headers
        self._lock = threading.Lock()
        self._source: TokenSource | None = None

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._sign(request, refused=None)
        response = yield request
        if response.status_code == _UNAUTHORIZED:
            self._sign(request, refused=token)
            yield request

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def _sign(self, request: httpx.Request, *, refused: str | None) -> str:
        # One refresh at a time: ten workers with an expired token ask the token service once.
        with self._lock:
            if self._source is None:
                self._source = self._load()
            token = self._source.token(refused=refused)
            quota_project = self._source.quota_project
        request.headers["authorization"] = f"Bearer {token}"
        if quota_project is not None:
            request.headers["x-goog-user-project"] = quota_project
        request.headers.update(self._headers)
        return token
