"""What the contracts of a provider share: the world that a test turns, and a few words for what they all do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reconciler.core.observation import Observation, Operation
from reconciler.core.resource import Example, Spec
from reconciler.ports.provider import CreateRequest, Provider

EXAMPLES = tuple(Example(str(number), str(number + 1)) for number in range(1, 16))


class ProviderWorld(Protocol):
    """A provider in front of a service that a test may turn.

    ``base_model`` is one that can be tuned, in the spelling of a manifest. ``pages`` is a number of models that no
    single page of the service's listing holds. ``deletes_running`` says whether a model can be deleted while it is
    being tuned.
    """

    provider: Provider
    base_model: str
    pages: int
    deletes_running: bool

    def populate(self, count: int) -> Sequence[str]:
        """Let so many finished models exist; return their resource names."""
        ...

    def finish(self) -> None:
        """Let every tuning that runs come to its end."""
        ...

    def fail_next(self, message: str) -> None:
        """Let the tuning that is created next end with an error."""
        ...

    def remove(self, resource: str) -> None:
        """Let somebody else delete a model."""
        ...

    def methods(self) -> Sequence[str]:
        """Return the HTTP method of each request so far, oldest first."""
        ...


def spec_of(world: ProviderWorld, **fields: Any) -> dict[str, Any]:
    """Return a full spec as a manifest would give it."""
    return {
        "displayName": "numbers",
        "description": "counts one up",
        "baseModel": world.base_model,
        "hyperparameters": {"epochCount": 3, "batchSize": 4, "learningRate": 0.001},
        "temperature": 0.7,
        **fields,
    }


def name_of(world: ProviderWorld, stem: str) -> str:
    """Return the resource name of an id."""
    return f"{world.provider.capabilities.resource_prefix}{stem}"


def started(world: ProviderWorld, stem: str, **fields: Any) -> tuple[CreateRequest, Operation]:
    """Start a tuning."""
    spec = world.provider.normalize(spec_of(world, **fields)).spec
    request = CreateRequest(name_of(world, stem), spec, EXAMPLES)
    return request, world.provider.create(request)


def create(world: ProviderWorld, stem: str, **fields: Any) -> CreateRequest:
    """Start a tuning and return what was asked for."""
    return started(world, stem, **fields)[0]


def by_name(world: ProviderWorld) -> dict[str, Observation]:
    """Return the listing by resource name."""
    return {seen.resource: seen for seen in world.provider.observe()}


def differences(wanted: Spec, live: Spec) -> dict[str, object]:
    """Return what of a wanted spec the live one says otherwise; of a mapping, only the keys that are wanted count."""
    found: dict[str, object] = {}
    for path, value in wanted.items():
        actual = live.get(path)
        if isinstance(value, Mapping) and isinstance(actual, Mapping):
            inner = differences(value, actual)
            found |= {path: inner} if inner else {}
        elif actual != value:
            found[path] = actual
    return found
