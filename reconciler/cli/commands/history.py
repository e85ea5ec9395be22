"""``tunectl history``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option
from reconciler.cli.streams import columns

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from reconciler.core.lineage import History, Record
    from reconciler.core.lockfile import Lockfile

_FORMS = ("text", "json", "markdown")


@click.command("history", cls=Command, epilog="Example: tunectl history number-generator -n 5")
@click.argument("name", metavar="NAME")
@click.option("-n", "--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N records.")
@click.option("--chain", "head", metavar="HASH", help="A former chain of that name, by the hash of its last record.")
@format_option(*_FORMS)
@click.pass_obj
def command(invocation: Invocation, /, name: str, last: int | None, head: str | None, outputs: Outputs) -> int:
    """Show what became of one name: every model it had, of which data, from which commit, by whom. Works offline."""
    from reconciler.views.history import history_document, render_history, render_history_markdown
    from reconciler.views.words import json_text

    chain, former, whole = _chain(invocation, name, head)
    shown = chain if last is None else chain[:last]
    more = len(chain) - len(shown)
    if not whole:
        invocation.note(f"{name}: this is not all; `tunectl lineage verify {name}` says what is missing")
    outputs.write(
        {
            "text": lambda: render_history(
                name, shown, more=more, former=former, color=invocation.color(sys.stdout), width=columns()
            ),
            "json": lambda: json_text(history_document(name, shown, more=more, former=former)) + "\n",
            "markdown": lambda: render_history_markdown(name, shown, more=more, former=former),
        }
    )
    return 0


def _chain(invocation: Invocation, name: str, head: str | None) -> tuple[Sequence[Record], tuple[History, ...], bool]:
    """Return the records of a name, the newest first, the ends of its other chains, and whether these are all records.

    Raises:
        click.UsageError: nothing of that name is or was recorded, or no one chain of it ends with that hash.
    """
    from reconciler.core.past.chain import chain_of, known_ends
    from reconciler.core.past.lineage_text import read_records, restore

    with invocation.session() as session:
        recorded = session.store().load().lockfile
        log = session.lineage()
        records = [*read_records(log.read().split(b"\n")), *(restore(document) for document in recorded.unwritten)]
    check_known(name, recorded, records)
    ends = known_ends(recorded).get(name, ())
    if head is None and (not ends or (name in recorded.models and recorded.models[name].history is None)):
        return (), ends, True
    joined = _joined(ends, records)
    end = ends[0] if head is None else _ending(name, head, (*ends, *joined))
    chain = chain_of(end.head, records)
    return chain, tuple(other for other in ends if other is not end), len(chain) == end.records


def _joined(ends: Sequence[History], records: Sequence[Record]) -> list[History]:
    """Return the ends of branches that were joined to some chains, and to those branches."""
    from reconciler.core.lineage import History
    from reconciler.core.past.chain import chain_of

    known = {record.hash: record for record in records}
    found: dict[str, History] = {}
    left = [end.head for end in ends]
    while left:
        merged = [each for record in chain_of(left.pop(), records) for each in record.merges]
        new = [each for each in merged if each in known and each not in found]
        found |= {each: History(known[each].number, each) for each in new}
        left += new
    return list(found.values())


def _ending(name: str, head: str, ends: Sequence[History]) -> History:
    found = [end for end in ends if head and end.head.removeprefix("sha256:").startswith(head.removeprefix("sha256:"))]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{end.head} ({end.records})" for end in ends)
    problem = f"{len(found)} chains of that name end" if found else "no chain of that name ends"
    raise click.UsageError(f"{name}: {problem} with {head}; ends, and how many records lead to them: {known or 'none'}")


def check_known(name: str, recorded: Lockfile, records: Collection[Record]) -> None:
    """Refuse a name that nothing has or had, with the one that may have been meant.

    Raises:
        click.UsageError: there is none.
    """
    from reconciler.core.text import meant

    known = recorded.models.keys() | recorded.departed.keys()
    if name in known:
        return
    now = next((record.name for record in records if record.former_name == name), None)
    close = now or meant(name, sorted(known))
    word = "it is called" if now else "did you mean"
    hint = "" if close is None else f"; {word} {close}{' now' if now else '?'}"
    raise click.UsageError(f"{name}: no model of that name is or was recorded{hint}")
