"""tunectl: GitOps for tuned language models.

The package is a reconciler: manifests say which tuned models are wanted, the lockfile says which ones we made, the
provider says which ones exist, and a plan is the difference. Importing this module imports nothing else.
"""

from reconciler._version import __version__

__all__ = ["__version__"]
