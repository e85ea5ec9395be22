"""Which names a plan looks at."""

from __future__ import annotations

from fnmatch import fnmatchcase

from reconciler.core.plan import Scope


def in_scope(name: str, scope: Scope) -> bool:
    """Tell whether a name is among the targets and not excluded (shell globs, case counts)."""
    targeted = not scope.target or any(fnmatchcase(name, pattern) for pattern in scope.target)
    return targeted and not any(fnmatchcase(name, pattern) for pattern in scope.exclude)
