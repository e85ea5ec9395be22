"""Tokens of Google Cloud's metadata server: what Compute Engine, Cloud Run and GKE hand to the code they run.

google-auth's own support for it imports ``requests``; the protocol is two GETs, so it is spoken here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import google.auth.credentials
import google.auth.exceptions
import google.auth.transport
import httpx
from pydantic import BaseModel, ValidationError

__all__ = ["METADATA_HOSTS", "MetadataCredentials", "on_google_cloud"]

METADATA_HOSTS: Final = ("metadata.google.internal", "169.254.169.254")
_FLAVOR: Final = {"metadata-flavor": "Google"}
_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/token"
_PATIENCE: Final = 1.0


class _Token(BaseModel):
    access_token: str
    expires_in: float


class MetadataCredentials(google.auth.credentials.Credentials):
    """The credentials of the service account that this machine runs as."""

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth does not annotate it
        self._scopes = tuple(scopes)

    def refresh(self, request: google.auth.transport.Request) -> None:
        """Fetch a token.

        Raises:
            google.auth.exceptions.GoogleAuthError: there is none to be had.
        """
        # Scopes are honoured where the platform lets a token choose (Cloud Run, GKE); Compute Engine ignores them.
        url = f"{_root(METADATA_HOSTS[0])}{_PATH}?scopes={','.join(self._scopes)}"
        response = request(url, method="GET", headers=_FLAVOR)
        try:
            token = _Token.model_validate_json(response.data)
        except ValidationError:
            raise google.auth.exceptions.RefreshError(f"metadata server: HTTP {response.status}") from None
        self.token = token.access_token
        # google-auth compares expiry with a naive UTC time.
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=token.expires_in)


def on_google_cloud(client: httpx.Client) -> bool:
    """Tell whether a metadata server answers; NO_GCE_CHECK says no without asking, as in Google's libraries."""
    if os.environ.get("NO_GCE_CHECK", "").lower() == "true":
        return False
    try:
        answer = client.get(f"{_root(METADATA_HOSTS[1])}/", headers=_FLAVOR, timeout=_PATIENCE)
    except httpx.HTTPError:
        return False
    return bool(answer.headers.get("metadata-flavor") == _FLAVOR["metadata-flavor"])


def _root(host: str) -> str:
    """Return the server's address; GCE_METADATA_HOST moves it, as in Google's libraries."""
    return f"http://{os.environ.get('GCE_METADATA_HOST') or host}"
