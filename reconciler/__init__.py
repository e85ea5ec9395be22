"""tunectl: GitOps for tuned language models.

The package is a reconciler: manifests say which tuned models are wanted, the lockfile says which ones we made, the
provider says which ones exist, and a plan is the difference. Importing this module imports nothing else; ``plan`` and
``apply`` are loaded when they are asked for.
"""

from __future__ import annotations

from reconciler._version import __version__

TYPE_CHECKING = False  # typing alone would double what --version takes; type checkers know the name
if TYPE_CHECKING:
    from reconciler.api import apply, plan

__all__ = ["__version__", "apply", "plan"]


def __getattr__(name: str) -> object:
    if name in {"apply", "plan"}:
        from reconciler import api  # noqa: PLC0415  what only prints its version must not import all this

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
