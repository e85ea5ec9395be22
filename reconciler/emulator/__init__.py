"""A second, independent reading of the published API, to develop and test against.

Must not import ``providers``: two readings that share code prove nothing. Its training is simulated, and it says so.
``Emulator`` holds a world of tuned models and ``serve`` puts it on a port; both are loaded when first asked for, so
that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.emulator.emulator import Emulator as Emulator
    from reconciler.emulator.faults import ConnectionDropped as ConnectionDropped
    from reconciler.emulator.faults import Fault as Fault
    from reconciler.emulator.faults import parse_fault as parse_fault
    from reconciler.emulator.server import Server as Server
    from reconciler.emulator.server import serve as serve

_HOMES = {
    "ConnectionDropped": "faults",
    "Emulator": "emulator",
    "Fault": "faults",
    "Server": "server",
    "parse_fault": "faults",
    "serve": "server",
}

__all__ = ["ConnectionDropped", "Emulator", "Fault", "Server", "parse_fault", "serve"]


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
