"""Vertex AI behind the provider: an emulator of its own, on a clock that only the test turns."""

from __future__ import annotations

from providers_kit import TurnedClock

from reconciler.emulator import Emulator, Fault
from reconciler.providers.registry import open_provider
from reconciler.providers.settings import ProviderSettings
from reconciler.testing.contract_world import create

HOUR = 3600.0


class VertexWorld:
    """A ``ProviderWorld`` of Vertex AI."""

    base_model = "gemini-2.5-flash"
    pages = 101
    deletes_running = False

    def __init__(self, version="v1", *, clock=None, settings=None, **emulated):
        self.clock = clock or TurnedClock()
        self.events = []
        self.emulator = Emulator(clock=self.clock.now, sleep=self.clock.sleep, train_seconds=HOUR, **emulated)
        self.provider = self.open(api_version=version, **(settings or {}))

    def open(self, **settings):
        """Open one more provider on the same world."""
        defaults = {"type": "vertex", "api_version": "v1"}
        return open_provider(
            ProviderSettings(**{**defaults, **settings}),
            transport=self.emulator.transport(),
            clock=self.clock,
            report=self.events.append,
        )

    def populate(self, count):
        names = [create(self, f"populated-{number}").resource for number in range(count)]
        self.finish()
        return names

    def finish(self):
        self.emulator.advance(100 * HOUR)

    def fail_next(self, message):
        self.emulator.faults.add(Fault("fail", message=message))

    def remove(self, resource):
        self.provider.delete(resource)

    def methods(self):
        return [request.method for request in self.emulator.requests]

    def sent(self):
        """Return the requests so far as ``METHOD last-part-of-the-path``."""
        return [f"{request.method} {request.path.rpartition('/')[2]}" for request in self.emulator.requests]

    def jobs(self):
        """Return how many jobs were ever created."""
        return sum(
            request.method == "POST" and request.path.endswith("/tuningJobs") and request.status == 200
            for request in self.emulator.requests
        )

    def close(self):
        self.provider.close()
        self.emulator.close()
