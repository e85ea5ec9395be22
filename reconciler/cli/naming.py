"""Names that somebody types: of what the lockfile records, and of what the service has."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from reconciler.core.text import sanitize
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.core.lockfile import Entry


def recorded_entry(models: Mapping[str, Entry], name: str, address: str) -> Entry:
    """Return what the lockfile records of a name.

    Raises:
        UsageError: nothing; with the name that may have been meant.
    """
    if name in models:
        return models[name]
    close = get_close_matches(name, models, n=1)
    hint = f"did you mean {close[0]}?" if close else "`tunectl status` lists the models there are"
    raise UsageError(f"{sanitize(name)}: the lockfile {sanitize(address)} has no model of that name", hint=hint)


def confirmed(question: str) -> bool:
    """Ask on the terminal; nothing but ``yes`` is consent."""
    import click

    click.echo(f"{question} Only 'yes' is taken as consent.", err=True)
    answer: str = click.prompt("Answer", default="no", show_default=False, err=True)
    return answer.strip() == "yes"
