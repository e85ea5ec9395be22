"""What whole runs through the command line start from."""

from __future__ import annotations

from cli_fixtures import clock, documented, emulator, workshop

__all__ = ["clock", "documented", "emulator", "workshop"]
