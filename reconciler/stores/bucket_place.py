"""Which object of which bucket, and which service it is asked of. Reads addresses and variables; sends nothing."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from reconciler.core.text import clip, sanitize
from reconciler.errors import UsageError

_ADDRESS: Final = re.compile(r"(gs|s3)://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/(.+)", re.DOTALL)
# What needs no escaping anywhere on the way: URLs, signatures, XML, shells, other tools.
_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._=-]+")
_LONGEST_KEY: Final = 900  # both services stop at 1024 bytes; the probe appends to the key
_GOOGLE: Final = "https://storage.googleapis.com"
_EMULATOR_VARIABLE: Final = "STORAGE_EMULATOR_HOST"
# In the order in which the AWS tools look at them; the last spelling is obstore's own.
_S3_VARIABLES: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Place:
    """One object of a bucket.

    ``endpoint`` is the service's URL without a trailing slash; None is AWS's own one of the region. ``emulated`` says
    that STORAGE_EMULATOR_HOST named it, so that no credentials may go there.
    """

    scheme: Literal["gs", "s3"]
    bucket: str
    key: str
    endpoint: str | None = None
    emulated: bool = False

    @property
    def address(self) -> str:
        """The address as the user writes it."""
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def prefix(self) -> str:
        """The folder of the key, which permissions are often given for; empty at the top."""
        return self.key.rpartition("/")[0]

    def beside(self, suffix: str) -> Self:
        """Return another object of the same folder, whose name begins with ours."""
        return replace(self, key=f"{self.key}{suffix}")


def find_place(address: str, *, environ: Mapping[str, str] = os.environ) -> Place:
    """Return the place that ``gs://bucket/key`` or ``s3://bucket/key`` names, at the service the variables choose.

    Raises:
        UsageError: the address or the endpoint cannot be used as given.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError(f"lockfile {_shown(address)}: is no bucket's address", hint="write gs://bucket/key")
    scheme, bucket, key = match.groups()
    if len(key) > _LONGEST_KEY or not all(_SEGMENT.fullmatch(part) for part in key.split("/")):
        raise UsageError(
            f"lockfile {_shown(address)}: the key may hold letters, digits and . _ - = between single slashes, "
            f"{_LONGEST_KEY} characters in all",
            hint="for example gs://bucket/team/tunectl.lock",
        )
    if scheme == "s3":
        return Place("s3", bucket, key, _named(_S3_VARIABLES, environ))
    emulator = _named((_EMULATOR_VARIABLE,), environ)
    return Place("gs", bucket, key, emulator or _GOOGLE, emulated=emulator is not None)


def _named(variables: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    for name in variables:
        if text := environ.get(name, "").strip():
            # Google's own libraries accept a bare host and port here.
            url = text if "://" in text or name != _EMULATOR_VARIABLE else f"http://{text}"
            _check(name, url)
            return url.rstrip("/")
    return None


def _check(variable: str, url: str) -> None:
    """Refuse an endpoint that is no URL, carries credentials, or would send the lockfile in the clear."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or re.search(r"[^\x21-\x7e]|\\", url):
        raise UsageError(f"{variable}: is no http or https URL", hint="give a URL such as https://host:9000")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(f"{variable}: the URL of {sanitize(host)} carries more than host and path")
    if parts.scheme == "http" and not _loopback(host):
        raise UsageError(
            f"{variable}: http to {sanitize(host)} would send the lockfile in the clear",
            hint="use https; http is for this machine only (localhost, 127.0.0.1, [::1])",
        )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(address: str) -> str:
    return clip(sanitize(address.rpartition("@")[2]), 120)
