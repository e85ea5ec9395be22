"""The Generative Language API as a plugin. Light on purpose: HTTP is imported when it is opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from reconciler.ports.provider import Provider, Remark
from reconciler.providers.google.dialect import DIALECTS
from reconciler.providers.google.spelling import normalized
from reconciler.providers.plugin import CONTRACT, Description
from reconciler.providers.settings import ProviderSettings
from reconciler.providers.shown import shown

if TYPE_CHECKING:
    import httpx

    from reconciler.core.event import Event
    from reconciler.ports.clock import Clock

__all__ = ["GooglePlugin"]

_DEFAULT = "v1beta"


class GooglePlugin:
    """``provider.type: generativelanguage``."""

    contract = CONTRACT

    def describe(self, settings: ProviderSettings) -> Description:
        """Return what this version of the API can do."""
        dialect, problems = DIALECTS.get(settings.api_version), tuple[Remark, ...]()
        if dialect is None:
            known = " and ".join(sorted(DIALECTS))
            message = f"{shown(settings.api_version)} is not known"
            problems = (Remark("apiVersion", message, f"{settings.type} has {known}", severity="error"),)
            dialect = DIALECTS[_DEFAULT]
        return Description(dialect.capabilities, partial(normalized, dialect=dialect), problems)

    def open(
        self,
        settings: ProviderSettings,
        *,
        transport: httpx.BaseTransport | None,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> Provider:
        """Return the provider; see ``providers.plugin.Plugin.open``."""
        from reconciler.providers.auth import choose_credentials  # noqa: PLC0415 (see the module's docstring)
        from reconciler.providers.google.provider import GoogleProvider  # noqa: PLC0415 (as above)
        from reconciler.providers.http import Http  # noqa: PLC0415 (as above)

        credentials = choose_credentials(settings, transport=transport)
        http = Http(settings, credentials, transport=transport, clock=clock, report=report)
        dialect = DIALECTS[settings.api_version]
        return GoogleProvider(http, dialect, settings.remote, quota_patience=settings.quota_patience, report=report)
