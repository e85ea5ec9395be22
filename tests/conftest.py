"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A machine that does other work as well takes longer, which says nothing of the code; counts are what is asserted here.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
