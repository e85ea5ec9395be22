"""Vertex AI as a plugin. Light on purpose: HTTP is imported when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.ports.provider import Provider, Remark
from reconciler.providers.plugin import CONTRACT, Description
from reconciler.providers.settings import ProviderSettings
from reconciler.providers.shown import shown
from reconciler.providers.vertex.dialect import CAPABILITIES, LOCATION, SERVICE, VERSIONS, Hosts
from reconciler.providers.vertex.spelling import normalized

if TYPE_CHECKING:
    import httpx

    from reconciler.core.event import Event
    from reconciler.ports.clock import Clock

__all__ = ["VertexPlugin"]


class VertexPlugin:
    """``provider.type: vertex``."""

    contract = CONTRACT

    def describe(self, settings: ProviderSettings) -> Description:
        """Return what Vertex AI can do, and what is missing in the settings."""
        return Description(CAPABILITIES, normalized, tuple(_complaints(settings)))

    def open(
        self,
        settings: ProviderSettings,
        *,
        transport: httpx.BaseTransport | None,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> Provider:
        """Return the provider; see ``providers.plugin.Plugin.open``. Tuning takes no API key, so none is sent."""
        from reconciler.providers.auth import choose_credentials  # noqa: PLC0415 (see the module's docstring)
        from reconciler.providers.http import Http  # noqa: PLC0415 (as above)
        from reconciler.providers.vertex.provider import VertexProvider  # noqa: PLC0415 (as above)

        settings = replace(settings, api_key=None)
        credentials = choose_credentials(settings, transport=transport)
        http = Http(settings, credentials, transport=transport, clock=clock, report=report, service=SERVICE)
        return VertexProvider(http, settings, clock=clock, report=report)


def _complaints(settings: ProviderSettings) -> Iterator[Remark]:
    if settings.api_version not in VERSIONS:
        message = f"{shown(settings.api_version)} is not known"
        yield Remark("apiVersion", message, f"vertex has {' and '.join(VERSIONS)}", severity="error")
    if settings.project is None and not settings.embedded:
        message = "is missing; every resource of vertex is a project's"
        yield Remark("project", message, "set spec.provider.project, --project or TUNECTL_PROJECT", severity="error")
    location, host = settings.location, Hosts(settings.base_url)
    if location is None:
        if not settings.embedded:
            message = "is missing; vertex has no default region"
            yield Remark("location", message, "set spec.provider.location, such as us-central1", severity="error")
        return
    if LOCATION.fullmatch(location) is None:
        yield Remark("location", f"{shown(location)} is no region", "it looks like us-central1", severity="error")
    elif host.region not in {None, location}:
        message = f"is the host of {host.region}, and provider.location is {location}"
        yield Remark("endpoint", message, f"write https://{SERVICE}; it stands for all regions", severity="error")
