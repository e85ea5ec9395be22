"""What a provider can do and how it spells a spec, for those who ask no service. Light on purpose.

Importing this imports neither HTTP nor what parses answers: checking a manifest takes most of its time to start.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.resource import Capabilities, Spec
from reconciler.core.text import clip, sanitize
from reconciler.errors import UsageError
from reconciler.ports.provider import Normalized
from reconciler.providers.google.dialect import DIALECTS, Dialect
from reconciler.providers.google.spelling import normalized

__all__ = ["Description", "describe"]


@dataclass(frozen=True, slots=True)
class Description:
    """A provider without its remote: the pure part of ``ports.provider.Provider``."""

    dialect: Dialect
    capabilities: Capabilities

    def normalize(self, spec: Spec) -> Normalized:
        """Return the spec as the service will report it; see ``ports.provider.Provider.normalize``."""
        return Normalized(normalized(spec, self.dialect))


def describe(kind: str, api_version: str) -> Description:
    """Return what is known of a provider before it is opened.

    Args:
        kind: ``provider.type`` of the project file.
        api_version: ``provider.apiVersion``.

    Raises:
        UsageError: there is no such provider or API version.
    """
    if kind != "generativelanguage":
        raise UsageError(f"provider.type: {_shown(kind)} is not known", hint="it is generativelanguage")
    dialect = DIALECTS.get(api_version)
    if dialect is None:
        known = " and ".join(sorted(DIALECTS))
        raise UsageError(f"provider.apiVersion: {_shown(api_version)} is not known", hint=f"{kind} has {known}")
    return Description(dialect, dialect.capabilities)


def _shown(text: str) -> str:
    return repr(clip(sanitize(text), 60))
