"""The services that tune models, each behind ``ports.provider.Provider``.

``http`` holds the only retry policy of the package; ``registry`` is the only place that knows every provider.
"""

from __future__ import annotations

import sys

# httpx imports its own command line where rich and pygments are installed: 38 of the 91 ms its import takes, in every
# plan, for something nobody calls. Without that module it puts a stub in its place, which it does by itself.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is how an import is refused
