"""``tunectl plot``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.command import Command
from reconciler.cli.invocation import Invocation
from reconciler.cli.output import Outputs, format_option, write_text
from reconciler.cli.streams import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.core.lockfile import Lockfile
    from reconciler.core.showing.specimen import Specimen
    from reconciler.core.upkeep.choice import Chosen

_FORMS = ("text", "json")
_WIDE, _HIGH = 100, 18
_BESIDE = 8
"""Rows of a terminal that are left for axes, legend and prompt."""
_PIXELS = (860, 420)


@click.command(
    "plot", cls=Command, epilog="Example: tunectl plot number-generator sentiment; tunectl plot sentiment --out F.svg"
)
@click.argument("names", nargs=-1, required=True, metavar="NAME[@REVISION]...")
@click.option("--all", "everything", is_flag=True, help="Every recorded model of these names, former ones included.")
@click.option("--out", metavar="FILE", help="Write an SVG picture instead; - is standard output.")
@click.option("--width", type=click.IntRange(20, 4000), metavar="N", help="Columns; of a picture pixels (860).")
@click.option("--height", type=click.IntRange(4, 4000), metavar="N", help="Rows; of a picture pixels (420).")
@format_option(*_FORMS)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    names: tuple[str, ...],
    everything: bool,
    out: str | None,
    width: int | None,
    height: int | None,
    outputs: Outputs,
) -> int:
    """Draw the loss curves of models: those that serve, and those in the making beside them. Reads only."""
    specimens = look(invocation, names, everything=everything)
    if out is not None:
        if outputs.machine:
            raise click.UsageError("--out is a picture and --format json the numbers: ask for one of them")
        _picture(invocation, specimens, out, width or _PIXELS[0], height or _PIXELS[1])
        return 0
    _write(invocation, outputs, specimens, width, height)
    return 0


def look(invocation: Invocation, words: Sequence[str], *, everything: bool) -> Sequence[Specimen]:
    """Read the curves of the models that are meant, each once.

    Raises:
        UsageError: a word means no recorded model.
        FailedPrecondition: the service does not report losses.
    """
    from reconciler.engine.looking.curves import look_at
    from reconciler.errors import FailedPrecondition

    with invocation.session() as session:
        if not session.capabilities.losses:
            raise FailedPrecondition(
                f"{session.config.provider.type}: this service reports no loss of a tuning, so there is no curve",
                hint=f"`tunectl status {words[0].partition('@')[0]}` has state and progress",
            )
        recorded = session.store().load().lockfile
        chosen = {each.instance.resource: each for word in words for each in _meant(word, recorded, everything)}
        return look_at(session.provider(read_only=True), tuple(chosen.values()))


def _meant(word: str, recorded: Lockfile, everything: bool) -> Iterator[Chosen]:
    """Yield the models that a word means: of a bare name what serves and what is in the making."""
    from reconciler.core.upkeep.choice import choose, models_of

    chosen = choose(word, recorded)
    if word != chosen.name:
        yield chosen
        return
    for each in models_of(word, recorded.models[word]):
        if everything or each.role in {"current", "candidate"}:
            yield each


def _write(
    invocation: Invocation, outputs: Outputs, specimens: Sequence[Specimen], width: int | None, height: int | None
) -> None:
    import shutil

    from reconciler.views.canvas import speaks_unicode
    from reconciler.views.curve_text import render_curves
    from reconciler.views.curve_words import curves_document
    from reconciler.views.words import json_text

    terminal = shutil.get_terminal_size((_WIDE, _HIGH + _BESIDE))
    fitting = max(terminal.lines - _BESIDE - 2 * len(specimens) + 2, 8)
    outputs.write(
        {
            "text": lambda: render_curves(
                specimens,
                width=width or min(terminal.columns, _WIDE),
                height=height or min(fitting, _HIGH),
                color=invocation.color(sys.stdout),
                unicode=speaks_unicode(sys.stdout),
            ),
            "json": lambda: json_text(curves_document(specimens)) + "\n",
        }
    )


def _picture(invocation: Invocation, specimens: Sequence[Specimen], out: str, width: int, height: int) -> None:
    from reconciler.views.curve_svg import render_svg

    drawn = render_svg(specimens, width=max(width, 240), height=max(height, 120))
    if out == "-":
        say(drawn)
        return
    write_text(Path(out), drawn)
    invocation.note(f"{out}: {len(specimens)} curve{'s' if len(specimens) != 1 else ''}, {len(drawn.encode()):,} bytes")
