"""Which providers there are: the built-in ones, and those that installed packages offer under an entry point.

A built-in type cannot be taken over: packages are not even asked while the project names one, which also keeps the
start quick (looking through what is installed takes 70 ms).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from reconciler.core.text import did_you_mean, meant, sanitize
from reconciler.errors import UsageError
from reconciler.ports.provider import Remark
from reconciler.providers.google.plugin import GooglePlugin
from reconciler.providers.plugin import CONTRACT, Plugin
from reconciler.providers.shown import shown
from reconciler.providers.vertex.plugin import VertexPlugin

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["BUILT_IN", "GROUP", "find_plugin"]

GROUP: Final = "tunectl.providers"
BUILT_IN: Final[Mapping[str, Plugin]] = MappingProxyType(
    {"generativelanguage": GooglePlugin(), "vertex": VertexPlugin()}
)


def find_plugin(kind: str) -> Plugin | Remark:
    """Return the provider of a type, or what is wrong with the type.

    Raises:
        UsageError: a package offers it, but it cannot be loaded or was written for another contract.
    """
    if kind in BUILT_IN:
        return BUILT_IN[kind]
    from importlib.metadata import entry_points  # noqa: PLC0415  70 ms, which no built-in type pays

    offered = tuple(entry_points(group=GROUP))
    found = [point for point in offered if point.name == kind]
    if not found:
        return Remark("type", f"{shown(kind)} is not known", _known(kind, offered), severity="error")
    if len({point.value for point in found}) > 1:
        packages = " and ".join(sorted(_package(point) for point in found))
        return Remark("type", f"{shown(kind)} is offered by {packages}", "uninstall all but one", severity="error")
    return _load(kind, found[0])


def _load(kind: str, point: EntryPoint) -> Plugin:
    package = _package(point)
    try:
        plugin: Plugin = point.load()
        contract = plugin.contract
    except Exception as error:  # a package of a third party may raise anything while it is imported
        raise UsageError(
            f"provider.type: {shown(kind)} of {package} cannot be loaded ({type(error).__name__})",
            hint=f"mend or reinstall {package}",
        ) from error
    if contract != CONTRACT:
        raise UsageError(
            f"provider.type: {shown(kind)} of {package} was written for contract {contract}, this is {CONTRACT}",
            hint=f"upgrade {'tunectl' if contract > CONTRACT else package}",
        )
    return plugin


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else sanitize(f"{point.dist.name} {point.dist.version}")


def _known(kind: str, offered: Iterable[EntryPoint]) -> str:
    types = sorted({*BUILT_IN, *(sanitize(point.name) for point in offered)})
    return did_you_mean(meant(kind, types), otherwise=f"it is one of {', '.join(types)}, or one that a package adds")
