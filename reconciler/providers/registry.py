"""Opens the provider that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reconciler.core.event import Event
from reconciler.errors import UsageError
from reconciler.ports.clock import Clock
from reconciler.ports.provider import Provider
from reconciler.providers.description import describe, plugin_of
from reconciler.providers.settings import ProviderSettings

if TYPE_CHECKING:
    import httpx

__all__ = ["open_provider"]


def open_provider(
    settings: ProviderSettings,
    *,
    transport: httpx.BaseTransport | None = None,
    clock: Clock,
    report: Callable[[Event], None],
) -> Provider:
    """Return the provider that the settings name; nothing is sent before its first method is called.

    Args:
        settings: where it is and who asks.
        transport: what carries the requests in place of the network; required for the embedded emulator.
        clock: measures and sleeps the pauses between tries.
        report: told of every retry and of answers that were withheld.

    Raises:
        UsageError: there is no such provider or API version.
        AuthenticationFailed: the credentials given may not be sent to this endpoint, or are none.
    """
    describe(settings)
    if settings.embedded and transport is None:
        raise UsageError("provider.endpoint: the embedded emulator was not started", hint="give an https URL")
    return plugin_of(settings).open(settings, transport=transport, clock=clock, report=report)
