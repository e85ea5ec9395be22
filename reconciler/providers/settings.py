"""Where a provider is and how it is spoken to, as one value. Nothing here reads the environment or a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from reconciler._version import __version__
from reconciler.core.resource import Remote
from reconciler.core.text import clip, sanitize
from reconciler.errors import UsageError

__all__ = ["EMULATOR", "EMULATOR_URL", "ProviderSettings"]

EMULATOR: Final = "emulator"
"""The endpoint that stands for the embedded emulator: the caller passes its WSGI transport along."""

EMULATOR_URL: Final = "http://emulator.invalid"
"""What requests to the embedded emulator are addressed to; RFC 6761 promises that it never resolves."""

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]*")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Everything ``open_provider`` needs to know; the credentials never show in ``repr``.

    ``endpoint`` is ``emulator``, an https URL, or an http URL on loopback. ``http_timeout`` bounds each step of one
    request in seconds (connecting, sending, a pause between two pieces of the answer). ``quota_patience`` is how many
    seconds in all a create, patch or delete waits while the service answers 429; each wait is told as an event. A
    ``read_only`` provider refuses to send anything but GET. ``options`` are the keys of ``provider.options``, for
    providers that other packages add. ``tries`` is how often a request is sent at most (None: as often as its kind is
    worth), ``trace`` asks for an event about each. ``storage`` is the Cloud Storage to use in place of Google's (the
    value of STORAGE_EMULATOR_HOST); it is sent no credentials.

    Raises:
        UsageError: the endpoint or the project cannot be used as given.
    """

    type: str = "generativelanguage"
    endpoint: str = EMULATOR
    project: str | None = None
    location: str | None = None
    staging: str | None = None
    storage: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    api_version: str = "v1beta"
    access_token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    http_timeout: float = 30.0
    quota_patience: float = 3600.0
    read_only: bool = False
    tries: int | None = None
    trace: bool = False
    # Google's front ends compress only for clients that also say so here ("gzip" performance tip of their REST APIs).
    user_agent: str = f"tunectl/{__version__} (gzip)"

    def __post_init__(self) -> None:
        if not self.embedded:
            _check(self.endpoint)
        if self.project is not None and _PROJECT.fullmatch(self.project) is None:
            shown = clip(sanitize(self.project), 60)
            raise UsageError(f"provider.project: {shown!r} is no project id", hint="give --project or TUNECTL_PROJECT")

    @property
    def embedded(self) -> bool:
        """Whether this is the emulator inside our own process."""
        return self.endpoint == EMULATOR

    @property
    def base_url(self) -> str:
        """The address that paths are appended to, without a trailing slash."""
        return EMULATOR_URL if self.embedded else self.endpoint.rstrip("/")

    @property
    def encrypted(self) -> bool:
        """Whether requests travel over TLS."""
        return self.base_url.startswith("https:")

    @property
    def host(self) -> str:
        """The host that requests go to, in lower case."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def place(self) -> str:
        """The host, and the port if one is given, as messages name them."""
        return urlsplit(self.base_url).netloc

    @property
    def remote(self) -> Remote:
        """Which remote this is, as the lockfile records it."""
        endpoint = self.endpoint if self.embedded else self.base_url
        return Remote(type=self.type, endpoint=endpoint, project=self.project, location=self.location)


def _check(endpoint: str) -> None:
    """Refuse an endpoint that would leak credentials or does not name a host."""
    parts = _split(endpoint)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = clip(sanitize(endpoint.rpartition("@")[2]), 100)
        raise UsageError(f"provider.endpoint: {shown!r} is neither 'emulator' nor a URL", hint="give an https URL")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            f"provider.endpoint: the URL of {sanitize(parts.hostname)} carries more than host and path",
            hint="credentials go into TUNECTL_ACCESS_TOKEN or TUNECTL_API_KEY; the lockfile records the endpoint",
        )
    if parts.scheme == "http" and _LOOPBACK.fullmatch(parts.hostname) is None:
        raise UsageError(
            f"provider.endpoint: http to {sanitize(parts.hostname)} would send credentials in the clear",
            hint="use https; http is for loopback only",
        )


def _split(endpoint: str) -> SplitResult | None:
    """Return the parts of a URL, or None if it has a character no URL has, or a port that is no number."""
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        return None
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        return None
    return parts
