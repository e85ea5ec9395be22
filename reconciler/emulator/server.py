"""The emulator on a port, served by waitress; a fault that drops the connection really closes the socket here."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from waitress import create_server, wasyncore  # type: ignore[import-untyped]  # waitress has no annotations
from waitress.channel import ClientDisconnected  # type: ignore[import-untyped]  # waitress has no annotations

from reconciler.emulator.emulator import Emulator
from reconciler.emulator.faults import ConnectionDropped
from reconciler.errors import TunectlError

_THREADS = 32
"""Requests in hand at once; every ``delay`` holds one of them."""

_CONNECTIONS = 800
"""Clients connected at once; below the 1024 open files that a process commonly may have."""

_LAST_PORT = 65_535
_IDLE_SECONDS = 30.0
_GRACE_SECONDS = 5.0
_FLUSH_SECONDS = 2.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(emulator: Emulator, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Listen on a port (0 takes any free one); nothing is answered before ``run`` or ``start``.

    Raises:
        TunectlError: if the port cannot be had.
    """
    return Server(emulator, _listen(host, port))


@contextmanager
def serve_storage(emulator: Emulator, host: str, port: int | None) -> Iterator[Server | None]:
    """Serve the emulator on a second port, for programs that take Cloud Storage's address alone; None does nothing.

    Raises:
        TunectlError: if the port cannot be had.
    """
    if port is None:
        yield None
        return
    with serve(emulator, host, port) as server:
        yield server


class Server:
    """A listening server.

    ``run`` blocks until ``close`` is called from another thread or a signal comes; ``start`` runs it in a thread of its
    own, and so does a ``with`` block. The emulator's world stays open.
    """

    def __init__(self, emulator: Emulator, listener: socket.socket) -> None:
        # waitress warns of every queued request and of every answer that a fault has cut short.
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self._address = listener.getsockname()
        self._sockets: dict[int, Any] = {}
        self._stopping = threading.Event()
        self._gate = threading.RLock()
        self._open = True
        self._thread: threading.Thread | None = None
        self._server = create_server(
            _closing(emulator.app),
            map=self._sockets,
            sockets=[listener],
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            ident="tunectl-emulator",
        )

    @property
    def url(self) -> str:
        """Where it listens, as ``http://host:port``."""
        host, port = self._address[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def run(self) -> None:
        """Answer until closed; SIGINT and SIGTERM close it and give requests in hand five seconds to finish."""
        with self._until_signalled():
            try:
                while not self._stopping.is_set():
                    wasyncore.loop(timeout=_IDLE_SECONDS, use_poll=True, map=self._sockets, count=1)
            finally:
                self._shut()

    def start(self) -> Self:
        """Run in a thread; ``close`` ends it."""
        self._thread = threading.Thread(target=self.run, name="tunectl-emulator", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop answering and free the port. Closing twice is no error."""
        self._stop()
        if self._thread is not None:
            self._thread.join()
        elif self._open:
            self._shut()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._stopping.set()
        with self._gate:
            if self._open:
                self._server.pull_trigger()

    def _shut(self) -> None:
        """Let running requests finish, send what is left of their answers, and close every socket."""
        self._server.task_dispatcher.shutdown(timeout=_GRACE_SECONDS)
        deadline = time.monotonic() + _FLUSH_SECONDS
        while self._unsent() and time.monotonic() < deadline:
            wasyncore.loop(timeout=0.1, use_poll=True, map=self._sockets, count=1)
        with self._gate:  # the loop may end just when somebody else wants to wake it
            self._open = False
            wasyncore.close_all(self._sockets, ignore_all=True)

    def _unsent(self) -> bool:
        return any(getattr(channel, "total_outbufs_len", 0) for channel in self._sockets.values())

    @contextmanager
    def _until_signalled(self) -> Iterator[None]:
        """Let signals stop the loop; Python delivers them to the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _closing(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Make a dropped connection one for waitress too: it closes the socket without a word."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except ConnectionDropped as error:
            raise ClientDisconnected from error

    return wrapped


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise TunectlError(f"{host}:{port}: the emulator cannot listen there: there is no such port")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((address[0], port), family=family)
    except OSError as error:
        raise TunectlError(
            f"{host}:{port}: the emulator cannot listen there: {error}", hint="choose another port, or 0 for a free one"
        ) from error
