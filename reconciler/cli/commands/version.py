"""``tunectl version``."""

from __future__ import annotations

import click

from reconciler._version import __version__
from reconciler.cli.command import Command


@click.command("version", cls=Command)
def command() -> int:
    """Print the version."""
    click.echo(f"tunectl {__version__}")
    return 0
