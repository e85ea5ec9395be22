"""What a manifest asks for, against what the service can do: pure data on both sides."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.resource import Capabilities, Desired
from reconciler.errors import Problem

__all__ = ["unfit"]


def unfit(desired: Desired, capabilities: Capabilities) -> Iterator[Problem]:
    """Yield a problem for everything in a manifest that asks more of the service than it can do."""
    shown, limit = str(desired.spec.get("displayName", desired.name)), capabilities.display_name_limit
    if len(shown) > limit:
        given = "spec.displayName" in desired.where
        message = f"must be at most {limit} characters, not {len(shown)}"
        if not given:
            message = f"defaults to the name, which has {len(shown)} characters; at most {limit} are allowed"
        hint = None if given else "set spec.displayName"
        yield Problem(desired.locate("spec.displayName"), f"spec.displayName: {message}", hint)
    for key in () if capabilities.losses else _needing_loss(desired):
        path = f"spec.gate.{key}"
        message = f"{desired.name}: {path}: the loss of a tuning is not available from this service"
        yield Problem(desired.locate(path), message, "use prompts, dataset or command")


def _needing_loss(desired: Desired) -> tuple[str, ...]:
    """Return the keys of a manifest's gate that read the loss curve."""
    gate = desired.gate
    if gate is None:
        return ()
    held = {
        "maxFinalLoss": gate.max_final_loss,
        "maxLossIncrease": gate.max_loss_increase,
        "abortIf": gate.abort_if,
    }
    return tuple(key for key, value in held.items() if value is not None)
