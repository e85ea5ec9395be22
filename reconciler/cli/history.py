"""``tunectl history``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.base import Command, Invocation
from reconciler.cli.output import Outputs, format_option

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from reconciler.core.lineage import History, Record
    from reconciler.core.lockfile import Lockfile

_FORMS = ("text", "json", "markdown")


@click.command("history", cls=Command, epilog="Example: tunectl history number-generator -n 5")
@click.argument("name", metavar="NAME")
@click.option("-n", "--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N records.")
@format_option(*_FORMS)
@click.pass_obj
def command(invocation: Invocation, /, name: str, last: int | None, formats: tuple[str, ...]) -> int:
    """Show what became of one name: every model it had, of which data, from which commit, by whom. Works offline."""
    from reconciler.views.history import history_document, render_history, render_history_markdown
    from reconciler.views.words import json_text

    outputs = Outputs.parse(formats, _FORMS)
    invocation.expect(outputs)
    chain, whole = _chain(invocation, name)
    shown = chain if last is None else chain[:last]
    more = len(chain) - len(shown)
    if not whole:
        invocation.note(f"{name}: this is not all; `tunectl lineage verify {name}` says what is missing")
    outputs.write(
        {
            "text": lambda: render_history(name, shown, more=more, color=invocation.color(sys.stdout)),
            "json": lambda: json_text(history_document(name, shown, more=more)) + "\n",
            "markdown": lambda: render_history_markdown(name, shown, more=more),
        }
    )
    return 0


def _chain(invocation: Invocation, name: str) -> tuple[Sequence[Record], bool]:
    """Return the records of a name, the newest first, and whether they are all there are.

    Raises:
        click.UsageError: nothing of that name is or was recorded.
    """
    from reconciler.core.chain import chain_of
    from reconciler.core.lineage_text import read_records, restore

    with invocation.session() as session:
        recorded = session.store().load().lockfile
        log = session.lineage()
        records = [*read_records(log.read().split(b"\n")), *(restore(document) for document in recorded.unwritten)]
    check_known(name, recorded, records)
    end = ends(recorded).get(name)
    if end is None:
        return (), True
    chain = chain_of(end.head, records)
    return chain, len(chain) == end.records


def ends(recorded: Lockfile) -> dict[str, History]:
    """Return the ends of all chains that a lockfile knows, also of names that are gone."""
    found = {name: entry.history for name, entry in recorded.models.items() if entry.history is not None}
    return {**recorded.departed, **found}


def check_known(name: str, recorded: Lockfile, records: Collection[Record]) -> None:
    """Refuse a name that nothing has or had, with the one that may have been meant.

    Raises:
        click.UsageError: there is none.
    """
    from difflib import get_close_matches

    known = recorded.models.keys() | recorded.departed.keys()
    if name in known:
        return
    now = next((record.name for record in records if record.former_name == name), None)
    close = now or next(iter(get_close_matches(name, sorted(known), n=1)), None)
    word = "it is called" if now else "did you mean"
    hint = "" if close is None else f"; {word} {close}{' now' if now else '?'}"
    raise click.UsageError(f"{name}: no model of that name is or was recorded{hint}")
