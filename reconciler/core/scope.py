"""Which names a plan looks at: globs of names, and selectors over the labels of manifests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from reconciler.core.plan import Scope
from reconciler.core.resource import Desired

_TERM = re.compile(r"(?P<key>[^\s=!,]+)\s*(?:(?P<sign>!=|==?)\s*(?P<value>[^=!,]*))?")


def in_scope(name: str, scope: Scope, labels: Mapping[str, str] | None = None) -> bool:
    """Tell whether a name is among the targets, not excluded (shell globs, case counts), and selected.

    ``labels`` are those of the name's manifest, None if it has no manifest: such a name no selector selects.
    """
    targeted = not scope.target or any(fnmatchcase(name, pattern) for pattern in scope.target)
    if not targeted or any(fnmatchcase(name, pattern) for pattern in scope.exclude):
        return False
    return not scope.select or (labels is not None and selected(labels, scope.select))


def choose(scope: Scope, manifests: Iterable[Desired]) -> Callable[[str], bool]:
    """Return what tells whether a name is in scope, by the labels that its manifest has now."""
    if not (scope.target or scope.exclude or scope.select):
        return lambda _name: True
    if not scope.select:
        return lambda name: in_scope(name, scope)
    labels = {manifest.name: manifest.labels for manifest in manifests}
    return lambda name: in_scope(name, scope, labels.get(name))


def parse_selectors(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the terms of selectors, ``key=value``, ``key!=value`` or ``key``, in one spelling.

    Raises:
        ValueError: with the term that is none of these.
    """
    terms = []
    for term in (part.strip() for text in texts for part in text.split(",")):
        match = _TERM.fullmatch(term)
        if match is None:
            raise ValueError(term)
        sign = "" if match["sign"] is None else "!=" if match["sign"] == "!=" else "="
        terms.append(f"{match['key']}{sign}{(match['value'] or '').strip()}")
    return tuple(terms)


def selected(labels: Mapping[str, str], terms: Iterable[str]) -> bool:
    """Tell whether labels fit all terms; ``key!=value`` fits where the label is missing, too."""
    return all(_fits(labels, term) for term in terms)


def _fits(labels: Mapping[str, str], term: str) -> bool:
    key, differs, value = term.partition("!=")
    if differs:
        return labels.get(key) != value
    key, equals, value = term.partition("=")
    return labels.get(key) == value if equals else key in labels
