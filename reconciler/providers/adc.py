"""Google's application default credentials, over httpx: files, gcloud's login, and the metadata server.

``google.auth.default`` is not used: for workload identity federation it asks cloudresourcemanager.googleapis.com for a
project number that nobody needs, and its metadata support imports ``requests``. The places looked at, and their order,
are those of AIP-4110. Imported only when such credentials are needed.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import google.auth.credentials
import google.auth.exceptions
import google.auth.transport
import httpx

from reconciler.core.text import clip, sanitize
from reconciler.errors import AuthenticationFailed, RemoteError, Unavailable
from reconciler.providers.faults import SCOPES
from reconciler.providers.metadata import METADATA_HOSTS, MetadataCredentials, on_google_cloud

__all__ = ["DefaultCredentials", "HttpxRequest", "load_default_credentials"]

_AWS = "urn:ietf:params:aws:token-type:aws4_request"
_PASSING: Final = frozenset({408, 429})
# What google-auth trips over when a file or an answer has another shape than it believes.
_NONSENSE: Final = (ValueError, TypeError, KeyError, AttributeError)
# Type of a credentials file -> module, constructor, and whether it takes scopes (a user's were given at the login).
_KINDS: Final = {
    "authorized_user": ("google.oauth2.credentials", "from_authorized_user_info", False),
    "service_account": ("google.oauth2.service_account", "from_service_account_info", True),
    "impersonated_service_account": (
        "google.auth.impersonated_credentials",
        "from_impersonated_service_account_info",
        True,
    ),
    "external_account_authorized_user": ("google.auth.external_account_authorized_user", "from_info", False),
    "external_account": ("google.auth.identity_pool", "from_info", True),
    "external_account/aws": ("google.auth.aws", "from_info", True),
    "external_account/executable": ("google.auth.pluggable", "from_info", True),
}
# RFC 6749 (5.2), RFC 8693 and Google's own: the words of a token service that may be repeated. Its other words may
# quote the request.
_OAUTH_CODES = re.compile(
    r"\b(invalid_grant|invalid_scope|invalid_client|invalid_request|invalid_target|invalid_rapt|access_denied|"
    r"unauthorized_client|unsupported_grant_type|PERMISSION_DENIED|NOT_FOUND|UNAUTHENTICATED)\b"
)


class _Response(google.auth.transport.Response):
    """What google-auth wants to know of an answer."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def data(self) -> bytes:
        return self._response.content


