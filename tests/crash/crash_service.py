"""The remote on a loopback port, which can kill its client at the boundary of a request."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from crash_remote import Remote

from reconciler.emulator import Emulator, serve
from reconciler.emulator.faults import ConnectionDropped


@dataclass(frozen=True, slots=True)
class Boundary:
    """When the service kills its client: at the request of this number (from 1), before or after carrying it out."""

    number: int
    after: bool


class Service(Remote):
    """A port that stays the same while worlds come and go. A context manager."""

    def __init__(self, folder: Path, wanted: frozenset[str]) -> None:
        super().__init__(folder, wanted)
        self.requests = 0
        self._boundary: Boundary | None = None
        self._victim: subprocess.Popen[bytes] | None = None
        self._server = serve(cast("Emulator", self))  # of an emulator, a server wants the application only

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.close()
        self.leave()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    def take_aim(self, victim: subprocess.Popen[bytes] | None, boundary: Boundary | None = None) -> None:
        """Say who is to be killed, and when; counting of ``requests`` starts over."""
        with self._calm:
            self._victim, self._boundary, self.requests = victim, boundary, 0

    def _handle(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._calm:
            self.requests += 1
            aimed = self._boundary
            struck = aimed is not None and self.requests == aimed.number
        if struck and not aimed.after:
            self._kill()
        answer = super()._handle(environ, start_response)
        if struck:
            self._kill()
        return answer

    def _kill(self) -> None:
        """Kill the client; who sent nothing or hears nothing is dead, so the connection is dropped, too."""
        assert self._victim is not None
        os.kill(self._victim.pid, signal.SIGKILL)
        raise ConnectionDropped("the client is dead")
