"""Whole runs as in tests/cli; what is asserted are counts, never seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_fixtures import clock, emulator, workshop

if TYPE_CHECKING:
    from cli_kit import Workshop

__all__ = ["clock", "emulator", "fleet", "workshop"]


@pytest.fixture
def fleet(workshop: Workshop) -> Workshop:
    """A project without manifests."""
    workshop.drop("numbers")
    return workshop
