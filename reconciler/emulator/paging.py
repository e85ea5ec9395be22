"""Page tokens: opaque, and bound to every parameter but the page size (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from reconciler.emulator.problems import ApiError

_DIGEST = 16


def write_token(last: int, *bound: object) -> str:
    """Return the token of the page after item number ``last`` of a listing with these parameters."""
    payload = json.dumps([last, _digest(last, bound)]).encode()
    return base64.urlsafe_b64encode(payload).decode().rstrip("=")


def read_token(token: str | None, *bound: object) -> int:
    """Return the number of the last item already served; 0 without a token.

    Raises:
        ApiError: INVALID_ARGUMENT, if the token is not ours or belongs to a listing with other parameters.
    """
    if not token:
        return 0
    try:
        payload = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        last, digest = json.loads(payload)
    except (ValueError, TypeError, RecursionError, binascii.Error):
        last, digest = None, None
    if not isinstance(last, int) or isinstance(last, bool) or not 0 <= last < 2**63 or digest != _digest(last, bound):
        raise ApiError(
            "INVALID_ARGUMENT",
            reason="pageToken is not one of ours, or the other parameters are not those it was given for",
        )
    return last


def _digest(last: int, bound: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps([last, *map(str, bound)]).encode()).hexdigest()[:_DIGEST]
