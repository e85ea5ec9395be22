"""Vertex AI as a plugin. Light on purpose: HTTP is imported when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from reconciler.errors import UsageError
from reconciler.ports.provider import Provider, Remark
from reconciler.providers.plugin import CONTRACT, SCOPES, Description, Uploads
from reconciler.providers.settings import ProviderSettings
from reconciler.providers.shown import shown
from reconciler.providers.vertex.dialect import CAPABILITIES, LOCATION, SERVICE, STORAGE, VERSIONS, Hosts
from reconciler.providers.vertex.places import EMBEDDED_STAGING, home_of, staged_uri
from reconciler.providers.vertex.spelling import normalized

if TYPE_CHECKING:
    import httpx

    from reconciler.core.event import Event
    from reconciler.ports.clock import Clock
    from reconciler.providers.auth import Credentials

__all__ = ["VertexPlugin"]

_LOGIN: Final = "gcloud auth application-default login"
"""Its scope is cloud-platform, which is all that is asked for."""


class VertexPlugin:
    """``provider.type: vertex``."""

    contract = CONTRACT

    def describe(self, settings: ProviderSettings) -> Description:
        """Return what Vertex AI can do, and what is missing in the settings."""
        place = settings.staging or (EMBEDDED_STAGING if settings.embedded else None)
        uploads = Uploads() if place is None else Uploads(partial(staged_uri, place))
        return Description(
            CAPABILITIES,
            partial(normalized, home=home_of(settings)),
            tuple(_complaints(settings)),
            uploads,
            api_keys=False,
            scopes=SCOPES[:1],
            login=_LOGIN,
        )

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
        from reconciler.providers.vertex.storage import Storage  # noqa: PLC0415 (as above)

        settings = replace(settings, api_key=None)
        credentials = choose_credentials(settings, transport=transport, login=_LOGIN, keys=False)
        http = Http(settings, credentials, transport=transport, clock=clock, report=report, service=SERVICE)
        bucket, signed = _storage(settings, credentials)
        named = _named(settings)
        storage = Http(bucket, signed, transport=transport, clock=clock, report=report, service=STORAGE, named=named)
        return VertexProvider(
            http, settings, storage=Storage(storage, location=settings.location), clock=clock, report=report
        )


def _named(settings: ProviderSettings) -> str | None:
    """Return what says where Cloud Storage is; nothing does where it is Google's."""
    if settings.storage is not None:
        return "STORAGE_EMULATOR_HOST"
    return None if settings.encrypted else "provider.endpoint"


def _storage(settings: ProviderSettings, credentials: Credentials) -> tuple[ProviderSettings, Credentials]:
    """Return where Cloud Storage is, and how requests to it are signed: nobody but Google is sent our credentials.

    The built-in emulator is both services at one address, and so is one on a port of this machine, unless
    STORAGE_EMULATOR_HOST names another.

    Raises:
        UsageError: STORAGE_EMULATOR_HOST is no address.
    """
    from reconciler.providers.auth import Credentials  # noqa: PLC0415 (see the module's docstring)

    shared = replace(credentials, close=lambda: None)
    if settings.storage is not None and not settings.embedded:
        address = settings.storage if "://" in settings.storage else f"http://{settings.storage}"
        try:
            return replace(settings, endpoint=address), Credentials(
                None, mend="unset STORAGE_EMULATOR_HOST", login=_LOGIN
            )
        except UsageError as error:
            message = error.message.replace("provider.endpoint", "STORAGE_EMULATOR_HOST", 1)
            raise UsageError(message, hint=error.hint) from error
    return (replace(settings, endpoint=f"https://{STORAGE}") if settings.encrypted else settings), shared


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
    elif location == "global":
        yield Remark(
            "location",
            "Gemini models are tuned in no 'global' place",
            "name a region, such as us-central1",
            severity="error",
        )
    elif host.region not in {None, location}:
        message = f"is the host of {host.region}, and provider.location is {location}"
        yield Remark("endpoint", message, f"write https://{SERVICE}; it stands for all regions", severity="error")
