"""Where the remote and the lockfile may be: the spelling of addresses, whoever gives them (file, environment, flag)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_BUCKET = re.compile(r"(gs|s3)://[a-z0-9][a-z0-9._-]+/[^\s]*[^\s/]")
_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")


def check_endpoint(text: str) -> str | None:
    """Return what is wrong with an endpoint, or None.

    It is ``emulator``, an https URL, or an http URL of this machine. Credentials do not belong into it, because it is
    printed and recorded; neither does a query.
    """
    if text == "emulator":
        return None
    if _UNSAFE.search(text):
        return "must not hold spaces, backslashes or characters beyond ASCII"
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        return "is no valid URL"
    if url.scheme not in {"https", "http"} or not host:
        return "must be 'emulator' or a URL such as https://generativelanguage.googleapis.com"
    return _check_parts(text, url.scheme, host)


def check_lockfile(text: str) -> str | None:
    """Return what is wrong with a lockfile's address (a path, ``gs://bucket/key``, ``s3://bucket/key``), or None."""
    if "://" in text:
        return None if _BUCKET.fullmatch(text) else "must be a path, gs://bucket/key or s3://bucket/key"
    if "\x00" in text or not text.strip() or text.endswith("/") or text.startswith("~"):
        return "must be the path of a file, gs://bucket/key or s3://bucket/key"
    return None


def _check_parts(text: str, scheme: str, host: str) -> str | None:
    if "@" in text:
        return "must not hold a user name or password"
    if "?" in text or "#" in text:
        return "must not hold a query or a fragment"
    if scheme == "http" and not _loopback(host):
        return "must be https; http is accepted for this machine only (localhost, 127.0.0.1, [::1])"
    return None


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
