"""What a provider can do and how it spells a spec, for those who ask no service. Light on purpose.

Importing this imports neither HTTP nor what parses answers: checking a manifest takes most of its time to start.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import Location, Problem, ProblemsError, UsageError
from reconciler.ports.provider import Remark
from reconciler.providers.plugin import Description, Plugin
from reconciler.providers.plugins import find_plugin
from reconciler.providers.settings import ProviderSettings

__all__ = ["Description", "describe"]

_HEAD = "spec.provider"


def describe(
    settings: ProviderSettings, *, where: Mapping[str, Location] | None = None, given: frozenset[str] = frozenset()
) -> Description:
    """Return what is known of a provider before it is opened.

    Args:
        settings: all of ``spec.provider``, with what flags and environment put in its place.
        where: the places of the project file by dotted path.
        given: the keys of ``spec.provider`` that come from a flag or the environment and have no place.

    Raises:
        ProblemsError: there is no such provider, or it cannot work with these settings, as the project file says.
        UsageError: the same of what no file says.
    """
    plugin = plugin_of(settings, where=where, given=given)
    description = plugin.describe(settings)
    if description.problems:
        raise _refusal(description.problems, where or {}, given)
    return description


def plugin_of(
    settings: ProviderSettings, *, where: Mapping[str, Location] | None = None, given: frozenset[str] = frozenset()
) -> Plugin:
    """Return the provider that the settings name; raises as ``describe`` does."""
    plugin = find_plugin(settings.type)
    if isinstance(plugin, Remark):
        raise _refusal((plugin,), where or {}, given)
    return plugin


def _refusal(
    remarks: tuple[Remark, ...], where: Mapping[str, Location], given: frozenset[str]
) -> ProblemsError | UsageError:
    problems = tuple(
        Problem(None if remark.path in given else _place(remark.path, where), _worded(remark), remark.hint)
        for remark in remarks
    )
    if any(problem.location is not None for problem in problems):
        return ProblemsError(problems)
    return UsageError("; ".join(problem.message for problem in problems), hint=problems[0].hint)


def _worded(remark: Remark) -> str:
    return f"provider.{remark.path}: {remark.message}"


def _place(key: str, where: Mapping[str, Location]) -> Location | None:
    """Return where a key stands, or the closest thing around it that somebody wrote."""
    return next((where[path] for path in (f"{_HEAD}.{key}", _HEAD, "spec", "") if path in where), None)
