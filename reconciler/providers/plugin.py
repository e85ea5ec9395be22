"""What makes a provider known: its description before anything is opened, and the way to open it.

The public surface for providers of third parties, together with ``ports.provider`` and ``testing.provider_contract``;
docs/providers.md has a worked example. Light on purpose: nothing here imports HTTP or what parses answers, because
checking a manifest takes most of its time to start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.core.resource import Capabilities, Spec
from reconciler.ports.provider import Normalized, Provider, Remark

if TYPE_CHECKING:
    import httpx

    from reconciler.core.event import Event
    from reconciler.ports.clock import Clock
    from reconciler.providers.settings import ProviderSettings

__all__ = ["CONTRACT", "GCLOUD_LOGIN", "SCOPES", "Description", "Plugin", "Uploads"]

SCOPES: Final = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/generative-language.tuning",
)
"""What tuning asks of an OAuth token (REST reference of tunedModels.create, and the quota project's own scope)."""

GCLOUD_LOGIN: Final = f"gcloud auth application-default login --scopes={','.join(SCOPES)}"

CONTRACT: Final = 1
"""The version of everything a plugin is given and has to give; it rises when one that was right becomes wrong."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """A service that reads training data from a bucket: datasets are uploaded, or named by the URI of an object.

    ``place`` tells where the dataset of a content digest is uploaded to; None if the project names no bucket.
    """

    place: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A provider without its remote: the pure part of ``ports.provider.Provider``.

    ``problems`` is what is wrong with the settings, each with the key of ``spec.provider`` it is about; nothing is
    opened while there is any. ``uploads`` is None where examples are sent with the request that trains. ``api_keys``
    says whether the service takes API keys, and ``login`` how somebody gets application default credentials for it,
    with the ``scopes`` it needs; both are for hints. Without ``scopes`` it takes no credentials of Google's, and
    none are looked for.
    """

    capabilities: Capabilities
    spell: Callable[[Spec], Normalized]
    problems: tuple[Remark, ...] = ()
    uploads: Uploads | None = None
    api_keys: bool = True
    scopes: tuple[str, ...] = SCOPES
    login: str = GCLOUD_LOGIN

    def normalize(self, spec: Spec) -> Normalized:
        """Return the spec as the service will report it; see ``ports.provider.Provider.normalize``."""
        return self.spell(spec)


class Plugin(Protocol):
    """A provider as the entry point group ``tunectl.providers`` names it; the entry point's name is its type."""

    @property
    def contract(self) -> int:
        """The ``CONTRACT`` it was written for."""
        ...

    def describe(self, settings: ProviderSettings) -> Description:
        """Return what is known before anything is sent. Must not import what only ``open`` needs; sends nothing."""
        ...

    def open(
        self,
        settings: ProviderSettings,
        *,
        transport: httpx.BaseTransport | None,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> Provider:
        """Return the provider; nothing is sent before its first method is called.

        Args:
            settings: where it is and who asks; ``read_only`` must be obeyed.
            transport: what carries the requests in place of the network, for the embedded emulator and for tests.
            clock: measures and sleeps the pauses between tries.
            report: told of every retry and of answers that were withheld.

        Raises:
            UsageError, AuthenticationFailed: the settings or the credentials cannot be used as given.
        """
        ...
