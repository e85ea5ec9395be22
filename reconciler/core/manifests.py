"""What a user's manifests come to, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.resource import Desired
from reconciler.errors import Problem


@dataclass(frozen=True, slots=True)
class Manifests:
    """What the user asks for, normalised for the provider, and the warnings that came up on the way."""

    desired: tuple[Desired, ...]
    warnings: tuple[Problem, ...] = ()
