"""What Vertex AI can do, where it is, and which base models it tunes, as data.

Sources: the discovery document (methods, limits, enums), the page on supervised tuning of 2026-09-25 (base models). The
page changes faster than this file, so a base model that is not listed here is left to the service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from reconciler.core.resource import BaseModel, Capabilities, Effect, ExampleLimits

__all__ = ["ADAPTERS", "BASES", "CAPABILITIES", "LOCATION", "SERVICE", "STORAGE", "VERSIONS", "Hosts", "location_in"]

SERVICE: Final = "aiplatform.googleapis.com"
STORAGE: Final = "storage.googleapis.com"
VERSIONS: Final = ("v1", "v1beta1")
LOCATION: Final = re.compile(r"[a-z]+(-[a-z]+[0-9]{1,2})?")
"""A region, one of the multi-regions ``us`` and ``eu``, or ``global``, where things are but none is tuned."""

_MULTI: Final = frozenset({"us", "eu"})
_REGIONAL: Final = re.compile(rf"((?P<region>[a-z0-9-]+)-)?{re.escape(SERVICE)}")
_MULTI_HOST: Final = re.compile(r"aiplatform\.(?P<region>[a-z]+)\.rep\.googleapis\.com")
_IN_NAME: Final = re.compile(r"projects/[^/]+/locations/([^/]+)/.*")

# "Supervised tuning", limits of 2026-09-25; the same of all Gemini models. Longer examples are left out by the service.
_LIMITS: Final = ExampleLimits(
    tokens=131_072,
    conversations=True,
    examples=10_000_000,
    bytes=1_000_000_000,
    validation_examples=5_000,
    validation_share=0.3,
    share_from=1_000,
)

CAPABILITIES: Final = Capabilities(
    effects=MappingProxyType(
        {
            "displayName": Effect.UPDATE,
            "description": Effect.UPDATE,
            "labels": Effect.UPDATE,
            "baseModel": Effect.REPLACE,
            "source": Effect.REPLACE,
            "method": Effect.REPLACE,
            "hyperparameters": Effect.REPLACE,
            "encryptionKey": Effect.REPLACE,
            "serviceAccount": Effect.LOCAL,
        }
    ),
    resource_prefix="tuningJobs/",
    # TuningJob.tunedModelDisplayName: "up to 128 characters long".
    display_name_limit=128,
    example_limits=_LIMITS,
    labels=True,
    validation=True,
    losses=True,
    cancels=True,
    lists_base_models=False,
    uncounted="the service chooses its batches once it has read the data",
)

BASES: Final = tuple(
    BaseModel(name, tunable=True)
    for name in (
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
        "gemini-2.5-pro",
        "gemini-3.1-flash-lite",
        "gemini-3.5-flash",
        "gemini-3.5-flash-lite",
    )
)

# SupervisedHyperParameters.adapterSize.
ADAPTERS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "ADAPTER_SIZE_ONE",
        2: "ADAPTER_SIZE_TWO",
        4: "ADAPTER_SIZE_FOUR",
        8: "ADAPTER_SIZE_EIGHT",
        16: "ADAPTER_SIZE_SIXTEEN",
        32: "ADAPTER_SIZE_THIRTY_TWO",
    }
)


def location_in(name: str) -> str | None:
    """Return the location that a full resource name is of."""
    match = _IN_NAME.fullmatch(name)
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class Hosts:
    """Which host answers for which location. A job's model and endpoint may be elsewhere than the job.

    Only Google's own hosts are exchanged for one another; an endpoint of any other kind (the emulator, a private
    connection) answers for every location.
    """

    endpoint: str

    @property
    def region(self) -> str | None:
        """The region that the endpoint is the host of, if it is Google's and of one region."""
        host = self._host
        match = _REGIONAL.fullmatch(host) or _MULTI_HOST.fullmatch(host)
        return match["region"] if match else None

    def base(self, location: str | None) -> str | None:
        """Return the address for a location, or None for the endpoint itself."""
        if location is None or not self._google or LOCATION.fullmatch(location) is None:
            return None
        if location == "global":
            return f"https://{SERVICE}"
        return (
            f"https://aiplatform.{location}.rep.googleapis.com"
            if location in _MULTI
            else f"https://{location}-{SERVICE}"
        )

    @property
    def _host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def _google(self) -> bool:
        return bool(_REGIONAL.fullmatch(self._host) or _MULTI_HOST.fullmatch(self._host))
