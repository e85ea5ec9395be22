"""An httpx transport into the application, in process, where a fault looks as it would over a port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from reconciler.emulator.faults import ConnectionDropped


class EmulatorTransport(httpx.WSGITransport):
    """A WSGI transport that reports dropped and cut connections in httpx's own words."""

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__(app=app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.RemoteProtocolError: if the connection was dropped, or closed before the whole body had come.
        """
        try:
            response = super().handle_request(request)
        except ConnectionDropped as error:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from error
        announced = int(response.headers["content-length"])
        body = response.read()
        whole = request.method == "HEAD" or "content-encoding" in response.headers
        if len(body) != announced and not whole:
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body"
                f" (received {len(body)} bytes, expected {announced})",
                request=request,
            )
        return response
