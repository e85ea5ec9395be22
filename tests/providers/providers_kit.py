"""What the provider tests share: a clock that tests turn, a service that plays a script, settings that point at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from reconciler.core.event import Event, Retried
from reconciler.ports.provider import Provider
from reconciler.providers.registry import open_provider
from reconciler.providers.settings import ProviderSettings

TOKEN = "ya29.canary-Qa1Ws2Ed3Rf4Tg5Yh6Uj7Ik8Ol9Pz0"
MODEL = "tunedModels/numbers-1a2b3c4d5e6f"
OPERATION = f"{MODEL}/operations/qqlbwzfyzn0k"

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class TurnedClock:
    """Sleeping moves the hand; ``stop_after`` makes sleeps return at once, as in a run that is being stopped."""

    time: float = 1_700_000_000.0
    slept: list[float] = field(default_factory=list)
    stopped: bool = False

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self.stopped:
            self.time += seconds


@dataclass
class Service:
    """Plays a script, one step a request, and keeps the requests; the last step is repeated for ever."""

    steps: list[Step]
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        step = self.steps[min(len(self.requests), len(self.steps)) - 1]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            # A fresh copy: a response can be read once only.
            return httpx.Response(step.status_code, headers=step.headers, content=step.content)
        return step(request)

    @property
    def seen(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def body(self, number: int = -1) -> Any:
        return json.loads(self.requests[number].content)


@dataclass
class Bench:
    provider: Provider
    service: Service
    clock: TurnedClock
    events: list[Event]

    @property
    def retries(self) -> list[Retried]:
        return [event for event in self.events if isinstance(event, Retried)]


def bench(*steps: Step, clock: TurnedClock | None = None, **settings: Any) -> Bench:
    """Return a provider in front of a scripted service; https and a bearer token unless told otherwise."""
    defaults: dict[str, Any] = {
        "endpoint": "https://generativelanguage.googleapis.com",
        "access_token": TOKEN,
        "project": "my-project",
    }
    service, hand, events = Service([*steps]), clock or TurnedClock(), []
    provider = open_provider(
        ProviderSettings(**{**defaults, **settings}),
        transport=httpx.MockTransport(service),
        clock=hand,
        report=events.append,
    )
    return Bench(provider, service, hand, events)


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def error(code: int, status: str, message: str = "no", *, headers: Any = None, details: Any = None) -> httpx.Response:
    envelope: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details is not None:
        envelope["details"] = details
    return httpx.Response(code, json={"error": envelope}, headers=headers)


def model(name: str = MODEL, **fields: Any) -> dict[str, Any]:
    return {"name": name, "baseModel": "models/text-bison-001", "displayName": "numbers", "state": "ACTIVE", **fields}


def models(names: Iterable[str]) -> list[dict[str, Any]]:
    return [model(name) for name in names]
