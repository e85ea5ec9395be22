"""The provider that a project names: its settings, what is known of it, and connections with it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from reconciler.core.resource import Remote
from reconciler.manifest.project import ProjectConfig
from reconciler.project.overrides import EMULATOR, Overrides
from reconciler.providers.description import Description, describe
from reconciler.providers.settings import ProviderSettings
from reconciler.wiring.surroundings import Surroundings

if TYPE_CHECKING:
    import httpx

    from reconciler.ports.provider import Provider

_PATIENCE = 30.0


class Service:
    """The service that a project's models are at."""

    def __init__(
        self,
        config: ProjectConfig,
        overrides: Overrides,
        around: Surroundings,
    ) -> None:
        self._config = config
        self._overrides = overrides
        self._around = around

    @property
    def embedded(self) -> bool:
        """Whether it is the emulator in our own process."""
        return self._config.provider.endpoint == EMULATOR

    @cached_property
    def description(self) -> Description:
        """What is known of the provider before anything is sent."""
        overrides = self._overrides
        given = {"apiVersion": overrides.api_version, "endpoint": overrides.endpoint, "project": overrides.project}
        return describe(
            self._settings(read_only=True),
            where=self._config.where,
            given=frozenset(key for key, value in given.items() if value),
        )

    @property
    def remote(self) -> Remote:
        """The remote that a lockfile of the project belongs to."""
        provider = self._config.provider
        endpoint = provider.endpoint if self.embedded else provider.endpoint.rstrip("/")
        return Remote(provider.type, endpoint, provider.project, provider.location)

    def open(self, transport: httpx.BaseTransport | None, *, read_only: bool) -> Provider:
        """Connect with the provider; one that is read-only cannot write even by mistake."""
        from reconciler.providers.registry import open_provider

        settings = self._settings(read_only=read_only)
        provider = open_provider(settings, transport=transport, clock=self._around.clock, report=self._around.report)
        self._around.closing.callback(provider.close)
        return provider

    def _settings(self, *, read_only: bool) -> ProviderSettings:
        config, overrides = self._config.provider, self._overrides
        return ProviderSettings(
            type=config.type,
            endpoint=config.endpoint,
            project=config.project,
            location=config.location,
            staging=config.staging,
            storage=self._around.environ.get("STORAGE_EMULATOR_HOST") or None,
            options=config.options,
            api_version=config.api_version,
            access_token=overrides.access_token,
            api_key=overrides.api_key,
            http_timeout=overrides.http_timeout,
            quota_patience=_PATIENCE,
            read_only=read_only,
            tries=overrides.tries,
            trace=overrides.trace,
        )
