"""``tunectl completion``: what a shell needs to complete commands, options and the names of models."""

from __future__ import annotations

import os

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation

SHELLS = ("bash", "zsh", "fish")
_HOW = {
    "bash": 'eval "$(tunectl completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(tunectl completion zsh)"   in ~/.zshrc, after compinit',
    "fish": "tunectl completion fish > ~/.config/fish/completions/tunectl.fish",
}


@click.command("completion", cls=Command, epilog='Example: eval "$(tunectl completion bash)"')
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.pass_obj
def command(invocation: Invocation, /, shell: str | None) -> int:
    """Print the completion script of a shell; without SHELL say where each one goes.

    Commands, options, names of models, fields, files and folders are completed; names come from the manifests and the
    lockfile of the folder, without asking any service.
    """
    from click.shell_completion import get_completion_class

    if shell is None:
        shell = os.path.basename(invocation.environ.get("SHELL", ""))  # noqa: PTH119  a name, no path of ours
        lines = [f"  {name:5} {how}" for name, how in _HOW.items()]
        click.echo("\n".join(["Completion for:", *lines]))
        return 0
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  click knows these three
    click.echo(found(click.Group(), {}, "tunectl", "_TUNECTL_COMPLETE").source(), nl=False)
    return 0
