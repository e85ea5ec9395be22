"""``tunectl compare``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option

if TYPE_CHECKING:
    from reconciler.core.canonical import Json
    from reconciler.core.datachange import DataChange
    from reconciler.core.lineage import Record
    from reconciler.core.lockfile import Lockfile
    from reconciler.core.showing.specimen import Specimen
    from reconciler.wiring import Session

_FORMS = ("text", "json", "markdown")
_LARGEST = 64 * 1024 * 1024


@click.command(
    "compare", cls=Command, epilog="Example: tunectl compare number-generator@retained number-generator; NAME@REVISION"
)
@click.argument("left", metavar="NAME[@REVISION]")
@click.argument("right", metavar="NAME[@REVISION]")
@click.option(
    "--show-answers/--no-answers", default=None, help="Show answers that differ; unless given, on a terminal only."
)
@format_option(*_FORMS)
@click.pass_obj
def command(invocation: Invocation, /, left: str, right: str, show_answers: bool | None, outputs: Outputs) -> int:
    """Set two models side by side: what they were made of, what their training came to, how their gates went."""
    from reconciler.core.showing.compared import compare
    from reconciler.views.compared import compared_document, render_compared, render_compared_markdown
    from reconciler.views.words import json_text

    with invocation.session() as session:
        mine, theirs = _look(session, left, right)
        compared = compare(mine, theirs, data=_data(session, mine, theirs), answers=_answers(session, mine, theirs))
    texts = sys.stdout.isatty() if show_answers is None else show_answers
    outputs.write(
        {
            "text": lambda: render_compared(compared, color=invocation.color(sys.stdout), width=_width(), texts=texts),
            "json": lambda: json_text(compared_document(compared)) + "\n",
            "markdown": lambda: render_compared_markdown(compared, texts=bool(show_answers)),
        }
    )
    return 0


def _width() -> int:
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def _look(session: Session, left: str, right: str) -> tuple[Specimen, Specimen]:
    """Read both models; one that the lockfile does not record any more is looked for in the lineage.

    Raises:
        UsageError: a word means no model, or more than one.
    """
    from reconciler.cli.commands.page import lineage_of
    from reconciler.core.showing.specimen import Specimen, last_records
    from reconciler.core.upkeep.choice import choose
    from reconciler.engine.looking.curves import look_at
    from reconciler.errors import UsageError

    recorded = session.store().load().lockfile
    records = lineage_of(session, recorded)
    told = last_records(records)

    def find(word: str) -> Specimen:
        try:
            return look_at(session.provider(read_only=True), [choose(word, recorded)], told)[0]
        except UsageError:
            found = _former(word, recorded, told)
            if found is None:
                raise
            return Specimen.of_record(found)

    return find(left), find(right)


def _former(word: str, recorded: Lockfile, told: Mapping[str, Record]) -> Record | None:
    """Return the record of a model that is gone, if a word means exactly one."""
    from reconciler.core.showing.specimen import Specimen
    from reconciler.core.upkeep.rollback import means

    name, at, which = word.partition("@")
    known = recorded.resources()
    gone = [record for record in told.values() if record.resource not in known]
    if at:
        found = [
            each for each in gone if each.name == name and which and means(which, Specimen.of_record(each).instance)
        ]
    else:
        found = [each for each in gone if word in {each.resource, each.resource.rpartition("/")[2]}]
    return found[0] if len(found) == 1 else None


def _data(session: Session, left: Specimen, right: Specimen) -> DataChange | None:
    """Return what changed between the datasets of two models; None if nothing did, or neither is known."""
    from reconciler.core.datachange import DataChange
    from reconciler.dataset.compare import Version
    from reconciler.errors import TunectlError

    mine, theirs = left.dataset, right.dataset
    if mine is None or theirs is None or mine.digest == theirs.digest:
        return None
    try:
        counts, _ = session.past.compare(Version(mine), Version(theirs), samples=False)
    except TunectlError as error:
        return DataChange(None, unknown=error.message)
    return DataChange(counts, source="cache")


def _answers(
    session: Session, left: Specimen, right: Specimen
) -> tuple[Sequence[Mapping[str, Json]], Sequence[Mapping[str, Json]]] | None:
    """Return the kept answers of both models; None if those of one were not kept."""
    mine, theirs = _kept(session, left), _kept(session, right)
    return None if mine is None or theirs is None else (mine, theirs)


def _kept(session: Session, model: Specimen) -> Sequence[Mapping[str, Json]] | None:
    from reconciler.engine.applying.gate import ANSWERS
    from reconciler.engine.judgement import label_of

    label = label_of(model.instance.revision, model.instance.attempt)
    path = session.evidence().folder(model.chosen.name, label).address
    file = session.config.root / path / ANSWERS
    try:
        if file.stat().st_size > _LARGEST:
            return None
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return None
    return [row for row in rows if isinstance(row, dict)]
