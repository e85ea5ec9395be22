"""Consent, before a command changes something: who can be asked for it, how, and what counts as an answer."""

from __future__ import annotations

import click

from reconciler.cli.streams import interactive

approve_option = click.option("-y", "--auto-approve", "--yes", is_flag=True, help="Do not ask.")


def require_consent(*, auto_approve: bool, machine: str | None) -> None:
    """Stop before any work is done if nobody can be asked.

    Raises:
        click.UsageError: there is no terminal to ask on and no ``-y``.
    """
    if not auto_approve and (machine is not None or not interactive()):
        raise click.UsageError("nobody can be asked here: give -y (--auto-approve), or run it on a terminal")


def agreed(question: str) -> bool:
    """Ask, and tell whether the answer was yes."""
    click.echo(f"\n{question} Only 'yes' is taken as consent.", err=True)
    answer: str = click.prompt("Answer", default="no", show_default=False, err=True)
    return answer.strip() == "yes"