class HttpxRequest(google.auth.transport.Request):
    """google-auth's way to send a request, over one of our clients."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_options: Any,
    ) -> _Response:
        """Send a request.

        Raises:
            google.auth.exceptions.TransportError: it was not answered, or a later try may be. That one is ours to make,
                by the policy of ``retry``; google-auth's own would sleep by the real clock.
        """
        pause = httpx.USE_CLIENT_DEFAULT if timeout is None else timeout
        try:
            response = self._client.request(method, url, content=body, headers=headers, timeout=pause)
        except httpx.HTTPError as error:
            raise google.auth.exceptions.TransportError(type(error).__name__) from error
        if response.is_server_error or response.status_code in _PASSING:
            raise google.auth.exceptions.TransportError(f"HTTP {response.status_code}")
        return _Response(response)


class DefaultCredentials:
    """Bearer tokens of application default credentials; ``TokenSource`` says what the methods promise."""

    def __init__(self, credentials: google.auth.credentials.Credentials, client: httpx.Client, *, mend: str) -> None:
        self._credentials = credentials
        self._client = client
        self._mend = mend

    @property
    def quota_project(self) -> str | None:
        """The project named by the credentials."""
        project = getattr(self._credentials, "quota_project_id", None)
        return project if isinstance(project, str) and project else None

    def token(self, *, refused: str | None) -> str:
        """Return a valid token, refreshed if it is about to expire or was refused."""
        current = self._credentials.token
        if not self._credentials.valid or (refused is not None and current == refused):
            self._refresh()
        fresh = self._credentials.token
        if not isinstance(fresh, str) or not fresh.isascii() or not fresh.isprintable():
            raise AuthenticationFailed("the token service answered without a usable token", hint=self._mend)
        return fresh

    def close(self) -> None:
        """Close the connections to the token service."""
        self._client.close()

    def _refresh(self) -> None:
        # Not ``before_request``, which also looks up regional boundaries, from a thread of its own.
        try:
            self._credentials.refresh(HttpxRequest(self._client))
        except google.auth.exceptions.TransportError as error:
            raise Unavailable(
                "the token service of the application default credentials cannot be reached",
                status="UNAVAILABLE",
                hint="check the network; behind a proxy set HTTPS_PROXY",
            ) from error
        except (google.auth.exceptions.GoogleAuthError, OSError, *_NONSENSE) as error:
            # Not chained: google-auth's text may hold the token service's whole answer.
            raise _refused(error, self._mend) from None


def load_default_credentials(*, transport: httpx.BaseTransport | None, timeout: float, mend: str) -> DefaultCredentials:
    """Find the application default credentials of this machine.

    Looked at in turn: the file named by GOOGLE_APPLICATION_CREDENTIALS, gcloud's own file, the metadata server.

    Raises:
        AuthenticationFailed: there are none, or the file makes no sense.
    """
    # A token of the metadata server must not travel through a proxy.
    direct = None if transport else {f"all://{host}": httpx.HTTPTransport() for host in METADATA_HOSTS}
    client = httpx.Client(transport=transport, mounts=direct, timeout=timeout, follow_redirects=False)
    try:
        return DefaultCredentials(_find(client, mend), client, mend=mend)
    except RemoteError:
        client.close()
        raise


def _find(client: httpx.Client, mend: str) -> google.auth.credentials.Credentials:
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return _from_file(Path(named), mend)
    login = _gcloud_file()
    if login.is_file():
        return _from_file(login, mend)
    if on_google_cloud(client):
        return MetadataCredentials(SCOPES)
    raise AuthenticationFailed("no credentials found for Google's APIs", hint=mend)


def _gcloud_file() -> Path:
    """Return where ``gcloud auth application-default login`` keeps its credentials."""
    folder = os.environ.get("CLOUDSDK_CONFIG")
    return (Path(folder) if folder else Path.home() / ".config" / "gcloud") / "application_default_credentials.json"


def _from_file(path: Path, mend: str) -> google.auth.credentials.Credentials:
    shown = clip(sanitize(str(path)), 200)
    try:
        info = json.loads(path.read_bytes())
    except OSError as error:
        raise AuthenticationFailed(f"{shown}: {error.strerror or 'cannot be read'}", hint=mend) from error
    except ValueError:
        # Not chained: a JSON error keeps the whole document, a private key perhaps.
        raise AuthenticationFailed(f"{shown}: no JSON credentials file", hint=mend) from None
    try:
        return _from_info(info)
    except (google.auth.exceptions.GoogleAuthError, *_NONSENSE):
        # Not chained, for the same reason.
        raise AuthenticationFailed(f"{shown}: the credentials file lacks what its type needs", hint=mend) from None


def _from_info(info: Any) -> google.auth.credentials.Credentials:
    """Return the credentials a file describes; only its own kind is imported, some are heavy.

    Raises:
        ValueError, KeyError: it is of no kind we know, or incomplete.
    """
    module, method, scoped = _KINDS[_kind(info)]
    make = getattr(importlib.import_module(module).Credentials, method)
    made: google.auth.credentials.Credentials = make(info, scopes=SCOPES) if scoped else make(info)
    return made


def _kind(info: Any) -> str:
    kind: str = info["type"]
    if kind != "external_account":
        return kind
    if info.get("subject_token_type") == _AWS:
        return "external_account/aws"
    return "external_account/executable" if "executable" in info["credential_source"] else kind


def _refused(error: Exception, mend: str) -> AuthenticationFailed:
    """Return the error of a refused refresh, with the token service's error code at most."""
    code = _OAUTH_CODES.search(str(error))
    detail = f" ({code.group()})" if code else ""
    return AuthenticationFailed(
        f"the application default credentials could not be exchanged for a token{detail}", hint=mend
    )
