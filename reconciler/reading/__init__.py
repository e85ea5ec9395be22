"""What the user asks for: manifests and datasets, read, checked, and spelt as the remote will report them.

No service is asked and no lockfile opened here, and nothing is imported for those who do: ``validate`` is to start
quickly.
"""

from reconciler.reading.manifests import Reading

__all__ = ["Reading"]
