"""Which repository, at which service, with which credential: what a runner's environment says, checked.

Variables are those that GitHub documents for its runners. The token is held here and goes into a header, nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from reconciler.core.text import clip, sanitize
from reconciler.errors import AuthenticationFailed, UsageError

__all__ = ["Place", "place_of"]

_API = "https://api.github.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,2000}")
_QUOTED = 120


@dataclass(frozen=True, slots=True)
class Place:
    """A repository and the way to it; ``api`` and ``graphql`` are URLs without a slash at the end."""

    owner: str
    name: str
    api: str
    graphql: str
    token: str = field(repr=False)

    @property
    def repository(self) -> str:
        """The repository as people write it."""
        return f"{self.owner}/{self.name}"

    @property
    def host(self) -> str:
        """The host that is asked, for messages."""
        return urlsplit(self.api).hostname or ""


def place_of(environ: Mapping[str, str]) -> Place:
    """Read where to from ``GITHUB_REPOSITORY``, ``GITHUB_API_URL``, ``GITHUB_GRAPHQL_URL`` and ``GITHUB_TOKEN``.

    Raises:
        UsageError: a variable is missing or is not what it should be.
        AuthenticationFailed: there is no token, or it is none.
    """
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError(f"GITHUB_REPOSITORY: {_quoted(repository)} is not OWNER/NAME", hint="a runner sets it")
    api = _url("GITHUB_API_URL", environ.get("GITHUB_API_URL") or _API)
    graphql = _url("GITHUB_GRAPHQL_URL", environ.get("GITHUB_GRAPHQL_URL") or f"{_API}/graphql")
    if urlsplit(api).netloc != urlsplit(graphql).netloc:
        raise UsageError("GITHUB_API_URL and GITHUB_GRAPHQL_URL name two hosts; one token goes to one host")
    token = environ.get("GITHUB_TOKEN", "")
    hint = "pass it to the step: env: GITHUB_TOKEN: ${{ github.token }}"
    if not token:
        raise AuthenticationFailed("GITHUB_TOKEN: not set", hint=hint)
    if not _TOKEN.fullmatch(token):
        raise AuthenticationFailed(
            f"GITHUB_TOKEN: its {len(token)} characters are no token: blank, not ASCII or too many", hint=hint
        )
    owner, _, name = repository.partition("/")
    return Place(owner, name, api, graphql, token)


def _url(variable: str, text: str) -> str:
    """Return a URL a token may be sent to.

    Raises:
        UsageError: no https, or http to somewhere else than this machine; a user name, a query, a fragment.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError(f"{variable}: {_quoted(text)} is no URL") from None
    if not host or parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise UsageError(f"{variable}: not a URL of host and path alone")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
        raise UsageError(f"{variable}: {_quoted(text)} is not https; the token would travel in the open")
    return text.rstrip("/")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _quoted(text: str) -> str:
    return repr(clip(sanitize(text), _QUOTED)) if text else "nothing"
